//! JavaScript: the modules of `package-lock.json`.

use std::{fs, process::Command};

use super::{Missing, Place, is_there, quoted, run};

/// A folder of modules.
pub struct JavaScript(Place);

/// Fetches them.
///
/// # Errors
/// When npm fails.
pub fn install() -> anyhow::Result<Result<JavaScript, Missing>> {
    for program in ["node", "npm"] {
        if !is_there(program, &["--version"]) {
            return Ok(Err(Missing(program)));
        }
    }
    let place = Place::of("javascript").made_of(&["package.json", "package-lock.json"], |place| {
        for file in ["package.json", "package-lock.json"] {
            fs::copy(place.sources.join(file), place.home.join(file))?;
        }
        run(Command::new("npm")
            .args(["ci", "--ignore-scripts", "--no-audit", "--no-fund"])
            .current_dir(&place.home))
    })?;
    Ok(Ok(JavaScript(place)))
}

impl JavaScript {
    /// One of our programs.
    pub fn program(&self, file: &str) -> Command {
        let mut command = Command::new("node");
        command.env("NODE_PATH", self.0.home.join("node_modules")).arg(self.0.sources.join(file));
        command
    }

    /// One of our programs, for a shell.
    pub fn shell(&self, file: &str) -> String {
        let modules = quoted(self.0.home.join("node_modules"));
        format!("NODE_PATH={modules} exec node {}", quoted(self.0.sources.join(file)))
    }
}
