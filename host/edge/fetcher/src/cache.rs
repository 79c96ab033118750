//! What tasks share: files that were fetched once, on this agent's disk.
//!
//! However many tasks ask for a URI, one of them brings it and the others wait for that one. An
//! entry is held by each that uses it, and never goes meanwhile. Whatever is wrong with the cache
//! itself, a task is served without it.
//!
//! An entry of an agent's earlier life is read and compared with its check sum before anybody gets it.
//!
//! [`account`] is the arithmetic, [`shelf`] the directory.

mod account;
mod shelf;

use std::{
    collections::HashMap,
    fs::File,
    io,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::sync::watch;

pub(crate) use account::Key;
use account::{Account, Serial};
use shelf::{Note, Shelf};

use crate::{Cause, digest, http::Version, work::blocking};

/// Files that tasks share. Clones are the same cache.
#[derive(Clone, Debug)]
pub struct Cache(Arc<Inner>);

/// Why there cannot be a cache.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CacheError {
    /// Two agents, or one that has not ended yet.
    #[error("another agent uses `{path}`: give this one a `--fetcher_cache_dir` of its own", path = path.display())]
    Taken {
        /// The directory.
        path: PathBuf,
    },
    /// The directory cannot be used.
    #[error("failed to {verb} `{path}`: give a writable directory with `--fetcher_cache_dir`", path = path.display())]
    Directory {
        /// What was tried.
        verb: &'static str,
        /// On what.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
}

#[derive(Debug)]
struct Inner {
    shelf: Shelf,
    books: Mutex<Books>,
}

#[derive(Debug)]
struct Books {
    account: Account,
    files: HashMap<Serial, Kept>,
}

/// What the account does not know of an entry.
#[derive(Debug)]
struct Kept {
    file: String,
    bytes: u64,
    /// Of an earlier life: what it must be.
    unchecked: Option<digest::Sha256>,
    /// While somebody brings it: when that ends, and how.
    end: Option<watch::Receiver<End>>,
}

/// How bringing an entry ended.
#[derive(Clone, Debug, PartialEq, Eq)]
enum End {
    NotYet,
    Usable,
    Failed(String),
}

/// Why an item does not come out of the cache.
pub(crate) enum Bypass {
    /// The cache cannot serve it; it may be fetched without.
    Instead(Cause),
    /// It was being fetched, and that failed.
    Failed(Cause),
}

impl Cache {
    /// Takes `directory` for files of at most `bytes_max` together, with what an earlier life left there.
    ///
    /// # Errors
    /// When the directory cannot be used, or another agent does.
    pub fn open(directory: &Path, bytes_max: u64) -> Result<Cache, CacheError> {
        let (shelf, found) = Shelf::open(directory)?;
        let mut books = Books { account: Account::new(bytes_max, 1), files: HashMap::new() };
        // The newest first: what does not fit any more is old.
        for (serial, note) in found.into_iter().rev() {
            if !books.account.adopt(serial, note.key.clone(), note.bytes) {
                shelf.remove(serial, &note.file);
                continue;
            }
            let unchecked = note.checksum();
            books.files.insert(serial, Kept { file: note.file, bytes: note.bytes, unchecked, end: None });
        }
        Ok(Cache(Arc::new(Inner { shelf, books: Mutex::new(books) })))
    }

    /// How much it may hold.
    pub fn bytes_max(&self) -> u64 {
        self.books().account.bytes_max()
    }

    /// How much it holds, with what is reserved for files on their way.
    pub fn bytes_used(&self) -> u64 {
        self.books().account.bytes_used()
    }

    /// The file for `key`: the one that is there, the one that somebody is bringing, or a new one.
    ///
    /// `size` says how much room it needs; `bring` makes the file at a path and says its size and version.
    pub(crate) async fn obtain(
        &self,
        key: Key,
        size: impl Future<Output = Result<u64, Cause>>,
        bring: impl AsyncFnOnce(PathBuf) -> Result<(u64, Version), Cause>,
    ) -> Result<Held, Bypass> {
        loop {
            match self.claim(&key) {
                Claim::There(held) => return Ok(held),
                Claim::Coming(held, mut end) => match wait(&mut end).await {
                    Some(End::Usable) => return Ok(held),
                    Some(End::Failed(why)) => return Err(Bypass::Instead(Cause::Cache { why })),
                    // Whoever brought it was ended: it is somebody else's turn.
                    Some(End::NotYet) | None => drop(held),
                },
                Claim::Check(coming, checksum) => match coming.check(checksum).await {
                    true => return Ok(coming.end_well()),
                    false => coming.abandon(),
                },
                Claim::Mine(coming) => return coming.fill(key, size, bring).await,
            }
        }
    }

    fn claim(&self, key: &Key) -> Claim {
        let mut books = self.books();
        let found = books.account.find(key);
        let (serial, is_resident) = match found {
            Some(found) => found,
            None => {
                let serial = books.account.begin(key.clone());
                let file = self.0.shelf.place(serial, key);
                let (said, end) = watch::channel(End::NotYet);
                books.files.insert(serial, Kept { file, bytes: 0, unchecked: None, end: Some(end) });
                drop(books);
                return Claim::Mine(Coming { held: self.held(serial), said });
            }
        };
        let Some(kept) = books.files.get_mut(&serial) else {
            unreachable!("what is in the account has a file");
        };
        match (&kept.end, kept.unchecked) {
            (Some(end), _) if !is_resident => {
                let end = end.clone();
                drop(books);
                Claim::Coming(self.held(serial), end)
            }
            (_, Some(checksum)) => {
                let (said, end) = watch::channel(End::NotYet);
                kept.end = Some(end);
                books.account.suspect(serial);
                drop(books);
                Claim::Check(Coming { held: self.held(serial), said }, checksum)
            }
            _ => {
                drop(books);
                Claim::There(self.held(serial))
            }
        }
    }

    /// A hold that the account has counted already.
    fn held(&self, serial: Serial) -> Held {
        let books = self.books();
        let file = books.files.get(&serial).map(|kept| kept.file.clone()).unwrap_or_default();
        let path = self.0.shelf.path_of(&file);
        Held(Arc::new(Hold { cache: self.clone(), serial, path }))
    }

    /// Takes files off the shelf that the account has let go of.
    fn remove(&self, books: &mut Books, gone: impl IntoIterator<Item = Serial>) {
        for serial in gone {
            if let Some(kept) = books.files.remove(&serial) {
                self.0.shelf.remove(serial, &kept.file);
            }
        }
    }

    fn books(&self) -> MutexGuard<'_, Books> {
        self.0.books.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

enum Claim {
    There(Held),
    Coming(Held, watch::Receiver<End>),
    Check(Coming, digest::Sha256),
    Mine(Coming),
}

async fn wait(end: &mut watch::Receiver<End>) -> Option<End> {
    Some(end.wait_for(|end| *end != End::NotYet).await.ok()?.clone())
}

/// A file of the cache that stays there until the last clone is dropped.
#[derive(Clone, Debug)]
pub(crate) struct Held(Arc<Hold>);

#[derive(Debug)]
struct Hold {
    cache: Cache,
    serial: Serial,
    path: PathBuf,
}

impl Held {
    pub fn path(&self) -> &Path {
        &self.0.path
    }

    pub fn bytes(&self) -> u64 {
        self.0.cache.books().files.get(&self.0.serial).map_or(0, |kept| kept.bytes)
    }

    pub fn open(&self) -> Result<File, Cause> {
        File::open(self.path()).map_err(digest::unreadable)
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        let mut books = self.cache.books();
        if books.account.release(self.serial) {
            self.cache.remove(&mut books, [self.serial]);
        }
    }
}

/// An entry that somebody is bringing. Where that ends without a word, the entry is gone and those
/// who wait try again.
struct Coming {
    held: Held,
    said: watch::Sender<End>,
}

impl Coming {
    async fn fill(
        self,
        key: Key,
        size: impl Future<Output = Result<u64, Cause>>,
        bring: impl AsyncFnOnce(PathBuf) -> Result<(u64, Version), Cause>,
    ) -> Result<Held, Bypass> {
        let reserved = match size.await {
            Ok(bytes) => self.reserve(bytes),
            Err(cause) => Err(cause),
        };
        if let Err(cause) = reserved {
            self.fail(&cause);
            return Err(Bypass::Instead(cause));
        }
        let brought = async {
            let (bytes, version) = bring(self.held.path().to_owned()).await?;
            let sha256 = self.checksum().await?;
            self.keep(Note { key, file: self.file(), bytes, sha256: sha256.to_string(), version });
            Ok(())
        };
        match brought.await {
            Ok(()) => Ok(self.end_well()),
            Err(cause) => {
                self.fail(&cause);
                Err(Bypass::Failed(cause))
            }
        }
    }

    fn reserve(&self, bytes: u64) -> Result<(), Cause> {
        let cache = &self.held.0.cache;
        let mut books = cache.books();
        let gone = books.account.reserve(self.held.0.serial, bytes).map_err(|no_room| Cause::Cache {
            why: format!(
                "Could not find enough cache files to evict: {bytes} bytes are needed, {} of \
                 `--fetcher_cache_size` can be had",
                no_room.bytes_possible
            ),
        })?;
        cache.remove(&mut books, gone);
        Ok(())
    }

    /// Says what the file is, unless it is larger than was said: then it goes after its use.
    fn keep(&self, note: Note) {
        let Held(hold) = &self.held;
        let mut books = hold.cache.books();
        if let Some(kept) = books.files.get_mut(&hold.serial) {
            kept.bytes = note.bytes;
        }
        if !books.account.complete(hold.serial, note.bytes) {
            return;
        }
        if let Err(error) = hold.cache.0.shelf.write(hold.serial, &note) {
            tracing::warn!(%error, "a file of the cache could not be noted and goes after its use");
            books.account.forget(hold.serial);
        }
    }

    async fn checksum(&self) -> Result<digest::Sha256, Cause> {
        let file = self.held.open()?;
        blocking(move |stop| digest::of(&file, &stop).map_err(digest::unreadable)).await
    }

    async fn check(&self, wanted: digest::Sha256) -> bool {
        self.checksum().await.is_ok_and(|found| found == wanted)
    }

    fn end_well(&self) -> Held {
        let Held(hold) = &self.held;
        let mut books = hold.cache.books();
        let books = &mut *books;
        if let Some(kept) = books.files.get_mut(&hold.serial) {
            kept.end = None;
            if kept.unchecked.take().is_some() {
                books.account.complete(hold.serial, kept.bytes);
            }
        }
        self.said.send_replace(End::Usable);
        self.held.clone()
    }

    fn fail(&self, cause: &Cause) {
        self.forget();
        self.said.send_replace(End::Failed(crate::error::in_one_line(cause)));
    }

    /// What was kept is not what it must be: nobody gets it, and those who wait try again.
    fn abandon(self) {
        let path = self.held.path().display();
        tracing::warn!(%path, "a file of the cache was damaged and is fetched anew");
    }

    fn forget(&self) {
        let Held(hold) = &self.held;
        hold.cache.books().account.forget(hold.serial);
    }

    fn file(&self) -> String {
        let Held(hold) = &self.held;
        hold.cache.books().files.get(&hold.serial).map(|kept| kept.file.clone()).unwrap_or_default()
    }
}

impl Drop for Coming {
    fn drop(&mut self) {
        if *self.said.borrow() == End::NotYet {
            self.forget();
        }
    }
}
