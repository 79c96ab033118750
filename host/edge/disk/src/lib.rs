//! The disk: a master's store and an agent's checkpoints, both below one work directory.
//!
//! A [`WorkDir`] is locked for one process; everything below it is opened through its
//! handle, so no name and no symbolic link leads out. A master keeps its registry in a
//! [`Store`], whose batches are durable or not there. An agent keeps [`Checkpoints`]:
//! small files that are replaced at once, and logs whose torn end is cut off.
//!
//! Deliberately absent: what the bytes mean, and when to write them. All calls block.
#![forbid(unsafe_code)]

mod checkpoints;
mod error;
pub mod log;
mod plugins;
mod store;
mod work_dir;

pub use checkpoints::{Change, Checkpoints, Write};
pub use error::DiskError;
pub use plugins::PluginFiles;
pub use store::{Store, StoreError};
pub use work_dir::{WorkDir, WorkDirError};
