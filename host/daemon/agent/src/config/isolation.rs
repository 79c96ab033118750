//! `--launcher` and `--isolation`.

use mezzo_containers::{Controller, LauncherKind};
use mezzo_core_agent::IsolationConfig;

use super::PIDS_MAX;
use mezzo_process::flags::FlagError;

use crate::flags::RawAgentFlags;

const LINUX: &str = "filesystem/linux,cgroups/cpu,cgroups/mem,cgroups/pids,namespaces/pid,namespaces/ipc";
const POSIX: &str = "filesystem/posix,posix/cpu,posix/mem";

/// Isolators that Mesos has and Mezzo has not yet.
const LATER: &[&str] = &[
    "appc/runtime",
    "cgroups/all",
    "cgroups/blkio",
    "cgroups/cpuset",
    "cgroups/devices",
    "cgroups/hugetlb",
    "cgroups/net_cls",
    "cgroups/net_prio",
    "cgroups/perf_event",
    "disk/du",
    "disk/xfs",
    "docker/runtime",
    "docker/volume",
    "environment_secret",
    "filesystem/shared",
    "filesystem/windows",
    "gpu/nvidia",
    "linux/capabilities",
    "linux/devices",
    "linux/nnp",
    "linux/seccomp",
    "network/cni",
    "network/port_mapping",
    "network/ports",
    "posix/disk",
    "posix/rlimits",
    "volume/csi",
    "volume/host_path",
    "volume/image",
    "volume/sandbox_path",
    "volume/secret",
    "windows/cpu",
    "windows/mem",
];

/// The isolators in force, as `/state` shows them.
pub(super) fn names(given: Option<&str>, is_linux: bool) -> String {
    given.unwrap_or(if is_linux { LINUX } else { POSIX }).to_owned()
}

/// How containers are kept apart, and how they are made.
pub(super) fn isolation(
    flags: &RawAgentFlags,
    is_root: bool,
) -> Result<(IsolationConfig, LauncherKind), FlagError> {
    let is_linux = match flags.launcher.as_deref() {
        None => is_root,
        Some("linux") => true,
        Some("posix") => false,
        Some(other) => {
            return Err(FlagError::value("launcher", format!("`{other}` is neither linux nor posix")));
        }
    };
    let mut isolation = IsolationConfig { is_linux, ..IsolationConfig::default() };
    let mut filesystem = None;
    for name in
        names(flags.isolation.as_deref(), is_linux).split(',').map(str::trim).filter(|name| !name.is_empty())
    {
        add(&mut isolation, &mut filesystem, name, flags.cgroups_pids_max)?;
    }
    isolation.cfs = flags.cgroups_enable_cfs.unwrap_or(false);
    check_combinations(&isolation, flags)?;
    Ok((isolation, launcher(flags, &isolation)))
}

fn add<'a>(
    isolation: &mut IsolationConfig,
    filesystem: &mut Option<&'a str>,
    name: &'a str,
    pids_max: Option<u64>,
) -> Result<(), FlagError> {
    let wrong = |why: String| Err(FlagError::value("isolation", why));
    match name {
        // Usage is read from /proc by whoever asks: nothing to set up.
        "posix/cpu" | "posix/mem" | "process" => return Ok(()),
        "filesystem/posix" | "filesystem/linux" => {
            if filesystem.replace(name).is_some_and(|other| other != name) {
                return wrong("exactly one filesystem/* isolator can be used".to_owned());
            }
            isolation.filesystem = name == "filesystem/linux";
        }
        "cgroups/cpu" => isolation.cpu = true,
        "cgroups/mem" => isolation.memory = true,
        "cgroups" => (isolation.cpu, isolation.memory) = (true, true),
        "cgroups/pids" => isolation.pids_max = Some(pids_max.unwrap_or(PIDS_MAX)),
        "namespaces/pid" => isolation.pid_namespace = true,
        "namespaces/ipc" => isolation.ipc_namespace = true,
        later if LATER.contains(&later) => {
            return wrong(format!("the isolator `{later}` is not implemented yet"));
        }
        unknown => return wrong(format!("Unknown or unsupported isolator: {unknown}")),
    }
    if !isolation.is_linux && name != "filesystem/posix" {
        return wrong(format!("the isolator `{name}` needs --launcher=linux"));
    }
    Ok(())
}

/// A flag that would change nothing is refused rather than ignored.
fn check_combinations(isolation: &IsolationConfig, flags: &RawAgentFlags) -> Result<(), FlagError> {
    let idle = [
        (
            flags.cgroups_pids_max.is_some() && isolation.pids_max.is_none(),
            "cgroups_pids_max",
            "cgroups/pids",
        ),
        (isolation.cfs && !isolation.cpu, "cgroups_enable_cfs", "cgroups/cpu"),
    ];
    if let Some((_, flag, isolator)) = idle.into_iter().find(|(is_idle, ..)| *is_idle) {
        return Err(FlagError::value(flag, format!("it does nothing without the isolator `{isolator}`")));
    }
    if flags.cgroups_pids_max == Some(0) {
        return Err(FlagError::value("cgroups_pids_max", "no container could have a process"));
    }
    if !isolation.is_linux {
        let given = [
            (flags.cgroups_root.is_some(), "cgroups_root"),
            (flags.cgroups_hierarchy.is_some(), "cgroups_hierarchy"),
        ];
        if let Some((_, flag)) = given.into_iter().find(|(is_given, _)| *is_given) {
            return Err(FlagError::value(flag, "it does nothing with --launcher=posix"));
        }
    }
    if isolation.pid_namespace && !isolation.filesystem {
        let why =
            "namespaces/pid needs filesystem/linux: without a mount namespace there is no /proc of its own";
        return Err(FlagError::value("isolation", why));
    }
    Ok(())
}

fn launcher(flags: &RawAgentFlags, isolation: &IsolationConfig) -> LauncherKind {
    if !isolation.is_linux {
        return LauncherKind::Posix;
    }
    let wanted = [
        (isolation.cpu, Controller::Cpu),
        (isolation.memory, Controller::Memory),
        (isolation.pids_max.is_some(), Controller::Pids),
    ];
    LauncherKind::Linux {
        cgroups_hierarchy: flags.cgroups_hierarchy.clone().unwrap_or_else(|| "/sys/fs/cgroup".into()),
        cgroups_root: flags.cgroups_root.clone().unwrap_or_else(|| "mezzo".to_owned()),
        controllers: wanted
            .into_iter()
            .filter(|(is_wanted, _)| *is_wanted)
            .map(|(_, controller)| controller)
            .collect(),
    }
}
