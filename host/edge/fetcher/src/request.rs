//! What is asked for, within which limits, and how it goes on.

use std::{path::PathBuf, time::Duration};

use mezzo_model::container::Fetch;

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
    /// A sender that gives less than one byte a second over this long is given up
    /// (`--fetcher_stall_timeout`).
    pub stall_timeout: Duration,
    /// How much may come.
    pub limits: Limits,
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
            stall_timeout: Self::STALL_TIMEOUT_DEFAULT,
            limits: Limits::default(),
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
