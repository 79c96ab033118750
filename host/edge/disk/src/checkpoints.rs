//! Checkpoints: small files by key, replaced at once or appended to.

use std::{
    collections::BTreeSet,
    io::{self, Write as _},
    path::{Path, PathBuf},
};

use cap_std::fs::{Dir, File, OpenOptions};

use crate::{DiskError, WorkDir, log};

/// What a file that is still being written is called; no key begins like it.
const TEMPORARY: &str = ".new-";

/// A key is this deep at most.
const DEPTH_MAX: usize = 8;

/// One change of one file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Write {
    /// Path below: segments of letters, digits and `.`, `_`, `-`, with `/` between; no segment
    /// begins with a point.
    pub key: String,
    /// What is done to it.
    pub change: Change,
    /// Must survive the machine, not only this process.
    pub is_durable: bool,
}

/// What is done to a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// The whole content, at once: a reader sees the old or the new.
    Replace(Vec<u8>),
    /// More at its end; made if there is none.
    Append(Vec<u8>),
    /// Gone; nothing happens if it was not there.
    Remove,
}

/// A directory of checkpoints below a work directory.
#[derive(Debug)]
pub struct Checkpoints {
    path: PathBuf,
    dir: Dir,
    /// Logs whose end could not be mended after a failed append.
    torn: BTreeSet<String>,
}

impl Checkpoints {
    /// Opens the directory `name` below `work_dir`, made if there is none.
    ///
    /// # Errors
    ///
    /// When it cannot be made or opened.
    pub fn open(work_dir: &WorkDir, name: &str) -> Result<Self, DiskError> {
        let path = work_dir.path().join(name);
        let failed = |source| DiskError::new("open the directory", &path, source);
        work_dir.dir().create_dir_all(name).map_err(failed)?;
        let dir = work_dir.dir().open_dir(name).map_err(failed)?;
        Ok(Self { path, dir, torn: BTreeSet::new() })
    }

    /// Reads every file, in the order of their keys. What a crash left half written is removed:
    /// files that were to replace others, and the torn end of each file that `is_log` names.
    ///
    /// # Errors
    ///
    /// When something cannot be read or mended.
    pub fn load_all(&self, is_log: impl Fn(&str) -> bool) -> Result<Vec<(String, Vec<u8>)>, DiskError> {
        let mut found = Vec::new();
        self.load_below("", &mut found, DEPTH_MAX)?;
        found.sort();
        for (key, bytes) in &mut found {
            let whole = if is_log(key) { log::whole_bytes(bytes) } else { bytes.len() };
            if whole < bytes.len() {
                let dropped = bytes.len() - whole;
                tracing::warn!(file = %self.path.join(&*key).display(), dropped, "cutting off the torn end of a log");
                bytes.truncate(whole);
                let mut options = OpenOptions::new();
                let file = self.dir.open_with(&*key, options.write(true));
                file.and_then(|file| file.set_len(whole as u64))
                    .map_err(|source| self.failed("mend", key, source))?;
            }
        }
        Ok(found)
    }

    /// Makes the changes in their order and stops at the first that fails. Directories are synced
    /// once for all durable changes, at the end.
    ///
    /// # Errors
    ///
    /// When a change cannot be made; those before it are.
    pub fn apply(&mut self, writes: &[Write]) -> Result<(), DiskError> {
        let mut touched = BTreeSet::new();
        for write in writes {
            self.apply_one(write)?;
            if write.is_durable && !matches!(write.change, Change::Append(_)) {
                touched.extend(directories(&write.key));
            }
        }
        for directory in &touched {
            self.sync_directory(directory)?;
        }
        Ok(())
    }

    fn apply_one(&mut self, write: &Write) -> Result<(), DiskError> {
        let key = &write.key;
        if !is_key(key) {
            let reason = "a key is one to eight names of letters, digits and `.`, `_`, `-`";
            return Err(self.failed("write", key, io::Error::new(io::ErrorKind::InvalidInput, reason)));
        }
        match &write.change {
            Change::Replace(bytes) => {
                self.replace(key, bytes, write.is_durable)
                    .map_err(|source| self.failed("write", key, source))?;
                self.torn.remove(key);
                Ok(())
            }
            Change::Append(bytes) => self.append(key, bytes, write.is_durable),
            Change::Remove => {
                self.torn.remove(key);
                match self.dir.remove_file(key) {
                    Err(source) if source.kind() != io::ErrorKind::NotFound => {
                        Err(self.failed("remove", key, source))
                    }
                    _ => Ok(()),
                }
            }
        }
    }

