//! Tar archives: plain files, directories, and links that stay inside.
//!
//! The library only splits the stream into raw headers and contents. What a
//! header means is read here, because names and links are what attacks are made
//! of, and because the library reads the records that carry long names into
//! memory whatever their size.

use std::{
    ffi::OsString,
    io::{self, Read},
    os::unix::ffi::{OsStrExt, OsStringExt},
    path::PathBuf,
    time::{Duration, SystemTime},
};

use tar::{Archive, Entry, EntryType, Header, PaxExtensions};

use super::place::Place;
use crate::Cause;

/// The most that a record with a long name or with extensions may hold. Linux knows no longer
/// path than 4 KiB; extensions also carry attributes and times.
const RECORD_BYTES_MAX: u64 = 64 << 10;

/// Unpacks the archive that `from` reads.
pub(super) fn unpack(from: impl Read, place: Place<'_>) -> Result<(), Cause> {
    let mut reader = Archive::new(from);
    let unreadable = |source| place.unreadable(source);
    let mut ahead = Ahead::default();
    let mut count = 0;
    for entry in reader.entries().map_err(unreadable)?.raw(true) {
        let mut entry = entry.map_err(unreadable)?;
        count += 1;
        if count > place.limits.entries_max {
            return Err(place.too_many(&name_in(entry.header())));
        }
        if ahead.take(&mut entry).map_err(unreadable)? == Taken::Record {
            continue;
        }
        put(place, &mut entry, std::mem::take(&mut ahead))?;
    }
    // To the very end, where a compressed stream has its check sum.
    io::copy(&mut reader.into_inner(), &mut io::sink()).map_err(unreadable)?;
    Ok(())
}

/// Writes one entry where it belongs.
fn put(place: Place<'_>, entry: &mut Entry<'_, impl Read>, ahead: Ahead) -> Result<(), Cause> {
    let name = ahead.path.unwrap_or_else(|| name_in(entry.header()));
    if ahead.is_sparse || entry.header().entry_type() == EntryType::GNUSparse {
        return Err(place.refuse(&name, "is a sparse file: pack it without `--sparse`"));
    }
    if ahead.size.is_some_and(|size| entry.header().entry_size().ok() != Some(size)) {
        return Err(place.refuse(&name, "has two different sizes"));
    }
    let link = ahead.link.or_else(|| entry.header().link_name_bytes().map(|bytes| bytes.into_owned()));
    let link = link.map(path_of).unwrap_or_default();

    let kind = match entry.header().entry_type() {
        // The oldest form has no type for directories.
        EntryType::Regular if name.as_os_str().as_bytes().ends_with(b"/") => EntryType::Directory,
        kind => kind,
    };
    let mode = entry.header().mode().unwrap_or(0o644);
    match kind {
        EntryType::Regular | EntryType::Continuous => {
            let size = entry.header().entry_size().map_err(|source| place.unreadable(source))?;
            let seconds = entry.header().mtime().ok();
            // A time that no clock can show is left out rather than refused.
            let modified =
                seconds.and_then(|seconds| SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(seconds)));
            place.file(&name, entry, size, mode, modified).map(drop)
        }
        EntryType::Directory => place.directory(&name, mode),
        EntryType::Symlink => place.symlink(&name, &link),
        EntryType::Link => place.hard_link(&name, &link),
        EntryType::Block | EntryType::Char => Err(place.refuse(&name, "is a device")),
        EntryType::Fifo => Err(place.refuse(&name, "is a pipe")),
        other => {
            let why = format!("is of the unknown kind `{}`", char::from(other.as_byte()));
            Err(place.refuse(&name, why))
        }
    }
}

/// What records said of the entry that follows them.
#[derive(Default)]
struct Ahead {
    path: Option<PathBuf>,
    link: Option<Vec<u8>>,
    size: Option<u64>,
    is_sparse: bool,
}

/// What an entry of the stream was.
#[derive(PartialEq)]
enum Taken {
    /// A record about the entry that follows.
    Record,
    /// An entry.
    Entry,
}

impl Ahead {
    fn take(&mut self, entry: &mut Entry<'_, impl Read>) -> io::Result<Taken> {
        match entry.header().entry_type() {
            EntryType::GNULongName => self.path = Some(path_of(c_string(record(entry)?))),
            EntryType::GNULongLink => self.link = Some(c_string(record(entry)?)),
            EntryType::XHeader => self.extensions(&record(entry)?)?,
            // It speaks of all that follow; nothing in it that we look at may stand there.
            EntryType::XGlobalHeader => {}
            _ => return Ok(Taken::Entry),
        }
        Ok(Taken::Record)
    }

    fn extensions(&mut self, bytes: &[u8]) -> io::Result<()> {
        for extension in PaxExtensions::new(bytes) {
            let extension = extension?;
            match extension.key_bytes() {
                b"path" => self.path = Some(path_of(extension.value_bytes().to_vec())),
                b"linkpath" => self.link = Some(extension.value_bytes().to_vec()),
                b"size" => {
                    let size = extension.value().ok().and_then(|text| text.parse().ok());
                    self.size = Some(size.ok_or_else(|| io::Error::other("a size that is not a number"))?);
                }
                key if key.starts_with(b"GNU.sparse.") => self.is_sparse = true,
                _ => {}
            }
        }
        Ok(())
    }
}

fn record(entry: &mut Entry<'_, impl Read>) -> io::Result<Vec<u8>> {
    let size = entry.header().entry_size()?;
    if size > RECORD_BYTES_MAX {
        let why = format!("a record of {size} bytes about an entry, and the limit is {RECORD_BYTES_MAX}");
        return Err(io::Error::other(why));
    }
    let mut bytes = Vec::new();
    entry.read_to_end(&mut bytes)?;
    match bytes.len() as u64 == size {
        true => Ok(bytes),
        false => Err(io::ErrorKind::UnexpectedEof.into()),
    }
}

fn name_in(header: &Header) -> PathBuf {
    path_of(header.path_bytes().into_owned())
}

fn path_of(bytes: Vec<u8>) -> PathBuf {
    PathBuf::from(OsString::from_vec(bytes))
}

fn c_string(mut bytes: Vec<u8>) -> Vec<u8> {
    bytes.truncate(bytes.iter().position(|byte| *byte == 0).unwrap_or(bytes.len()));
    bytes
}
