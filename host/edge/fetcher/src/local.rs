//! Copying a file of the agent's host.

use std::{
    fs::{File, OpenOptions},
    io,
    os::unix::fs::{FileTypeExt, OpenOptionsExt, PermissionsExt},
    path::{Path, PathBuf},
};

use crate::{
    Cause, Limits,
    copy::copy,
    sandbox,
    work::{Stop, blocking},
};

/// Copies `path` to the open file `to`, which is called `name`, with its permissions, and returns
/// its size.
pub(crate) async fn bring(path: &Path, to: File, name: &str, limits: Limits) -> Result<u64, Cause> {
    let (path, name) = (path.to_owned(), name.to_owned());
    blocking(move |stop| bring_now(path, &to, name, limits, &stop)).await
}

/// How large the file at `path` is, following links.
pub(crate) async fn size(path: &Path) -> Result<u64, Cause> {
    let path = path.to_owned();
    blocking(move |_| {
        let file = open(&path)?;
        Ok(file.metadata().map_err(|source| Cause::Read { path, source })?.len())
    })
    .await
}

fn bring_now(path: PathBuf, to: &File, name: String, limits: Limits, stop: &Stop) -> Result<u64, Cause> {
    let from = open(&path)?;
    let copied = copy(&from, to, limits.bytes_max, stop).and_then(|bytes| {
        sandbox::finish(to, from.metadata()?.permissions().mode(), None)?;
        Ok(bytes)
    });
    copied.map_err(|source| match source.kind() {
        io::ErrorKind::FileTooLarge => Cause::TooLarge { limit: limits.bytes_max },
        _ => Cause::Write { target: name, source },
    })
}

/// Opens a plain file; anything else is named as what it is.
fn open(path: &Path) -> Result<File, Cause> {
    let unreadable = |source| Cause::Read { path: path.to_owned(), source };
    // Opening a pipe would wait for its writer; with this it does not, and for files it means nothing.
    let file =
        OpenOptions::new().read(true).custom_flags(nix::libc::O_NONBLOCK).open(path).map_err(unreadable)?;
    let facts = file.metadata().map_err(unreadable)?;
    match facts.is_file() {
        true => Ok(file),
        false => Err(Cause::NotAFile { path: path.to_owned(), kind: kind(facts.file_type()) }),
    }
}

fn kind(file_type: std::fs::FileType) -> &'static str {
    match file_type {
        t if t.is_dir() => "a directory",
        t if t.is_fifo() => "a pipe",
        t if t.is_socket() => "a socket",
        _ => "a device",
    }
}
