//! Which test programs there are.

use std::{io::BufReader, path::PathBuf, process::Stdio};

use anyhow::{Context, Result, ensure};
use cargo_metadata::Message;

use crate::shell;

/// A test program and where cargo would run it.
pub struct Program {
    /// For people: package and target.
    pub title: String,
    pub executable: PathBuf,
    /// The package's directory.
    pub dir: PathBuf,
}

/// Builds the tests of `packages`, or of the whole workspace.
pub fn build(packages: &[String]) -> Result<Vec<Program>> {
    let mut command = shell::cargo(&["test", "--no-run", "--message-format=json-render-diagnostics"]);
    match packages {
        [] => command.arg("--workspace"),
        packages => command.args(packages.iter().flat_map(|package| ["--package", package])),
    };
    let mut child = command.stdout(Stdio::piped()).spawn().context("cannot run cargo")?;
    let stdout = child.stdout.take().context("cargo has no stdout")?;
    let mut programs = Vec::new();
    for message in Message::parse_stream(BufReader::new(stdout)) {
        if let Message::CompilerArtifact(artifact) = message?
            && artifact.profile.test
            && let Some(executable) = artifact.executable
        {
            let dir = artifact.manifest_path.parent().context("a manifest without a directory")?;
            let name = dir.strip_prefix(shell::top()).unwrap_or(dir);
            programs.push(Program {
                title: format!("{name} ({})", artifact.target.name),
                executable: executable.into(),
                dir: dir.into(),
            });
        }
    }
    ensure!(child.wait()?.success(), "the tests do not build");
    programs.sort_by(|a, b| a.title.cmp(&b.title));
    Ok(programs)
}