    /// Writes beside the file and renames.
    fn replace(&self, key: &str, bytes: &[u8], is_durable: bool) -> io::Result<()> {
        let (parent, name) = key.rsplit_once('/').unwrap_or(("", key));
        let temporary = Path::new(parent).join(format!("{TEMPORARY}{name}"));
        let written = self.create_below(parent, &temporary).and_then(|mut file| {
            file.write_all(bytes)?;
            if is_durable { file.sync_data() } else { Ok(()) }
        });
        let renamed = written.and_then(|()| self.dir.rename(&temporary, &self.dir, key));
        if renamed.is_err() {
            let _ = self.dir.remove_file(&temporary);
        }
        renamed
    }

    /// Creates a file; its directory only when it turns out to be missing.
    fn create_below(&self, parent: &str, path: &Path) -> io::Result<File> {
        match self.dir.create(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound && !parent.is_empty() => {
                self.dir.create_dir_all(parent)?;
                self.dir.create(path)
            }
            other => other,
        }
    }

    /// Appends, or leaves the file as it was: half a record would hide all that follow it.
    fn append(&mut self, key: &str, bytes: &[u8], is_durable: bool) -> Result<(), DiskError> {
        if self.torn.contains(key) {
            let reason = "its end is torn since an append failed; it has to be replaced";
            return Err(self.failed("append to", key, io::Error::other(reason)));
        }
        let (mut file, is_new) =
            self.open_log(key).map_err(|source| self.failed("append to", key, source))?;
        let before = file.metadata().map_err(|source| self.failed("append to", key, source))?.len();
        let appended =
            file.write_all(bytes).and_then(|()| if is_durable { file.sync_data() } else { Ok(()) });
        if let Err(source) = appended {
            if file.set_len(before).is_err() {
                self.torn.insert(key.to_owned());
            }
            return Err(self.failed("append to", key, source));
        }
        if is_durable && is_new {
            directories(key).iter().try_for_each(|directory| self.sync_directory(directory))?;
        }
        Ok(())
    }

    /// Opens a log for appending and says whether it was made now.
    fn open_log(&self, key: &str) -> io::Result<(File, bool)> {
        let mut options = OpenOptions::new();
        options.append(true);
        match self.dir.open_with(key, &options) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                if let Some((parent, _)) = key.rsplit_once('/') {
                    self.dir.create_dir_all(parent)?;
                }
                Ok((self.dir.open_with(key, options.create(true))?, true))
            }
            other => Ok((other?, false)),
        }
    }

    fn sync_directory(&self, directory: &str) -> Result<(), DiskError> {
        let opened = if directory.is_empty() { self.dir.open(".") } else { self.dir.open(directory) };
        opened
            .and_then(|file| file.sync_all())
            .map_err(|source| self.failed("sync the directory", directory, source))
    }

    fn load_below(
        &self,
        prefix: &str,
        found: &mut Vec<(String, Vec<u8>)>,
        depth: usize,
    ) -> Result<(), DiskError> {
        let failed = |source| self.failed("read", prefix, source);
        let entries = if prefix.is_empty() { self.dir.entries() } else { self.dir.read_dir(prefix) };
        for entry in entries.map_err(failed)? {
            let entry = entry.map_err(failed)?;
            let name = entry.file_name();
            let Some(name) = name.to_str() else { continue };
            let key = if prefix.is_empty() { name.to_owned() } else { format!("{prefix}/{name}") };
            let kind = entry.file_type().map_err(|source| self.failed("read", &key, source))?;
            if name.starts_with(TEMPORARY) && kind.is_file() {
                self.dir.remove_file(&key).map_err(|source| self.failed("remove", &key, source))?;
            } else if kind.is_file() && is_key(&key) {
                let bytes = self.dir.read(&key).map_err(|source| self.failed("read", &key, source))?;
                found.push((key, bytes));
            } else if kind.is_dir() && depth > 0 && is_key(&key) {
                self.load_below(&key, found, depth - 1)?;
            } else {
                tracing::warn!(path = %self.path.join(&key).display(), "left alone: not one of ours");
            }
        }
        Ok(())
    }

    fn failed(&self, verb: &'static str, key: &str, source: io::Error) -> DiskError {
        DiskError::new(verb, self.path.join(key), source)
    }
}

/// The directory of a key and those above it, ours included (empty).
fn directories(key: &str) -> Vec<String> {
    let ends = key.match_indices('/').map(|(at, _)| key[..at].to_owned());
    std::iter::once(String::new()).chain(ends).collect()
}

