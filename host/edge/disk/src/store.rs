//! The embedded store: keys and bytes, in batches that are durable or not there.

use std::{
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError},
};

use cap_std::fs::OpenOptions;
use redb::{Database, DatabaseError, ReadableDatabase, ReadableTable, TableDefinition};

use crate::{DiskError, WorkDir, error::sentence};

/// The file below the work directory.
const FILE: &str = "registry.redb";

/// The form of what is stored; a newer one is not touched.
const FORMAT: u64 = 1;

const ABOUT: TableDefinition<&str, u64> = TableDefinition::new("about");
const FACTS: TableDefinition<&str, &[u8]> = TableDefinition::new("facts");

/// Why the store cannot be used, or has not kept something.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// It was written by a later release.
    #[error(
        "`{}` has format {found}, and this build reads up to {known}: start the newer build that wrote it, \
         or use another --work_dir",
        path.display()
    )]
    Newer {
        /// The file.
        path: PathBuf,
        /// Its format.
        found: u64,
        /// The newest known here.
        known: u64,
    },
    /// It is open elsewhere.
    #[error("`{}` is in use by another process", path.display())]
    InUse {
        /// The file.
        path: PathBuf,
    },
    /// It is no store, or a damaged one.
    #[error("`{}` cannot be read as a store: {why}; bring it back from a copy, or use another --work_dir", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        why: String,
    },
    /// The disk did not do it.
    #[error(transparent)]
    Disk(#[from] DiskError),
}

impl StoreError {
    /// The error and its causes as one sentence, for a core that knows no errors.
    pub fn sentence(&self) -> String {
        sentence(self)
    }
}

/// The registry's file. Calls block until the disk has answered.
#[derive(Debug)]
pub struct Store {
    path: PathBuf,
    dir: cap_std::fs::Dir,
    /// Absent after a failed write, until it could be opened again.
    database: Mutex<Option<Database>>,
}

impl Store {
    /// Opens the store below `work_dir`, made if there is none.
    ///
    /// # Errors
    ///
    /// When the file is of a later release, damaged, in use or not writable.
    pub fn open(work_dir: &WorkDir) -> Result<Self, StoreError> {
        let path = work_dir.path().join(FILE);
        let dir = work_dir.dir().try_clone().map_err(|source| DiskError::new("open", &path, source))?;
        let store = Self { path, dir, database: Mutex::new(None) };
        let database = store.open_database()?;
        *store.lock() = Some(database);
        Ok(store)
    }

    /// Where the store lies: one file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Every key and its value, in the order of the keys.
    ///
    /// # Errors
    ///
    /// When the file cannot be read.
    pub fn load_all(&self) -> Result<Vec<(String, Vec<u8>)>, StoreError> {
        let mut guard = self.lock();
        let database = self.opened(&mut guard)?;
        self.read_all(database).map_err(|error| self.failed("read", error))
    }

    /// Puts (`Some`) and forgets (`None`) keys: all of them, durably, or none.
    ///
    /// A failed write leaves it open whether the batch has reached the disk after all; so the
    /// file is opened anew and the answer taken from there.
    ///
    /// # Errors
    ///
    /// When the batch is not kept; the next one is tried afresh.
    pub fn commit<K: AsRef<str>, V: AsRef<[u8]>>(
        &self,
        changes: &[(K, Option<V>)],
    ) -> Result<(), StoreError> {
        let mut guard = self.lock();
        let database = self.opened(&mut guard)?;
        let Err(error) = write(database, changes) else { return Ok(()) };
        let error = self.failed("write", error);
        tracing::warn!(error = %error.sentence(), "a write to the registry failed; opening it again");
        *guard = None;
        let Ok(database) = self.opened(&mut guard) else { return Err(error) };
        match is_kept(database, changes) {
            Ok(true) => Ok(()),
            Ok(false) | Err(_) => Err(error),
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Option<Database>> {
        // A panic half way leaves either no database or one whose transaction was rolled back.
        self.database.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn opened<'guard>(&self, guard: &'guard mut Option<Database>) -> Result<&'guard Database, StoreError> {
        let database = match guard.take() {
            Some(database) => database,
            None => self.open_database()?,
        };
        Ok(guard.insert(database))
    }

    fn open_database(&self) -> Result<Database, StoreError> {
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true);
        let file = self
            .dir
            .open_with(FILE, &options)
            .map_err(|source| DiskError::new("open", &self.path, source))?;
        let database = Database::builder().create_file(file.into_std()).map_err(|error| match error {
            DatabaseError::DatabaseAlreadyOpen => StoreError::InUse { path: self.path.clone() },
            other => self.failed("open", other.into()),
        })?;
        let found = prepare(&database).map_err(|error| self.failed("prepare", error))?;
        if found > FORMAT {
            return Err(StoreError::Newer { path: self.path.clone(), found, known: FORMAT });
        }
        Ok(database)
    }

