//! What a disk can answer instead of doing it.

use std::{
    error::Error,
    io,
    path::{Path, PathBuf},
};

/// A file operation failed: what was tried, where, and what helps if something does.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DiskError {
    /// The file system is full.
    #[error("cannot {verb} `{}`: no space is left on its file system; free some and it goes on by itself", path.display())]
    Full {
        /// What was tried.
        verb: &'static str,
        /// With what.
        path: PathBuf,
    },
    /// The file system takes no writes.
    #[error("cannot {verb} `{}`: its file system is read-only; mount it for writing", path.display())]
    ReadOnly {
        /// What was tried.
        verb: &'static str,
        /// With what.
        path: PathBuf,
    },
    /// The process may not.
    #[error("cannot {verb} `{}`: permission denied; the directory must belong to the account that runs this", path.display())]
    Denied {
        /// What was tried.
        verb: &'static str,
        /// With what.
        path: PathBuf,
    },
    /// Anything else.
    #[error("cannot {verb} `{}`", path.display())]
    Io {
        /// What was tried.
        verb: &'static str,
        /// With what.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
}

impl DiskError {
    pub(crate) fn new(verb: &'static str, path: impl AsRef<Path>, source: io::Error) -> Self {
        let path = path.as_ref().to_owned();
        match source.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Self::Full { verb, path },
            io::ErrorKind::ReadOnlyFilesystem => Self::ReadOnly { verb, path },
            io::ErrorKind::PermissionDenied => Self::Denied { verb, path },
            _ => Self::Io { verb, path, source },
        }
    }

    /// The error and its causes as one sentence, for a core that knows no errors.
    pub fn sentence(&self) -> String {
        sentence(self)
    }
}

/// An error and its causes, joined by colons.
pub(crate) fn sentence(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}
