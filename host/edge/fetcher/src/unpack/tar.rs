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
    path::{Path, PathBuf},
    time::{Duration, SystemTime},
};

use tar::{Archive, Entry, EntryType, Header, PaxExtensions};

use super::bad_archive;
use crate::{
    Cause, Limits,
    sandbox::{self, Inside, LinkError, Sandbox},
};

/// The most that a record with a long name or with extensions may hold. Linux knows no longer
/// path than 4 KiB; extensions also carry attributes and times.
const RECORD_BYTES_MAX: u64 = 64 << 10;

/// Unpacks the archive that `from` reads. `archive` is its name, for messages.
pub(super) fn unpack(
    from: impl Read,
    sandbox: &Sandbox,
    archive: &Inside,
    limits: Limits,
) -> Result<(), Cause> {
    let mut reader = Archive::new(from);
    let unreadable = |source| bad_archive(archive, source, limits);
    let mut ahead = Ahead::default();
    let mut count = 0;
    for entry in reader.entries().map_err(unreadable)?.raw(true) {
        let mut entry = entry.map_err(unreadable)?;
        count += 1;
        let place = Place { sandbox, archive, limits };
        if count > limits.entries_max {
            let why = format!("is one more than the limit of {} entries", limits.entries_max);
            return Err(place.refuse(&name_in(entry.header()), why));
        }
        if ahead.take(&mut entry).map_err(unreadable)? == Taken::Record {
            continue;
        }
        place.put(&mut entry, std::mem::take(&mut ahead))?;
    }
    // To the very end, where a compressed stream has its check sum.
    io::copy(&mut reader.into_inner(), &mut io::sink()).map_err(unreadable)?;
    Ok(())
}

/// Where the entries go.
#[derive(Clone, Copy)]
struct Place<'a> {
    sandbox: &'a Sandbox,
    archive: &'a Inside,
    limits: Limits,
}

impl Place<'_> {
    fn put(&self, entry: &mut Entry<'_, impl Read>, ahead: Ahead) -> Result<(), Cause> {
        let name = ahead.path.unwrap_or_else(|| name_in(entry.header()));
        if ahead.is_sparse || entry.header().entry_type() == EntryType::GNUSparse {
            return Err(self.refuse(&name, "is a sparse file: pack it without `--sparse`"));
        }
        if ahead.size.is_some_and(|size| entry.header().entry_size().ok() != Some(size)) {
            return Err(self.refuse(&name, "has two different sizes"));
        }
        let link = ahead.link.or_else(|| entry.header().link_name_bytes().map(|bytes| bytes.into_owned()));
        let link = link.map(path_of).unwrap_or_default();

        let kind = match entry.header().entry_type() {
            // The oldest form has no type for directories.
            EntryType::Regular if name.as_os_str().as_bytes().ends_with(b"/") => EntryType::Directory,
            kind => kind,
        };
        if kind.is_dir() && is_top(&name) {
            return Ok(());
        }
        let at = self.inside(&name)?;
        let mode = entry.header().mode().unwrap_or(0o644);
        let done = match kind {
            EntryType::Regular | EntryType::Continuous => self.file(entry, &at, mode),
            EntryType::Directory => self.sandbox.directory(&at, mode),
            EntryType::Symlink => match self.sandbox.symlink(&link, &at) {
                Ok(()) => Ok(()),
                Err(LinkError::Outside) => {
                    let why = format!("is a link to `{}`, which may lead out of the sandbox", link.display());
                    return Err(self.refuse(&name, why));
                }
                Err(LinkError::Io(error)) => Err(error),
            },
            EntryType::Link => {
                let from = self.inside(&link)?;
                self.sandbox.hard_link(&from, &at)
            }
            EntryType::Block | EntryType::Char => return Err(self.refuse(&name, "is a device")),
            EntryType::Fifo => return Err(self.refuse(&name, "is a pipe")),
            other => {
                let why = format!("is of the unknown kind `{}`", char::from(other.as_byte()));
                return Err(self.refuse(&name, why));
            }
        };
        done.map_err(|source| match source.kind() {
            io::ErrorKind::FileTooLarge => Cause::TooLarge { limit: self.limits.unpacked_bytes_max },
            _ => self.refuse(&name, format!("could not be written: {source}")),
        })
    }

    fn file(&self, entry: &mut Entry<'_, impl Read>, at: &Inside, mode: u32) -> io::Result<()> {
        let size = entry.header().entry_size()?;
        let modified = entry.header().mtime().ok().and_then(|seconds| {
            // A time that no clock can show is left out rather than refused.
            SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(seconds))
        });
        let mut file = self.sandbox.create(at)?;
        let written = io::copy(entry, &mut file)?;
        if written != size {
            let cut = format!("the archive ends after {written} of its {size} bytes");
            return Err(io::Error::new(io::ErrorKind::UnexpectedEof, cut));
        }
        sandbox::finish(&file, mode, modified)
    }

    fn inside(&self, path: &Path) -> Result<Inside, Cause> {
        let inside = Inside::parse(path).map_err(|outside| self.refuse(path, outside.0))?;
        match inside.depth() <= self.limits.depth_max {
            true => Ok(inside),
            false => {
                Err(self.refuse(path, format!("lies deeper than {} directories", self.limits.depth_max)))
            }
        }
    }

    fn refuse(&self, entry: &Path, why: impl Into<String>) -> Cause {
        let entry = entry.display().to_string().chars().take(200).flat_map(char::escape_debug).collect();
        Cause::BadEntry { target: self.archive.to_string(), entry, why: why.into() }
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

/// `./`, which many archives begin with.
fn is_top(path: &Path) -> bool {
    path.components().all(|part| part == std::path::Component::CurDir) && !path.as_os_str().is_empty()
}
