//! The tree of sandboxes: what an earlier life left, and the link to the newest run.

use std::{io, path::Path};

use mezzo_core_agent::Sandbox;
use mezzo_disk::WorkDir;

use mezzo_process::wall;

/// The name of the link to the newest run.
const LATEST: &str = "latest";

/// Every sandbox below `slaves/*/frameworks/*/executors/*/runs`.
pub(crate) fn found(work_dir: &WorkDir) -> Vec<Sandbox> {
    let mut all = Vec::new();
    collect(work_dir, "slaves", &["*", "frameworks", "*", "executors", "*", "runs", "*"], &mut all);
    all
}

/// Follows a pattern of names, `*` for any, and adds the directories at its end.
fn collect(work_dir: &WorkDir, below: &str, pattern: &[&str], all: &mut Vec<Sandbox>) {
    let Some((first, rest)) = pattern.split_first() else { return };
    if *first != "*" {
        return collect(work_dir, &format!("{below}/{first}"), rest, all);
    }
    // What is not there holds no sandboxes.
    let Ok(entries) = work_dir.dir().read_dir(below) else { return };
    for entry in entries.flatten() {
        let (name, is_dir) = (entry.file_name(), entry.file_type().is_ok_and(|kind| kind.is_dir()));
        let Some(name) = name.to_str().filter(|_| is_dir) else { continue };
        let path = format!("{below}/{name}");
        if !rest.is_empty() {
            collect(work_dir, &path, rest, all);
        } else if let Ok(modified) = entry.metadata().and_then(|metadata| metadata.modified()) {
            let path = work_dir.path().join(path).display().to_string();
            all.push(Sandbox { path, modified: wall(modified.into_std()) });
        }
    }
}

/// Points `runs/latest` at a sandbox, in one step. The sandbox itself is the node's to make.
pub(crate) fn link_latest(work_dir: &WorkDir, sandbox: &str) -> io::Result<()> {
    let path = Path::new(sandbox);
    let below = path.strip_prefix(work_dir.path()).map_err(io::Error::other)?;
    let (Some(runs), Some(run)) = (below.parent(), below.file_name()) else {
        return Err(io::Error::other("a sandbox is not at the root"));
    };
    let dir = work_dir.dir();
    dir.create_dir_all(runs)?;
    let new = runs.join(format!(".{LATEST}"));
    if let Err(error) = dir.symlink(run, &new) {
        if error.kind() != io::ErrorKind::AlreadyExists {
            return Err(error);
        }
        dir.remove_file(&new)?;
        dir.symlink(run, &new)?;
    }
    dir.rename(&new, dir, runs.join(LATEST))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn newest_run_is_linked_and_old_ones_are_found() {
        let parent = tempfile::tempdir().expect("a temporary directory");
        let work_dir = WorkDir::open(parent.path().join("w")).expect("made");
        assert_eq!(found(&work_dir), []);
        let runs = work_dir.path().join("slaves/S0/frameworks/F/executors/E/runs");
        for run in ["c1", "c2"] {
            let sandbox = runs.join(run);
            link_latest(&work_dir, sandbox.to_str().expect("UTF-8")).expect("linked");
            std::fs::create_dir(&sandbox).expect("made");
            assert_eq!(std::fs::read_link(runs.join("latest")).expect("a link"), Path::new(run));
        }
        let mut paths: Vec<_> = found(&work_dir).into_iter().map(|sandbox| sandbox.path).collect();
        paths.sort();
        assert_eq!(paths, ["c1", "c2"].map(|run| runs.join(run).display().to_string()));
    }

    #[test]
    fn sandbox_elsewhere_is_not_linked() {
        let parent = tempfile::tempdir().expect("a temporary directory");
        let work_dir = WorkDir::open(parent.path().join("w")).expect("made");
        assert!(link_latest(&work_dir, "/elsewhere/runs/c1").is_err());
    }
}
