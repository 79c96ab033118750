//! The sandbox as a place to write: nothing leaves it.
//!
//! Every path is an [`Inside`], and every directory on the way to it must be a
//! real one: a link on the way is refused. Together with the rule for links in
//! [`Sandbox::symlink`] this holds for whatever an archive plants, and the
//! handle of the directory holds it a second time.

use std::{
    ffi::OsStr,
    fmt,
    fs::{File, Permissions},
    io::{self, Write},
    os::unix::fs::PermissionsExt,
    path::{Component, Path, PathBuf},
    sync::Arc,
    time::SystemTime,
};

use cap_std::{ambient_authority, fs::Dir};

use crate::FetchError;

/// A path below the sandbox: relative, not empty, only plain names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Inside(PathBuf);

/// Why a path is not inside, in words that follow its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Outside(pub &'static str);

impl Inside {
    /// Takes a path as somebody else wrote it.
    pub fn parse(path: &Path) -> Result<Inside, Outside> {
        let mut plain = PathBuf::new();
        for component in path.components() {
            match component {
                Component::Normal(name) => plain.push(name),
                Component::CurDir => {}
                Component::ParentDir => return Err(Outside("has `..` in its path")),
                Component::RootDir | Component::Prefix(_) => return Err(Outside("has an absolute path")),
            }
        }
        match plain.as_os_str().is_empty() {
            true => Err(Outside("has no name")),
            false => Ok(Inside(plain)),
        }
    }

    /// The last part of the path; lossy where it is not UTF-8.
    pub fn file_name(&self) -> &str {
        self.name().to_str().unwrap_or("")
    }

    /// How many names it has.
    pub fn depth(&self) -> usize {
        self.0.components().count()
    }

    /// The same place with `ending` taken off its name.
    pub fn without(&self, ending: &str) -> Option<Inside> {
        let name = self.0.file_name()?.to_str()?.strip_suffix(ending)?;
        Inside::parse(&self.0.with_file_name(name)).ok()
    }

    fn name(&self) -> &OsStr {
        self.0.file_name().expect("an Inside has at least one name")
    }
}

impl fmt::Display for Inside {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.display().fmt(f)
    }
}

/// Who owns what is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Owner {
    uid: u32,
    gid: u32,
}

impl Owner {
    /// The account `user`, or nothing where we are not root and so cannot give files away.
    pub fn of(user: &str) -> Result<Option<Owner>, FetchError> {
        let account = nix::unistd::User::from_name(user)
            .map_err(|errno| FetchError::Accounts { user: user.to_owned(), source: errno.into() })?
            .ok_or_else(|| FetchError::UnknownUser { user: user.to_owned() })?;
        let is_root = nix::unistd::geteuid().is_root();
        Ok(is_root.then_some(Owner { uid: account.uid.as_raw(), gid: account.gid.as_raw() }))
    }
}

/// An open sandbox. Clones share the handle.
#[derive(Clone, Debug)]
pub(crate) struct Sandbox {
    dir: Arc<Dir>,
    path: PathBuf,
    owner: Option<Owner>,
}

impl Sandbox {
    pub fn open(path: &Path, owner: Option<Owner>) -> Result<Sandbox, FetchError> {
        let dir = Dir::open_ambient_dir(path, ambient_authority())
            .map_err(|source| FetchError::Sandbox { path: path.to_owned(), source })?;
        Ok(Sandbox { dir: Arc::new(dir), path: path.to_owned(), owner })
    }

    /// Appends a line to the sandbox's `stderr`. A line that cannot be written is let go: the
    /// fetch itself says what matters.
    pub fn note(&self, line: &str) {
        let mut options = cap_std::fs::OpenOptions::new();
        options.create(true).append(true);
        let Ok(file) = self.dir.open_with("stderr", &options) else { return };
        let mut file = file.into_std();
        let written = self.own(&file).and_then(|()| writeln!(file, "{line}"));
        if let Err(error) = written {
            tracing::debug!(%error, "could not write to the sandbox's stderr");
        }
    }

    /// A new empty file at `at`, in place of whatever file or link is there.
    pub fn create(&self, at: &Inside) -> io::Result<File> {
        let parent = self.parent(at)?;
        remove_file_or_link(&parent, at.name())?;
        let mut options = cap_std::fs::OpenOptions::new();
        options.write(true).create_new(true);
        let file = parent.open_with(at.name(), &options)?.into_std();
        self.own(&file)?;
        Ok(file)
    }

    /// Opens the file at `at` for reading.
    pub fn read(&self, at: &Inside) -> io::Result<File> {
        Ok(self.parent(at)?.open(at.name())?.into_std())
    }

    /// Removes what was written so far of a file that did not come whole.
    pub fn discard(&self, at: &Inside) {
        if let Ok(parent) = self.parent(at) {
            let _ = parent.remove_file(at.name());
        }
    }

