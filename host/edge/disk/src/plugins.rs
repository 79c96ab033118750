//! Plugins as files, each under the digest of its bytes.

use std::{
    io::{self, Read, Write},
    path::{Path, PathBuf},
};

use cap_std::fs::{Dir, OpenOptions};

use crate::{DiskError, WorkDir};

/// Where they lie below the work directory.
const DIRECTORY: &str = "plugins/sha256";

/// The bytes of plugins that were chosen, so that a restart finds them. Calls block.
#[derive(Debug)]
pub struct PluginFiles {
    dir: Dir,
    path: PathBuf,
}

impl PluginFiles {
    /// Opens the directory below `work_dir`, made if there is none.
    ///
    /// # Errors
    ///
    /// When it cannot be made.
    pub fn open(work_dir: &WorkDir) -> Result<Self, DiskError> {
        let path = work_dir.path().join(DIRECTORY);
        let failed = |verb: &'static str| move |source: io::Error| (verb, source);
        let made = work_dir.dir().create_dir_all(DIRECTORY).map_err(failed("make the directory"));
        let opened =
            made.and_then(|()| work_dir.dir().open_dir(DIRECTORY).map_err(failed("open the directory")));
        match opened {
            Ok(dir) => Ok(Self { dir, path }),
            Err((verb, source)) => Err(DiskError::new(verb, &path, source)),
        }
    }

    /// Keeps the bytes of the plugin with this digest, in hexadecimal digits; they are durable when
    /// this returns.
    ///
    /// # Errors
    ///
    /// When the disk does not take them.
    pub fn keep(&self, digest: &str, bytes: &[u8]) -> Result<(), DiskError> {
        let unfinished = format!("{digest}.tmp");
        let written = self.write(&unfinished, bytes).and_then(|()| {
            self.dir.rename(&unfinished, &self.dir, name(digest))?;
            self.dir.open(".")?.sync_all()
        });
        written.map_err(|source| self.error("write", &name(digest), source))
    }

    /// The bytes of a plugin, as they were kept; whether they are still those is not looked at.
    ///
    /// # Errors
    ///
    /// When they are not there, or cannot be read.
    pub fn load(&self, digest: &str) -> Result<Vec<u8>, DiskError> {
        let mut bytes = Vec::new();
        let read = self.dir.open(name(digest)).and_then(|mut file| file.read_to_end(&mut bytes));
        read.map(|_| bytes).map_err(|source| self.error("read", &name(digest), source))
    }

    /// Removes a plugin. Nothing happens if it is not there.
    ///
    /// # Errors
    ///
    /// When it stays.
    pub fn forget(&self, digest: &str) -> Result<(), DiskError> {
        match self.dir.remove_file(name(digest)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                Err(self.error("remove", &name(digest), error))
            }
            Ok(()) | Err(_) => Ok(()),
        }
    }

    fn write(&self, name: &str, bytes: &[u8]) -> io::Result<()> {
        let mut options = OpenOptions::new();
        options.write(true).create(true).truncate(true);
        let mut file = self.dir.open_with(name, &options)?;
        file.write_all(bytes)?;
        file.sync_all()
    }

    fn error(&self, verb: &'static str, name: &str, source: io::Error) -> DiskError {
        DiskError::new(verb, Path::join(&self.path, name), source)
    }
}

fn name(digest: &str) -> String {
    format!("{digest}.wasm")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_is_found_after_a_restart_and_forgotten_once() {
        let directory = tempfile::tempdir().expect("a directory");
        let work_dir = WorkDir::open(directory.path().join("w")).expect("made");
        PluginFiles::open(&work_dir).expect("made").keep("ab12", b"bytes").expect("kept");
        let files = PluginFiles::open(&work_dir).expect("there");
        assert_eq!(files.load("ab12").expect("there"), b"bytes");
        files.forget("ab12").expect("removed");
        files.forget("ab12").expect("it is not there");
        let error = files.load("ab12").expect_err("removed").to_string();
        assert!(error.contains("ab12.wasm"), "{error}");
    }
}
