//! Compiled plugins on disk, so that a restarted daemon does not compile them again.
//!
//! The files are machine code that runs in the daemon, so the directory is private: owned by the
//! daemon's user, mode 0700, and refused otherwise. A file is known by the digest of the plugin's
//! bytes and by the engine's own hash of version, settings and processor.

use std::{
    fs,
    hash::{DefaultHasher, Hash, Hasher},
    io::{self, Read, Write},
    os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt},
    path::{Path, PathBuf},
};

use mezzo_slots::Digest;
use sha2::{Digest as _, Sha256};
use wasmtime::component::Component;

use crate::{load::LoadError, runtime::Runtime};

/// Length of the SHA-256 in front of the code.
const SUM_BYTES: usize = 32;

/// Why there is no cache.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CacheError {
    /// The directory cannot be made or looked at.
    #[error("cannot {verb} the directory `{path}` for compiled plugins: {source}")]
    Io {
        /// What was tried.
        verb: &'static str,
        /// The directory or file.
        path: PathBuf,
        /// Why it failed.
        source: io::Error,
    },

    /// Others could put code into it.
    #[error(
        "`{path}` is to hold compiled plugins, which the daemon runs, so it must be a directory of its own user \
         (id {wanted_uid}) with mode 0700; it belongs to {uid} with mode {mode:04o}"
    )]
    NotPrivate {
        /// The directory.
        path: PathBuf,
        /// Its owner.
        uid: u32,
        /// Its mode.
        mode: u32,
        /// Who must own it.
        wanted_uid: u32,
    },
}

/// A private directory of compiled plugins.
#[derive(Clone, Debug)]
pub struct Cache {
    dir: PathBuf,
}

impl Cache {
    /// Opens the directory, or makes it (its parent must be there).
    ///
    /// # Errors
    ///
    /// When it cannot be made, or when others could write to it.
    pub fn open(dir: &Path) -> Result<Self, CacheError> {
        let error = |verb| move |source| CacheError::Io { verb, path: dir.to_owned(), source };
        match fs::DirBuilder::new().mode(0o700).create(dir) {
            Err(made) if made.kind() != io::ErrorKind::AlreadyExists => return Err(error("make")(made)),
            Ok(()) | Err(_) => {}
        }
        let found = fs::symlink_metadata(dir).map_err(error("look at"))?;
        let (uid, mode) = (found.uid(), found.permissions().mode() & 0o7777);
        let wanted_uid = rustix::process::geteuid().as_raw();
        if !found.is_dir() || uid != wanted_uid || mode != 0o700 {
            return Err(CacheError::NotPrivate { path: dir.to_owned(), uid, mode, wanted_uid });
        }
        Ok(Self { dir: dir.to_owned() })
    }

    /// The component of a plugin: from the file if there is a good one, otherwise compiled, and
    /// then kept. A file that does not load is replaced; a full disk only costs the next start.
    pub(crate) fn load(
        &self,
        runtime: &Runtime,
        digest: &Digest,
        bytes: &[u8],
    ) -> Result<Component, LoadError> {
        let path = self.path(runtime, digest);
        if let Some(component) = self.read(&path).and_then(|compiled| runtime.load_compiled(&compiled).ok()) {
            return Ok(component);
        }
        let compiled = runtime.compile(bytes)?;
        if let Err(error) = self.keep(&path, &compiled) {
            tracing::warn!("cannot keep compiled plugin `{}`: {error}", path.display());
        }
        runtime.load_compiled(&compiled)
    }

    /// Where the code of a plugin for this engine lies.
    fn path(&self, runtime: &Runtime, digest: &Digest) -> PathBuf {
        let mut hasher = DefaultHasher::new();
        runtime.engine().precompile_compatibility_hash().hash(&mut hasher);
        self.dir.join(format!("{digest:?}-{:016x}.cwasm", hasher.finish()))
    }

    /// What a file of ours holds; nothing when it is not there or not ours.
    fn read(&self, path: &Path) -> Option<Vec<u8>> {
        let no_follow = rustix::fs::OFlags::NOFOLLOW.bits() as i32;
        let mut file = fs::OpenOptions::new().read(true).custom_flags(no_follow).open(path).ok()?;
        let found = file.metadata().ok()?;
        let is_ours = found.uid() == rustix::process::geteuid().as_raw()
            && found.is_file()
            && found.permissions().mode() & 0o022 == 0;
        if !is_ours {
            return None;
        }
        let mut compiled = Vec::new();
        file.read_to_end(&mut compiled).ok()?;
        // The sum in front tells a whole file from one that a power cut left behind.
        let code = compiled.split_off(compiled.len().min(SUM_BYTES));
        (compiled[..] == Sha256::digest(&code)[..]).then_some(code)
    }

    fn keep(&self, path: &Path, compiled: &[u8]) -> io::Result<()> {
        let unfinished = path.with_extension(format!("{}.tmp", std::process::id()));
        let mut file =
            fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&unfinished)?;
        file.write_all(&Sha256::digest(compiled))?;
        file.write_all(compiled)?;
        drop(file);
        fs::rename(&unfinished, path)
    }
}