    /// `chmod +x` for all.
    pub fn make_executable(&self, at: &Inside) -> io::Result<()> {
        let file = self.read(at)?;
        let mode = file.metadata()?.permissions().mode();
        file.set_permissions(Permissions::from_mode((mode & 0o777) | 0o111))
    }

    /// A directory at `at`; one that is there gets the permissions only.
    pub fn directory(&self, at: &Inside, mode: u32) -> io::Result<()> {
        let dir = self.enter(&self.parent(at)?, at.name())?;
        // Without these the next entry could not be written by an ordinary user.
        opened(&dir)?.set_permissions(Permissions::from_mode((mode & 0o777) | 0o700))
    }

    /// A symbolic link at `at`. The link must stay inside wherever the links on its way lead: its
    /// target is relative, and `..` stand only at its front, at most as many as `at` lies deep.
    pub fn symlink(&self, target: &Path, at: &Inside) -> Result<(), LinkError> {
        let ups = target.components().take_while(|part| matches!(part, Component::ParentDir)).count();
        let is_plain = target
            .components()
            .skip(ups)
            .all(|part| matches!(part, Component::Normal(_) | Component::CurDir));
        if !is_plain || ups >= at.depth() || target.as_os_str().is_empty() {
            return Err(LinkError::Outside);
        }
        let parent = self.parent(at)?;
        remove_file_or_link(&parent, at.name())?;
        parent.symlink(target, at.name())?;
        if let Some(Owner { uid, gid }) = self.owner {
            // Every directory on the way was seen to be a real one, and nobody else is here yet.
            std::os::unix::fs::lchown(self.path.join(&at.0), Some(uid), Some(gid))?;
        }
        Ok(())
    }

    /// A second name for the file at `from`.
    pub fn hard_link(&self, from: &Inside, at: &Inside) -> io::Result<()> {
        let (from_parent, parent) = (self.parent(from)?, self.parent(at)?);
        if !from_parent.symlink_metadata(from.name())?.is_file() {
            return Err(io::Error::other("is a link to something that is not a file"));
        }
        if from != at {
            remove_file_or_link(&parent, at.name())?;
            from_parent.hard_link(from.name(), &parent, at.name())?;
        }
        Ok(())
    }

    /// Gives an open file or directory to the owner.
    fn own(&self, file: &File) -> io::Result<()> {
        match self.owner {
            Some(Owner { uid, gid }) => std::os::unix::fs::fchown(file, Some(uid), Some(gid)),
            None => Ok(()),
        }
    }

    /// The directory that holds `at`; made where it is not there.
    fn parent(&self, at: &Inside) -> io::Result<Dir> {
        let mut dir = self.dir.try_clone()?;
        for name in at.0.parent().into_iter().flat_map(Path::components) {
            dir = self.enter(&dir, name.as_os_str())?;
        }
        Ok(dir)
    }

    /// The directory `name` in `dir`; made where it is not there, refused where it is a link.
    fn enter(&self, dir: &Dir, name: &OsStr) -> io::Result<Dir> {
        match dir.symlink_metadata(name) {
            Ok(there) if there.is_dir() => dir.open_dir(name),
            Ok(there) if there.is_symlink() => {
                Err(io::Error::other(format!("`{}` on the way is a link", name.display())))
            }
            Ok(_) => Err(io::ErrorKind::NotADirectory.into()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                dir.create_dir(name)?;
                let made = dir.open_dir(name)?;
                self.own(&opened(&made)?)?;
                Ok(made)
            }
            Err(error) => Err(error),
        }
    }
}

/// Why a link was not made.
#[derive(Debug)]
pub(crate) enum LinkError {
    /// It would lead out of the sandbox.
    Outside,
    /// The system said no.
    Io(io::Error),
}

impl From<io::Error> for LinkError {
    fn from(error: io::Error) -> Self {
        LinkError::Io(error)
    }
}

/// Sets what an archive says of a file that was just written.
pub(crate) fn finish(file: &File, mode: u32, modified: Option<SystemTime>) -> io::Result<()> {
    file.set_permissions(Permissions::from_mode(mode & 0o777))?;
    match modified {
        Some(time) => file.set_modified(time),
        None => Ok(()),
    }
}

/// The directory as a file whose owner and mode can be set: a [`Dir`] is only a place to start from.
fn opened(dir: &Dir) -> io::Result<File> {
    Ok(dir.open(".")?.into_std())
}

fn remove_file_or_link(dir: &Dir, name: &OsStr) -> io::Result<()> {
    match dir.symlink_metadata(name) {
        Ok(there) if there.is_dir() => Err(io::ErrorKind::IsADirectory.into()),
        Ok(_) => dir.remove_file(name),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error),
    }
}
