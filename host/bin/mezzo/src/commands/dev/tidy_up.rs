//! Removes what a cluster made, once its daemons have ended.

use std::{fs, io, path::Path};

use anyhow::Context;

const CGROUPS: &str = "/sys/fs/cgroup";

/// Removes the empty control groups below `root` in every hierarchy, and `root` itself.
///
/// The agents have destroyed their containers by now, so what is left is empty; a group
/// that is not is reported rather than emptied by force.
pub fn control_groups(root: &str) -> anyhow::Result<()> {
    let Ok(hierarchies) = fs::read_dir(CGROUPS) else { return Ok(()) };
    for hierarchy in hierarchies.flatten() {
        let top = hierarchy.path().join(root);
        if top.is_dir() {
            remove_groups(&top)
                .with_context(|| format!("cannot remove the control group `{}`", top.display()))?;
        }
        // The common parent goes with the last cluster below it.
        if let Some(parent) = top.parent().filter(|p| p.is_dir() && !p.ends_with(hierarchy.file_name())) {
            let _ = fs::remove_dir(parent);
        }
    }
    Ok(())
}

fn remove_groups(group: &Path) -> io::Result<()> {
    for child in fs::read_dir(group)?.flatten() {
        if child.file_type()?.is_dir() {
            remove_groups(&child.path())?;
        }
    }
    match fs::remove_dir(group) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// Removes the run-time state, or the whole directory if it was ours to choose.
pub fn directory(dir: &Path, is_temporary: bool) -> anyhow::Result<()> {
    let doomed = if is_temporary { dir.to_owned() } else { dir.join("run") };
    fs::remove_dir_all(&doomed).with_context(|| format!("cannot remove `{}`", doomed.display()))
}
