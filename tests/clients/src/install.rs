//! Brings a language's libraries and programs into `target/clients/LANGUAGE`.
//!
//! Each installs with its language's ordinary client, once: a stamp says of which files what
//! lies there was made.

use std::{
    ffi::OsStr,
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use anyhow::{Context, bail};
use e2e_tests::workspace;

pub mod go;
pub mod java;
pub mod javascript;
pub mod python;

/// What could not be had: the name of a program that is not on this machine.
#[derive(Debug)]
pub struct Missing(pub &'static str);

/// Where a language's programs are and where they are installed.
struct Place {
    sources: PathBuf,
    home: PathBuf,
}

impl Place {
    fn of(language: &str) -> Self {
        let target = std::env::var_os("CARGO_TARGET_DIR")
            .map_or_else(|| workspace().join("target"), |dir| workspace().join(dir));
        Self {
            sources: workspace().join("tests/clients").join(language),
            home: target.join("clients").join(language),
        }
    }

    /// Runs `make` in an empty home, unless the home is made of these files of the sources already.
    fn made_of(self, files: &[&str], make: impl FnOnce(&Self) -> anyhow::Result<()>) -> anyhow::Result<Self> {
        let stamp = self.home.join("stamp");
        let texts: Result<Vec<_>, _> = files.iter().map(|file| text_of(&self.sources.join(file))).collect();
        let texts = texts?.concat();
        if fs::read_to_string(&stamp).is_ok_and(|made_of| made_of == texts) {
            return Ok(self);
        }
        if self.home.exists() {
            fs::remove_dir_all(&self.home)?;
        }
        fs::create_dir_all(&self.home)?;
        make(&self).with_context(|| format!("cannot install {}", self.sources.display()))?;
        fs::write(stamp, texts)?;
        Ok(self)
    }
}

/// A file, or every file below a directory, by name.
fn text_of(path: &Path) -> anyhow::Result<String> {
    if !path.is_dir() {
        let text = fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
        return Ok(format!("== {}\n{}", path.display(), String::from_utf8_lossy(&text)));
    }
    let mut paths: Vec<_> =
        fs::read_dir(path)?.map(|entry| entry.map(|entry| entry.path())).collect::<Result<_, _>>()?;
    paths.sort();
    paths.iter().map(|path| text_of(path)).collect()
}

/// Whether a program is there and answers.
fn is_there(program: &str, args: &[&str]) -> bool {
    let mut command = Command::new(program);
    command.args(args).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command.status().is_ok_and(|status| status.success())
}

/// Runs a command to its end.
fn run(command: &mut Command) -> anyhow::Result<()> {
    let output =
        command.stdin(Stdio::null()).output().with_context(|| format!("cannot start {command:?}"))?;
    if !output.status.success() {
        let said = [output.stdout, output.stderr].concat();
        bail!("{command:?} ended with {}: {}", output.status, String::from_utf8_lossy(&said));
    }
    Ok(())
}

/// A word for the shell, whatever is in it.
fn quoted(word: impl AsRef<OsStr>) -> String {
    format!("'{}'", word.as_ref().to_string_lossy().replace('\'', r"'\''"))
}
