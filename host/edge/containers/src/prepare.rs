//! What is made for a container before it exists: its account looked up, its
//! sandbox, its directory, and its plan as the launcher reads it.

use std::{
    collections::HashMap,
    fs, io,
    os::unix::fs::{DirBuilderExt as _, PermissionsExt as _, chown},
    path::Path,
    time::{Duration, Instant},
};

use mezzo_cgroups::Group;
use mezzo_linux::{
    account::{self, Account},
    frame,
};
use mezzo_model::container::{Isolation, Plan};
use mezzo_proto::mezzo::store::v1::{Credentials, LaunchPlan, VolumeMount, Walls};
use prost::Message as _;

use crate::{directory::is_name, supervisor::VERSION};

/// How long an account is remembered. Looking one up reads two files, or asks a server.
const ACCOUNT_AGE_MAX: Duration = Duration::from_secs(5);
const ACCOUNTS_MAX: usize = 1_000;
/// As much as the launcher reads.
const PLAN_BYTES_MAX: usize = 8 * 1024 * 1024;

/// Accounts that were looked up a moment ago.
#[derive(Debug, Default)]
pub(crate) struct Accounts(HashMap<String, (Instant, Account)>);

impl Accounts {
    /// The account that a plan's command runs as; `None`: the agent's own.
    pub(crate) fn find(&mut self, name: Option<&str>) -> Result<Option<Account>, String> {
        let Some(name) = name else { return Ok(None) };
        let account = self.look_up(name)?;
        let own = account::effective_uid();
        if own == 0 {
            return Ok(Some(account));
        }
        if account.uid == own {
            return Ok(None);
        }
        let own = account::name_of(own).unwrap_or_else(|| own.to_string());
        Err(format!("Cannot run as `{name}`: the agent is not root but `{own}`"))
    }

    fn look_up(&mut self, name: &str) -> Result<Account, String> {
        let now = Instant::now();
        if let Some((since, account)) = self.0.get(name)
            && now.duration_since(*since) < ACCOUNT_AGE_MAX
        {
            return Ok(account.clone());
        }
        let found =
            account::named(name).map_err(|error| format!("Failed to look up user `{name}`: {error}"))?;
        let account =
            found.ok_or_else(|| format!("Failed to find user `{name}`: no such user on this host"))?;
        if self.0.len() >= ACCOUNTS_MAX {
            self.0.clear();
        }
        self.0.insert(name.to_owned(), (now, account.clone()));
        Ok(account)
    }
}

/// Checks what does not need the kernel.
pub(crate) fn check(plan: &Plan) -> Result<(), String> {
    if !is_name(plan.container.as_str()) {
        return Err(format!("`{}` cannot be the name of a container", plan.container));
    }
    if !Path::new(&plan.sandbox).is_absolute() {
        return Err(format!("The sandbox `{}` is not an absolute path", plan.sandbox));
    }
    Ok(())
}

/// Makes the sandbox; it belongs to the command's account.
pub(crate) fn sandbox(plan: &Plan, account: Option<&Account>) -> Result<(), String> {
    let path = Path::new(&plan.sandbox);
    let failed = |error: io::Error| format!("Failed to make the sandbox `{}`: {error}", plan.sandbox);
    make_sandbox(path).map_err(failed)?;
    if let Some(account) = account {
        chown(path, Some(account.uid), Some(account.gid)).map_err(failed)?;
    }
    Ok(())
}

fn make_sandbox(path: &Path) -> io::Result<()> {
    const MODE: u32 = 0o750;
    match fs::DirBuilder::new().mode(MODE).create(path) {
        Ok(()) => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            fs::create_dir_all(path)?;
            fs::set_permissions(path, fs::Permissions::from_mode(MODE))
        }
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            if fs::symlink_metadata(path)?.is_dir() {
                fs::set_permissions(path, fs::Permissions::from_mode(MODE))
            } else {
                Err(error)
            }
        }
        Err(error) => Err(error),
    }
}

/// The framed plan that the launcher is told.
pub(crate) fn packet(
    plan: &Plan,
    account: Option<Account>,
    group: Option<&Group>,
) -> Result<Vec<u8>, String> {
    let entrances = group.into_iter().flat_map(Group::entrances);
    let message = LaunchPlan {
        version: VERSION,
        container: plan.container.as_str().to_owned(),
        sandbox: plan.sandbox.clone(),
        program: plan.program.clone(),
        argv: plan.argv.clone(),
        environment: plan.environment.iter().map(|(name, value)| format!("{name}={value}")).collect(),
        credentials: account.map(|account| Credentials {
            uid: account.uid,
            gid: account.gid,
            groups: account.groups,
        }),
        walls: Some(walls(plan.isolation)),
        volumes: volumes(plan),
        cgroup_files: entrances.map(|file| file.to_string_lossy().into_owned()).collect(),
    };
    let packet = frame::seal(&message.encode_to_vec());
    if packet.len() > PLAN_BYTES_MAX {
        let bytes = packet.len();
        return Err(format!(
            "The command and its environment take {bytes} bytes; {PLAN_BYTES_MAX} are the limit"
        ));
    }
    Ok(packet)
}

/// Without mounts of its own a container has links instead.
fn volumes(plan: &Plan) -> Vec<VolumeMount> {
    if !walls(plan.isolation).mount {
        return Vec::new();
    }
    let mount = |volume: &mezzo_model::container::VolumeMount| VolumeMount {
        source: volume.source.clone(),
        target: volume.target.clone(),
        is_read_only: volume.is_read_only,
    };
    plan.volumes.iter().map(mount).collect()
}

pub(crate) fn walls(isolation: Isolation) -> Walls {
    match isolation {
        Isolation::None => Walls::default(),
        Isolation::Linux { mount, pid, ipc, uts, cgroup } => Walls { mount, pid, ipc, uts, cgroup },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sandbox_is_made_with_its_parents_and_taken_as_it_is() {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("slaves/S0/runs/c1");
        for _ in 0..2 {
            make_sandbox(&path).unwrap();
            assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o750);
        }
        std::os::unix::fs::symlink("/etc", place.path().join("link")).unwrap();
        assert!(make_sandbox(&place.path().join("link")).is_err());
    }

    #[test]
    fn account_nobody_has_is_named() {
        let error = Accounts::default().find(Some("no-such-account-here")).unwrap_err();
        assert!(error.contains("`no-such-account-here`"), "{error}");
        assert_eq!(Accounts::default().find(None), Ok(None));
    }
}
