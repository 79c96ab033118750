//! The cache's directory: each file beside a note of what it is.
//!
//! `c7-name.tgz` is a file, `c7.json` says what it is. The note is written last, so a file without
//! one is what a download left that did not end.

use std::{
    fs, io,
    os::unix::fs::DirBuilderExt,
    path::{Path, PathBuf},
    thread,
    time::{Duration, Instant},
};

use nix::fcntl::{Flock, FlockArg};

use super::{CacheError, Key, account::Serial};
use crate::{digest::Sha256, http::Version};

/// How long to wait for the former agent to end.
const LOCK_PATIENCE: Duration = Duration::from_secs(10);
/// Longest part of a URI's last name that is kept in a file's name.
const NAME_BYTES_MAX: usize = 60;

/// What lies beside a file.
#[derive(Clone, Debug, serde::Serialize, serde::Deserialize)]
pub(crate) struct Note {
    pub key: Key,
    pub file: String,
    pub bytes: u64,
    pub sha256: String,
    pub version: Version,
}

impl Note {
    pub fn checksum(&self) -> Option<Sha256> {
        Sha256::parse(&self.sha256)
    }
}

/// The directory, for this agent alone.
#[derive(Debug)]
pub(crate) struct Shelf {
    path: PathBuf,
    /// Held as long as the agent lives; the kernel lets go of it when it is killed.
    _lock: Flock<fs::File>,
}

impl Shelf {
    /// Takes the directory, removes what is no whole file, and says what there is.
    pub fn open(path: &Path) -> Result<(Shelf, Vec<(Serial, Note)>), CacheError> {
        let failed = |verb| move |source| CacheError::Directory { verb, path: path.to_owned(), source };
        fs::DirBuilder::new().recursive(true).mode(0o700).create(path).map_err(failed("make"))?;
        let lock = fs::File::create(path.join("lock")).map_err(failed("lock"))?;
        let lock = hold(lock).ok_or_else(|| CacheError::Taken { path: path.to_owned() })?;
        let shelf = Shelf { path: path.to_owned(), _lock: lock };
        let found = shelf.sweep().map_err(failed("read"))?;
        Ok((shelf, found))
    }

    /// Where a new file goes.
    pub fn place(&self, serial: Serial, key: &Key) -> String {
        let last = key.uri.rsplit('/').next().unwrap_or_default();
        let is_plain = |c: &char| c.is_ascii_alphanumeric() || "._-".contains(*c);
        let name: String = last.chars().filter(is_plain).take(NAME_BYTES_MAX).collect();
        format!("c{serial}-{name}")
    }

    pub fn path_of(&self, file: &str) -> PathBuf {
        self.path.join(file)
    }

    /// Says what a whole file is.
    pub fn write(&self, serial: Serial, note: &Note) -> io::Result<()> {
        let (made, whole) = (self.path.join(format!("c{serial}.new")), self.note_of(serial));
        fs::write(&made, serde_json::to_vec(note)?)?;
        fs::rename(made, whole)
    }

    /// Removes an entry: its note first, so that half of it is never taken for all.
    pub fn remove(&self, serial: Serial, file: &str) {
        for path in [self.note_of(serial), self.path.join(file)] {
            match fs::remove_file(&path) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => {
                    tracing::warn!(path = %path.display(), %error, "a file of the cache could not be removed");
                }
                Ok(()) | Err(_) => {}
            }
        }
    }

    fn note_of(&self, serial: Serial) -> PathBuf {
        self.path.join(format!("c{serial}.json"))
    }

    /// Everything that has a note that fits it. The rest of what is called as we call files goes.
    fn sweep(&self) -> io::Result<Vec<(Serial, Note)>> {
        let mut notes = Vec::new();
        let mut others = Vec::new();
        for entry in fs::read_dir(&self.path)? {
            let name = entry?.file_name();
            let Some(name) = name.to_str().filter(|name| serial_of(name).is_some()) else { continue };
            match name.strip_suffix(".json").and_then(|_| self.read(name)) {
                Some(found) => notes.push(found),
                None => others.push(name.to_owned()),
            }
        }
        for name in others {
            if !notes.iter().any(|(_, note)| note.file == name) {
                fs::remove_file(self.path.join(name))?;
            }
        }
        notes.sort_by_key(|(serial, _)| *serial);
        Ok(notes)
    }

    fn read(&self, name: &str) -> Option<(Serial, Note)> {
        let serial = serial_of(name).filter(|serial| name == format!("c{serial}.json"))?;
        let note: Note = serde_json::from_slice(&fs::read(self.path.join(name)).ok()?).ok()?;
        let is_ours = note.file.starts_with(&format!("c{serial}-")) && !note.file.contains('/');
        let size = fs::symlink_metadata(self.path.join(&note.file)).ok().filter(|facts| facts.is_file());
        let is_whole = is_ours && size.is_some_and(|facts| facts.len() == note.bytes);
        (is_whole && note.checksum().is_some()).then_some((serial, note))
    }
}

fn hold(mut file: fs::File) -> Option<Flock<fs::File>> {
    let until = Instant::now() + LOCK_PATIENCE;
    loop {
        match Flock::lock(file, FlockArg::LockExclusiveNonblock) {
            Ok(held) => return Some(held),
            Err(_) if Instant::now() >= until => return None,
            Err((again, _)) => file = again,
        }
        thread::sleep(Duration::from_millis(20));
    }
}

/// The number in `c7-name`, `c7.json` or `c7.new`.
fn serial_of(name: &str) -> Option<Serial> {
    let digits = name.strip_prefix('c')?.split(['-', '.']).next()?;
    digits.parse().ok().filter(|serial| *serial < Serial::MAX)
}
