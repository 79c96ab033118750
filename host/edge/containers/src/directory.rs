//! The runtime directory: what lies where, and what a container leaves in its own.
//!
//! `<runtime_dir>/lock`, `boot_id`, `init/<sha256>`, and per container
//! `containers/<id>/` with `socket` and, once it has ended, `status`.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use mezzo_linux::frame;
use mezzo_proto::mezzo::store::v1::ExitRecord;
use prost::Message as _;

/// The longest name of a container; its socket's path must stay below what the kernel takes.
const NAME_BYTES_MAX: usize = 64;

/// The runtime directory of one agent.
#[derive(Clone, Debug)]
pub(crate) struct Directory {
    pub(crate) path: PathBuf,
}

impl Directory {
    /// Where every container has its own.
    pub(crate) fn containers(&self) -> PathBuf {
        self.path.join("containers")
    }

    pub(crate) fn of(&self, container: &str) -> PathBuf {
        self.path.join("containers").join(container)
    }

    /// Names of the containers that have a directory.
    pub(crate) fn names(&self) -> io::Result<Vec<String>> {
        let mut names = Vec::new();
        for entry in fs::read_dir(self.containers())? {
            names.push(entry?.file_name().to_string_lossy().into_owned());
        }
        Ok(names)
    }

    /// The status that a supervisor left, if it did and it is whole.
    pub(crate) fn status(&self, container: &str) -> Option<ExitRecord> {
        let bytes = fs::read(self.of(container).join("status")).ok()?;
        let message = frame::open(&bytes).inspect_err(|error| {
            tracing::warn!(container, %error, "the exit status on disk is not whole");
        });
        ExitRecord::decode(message.ok()?).ok()
    }

    /// Removes a container's directory.
    pub(crate) fn remove(&self, container: &str) -> io::Result<()> {
        let path = self.of(container);
        // The three calls that nearly always do it, before the walk that always does.
        let _ = fs::remove_file(path.join("socket"));
        let _ = fs::remove_file(path.join("status"));
        match fs::remove_dir(&path) {
            Err(error) if error.kind() == io::ErrorKind::DirectoryNotEmpty => fs::remove_dir_all(&path),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            done => done,
        }
    }
}

/// Whether `name` may be a container's: it becomes a directory and a control group.
pub(crate) fn is_name(name: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    (1..=NAME_BYTES_MAX).contains(&name.len()) && !name.starts_with('.') && name.bytes().all(is_plain)
}

/// Whether `path` is strictly below `base`, by its words alone.
pub(crate) fn is_below(path: &Path, base: &Path) -> bool {
    let is_plain = path.components().all(|part| !matches!(part, std::path::Component::ParentDir));
    path.is_absolute() && is_plain && path != base && path.starts_with(base)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn name_that_leads_elsewhere_is_refused() {
        for bad in ["", ".", "..", "a/b", "a\0", "ü", ".hidden", &"x".repeat(65)] {
            assert!(!is_name(bad), "{bad:?}");
        }
        assert!(is_name("0a5c6b3e-7b1f-4e5a-9a53-0f4f7f3a2a11"));
    }

    #[test]
    fn only_what_is_below_may_be_removed() {
        let base = Path::new("/var/lib/mezzo");
        for bad in ["/var/lib/mezzo", "/var/lib/mezzo/../x", "/var/lib", "slaves/x", "/var/lib/mezzo2/x"] {
            assert!(!is_below(Path::new(bad), base), "{bad}");
        }
        assert!(is_below(Path::new("/var/lib/mezzo/slaves/S0"), base));
    }

    #[test]
    fn status_that_was_cut_short_counts_as_none() {
        let place = tempfile::tempdir().unwrap();
        let directory = Directory { path: place.path().to_owned() };
        fs::create_dir_all(directory.of("c1")).unwrap();
        let record = ExitRecord { status: 256, pid: 7 };
        let bytes = frame::seal(&record.encode_to_vec());
        fs::write(directory.of("c1").join("status"), &bytes).unwrap();
        assert_eq!(directory.status("c1"), Some(record));
        fs::write(directory.of("c1").join("status"), &bytes[..bytes.len() - 1]).unwrap();
        assert_eq!(directory.status("c1"), None);
        directory.remove("c1").unwrap();
        directory.remove("c1").unwrap();
        assert!(!directory.of("c1").exists());
    }
}
