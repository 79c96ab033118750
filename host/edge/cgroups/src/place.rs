use std::{
    os::fd::OwnedFd,
    path::{Path, PathBuf},
};

use rustix::{
    fs::{AtFlags, CWD, Dir, Mode, OFlags, mkdirat, openat, unlinkat},
    io::Errno,
};

use crate::CgroupError;

/// Our directory in one hierarchy, kept open: what lies in it is reached by short names.
#[derive(Debug)]
pub(crate) struct Place {
    directory: OwnedFd,
    pub(crate) path: PathBuf,
}

const DIRECTORY: OFlags =
    OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);

impl Place {
    pub(crate) fn open(path: PathBuf) -> Result<Self, CgroupError> {
        let directory =
            openat(CWD, &path, DIRECTORY, Mode::empty()).map_err(CgroupError::io("open", &path))?;
        Ok(Self { directory, path })
    }

    /// Makes the group `group`; that it is there already is no failure.
    pub(crate) fn make(&self, group: &str) -> Result<(), CgroupError> {
        match mkdirat(&self.directory, group, Mode::from_raw_mode(0o755)) {
            Ok(()) | Err(Errno::EXIST) => Ok(()),
            Err(error) => Err(CgroupError::io("make", self.path.join(group))(error)),
        }
    }

    pub(crate) fn has(&self, group: &str) -> bool {
        rustix::fs::accessat(&self.directory, group, rustix::fs::Access::EXISTS, AtFlags::empty()).is_ok()
    }

    /// Writes `value` to `file` (`GROUP/NAME`).
    pub(crate) fn write(&self, file: &str, value: &str) -> Result<(), CgroupError> {
        self.try_write(file, value).map_err(CgroupError::io("write", self.path.join(file)))
    }

    pub(crate) fn try_write(&self, file: &str, value: &str) -> Result<(), Errno> {
        let open = openat(&self.directory, file, OFlags::WRONLY | OFlags::CLOEXEC, Mode::empty())?;
        rustix::io::write(&open, value.as_bytes()).map(drop)
    }

    pub(crate) fn open_file(&self, file: &str) -> Result<OwnedFd, CgroupError> {
        openat(&self.directory, file, OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty())
            .map_err(CgroupError::io("open", self.path.join(file)))
    }

    /// Reads `file` (`GROUP/NAME`) whole.
    pub(crate) fn read(&self, file: &str) -> Result<String, CgroupError> {
        let open = self.open_file(file)?;
        let mut bytes = Vec::with_capacity(4096);
        while rustix::io::read(&open, rustix::buffer::spare_capacity(&mut bytes))
            .map_err(CgroupError::io("read", self.path.join(file)))?
            > 0
        {
            bytes.reserve(4096);
        }
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }

    /// A file that holds one number.
    pub(crate) fn read_number(&self, file: &str) -> Result<u64, CgroupError> {
        let text = self.read(file)?;
        text.trim().parse().map_err(|_| CgroupError::io("parse", self.path.join(file))(Errno::INVAL))
    }

    /// Removes one group without groups below it. `Ok(false)`: something is in it still.
    pub(crate) fn remove(&self, group: &str) -> Result<bool, CgroupError> {
        match unlinkat(&self.directory, group, AtFlags::REMOVEDIR) {
            Ok(()) | Err(Errno::NOENT) => Ok(true),
            Err(Errno::BUSY | Errno::NOTEMPTY) => Ok(false),
            Err(error) => Err(CgroupError::io("remove", self.path.join(group))(error)),
        }
    }

    /// Names of the groups right below `group` (`.` for our own directory).
    pub(crate) fn groups_below(&self, group: &str) -> Result<Vec<String>, CgroupError> {
        let failed = |error| CgroupError::io("list", self.path.join(group))(error);
        let directory = match openat(&self.directory, group, DIRECTORY, Mode::empty()) {
            Ok(directory) => directory,
            Err(Errno::NOENT) => return Ok(Vec::new()),
            Err(error) => return Err(failed(error)),
        };
        let mut names = Vec::new();
        for entry in Dir::new(directory).map_err(failed)? {
            let entry = entry.map_err(failed)?;
            let name = entry.file_name().to_string_lossy();
            if entry.file_type() == rustix::fs::FileType::Directory && name != "." && name != ".." {
                names.push(name.into_owned());
            }
        }
        Ok(names)
    }

    pub(crate) fn path_of(&self, file: &str) -> PathBuf {
        self.path.join(Path::new(file))
    }
}
