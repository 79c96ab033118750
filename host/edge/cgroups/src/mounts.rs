//! Where the controllers are: read off the mount table, since a host may mount
//! several together, under other names, or in the second version.

use std::path::{Path, PathBuf};

use mezzo_linux::mount_table::Mount;

use crate::Kind;

/// Where one controller is found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Found {
    /// Mounted in the first version, here.
    V1(PathBuf),
    /// Nowhere in the first version; the second is mounted here and may have it.
    V2(PathBuf),
    /// Nowhere.
    Nowhere,
}

/// Finds `kind` among the mounts below `hierarchy`. `unified_has`: whether the v2 mount lists it.
pub(crate) fn find(
    mounts: &[Mount],
    hierarchy: &Path,
    kind: Kind,
    unified_has: impl Fn(&Path) -> bool,
) -> Found {
    // What is mounted later at the same place covers what was there; of different places the first counts.
    let below = || mounts.iter().filter(|mount| mount.target.starts_with(hierarchy));
    let is_whole = |mount: &&Mount| mount.root == Path::new("/");
    let v1 = below().filter(is_whole).find(|mount| {
        mount.kind == "cgroup" && mount.super_options.iter().any(|option| option == kind.name())
    });
    if let Some(mount) = v1 {
        return Found::V1(mount.target.clone());
    }
    let v2 = below().find(|mount| mount.kind == "cgroup2" && unified_has(&mount.target));
    v2.map_or(Found::Nowhere, |mount| Found::V2(mount.target.clone()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(lines: &[(&str, &str, &str)]) -> Vec<Mount> {
        let mount = |&(target, kind, options): &(&str, &str, &str)| Mount {
            root: "/".into(),
            target: target.into(),
            kind: kind.to_owned(),
            super_options: options.split(',').map(str::to_owned).collect(),
        };
        lines.iter().map(mount).collect()
    }

    #[test]
    fn hybrid_host_is_decided_per_controller() {
        let mounts = table(&[
            ("/sys/fs/cgroup/cpu,cpuacct", "cgroup", "rw,cpu,cpuacct"),
            ("/sys/fs/cgroup/unified", "cgroup2", "rw"),
        ]);
        let base = Path::new("/sys/fs/cgroup");
        let find = |kind| find(&mounts, base, kind, |_| kind == Kind::Memory);
        assert_eq!(find(Kind::Cpu), Found::V1("/sys/fs/cgroup/cpu,cpuacct".into()));
        assert_eq!(find(Kind::Memory), Found::V2("/sys/fs/cgroup/unified".into()));
        assert_eq!(find(Kind::Pids), Found::Nowhere);
    }

    /// `cpuacct` alone is not `cpu`; a mount elsewhere is another's.
    #[test]
    fn like_names_and_other_places_do_not_count() {
        let mounts = table(&[
            ("/sys/fs/cgroup/cpuacct", "cgroup", "rw,cpuacct"),
            ("/other/cpu", "cgroup", "rw,cpu"),
            ("/sys/fs/cgroup/x", "tmpfs", "cpu"),
        ]);
        assert_eq!(find(&mounts, Path::new("/sys/fs/cgroup"), Kind::Cpu, |_| false), Found::Nowhere);
    }
}
