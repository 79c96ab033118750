//! Python: a virtual environment of pinned packages.

use std::{path::PathBuf, process::Command};

use super::{Missing, Place, is_there, quoted, run};

/// The parser that pymesos imports. Its C half does not build on a Python of today, and it falls back on
/// its Python half by itself; so its source package is unpacked, and nothing of it changed.
const HTTP_PARSER: &str = "http-parser==0.9.0";

/// Unpacks the folder `http_parser` of the source package in `argv[1]` into the folder `argv[2]`.
const UNPACK: &str = "
import glob, sys, tarfile
with tarfile.open(glob.glob(sys.argv[1] + '/http*parser-*.tar.gz')[0]) as package:
    for member in package.getmembers():
        head, _, name = member.name.partition('/')
        if name.startswith('http_parser/') and name.endswith('.py'):
            member.name = name
            package.extract(member, sys.argv[2])
";

/// An environment with every package of `python/requirements.txt`.
pub struct Python(Place);

/// Installs it.
///
/// # Errors
/// When pip fails.
pub fn install() -> anyhow::Result<Result<Python, Missing>> {
    if !is_there("python3", &["-c", "import venv, ensurepip"]) {
        return Ok(Err(Missing("python3 with venv")));
    }
    let place = Place::of("python").made_of(&["requirements.txt"], |place| {
        run(Command::new("python3").args(["-m", "venv"]).arg(&place.home))?;
        let pip = || {
            let mut pip = Command::new(place.home.join("bin/pip"));
            pip.env("PIP_DISABLE_PIP_VERSION_CHECK", "1");
            pip
        };
        // `--no-deps`: the file names them all, and each exactly.
        run(pip().args(["install", "--no-deps", "-r"]).arg(place.sources.join("requirements.txt")))?;
        let packed = place.home.join("packed");
        run(pip().args(["download", "--no-deps", "--no-binary=:all:", HTTP_PARSER, "-d"]).arg(&packed))?;
        let site = "import sysconfig; print(sysconfig.get_paths()['purelib'], end='')";
        let site = Command::new(place.home.join("bin/python")).args(["-c", site]).output()?.stdout;
        run(Command::new(place.home.join("bin/python"))
            .args(["-c", UNPACK])
            .arg(packed)
            .arg(String::from_utf8(site)?))
    })?;
    Ok(Ok(Python(place)))
}

impl Python {
    /// One of our programs.
    pub fn program(&self, file: &str) -> Command {
        let mut command = Command::new(self.bin("python"));
        command.arg(self.0.sources.join(file));
        command
    }

    /// One of our programs, for a shell.
    pub fn shell(&self, file: &str) -> String {
        format!("exec {} {}", quoted(self.bin("python")), quoted(self.0.sources.join(file)))
    }

    /// A program that a package brought, as it is.
    pub fn published(&self, name: &str) -> Command {
        let mut command = Command::new(self.bin(name));
        let path = std::env::var("PATH").unwrap_or_default();
        command.env("PATH", format!("{}:{path}", self.0.home.join("bin").display()));
        command
    }

    fn bin(&self, name: &str) -> PathBuf {
        self.0.home.join("bin").join(name)
    }
}
