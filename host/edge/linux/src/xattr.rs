//! Marks on files that only root can set or see.

use std::{io, path::Path};

use rustix::fs::{XattrFlags, getxattr, setxattr};

/// Sets the mark `name` (`trusted.…`).
///
/// # Errors
/// When the file system keeps none or this is not root.
pub fn set_mark(path: &Path, name: &str) -> io::Result<()> {
    Ok(setxattr(path, name, b"1", XattrFlags::empty())?)
}

/// Whether the mark `name` is set.
pub fn has_mark(path: &Path, name: &str) -> bool {
    let mut value = [0u8; 8];
    getxattr(path, name, &mut value[..]).is_ok()
}
