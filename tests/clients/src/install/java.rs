//! Java: the jars that `pom.xml` names, and our classes.

use std::{fs, process::Command};

use super::{Missing, Place, is_there, quoted, run};

/// A machine for a small program: little memory, no thread more than it must have.
const SMALL: [&str; 3] = ["-Xmx48m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"];

/// Jars and classes.
pub struct Java(Place);

/// Fetches and compiles them.
///
/// # Errors
/// When Maven or the compiler fails.
pub fn install() -> anyhow::Result<Result<Java, Missing>> {
    if !is_there("javac", &["-version"]) {
        return Ok(Err(Missing("javac")));
    }
    if !is_there("mvn", &["--version"]) {
        return Ok(Err(Missing("mvn")));
    }
    let place = Place::of("java").made_of(&["."], |place| {
        let (jars, classes) = (place.home.join("jars"), place.home.join("classes"));
        run(Command::new("mvn")
            .args(["--quiet", "--batch-mode", "dependency:copy-dependencies", "--file"])
            .arg(place.sources.join("pom.xml"))
            .arg(format!("-Dmaven.repo.local={}", place.home.join("repository").display()))
            .arg(format!("-DoutputDirectory={}", jars.display())))?;
        let mut javac = Command::new("javac");
        javac.arg("-d").arg(classes).arg("-cp").arg(jars.join("*"));
        for entry in fs::read_dir(&place.sources)? {
            let path = entry?.path();
            if path.extension().is_some_and(|extension| extension == "java") {
                javac.arg(path);
            }
        }
        run(&mut javac)
    })?;
    Ok(Ok(Java(place)))
}

impl Java {
    /// One of our programs.
    pub fn program(&self, class: &str) -> Command {
        let mut command = Command::new("java");
        command.args(SMALL).args(["-cp", &self.class_path(), class]);
        command
    }

    /// One of our programs, for a shell.
    pub fn shell(&self, class: &str) -> String {
        format!("exec java {} -cp {} {class}", SMALL.join(" "), quoted(self.class_path()))
    }

    fn class_path(&self) -> String {
        format!("{0}/classes:{0}/jars/*", self.0.home.display())
    }
}
