//! Control groups: one directory per container and controller.
//!
//! A [`Root`] is made once, at start, and finds out for each controller where and
//! in which version it is mounted (hosts mix both). A [`Group`] is one container's
//! share of it. One file per controller says what its limits are called; policy
//! (how much, of what) is in the numbers that come in.
//!
//! Start with [`Root::prepare`].
#![forbid(unsafe_code)]

mod controller;
mod error;
mod group;
mod mounts;
mod place;
mod root;
mod v1;

pub use controller::Kind;
pub use error::CgroupError;
pub use group::{Group, MemoryUsage};
pub use root::Root;
