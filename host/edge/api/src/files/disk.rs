//! Opening what a path names, and nothing else.

use std::{
    io,
    path::{Path, PathBuf},
};

use cap_std::{
    ambient_authority,
    fs::{Dir, Metadata, MetadataExt, OpenOptions, OpenOptionsExt},
};

use super::{Attached, names::Names};

/// Why a path was not opened.
#[derive(Debug)]
pub(crate) enum Failure {
    /// There is nothing of this name.
    Missing,
    /// It leads out of the directory that was attached.
    Outside,
    /// It is a directory where a file was wanted.
    Directory,
    /// It is a pipe, a device or a socket.
    Special,
    /// A directory with more entries than are listed.
    TooMany,
    /// The system said so.
    Io(String),
}

/// One entry of a directory.
#[derive(Debug)]
pub(crate) struct Entry {
    pub(crate) path: String,
    pub(crate) mode: u32,
    pub(crate) links: u64,
    pub(crate) user: String,
    pub(crate) group: String,
    pub(crate) size: u64,
    pub(crate) modified_seconds: i64,
}

/// Lists a directory in the order of the names; of a file, nothing.
pub(crate) fn list(place: &Attached, prefix: &str, entries_max: usize) -> Result<Vec<Entry>, Failure> {
    let (root, rest) = opened_root(place)?;
    if !metadata(&root, &rest)?.is_dir() {
        return Ok(Vec::new());
    }
    let listed =
        if rest.as_os_str().is_empty() { root.entries() } else { root.read_dir(&rest) }.map_err(failure)?;
    let names = Names::read();
    let mut entries = Vec::new();
    for entry in listed {
        let entry = entry.map_err(failure)?;
        // What has gone meanwhile is not there any more.
        let Ok(found) = entry.metadata() else { continue };
        if entries.len() == entries_max {
            return Err(Failure::TooMany);
        }
        entries.push(Entry {
            path: format!("{prefix}/{}", entry.file_name().to_string_lossy()),
            mode: found.mode(),
            links: found.nlink(),
            user: names.user(found.uid()),
            group: names.group(found.gid()),
            size: found.size(),
            modified_seconds: found.mtime(),
        });
    }
    entries.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(entries)
}

/// Opens a regular file and tells its size.
pub(crate) fn open_file(place: &Attached) -> Result<(std::fs::File, u64), Failure> {
    let (root, rest) = opened_root(place)?;
    if metadata(&root, &rest)?.is_dir() {
        return Err(Failure::Directory);
    }
    let mut options = OpenOptions::new();
    // A pipe would wait for a writer that may never come.
    options.read(true).custom_flags(libc::O_NONBLOCK | libc::O_NOCTTY);
    let file = root.open_with(&rest, &options).map_err(failure)?;
    let found = file.metadata().map_err(failure)?;
    if found.is_dir() {
        return Err(Failure::Directory);
    }
    if !found.is_file() {
        return Err(Failure::Special);
    }
    Ok((file.into_std(), found.size()))
}

/// A handle of the attached directory and the way below it. Of an attached file it is the
/// directory that holds it.
fn opened_root(place: &Attached) -> Result<(Dir, PathBuf), Failure> {
    let rest: PathBuf = place.rest.split('/').filter(|part| !part.is_empty() && *part != ".").collect();
    if rest.components().any(|part| part.as_os_str() == "..") {
        return Err(Failure::Outside);
    }
    match Dir::open_ambient_dir(&place.root, ambient_authority()) {
        Ok(root) => Ok((root, rest)),
        Err(error) if error.kind() == io::ErrorKind::NotADirectory && place.rest.is_empty() => {
            let file = Path::new(&place.root);
            let (Some(parent), Some(name)) = (file.parent(), file.file_name()) else {
                return Err(Failure::Missing);
            };
            Ok((Dir::open_ambient_dir(parent, ambient_authority()).map_err(failure)?, name.into()))
        }
        Err(error) => Err(failure(error)),
    }
}

fn metadata(root: &Dir, rest: &Path) -> Result<Metadata, Failure> {
    if rest.as_os_str().is_empty() { root.dir_metadata() } else { root.metadata(rest) }.map_err(failure)
}

fn failure(error: io::Error) -> Failure {
    match error.kind() {
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => Failure::Missing,
        // What cap-std says of a path that leads out of its directory.
        io::ErrorKind::PermissionDenied if error.raw_os_error().is_none() => Failure::Outside,
        // ENXIO: a socket, or a pipe without a writer.
        _ if error.raw_os_error() == Some(libc::ENXIO) => Failure::Special,
        _ => Failure::Io(error.to_string()),
    }
}
