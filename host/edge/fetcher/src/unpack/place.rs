//! Where the entries of an archive go, whatever its format: the rules that hold for each.

use std::{
    io::{self, Read},
    path::{Component, Path},
    time::SystemTime,
};

use super::bad_archive;
use crate::{
    Cause, Limits,
    sandbox::{self, Inside, LinkError, Sandbox},
};

/// The sandbox, and the archive that is unpacked there.
#[derive(Clone, Copy)]
pub(super) struct Place<'a> {
    pub sandbox: &'a Sandbox,
    /// Its name, for messages.
    pub archive: &'a Inside,
    pub limits: Limits,
}

impl Place<'_> {
    /// Writes a file of `size` bytes and returns them; a shorter content is an error.
    pub fn file(
        &self,
        name: &Path,
        content: &mut impl Read,
        size: u64,
        mode: u32,
        modified: Option<SystemTime>,
    ) -> Result<u64, Cause> {
        let at = self.inside(name)?;
        self.write(&at, content, size, mode, modified).map_err(|source| self.not_written(name, source))
    }

    /// A directory; the top, which many archives begin with, is there already.
    pub fn directory(&self, name: &Path, mode: u32) -> Result<(), Cause> {
        if is_top(name) {
            return Ok(());
        }
        let at = self.inside(name)?;
        self.sandbox.directory(&at, mode).map_err(|source| self.not_written(name, source))
    }

    /// A symbolic link to `target`, which must stay inside.
    pub fn symlink(&self, name: &Path, target: &Path) -> Result<(), Cause> {
        let at = self.inside(name)?;
        self.sandbox.symlink(target, &at).map_err(|error| match error {
            LinkError::Outside => {
                let why = format!("is a link to `{}`, which may lead out of the sandbox", target.display());
                self.refuse(name, why)
            }
            LinkError::Io(source) => self.not_written(name, source),
        })
    }

    /// A second name for the file `from`.
    pub fn hard_link(&self, name: &Path, from: &Path) -> Result<(), Cause> {
        let (at, from) = (self.inside(name)?, self.inside(from)?);
        self.sandbox.hard_link(&from, &at).map_err(|source| self.not_written(name, source))
    }

    /// The error for an entry that does what none may.
    pub fn refuse(&self, entry: &Path, why: impl Into<String>) -> Cause {
        let entry = entry.display().to_string().chars().take(200).flat_map(char::escape_debug).collect();
        Cause::BadEntry { target: self.archive.to_string(), entry, why: why.into() }
    }

    /// The error for an entry after the last that may be there.
    pub fn too_many(&self, entry: &Path) -> Cause {
        self.refuse(entry, format!("is one more than the limit of {} entries", self.limits.entries_max))
    }

    /// The error for an archive whose bytes make no sense.
    pub fn unreadable(&self, source: io::Error) -> Cause {
        bad_archive(self.archive, source, self.limits)
    }

    fn write(
        &self,
        at: &Inside,
        content: &mut impl Read,
        size: u64,
        mode: u32,
        modified: Option<SystemTime>,
    ) -> io::Result<u64> {
        let mut file = self.sandbox.create(at)?;
        let written = io::copy(content, &mut file)?;
        if written != size {
            let cut = format!("the archive ends after {written} of its {size} bytes");
            return Err(io::Error::new(io::ErrorKind::UnexpectedEof, cut));
        }
        sandbox::finish(&file, mode, modified)?;
        Ok(written)
    }

    fn not_written(&self, name: &Path, source: io::Error) -> Cause {
        match source.kind() {
            io::ErrorKind::FileTooLarge => Cause::TooLarge { limit: self.limits.unpacked_bytes_max },
            _ => self.refuse(name, format!("could not be written: {source}")),
        }
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
}

/// `./`, which many archives begin with.
fn is_top(path: &Path) -> bool {
    path.components().all(|part| part == Component::CurDir) && !path.as_os_str().is_empty()
}
