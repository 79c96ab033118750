//! The work directory: made, locked, and the only way in.

use std::{
    fs::{File, TryLockError},
    io::{self, Read, Seek, Write},
    path::{Component, Path, PathBuf},
};

use cap_std::{
    ambient_authority,
    fs::{Dir, OpenOptions},
};

use crate::DiskError;

/// The file whose lock stands for the directory; it holds the owner's process id.
const LOCK: &str = ".lock";

/// Why a work directory cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WorkDirError {
    /// Another process has it.
    #[error(
        "the work directory `{}` is in use by {owner}: stop that one, or give this one a --work_dir of its own",
        path.display()
    )]
    InUse {
        /// The directory.
        path: PathBuf,
        /// `process 123`, as far as is known.
        owner: String,
    },
    /// It is not a directory's path as we need it.
    #[error("the work directory `{}` must be an absolute path", path.display())]
    NotAbsolute {
        /// The path as it was given.
        path: PathBuf,
    },
    /// It cannot be made, opened or locked.
    #[error(transparent)]
    Disk(#[from] DiskError),
}

/// A work directory that is this process's alone, for as long as the value lives.
#[derive(Debug)]
pub struct WorkDir {
    path: PathBuf,
    dir: Dir,
    _lock: File,
}

impl WorkDir {
    /// Makes the directory if there is none, and takes its lock.
    ///
    /// # Errors
    ///
    /// When another process has it, or it cannot be written.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, WorkDirError> {
        let path = path.as_ref();
        if !path.is_absolute() {
            return Err(WorkDirError::NotAbsolute { path: path.to_owned() });
        }
        Dir::create_ambient_dir_all(path, ambient_authority())
            .map_err(|source| DiskError::new("make the directory", path, source))?;
        let dir = Dir::open_ambient_dir(path, ambient_authority())
            .map_err(|source| DiskError::new("open the directory", path, source))?;
        let lock = lock(&dir, path)?;
        Ok(Self { path: path.to_owned(), dir, _lock: lock })
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The handle through which everything below is opened.
    pub fn dir(&self) -> &Dir {
        &self.dir
    }

    /// Removes a tree below, given by its absolute path. Nothing happens if it is not there;
    /// symbolic links are removed, never followed.
    ///
    /// # Errors
    ///
    /// When the path is not below this directory, or something in it cannot be removed.
    pub fn remove_tree(&self, path: impl AsRef<Path>) -> Result<(), DiskError> {
        let path = path.as_ref();
        let below = path.strip_prefix(&self.path).ok().filter(|below| is_plain(below)).ok_or_else(|| {
            let reason = format!("not below the work directory `{}`", self.path.display());
            DiskError::new("remove", path, io::Error::new(io::ErrorKind::InvalidInput, reason))
        })?;
        let removed = match self.dir.symlink_metadata(below) {
            Ok(found) if found.is_dir() => self.dir.remove_dir_all(below),
            Ok(_) => self.dir.remove_file(below),
            Err(error) => Err(error),
        };
        match removed {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                Err(DiskError::new("remove", path, error))
            }
            _ => Ok(()),
        }
    }
}

/// One name or more, each of them a name.
fn is_plain(below: &Path) -> bool {
    below.components().next().is_some() && below.components().all(|part| matches!(part, Component::Normal(_)))
}

fn lock(dir: &Dir, path: &Path) -> Result<File, WorkDirError> {
    let name = path.join(LOCK);
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true);
    let file = dir.open_with(LOCK, &options).map_err(|source| DiskError::new("open", &name, source))?;
    let mut file = file.into_std();
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            let mut text = String::new();
            let _ = file.read_to_string(&mut text);
            let owner = match text.trim().parse::<u32>() {
                Ok(pid) => format!("process {pid}"),
                Err(_) => "another process".to_owned(),
            };
            return Err(WorkDirError::InUse { path: path.to_owned(), owner });
        }
        Err(TryLockError::Error(source)) => return Err(DiskError::new("lock", &name, source).into()),
    }
    let written =
        file.set_len(0).and_then(|()| file.rewind()).and_then(|()| writeln!(file, "{}", std::process::id()));
    written.map_err(|source| DiskError::new("write", &name, source))?;
    Ok(file)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_owner_is_refused_by_name() {
        let parent = tempfile::tempdir().expect("a temporary directory");
        let path = parent.path().join("deep/work");
        let first = WorkDir::open(&path).expect("made");
        let error = WorkDir::open(&path).expect_err("taken").to_string();
        assert!(error.contains(&path.display().to_string()), "{error}");
        assert!(error.contains(&format!("process {}", std::process::id())), "{error}");
        drop(first);
        WorkDir::open(&path).expect("free again");
    }

    #[test]
    fn a_relative_or_impossible_path_is_refused() {
        assert!(matches!(WorkDir::open("work"), Err(WorkDirError::NotAbsolute { .. })));
        let file = tempfile::NamedTempFile::new().expect("a temporary file");
        let error = WorkDir::open(file.path().join("x")).expect_err("a file is no directory");
        assert!(error.to_string().contains("cannot make the directory"), "{error}");
    }

    /// A task may plant links in its sandbox; collecting it must not follow them.
    #[test]
    fn a_tree_is_removed_without_following_links() {
        let parent = tempfile::tempdir().expect("a temporary directory");
        let outside = parent.path().join("outside");
        std::fs::create_dir(&outside).expect("made");
        std::fs::write(outside.join("precious"), "x").expect("written");
        let work = WorkDir::open(parent.path().join("work")).expect("made");
        let sandbox = work.path().join("slaves/a/run");
        std::fs::create_dir_all(sandbox.join("sub")).expect("made");
        std::os::unix::fs::symlink(&outside, sandbox.join("link")).expect("made");
        work.remove_tree(&sandbox).expect("removed");
        work.remove_tree(&sandbox).expect("nothing to remove is fine");
        assert!(!sandbox.exists() && outside.join("precious").exists());

        std::os::unix::fs::symlink(&outside, work.path().join("way-out")).expect("made");
        work.remove_tree(work.path().join("way-out/precious")).expect_err("leads out");
        work.remove_tree(work.path().join("way-out")).expect("the link itself may go");
        for bad in [
            work.path().to_owned(),
            outside.clone(),
            work.path().join("slaves/../../outside"),
            "slaves".into(),
        ] {
            let error = work.remove_tree(&bad).expect_err("not below").sentence();
            assert!(error.contains("not below the work directory"), "{error}");
        }
        assert!(outside.join("precious").exists());
    }
}
