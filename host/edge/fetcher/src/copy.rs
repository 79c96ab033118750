//! Copying one open file to another, in the kernel.

use std::{
    fs::File,
    io::{self, Read},
};

use crate::work::Stop;

/// How much is copied between two looks at whether anybody still waits.
const STEP_BYTES: u64 = 64 << 20;

/// Copies all of `from` to the end of `to`, and returns its size: shares the blocks where the file
/// system can, else the bytes never leave the kernel.
///
/// # Errors
/// [`io::ErrorKind::FileTooLarge`] at the first byte after `limit`.
pub(crate) fn copy(from: &File, to: &File, limit: u64, stop: &Stop) -> io::Result<u64> {
    let size = from.metadata()?.len();
    if size > limit {
        return Err(io::ErrorKind::FileTooLarge.into());
    }
    // Not every file system can, and not between two of them (ioctl_ficlone(2)).
    if rustix::fs::ioctl_ficlone(to, from).is_ok() {
        return Ok(to.metadata()?.len());
    }
    let mut copied = 0;
    loop {
        stop.check()?;
        match io::copy(&mut from.take(STEP_BYTES), &mut &*to)? {
            0 => return Ok(copied),
            count => copied += count,
        }
        if copied > limit {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
    }
}