fn is_key(key: &str) -> bool {
    let is_name = |name: &str| {
        !name.is_empty()
            && name.len() <= 240
            && !name.starts_with('.')
            && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-'))
    };
    key.split('/').count() <= DEPTH_MAX && key.split('/').all(is_name)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn fresh() -> (tempfile::TempDir, WorkDir, Checkpoints) {
        let parent = tempfile::tempdir().expect("a temporary directory");
        let work = WorkDir::open(parent.path().join("work")).expect("made");
        let checkpoints = Checkpoints::open(&work, "meta").expect("made");
        (parent, work, checkpoints)
    }

    fn write(key: &str, change: Change) -> Write {
        Write { key: key.to_owned(), change, is_durable: key.len().is_multiple_of(2) }
    }

    fn keys(checkpoints: &Checkpoints) -> Vec<(String, Vec<u8>)> {
        checkpoints.load_all(|key| key.starts_with("tasks/")).expect("readable")
    }

    #[test]
    fn what_is_written_is_found_again() {
        let (_parent, work, mut checkpoints) = fresh();
        let record = |text: &[u8]| log::frame(text).expect("short");
        let all = [
            write("format", Change::Replace(b"1".to_vec())),
            write("agent", Change::Replace(b"old".to_vec())),
            write("agent", Change::Replace(b"new".to_vec())),
            write("tasks/c1", Change::Append(record(b"launch"))),
            write("tasks/c1", Change::Append(record(b"update"))),
            write("tasks/c22", Change::Append(record(b"launch"))),
            write("tasks/c22", Change::Remove),
            write("tasks/never", Change::Remove),
            write("a/b/c", Change::Replace(vec![])),
        ];
        checkpoints.apply(&all).expect("room");
        drop(checkpoints);
        let again = Checkpoints::open(&work, "meta").expect("there");
        let log = [record(b"launch"), record(b"update")].concat();
        let expected =
            [("a/b/c", vec![]), ("agent", b"new".to_vec()), ("format", b"1".to_vec()), ("tasks/c1", log)];
        assert_eq!(keys(&again), expected.map(|(key, bytes)| (key.to_owned(), bytes)));
    }

    /// A crash between write and rename leaves a file that must neither be read nor stay.
    #[test]
    fn half_written_replacements_are_removed() {
        let (_parent, work, mut checkpoints) = fresh();
        checkpoints.apply(&[write("agent", Change::Replace(b"kept".to_vec()))]).expect("room");
        let left = work.path().join("meta/.new-agent");
        std::fs::write(&left, b"ha").expect("written");
        assert_eq!(keys(&checkpoints), [("agent".to_owned(), b"kept".to_vec())]);
        assert!(!left.exists());
    }

    #[test]
    fn names_that_lead_elsewhere_are_refused() {
        let (parent, _work, mut checkpoints) = fresh();
        for bad in ["", "/etc/x", "../x", "a/../x", "a//b", "a b", ".hidden", "a/.new-b", "1/2/3/4/5/6/7/8/9"]
        {
            let error = checkpoints.apply(&[write(bad, Change::Replace(vec![1]))]).expect_err(bad);
            assert!(error.sentence().contains("a key is one to eight names"), "{}", error.sentence());
        }
        assert!(!parent.path().join("x").exists());
    }

    /// What others left in the directory is none of ours, and no reason not to start.
    #[test]
    fn strange_files_are_left_alone() {
        let (_parent, work, checkpoints) = fresh();
        std::os::unix::fs::symlink("/etc/passwd", work.path().join("meta/link")).expect("made");
        std::fs::write(work.path().join("meta/a b"), b"x").expect("written");
        assert_eq!(keys(&checkpoints), []);
    }

    #[test]
    fn an_unreadable_place_is_named() {
        let (_parent, work, mut checkpoints) = fresh();
        std::fs::create_dir_all(work.path().join("meta/agent")).expect("made");
        let error = checkpoints.apply(&[write("agent", Change::Replace(vec![1]))]).expect_err("a directory");
        assert!(error.sentence().contains("work/meta/agent`"), "{}", error.sentence());
        assert!(!work.path().join("meta/.new-agent").exists(), "nothing is left beside it");
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

        /// Torn at any byte: what was whole is found, and what is appended next is found too.
        #[test]
        fn a_torn_log_can_be_used_again(cut in any::<prop::sample::Index>(), payloads in proptest::collection::vec("[a-z]{0,9}", 1..4)) {
            let (_parent, work, mut checkpoints) = fresh();
            let log: Vec<u8> = payloads.iter().flat_map(|text| log::frame(text.as_bytes()).expect("short")).collect();
            let log = &log[..cut.index(log.len() + 1)];
            let whole: Vec<Vec<u8>> = log::records(log).map(<[u8]>::to_vec).collect();
            checkpoints.apply(&[write("tasks/c", Change::Append(log.to_vec()))]).expect("room");
            keys(&checkpoints);
            let next = log::frame(b"next").expect("short");
            checkpoints.apply(&[write("tasks/c", Change::Append(next))]).expect("room");
            let bytes = std::fs::read(work.path().join("meta/tasks/c")).expect("there");
            let found: Vec<Vec<u8>> = log::records(&bytes).map(<[u8]>::to_vec).collect();
            prop_assert_eq!(found, [whole, vec![b"next".to_vec()]].concat());
        }
    }
}
