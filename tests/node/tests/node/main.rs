//! Containers on the real kernel, one noun per file.
//!
//! Every test ends by looking for processes, control groups, mounts and files that
//! it left behind; see `World`.

mod destroy;
mod launch;
mod launcher;
mod limits;
mod posix;
mod recovery;
mod start;
mod statistics;
mod walls;
