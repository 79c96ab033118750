//! The directories of persistent volumes: made, removed, and put into sandboxes.
//!
//! A volume's data is moved aside at once, so that what is made at its place next begins empty, and
//! then removed off the node's thread. What was moved aside has the operation's name: after a
//! restart the same operation finds and removes the rest.

use std::{
    fs, io,
    os::unix::fs::{MetadataExt as _, chown, symlink},
    path::{Path, PathBuf},
};

use mezzo_linux::account::Account;
use mezzo_model::container::{Isolation, Plan, VolumePlace};

use crate::directory::is_name;

/// Makes the directories; those that are there stay as they are.
pub(crate) fn make(volumes: &[VolumePlace]) -> Result<(), String> {
    for place in volumes {
        let failed = |error: io::Error| format!("Failed to make the volume `{}`: {error}", place.path);
        match place.is_whole_disk {
            // Mesos too takes the mount point as it is.
            true => fs::metadata(&place.path).map(drop).map_err(failed)?,
            false => fs::create_dir_all(&place.path).map_err(failed)?,
        }
    }
    Ok(())
}

/// Moves what is in the directories aside. Returns what is to be removed then.
pub(crate) fn move_aside(operation: &str, volumes: &[VolumePlace]) -> Result<Vec<PathBuf>, String> {
    if !is_name(operation) {
        return Err(format!("`{operation}` cannot be the name of an operation"));
    }
    let name = format!(".removed-{operation}");
    let mut aside = Vec::new();
    for place in volumes {
        let path = Path::new(&place.path);
        let failed = |error: io::Error| format!("Failed to empty the volume `{}`: {error}", place.path);
        let moved = match place.is_whole_disk {
            true => empty_disk(path, &name).map_err(failed)?,
            false => {
                // Beside the directory: a name that no volume has, on the same disk.
                let id = path.file_name().map(|id| id.to_string_lossy().into_owned()).unwrap_or_default();
                let to = path.with_file_name(format!("{name}-{id}"));
                match fs::rename(path, &to) {
                    Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(failed(error)),
                    // It was moved before the restart of the agent, or never made.
                    Ok(()) | Err(_) => to,
                }
            }
        };
        aside.push(moved);
    }
    Ok(aside)
}

fn empty_disk(root: &Path, name: &str) -> io::Result<PathBuf> {
    let to = root.join(name);
    fs::create_dir_all(&to)?;
    for entry in fs::read_dir(root)? {
        let entry = entry?;
        if entry.file_name() != name && entry.file_name() != "lost+found" {
            fs::rename(entry.path(), to.join(entry.file_name()))?;
        }
    }
    Ok(to)
}

/// Removes what was moved aside, as far as it goes.
pub(crate) fn remove(aside: &[PathBuf]) -> Result<(), String> {
    let mut result = Ok(());
    for path in aside {
        match fs::remove_dir_all(path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                result = Err(format!("Failed to remove the data at `{}`: {error}", path.display()));
            }
            Ok(()) | Err(_) => {}
        }
    }
    result
}

/// Gives the volumes to the account that will use them and, where the container has no mounts of its
/// own, links them into its sandbox.
pub(crate) fn prepare(plan: &Plan, account: Option<&Account>) -> Result<(), String> {
    let has_mounts = matches!(plan.isolation, Isolation::Linux { mount: true, .. });
    for volume in &plan.volumes {
        let failed = |error: io::Error| {
            format!("Failed to prepare the persistent volume `{}`: {error}", volume.source)
        };
        let found = fs::metadata(&volume.source).map_err(failed)?;
        if let Some(account) = account
            && (found.uid(), found.gid()) != (account.uid, account.gid)
        {
            chown(&volume.source, Some(account.uid), Some(account.gid)).map_err(failed)?;
        }
        if !has_mounts {
            link(Path::new(&plan.sandbox), &volume.target, &volume.source).map_err(failed)?;
        }
    }
    Ok(())
}

/// The sandbox is new: nobody but the agent has put anything there.
fn link(sandbox: &Path, target: &str, source: &str) -> io::Result<()> {
    let at = sandbox.join(target);
    if let Some(parent) = at.parent() {
        fs::create_dir_all(parent)?;
    }
    match symlink(source, &at) {
        Err(error)
            if error.kind() == io::ErrorKind::AlreadyExists && fs::read_link(&at)? == Path::new(source) =>
        {
            Ok(())
        }
        done => done,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(path: &Path, is_whole_disk: bool) -> VolumePlace {
        VolumePlace { path: path.to_string_lossy().into_owned(), is_whole_disk }
    }

    /// What is made at the place of a removed volume must not show the data of the one before.
    #[test]
    fn a_volume_is_empty_once_it_was_moved_aside() {
        let disk = tempfile::tempdir().unwrap();
        let at = disk.path().join("volumes/roles/a b/v1");
        let volume = [place(&at, false)];
        make(&volume).unwrap();
        fs::write(at.join("file"), "old").unwrap();
        let aside = move_aside("0a1b", &volume).unwrap();
        make(&volume).unwrap();
        assert_eq!(fs::read_dir(&at).unwrap().count(), 0);
        assert!(aside[0].join("file").exists());
        remove(&aside).unwrap();
        assert!(!aside[0].exists() && at.exists());
    }

    /// The agent was killed after the directory was moved and before its data was removed.
    #[test]
    fn an_operation_that_is_asked_again_removes_the_rest() {
        let disk = tempfile::tempdir().unwrap();
        let at = disk.path().join("v1");
        let volume = [place(&at, false)];
        make(&volume).unwrap();
        fs::write(at.join("file"), "old").unwrap();
        let first = move_aside("0a1b", &volume).unwrap();
        let again = move_aside("0a1b", &volume).unwrap();
        assert_eq!(first, again);
        remove(&again).unwrap();
        assert_eq!(fs::read_dir(disk.path()).unwrap().count(), 0);
    }

    #[test]
    fn a_whole_disk_stays_and_loses_what_is_on_it() {
        let disk = tempfile::tempdir().unwrap();
        let volume = [place(disk.path(), true)];
        make(&volume).unwrap();
        fs::create_dir(disk.path().join("lost+found")).unwrap();
        fs::write(disk.path().join("file"), "old").unwrap();
        remove(&move_aside("0a1b", &volume).unwrap()).unwrap();
        let left: Vec<_> =
            fs::read_dir(disk.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        assert_eq!(left, ["lost+found"]);
        assert!(make(&[place(&disk.path().join("missing"), true)]).unwrap_err().contains("missing"));
    }
}
