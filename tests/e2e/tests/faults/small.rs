//! Small file systems of a test's own, to be filled, and to be made read-only.

use std::{
    fs,
    io::Write,
    path::{Path, PathBuf},
    process::{Command, Output},
};

/// A file system in memory at a path of the test's, unmounted when dropped.
pub struct Small {
    pub path: PathBuf,
}

impl Small {
    /// Mounts one of so many bytes at `path`, which is made.
    pub fn mount(path: &Path, size: &str) -> Self {
        fs::create_dir_all(path).unwrap();
        run(Command::new("mount")
            .args(["-t", "tmpfs", "-o", &format!("size={size},mode=755"), "mezzo-test"])
            .arg(path));
        Self { path: path.to_owned() }
    }

    /// Leaves not a byte.
    pub fn fill(&self) {
        fill(&self.path);
    }

    /// Gives back what [`Small::fill`] took.
    pub fn empty(&self) {
        fs::remove_file(self.path.join(FILLER)).unwrap();
    }

    /// Takes no writes any more. Only where no file is open for writing.
    pub fn make_read_only(&self) {
        run(Command::new("mount").args(["-o", "remount,ro"]).arg(&self.path));
    }

    /// Takes writes again.
    pub fn make_writable(&self) {
        run(Command::new("mount").args(["-o", "remount,rw"]).arg(&self.path));
    }
}

impl Drop for Small {
    fn drop(&mut self) {
        // What still runs there keeps it alive until its own end.
        let _ = Command::new("umount").arg("-l").arg(&self.path).output();
    }
}

const FILLER: &str = "filler";

fn fill(dir: &Path) {
    let mut filler = fs::File::create(dir.join(FILLER)).unwrap();
    let mut chunk = 1 << 20;
    while chunk > 0 {
        if filler.write_all(&vec![0; chunk]).is_err() {
            chunk /= 2;
        }
    }
}

/// Runs a command that has to succeed.
pub fn run(command: &mut Command) -> Output {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    output
}
