//! What is asked for, within which limits, and how it goes on.

use std::{path::PathBuf, time::Duration};

use mezzo_model::container::Fetch;

use crate::Cache;

/// Everything that one container wants fetched.
#[derive(Clone, Debug)]
pub struct FetchRequest {
    /// What to bring, in order.
    pub items: Vec<Fetch>,
    /// The sandbox on the host; must exist.
    pub sandbox: PathBuf,
    /// Account that everything brought in will belong to, where we may give files away (as root).
    pub user: Option<String>,
    /// What a relative path is relative to (`--frameworks_home`).
    pub frameworks_home: Option<PathBuf>,
    /// Where Hadoop's client is (`--hadoop_home`); else HADOOP_HOME and PATH say it.
    pub hadoop_home: Option<PathBuf>,
    /// A sender that gives less than one byte a second over this long is given up
    /// (`--fetcher_stall_timeout`).
    pub stall_timeout: Duration,
    /// What is done about a server that fails.
    pub retry: Retry,
    /// How much may come.
    pub limits: Limits,
    /// Where items that ask for it are shared with other tasks; nothing is without it.
    pub cache: Option<Cache>,
}

/// What is done about a server that fails: it is asked again, where that may help, for the part
/// that is missing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retry {
    /// How often it is asked in all; at least once.
    pub attempts_max: u32,
    /// How long to wait before the second attempt; before each further one twice as long.
    pub pause: Duration,
}

impl Default for Retry {
    /// Three and a half seconds of patience: a server that restarts, not one that is gone.
    fn default() -> Self {
        Self { attempts_max: 4, pause: Duration::from_millis(500) }
    }
}

impl FetchRequest {
    /// A minute, as Mesos has it.
    pub const STALL_TIMEOUT_DEFAULT: Duration = Duration::from_secs(60);

    /// A request for `items` with nothing else said.
    pub fn new(items: Vec<Fetch>, sandbox: impl Into<PathBuf>) -> Self {
        Self {
            items,
            sandbox: sandbox.into(),
            user: None,
            frameworks_home: None,
            hadoop_home: None,
            stall_timeout: Self::STALL_TIMEOUT_DEFAULT,
            retry: Retry::default(),
            limits: Limits::default(),
            cache: None,
        }
    }
}

/// The most that one item may be. More is refused with the limit named.
///
/// They are not a disk quota: they only bound what a mistake or a bomb can do
/// before somebody sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Size as it is copied or downloaded. 64 GiB: larger than any artefact we have seen.
    pub bytes_max: u64,
    /// Size of all that comes out of an archive. 256 GiB: four times the above.
    pub unpacked_bytes_max: u64,
    /// Entries in an archive. A million: several times the largest source trees.
    pub entries_max: u64,
    /// Directories below each other, in an archive or an output file.
    pub depth_max: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { bytes_max: 64 << 30, unpacked_bytes_max: 256 << 30, entries_max: 1_000_000, depth_max: 128 }
    }
}

/// A moment of a fetch, for whoever watches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress<'a> {
    /// An item is begun.
    Started {
        /// Position in the request.
        index: usize,
        /// Its URI, without a password.
        uri: &'a str,
    },
    /// Bytes have come.
    Received {
        /// Position in the request.
        index: usize,
        /// So far.
        bytes: u64,
        /// In all, where the sender said so.
        bytes_total: Option<u64>,
    },
    /// All bytes are there and the archive is being opened.
    Unpacking {
        /// Position in the request.
        index: usize,
    },
    /// The item is in the sandbox.
    Done {
        /// Position in the request.
        index: usize,
        /// Its size as it came.
        bytes: u64,
    },
}
