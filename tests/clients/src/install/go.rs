//! Go: our programs and mesos-go's own, built of the modules in `go.sum`.

use std::{path::PathBuf, process::Command};

use super::{Missing, Place, is_there, quoted, run};

/// mesos-go's own programs.
const PUBLISHED: &str = "github.com/mesos/mesos-go/api/v1/cmd/...";

/// Programs, compiled.
pub struct Go(Place);

/// Builds them.
///
/// # Errors
/// When the build fails.
pub fn install() -> anyhow::Result<Result<Go, Missing>> {
    if !is_there("go", &["version"]) {
        return Ok(Err(Missing("go")));
    }
    let place = Place::of("go").made_of(&["."], |place| {
        run(Command::new("go")
            .args(["build", "-mod=readonly", "-buildvcs=false", "-trimpath", "-o"])
            .arg(format!("{}/", place.home.display()))
            .args(["./scheduler", "./executor", PUBLISHED])
            .env("GOTOOLCHAIN", "local")
            .current_dir(&place.sources))
    })?;
    Ok(Ok(Go(place)))
}

impl Go {
    /// A program: `scheduler` or one of mesos-go's, as it is: `example-scheduler`,
    /// `example-executor`, `msh`, `mwatch`.
    pub fn program(&self, name: &str) -> Command {
        Command::new(self.path(name))
    }

    /// Where a program is.
    pub fn path(&self, name: &str) -> PathBuf {
        self.0.home.join(name)
    }

    /// A program, for a shell.
    pub fn shell(&self, name: &str) -> String {
        format!("exec {}", quoted(self.path(name)))
    }
}
