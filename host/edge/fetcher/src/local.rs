//! Copying a file of the agent's host.

use std::{
    fs::OpenOptions,
    io,
    os::unix::fs::{FileTypeExt, OpenOptionsExt, PermissionsExt},
    path::{Path, PathBuf},
};

use crate::{
    Cause, Limits,
    sandbox::{self, Inside, Sandbox},
    work::{Bounded, Stop, blocking},
};

/// Copies `path` to `target`, with its permissions, and returns its size.
pub(crate) async fn copy(
    path: &Path,
    sandbox: &Sandbox,
    target: &Inside,
    limits: Limits,
) -> Result<u64, Cause> {
    let (path, sandbox, target) = (path.to_owned(), sandbox.clone(), target.clone());
    blocking(move |stop| copy_now(&path, &sandbox, &target, limits, stop)).await
}

fn copy_now(
    path: &PathBuf,
    sandbox: &Sandbox,
    target: &Inside,
    limits: Limits,
    stop: Stop,
) -> Result<u64, Cause> {
    let unreadable = |source| Cause::Read { path: path.clone(), source };

    // Opening a pipe would wait for its writer; with this it does not, and for files it means nothing.
    let from =
        OpenOptions::new().read(true).custom_flags(nix::libc::O_NONBLOCK).open(path).map_err(unreadable)?;
    let facts = from.metadata().map_err(unreadable)?;
    if !facts.is_file() {
        return Err(Cause::NotAFile { path: path.clone(), kind: kind(facts.file_type()) });
    }

    let mut to = sandbox.create(target).map_err(|source| Cause::write(target, source))?;
    let mut from = Bounded::new(from, limits.bytes_max, stop);
    let copied = io::copy(&mut from, &mut to).and_then(|bytes| {
        sandbox::finish(&to, facts.permissions().mode(), None)?;
        Ok(bytes)
    });
    copied.map_err(|source| {
        sandbox.discard(target);
        match source.kind() {
            io::ErrorKind::FileTooLarge => Cause::TooLarge { limit: limits.bytes_max },
            _ => Cause::write(target, source),
        }
    })
}

fn kind(file_type: std::fs::FileType) -> &'static str {
    match file_type {
        t if t.is_dir() => "a directory",
        t if t.is_fifo() => "a pipe",
        t if t.is_socket() => "a socket",
        _ => "a device",
    }
}
