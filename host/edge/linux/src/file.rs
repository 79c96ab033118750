//! Files without a name.

use std::{fs::File, io};

use rustix::fs::{MemfdFlags, memfd_create};

/// An empty file in memory; `name` is for people who look at /proc.
///
/// # Errors
/// When the process has no descriptor left.
pub fn in_memory(name: &str) -> io::Result<File> {
    Ok(File::from(memfd_create(name, MemfdFlags::CLOEXEC)?))
}
