//! Puts the program of `bin/init` where it can be started from.

use std::{
    fs,
    io::{self, Write as _},
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
};

use sha2::{Digest as _, Sha256};

/// Writes `program` to `directory/<its sha256>`, unless it is there. A file of another release is left as it is:
/// its supervisors may run from it still.
pub(crate) fn install(directory: &Path, program: &[u8]) -> io::Result<PathBuf> {
    fs::create_dir_all(directory)?;
    let digest: String = Sha256::digest(program).iter().map(|byte| format!("{byte:02x}")).collect();
    let path = directory.join(&digest);
    if fs::read(&path).is_ok_and(|there| there == program) {
        return Ok(path);
    }
    let draft = directory.join(format!("{digest}.new"));
    // A draft that a crash left behind may be of any size.
    match fs::remove_file(&draft) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        Ok(()) | Err(_) => {}
    }
    let mut file = fs::OpenOptions::new().write(true).create_new(true).mode(0o500).open(&draft)?;
    file.write_all(program)?;
    drop(file);
    fs::rename(&draft, &path)?;
    Ok(path)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt as _;

    #[test]
    fn program_is_written_once_and_a_spoiled_one_again() {
        let place = tempfile::tempdir().unwrap();
        let path = install(place.path(), b"one").unwrap();
        assert_eq!(install(place.path(), b"one").unwrap(), path);
        assert_ne!(install(place.path(), b"two").unwrap(), path);
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o500);
        fs::remove_file(&path).unwrap();
        fs::write(&path, b"half").unwrap();
        install(place.path(), b"one").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"one");
        assert_eq!(fs::read_dir(place.path()).unwrap().count(), 2);
    }
}