    fn read_all(&self, database: &Database) -> Result<Vec<(String, Vec<u8>)>, redb::Error> {
        let facts = database.begin_read()?.open_table(FACTS)?;
        let mut found = Vec::new();
        for row in facts.iter()? {
            let (key, value) = row?;
            found.push((key.value().to_owned(), value.value().to_vec()));
        }
        Ok(found)
    }

    fn failed(&self, verb: &'static str, error: redb::Error) -> StoreError {
        match error {
            redb::Error::Io(source) => DiskError::new(verb, &self.path, source).into(),
            other => StoreError::Damaged { path: self.path.clone(), why: other.to_string() },
        }
    }
}

/// Makes the tables of a new file, and says which format the file has.
fn prepare(database: &Database) -> Result<u64, redb::Error> {
    if let Ok(about) = database.begin_read()?.open_table(ABOUT)
        && let Some(format) = about.get("format")?
    {
        return Ok(format.value());
    }
    let transaction = database.begin_write()?;
    transaction.open_table(FACTS)?;
    transaction.open_table(ABOUT)?.insert("format", FORMAT)?;
    transaction.commit()?;
    Ok(FORMAT)
}

fn write<K: AsRef<str>, V: AsRef<[u8]>>(
    database: &Database,
    changes: &[(K, Option<V>)],
) -> Result<(), redb::Error> {
    let transaction = database.begin_write()?;
    {
        let mut facts = transaction.open_table(FACTS)?;
        for (key, value) in changes {
            match value {
                Some(value) => facts.insert(key.as_ref(), value.as_ref())?,
                None => facts.remove(key.as_ref())?,
            };
        }
    }
    transaction.commit()?;
    Ok(())
}

/// Whether the file says what the batch wanted.
fn is_kept<K: AsRef<str>, V: AsRef<[u8]>>(
    database: &Database,
    changes: &[(K, Option<V>)],
) -> Result<bool, redb::Error> {
    let facts = database.begin_read()?.open_table(FACTS)?;
    for (key, value) in changes {
        let found = facts.get(key.as_ref())?;
        if found.as_ref().map(|found| found.value()) != value.as_ref().map(AsRef::as_ref) {
            return Ok(false);
        }
    }
    Ok(true)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOTHING: Option<Vec<u8>> = None;

    fn work() -> (tempfile::TempDir, WorkDir) {
        let parent = tempfile::tempdir().expect("a temporary directory");
        let work = WorkDir::open(parent.path().join("work")).expect("made");
        (parent, work)
    }

    #[test]
    fn batches_are_found_again() {
        let (_parent, work) = work();
        let store = Store::open(&work).expect("made");
        assert_eq!(store.load_all().expect("readable"), []);
        store.commit(&[("agent/b", Some(b"2".to_vec())), ("agent/a", Some(b"1".to_vec()))]).expect("room");
        store
            .commit(&[("agent/b", NOTHING), ("agent/c", Some(vec![])), ("agent/never", NOTHING)])
            .expect("room");
        drop(store);
        let store = Store::open(&work).expect("there");
        let expected = [("agent/a".to_owned(), b"1".to_vec()), ("agent/c".to_owned(), vec![])];
        assert_eq!(store.load_all().expect("readable"), expected);
    }

    #[test]
    fn a_newer_format_is_refused_with_the_way_out() {
        let (_parent, work) = work();
        drop(Store::open(&work).expect("made"));
        let database = Database::open(work.path().join(FILE)).expect("a store");
        let transaction = database.begin_write().expect("writable");
        transaction.open_table(ABOUT).expect("there").insert("format", FORMAT + 1).expect("written");
        transaction.commit().expect("kept");
        drop(database);
        let error = Store::open(&work).expect_err("newer").to_string();
        assert!(
            error.contains("has format 2, and this build reads up to 1: start the newer build"),
            "{error}"
        );
    }

    #[test]
    fn what_is_no_store_is_named() {
        let (_parent, work) = work();
        std::fs::write(work.path().join(FILE), vec![b'x'; 100_000]).expect("written");
        let error = Store::open(&work).expect_err("rubbish");
        assert!(error.sentence().contains("work/registry.redb`"), "{}", error.sentence());
    }

    /// Two handles of one process would undo each other's pages.
    #[test]
    fn a_second_handle_is_refused() {
        let (_parent, work) = work();
        let _store = Store::open(&work).expect("made");
        assert!(matches!(Store::open(&work), Err(StoreError::InUse { .. })));
    }
}
