//! Zip archives: plain files, directories, and links that stay inside.
//!
//! The library finds the entries and checks their check sums. Names, kinds and sizes are judged
//! here. The directory at the end of the archive is what counts, as for every program that unpacks.

use std::{
    ffi::OsStr,
    fs::File,
    io::{BufReader, Read},
    os::unix::ffi::OsStrExt,
    path::PathBuf,
};

use zip::{ZipArchive, read::ZipFile, result::ZipError};

use super::place::Place;
use crate::{
    Cause,
    work::{Bounded, Stop},
};

/// The kind of a file, in the upper half of the attributes (`inode(7)`).
const KIND_MASK: u32 = 0o170_000;
const FILE: u32 = 0o100_000;
const DIRECTORY: u32 = 0o040_000;
const LINK: u32 = 0o120_000;
/// As long as a path can be on Linux.
const LINK_BYTES_MAX: u64 = 4096;

/// Unpacks the archive in `file`.
pub(super) fn unpack(file: BufReader<File>, place: Place<'_>, stop: &Stop) -> Result<(), Cause> {
    let unreadable = |error| place.unreadable(in_io(error));
    let mut archive = ZipArchive::new(file).map_err(unreadable)?;
    let mut left = place.limits.unpacked_bytes_max;
    for index in 0..archive.len() {
        let entry = archive.by_index(index).map_err(unreadable)?;
        if index as u64 >= place.limits.entries_max {
            return Err(place.too_many(&name_of(&entry)));
        }
        left -= put(place, entry, left, stop)?;
    }
    Ok(())
}

/// Writes one entry where it belongs, and returns how much came of it: at most `left`.
fn put(place: Place<'_>, entry: ZipFile<'_, BufReader<File>>, left: u64, stop: &Stop) -> Result<u64, Cause> {
    let name = name_of(&entry);
    let size = entry.size();
    let mode = entry.unix_mode();
    // Other systems say nothing of a kind: then the name does.
    let kind = match mode.unwrap_or(0) & KIND_MASK {
        0 if entry.name_raw().ends_with(b"/") => DIRECTORY,
        0 => FILE,
        kind => kind,
    };
    match kind {
        DIRECTORY => place.directory(&name, mode.unwrap_or(0o755)).map(|()| 0),
        FILE => {
            let mut content = Bounded::new(entry, left, stop.clone());
            place.file(&name, &mut content, size, mode.unwrap_or(0o644), None)
        }
        LINK => {
            let mut target = Vec::new();
            let read = entry.take(LINK_BYTES_MAX + 1).read_to_end(&mut target);
            read.map_err(|source| place.unreadable(source))?;
            if target.len() as u64 > LINK_BYTES_MAX {
                return Err(place.refuse(&name, format!("is a link of more than {LINK_BYTES_MAX} bytes")));
            }
            let bytes = target.len() as u64;
            place.symlink(&name, OsStr::from_bytes(&target).as_ref()).map(|()| bytes.min(left))
        }
        _ => Err(place.refuse(&name, "is a device, a pipe or a socket")),
    }
}

fn name_of(entry: &ZipFile<'_, BufReader<File>>) -> PathBuf {
    OsStr::from_bytes(entry.name_raw()).into()
}

fn in_io(error: ZipError) -> std::io::Error {
    match error {
        ZipError::Io(error) => error,
        other => std::io::Error::other(other.to_string()),
    }
}
