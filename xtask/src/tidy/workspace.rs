//! The workspace as the rules see it: crates, arrows and texts, all in memory.

use std::{collections::BTreeMap, fs, process::Command};

use anyhow::{Context, Result};
use cargo_metadata::{DependencyKind, MetadataCommand};

use crate::shell;

/// Everything that a rule may look at.
#[derive(Clone, Debug, Default)]
pub struct Workspace {
    pub crates: Vec<Crate>,
    /// Every file that is or may become tracked and is text, by its path from the top.
    pub files: BTreeMap<String, String>,
}

/// A member of the workspace.
#[derive(Clone, Debug)]
pub struct Crate {
    /// From the top, without a slash at the end.
    pub dir: String,
    pub dependencies: Vec<Dependency>,
}

/// An arrow.
#[derive(Clone, Debug)]
pub struct Dependency {
    pub name: String,
    /// Only for tests and benches.
    pub is_dev: bool,
    /// The directory, where it is one of ours.
    pub dir: Option<String>,
}

impl Workspace {
    /// Reads the real one.
    pub fn read() -> Result<Workspace> {
        Ok(Workspace { crates: read_crates()?, files: read_files()? })
    }

    /// Our own Rust sources, with their path.
    pub fn sources(&self) -> impl Iterator<Item = (&str, &str)> {
        let sources = self.files.iter().filter(|(path, _)| path.ends_with(".rs"));
        sources.map(|(path, text)| (path.as_str(), text.as_str()))
    }

    pub fn text(&self, path: &str) -> Option<&str> {
        self.files.get(path).map(String::as_str)
    }
}

fn read_crates() -> Result<Vec<Crate>> {
    let metadata = MetadataCommand::new().current_dir(shell::top()).no_deps().exec()?;
    let top = &metadata.workspace_root;
    let relative =
        |dir: &cargo_metadata::camino::Utf8Path| dir.strip_prefix(top).map(|dir| dir.to_string()).ok();
    let crates = metadata.packages.iter().map(|package| {
        let dependencies = package.dependencies.iter().map(|dependency| Dependency {
            name: dependency.name.clone(),
            is_dev: dependency.kind == DependencyKind::Development,
            dir: dependency.path.as_deref().and_then(relative),
        });
        let dir =
            package.manifest_path.parent().and_then(relative).context("a member outside the workspace")?;
        Ok(Crate { dir, dependencies: dependencies.collect() })
    });
    crates.collect()
}

fn read_files() -> Result<BTreeMap<String, String>> {
    let mut git = Command::new("git");
    git.args(["ls-files", "-z", "--cached", "--others", "--exclude-standard"]).current_dir(shell::top());
    let listed = shell::output(&mut git)?;
    let read = |path: &str| {
        // What was removed but not committed is still listed; what is not text is no one's words.
        let text = fs::read_to_string(shell::top().join(path)).ok()?;
        Some((path.to_owned(), text))
    };
    Ok(listed.split('\0').filter(|path| !path.is_empty()).filter_map(read).collect())
}

/// A line of Rust without its comment, and without what stands between quotes: good enough to look
/// for words of code.
pub fn code_of(line: &str) -> String {
    let mut code = String::new();
    let mut is_quoted = false;
    let mut chars = line.chars().peekable();
    while let Some(char) = chars.next() {
        match char {
            '\\' if is_quoted => {
                chars.next();
            }
            '"' => {
                is_quoted = !is_quoted;
                code.push('"');
            }
            '/' if !is_quoted && chars.peek() == Some(&'/') => break,
            _ if !is_quoted => code.push(char),
            _ => {}
        }
    }
    code
}

/// The lines of a source that are product code: everything before its unit tests.
pub fn product_lines(text: &str) -> impl Iterator<Item = (usize, String)> {
    let lines = text.lines().take_while(|line| !line.starts_with("#[cfg(test)]"));
    lines.enumerate().map(|(at, line)| (at + 1, code_of(line)))
}

#[cfg(test)]
pub mod testing {
    use super::*;

    impl Workspace {
        pub fn with_file(mut self, path: &str, text: &str) -> Workspace {
            self.files.insert(path.to_owned(), text.to_owned());
            self
        }

        /// Adds a crate; names with a slash are directories of ours.
        pub fn with_crate(mut self, dir: &str, dependencies: &[&str]) -> Workspace {
            let dependencies = dependencies.iter().map(|name| Dependency {
                name: name.rsplit('/').next().unwrap_or(name).to_owned(),
                is_dev: false,
                dir: name.contains('/').then(|| (*name).to_owned()),
            });
            self.crates.push(Crate { dir: dir.to_owned(), dependencies: dependencies.collect() });
            self
        }
    }

    #[test]
    fn comments_and_quotes_are_not_code() {
        assert_eq!(code_of(r#"let a = "std::fs \" // no"; b // unsafe"#), r#"let a = ""; b "#);
        let source = "fn a() {}\n#[cfg(test)]\nmod tests {}\n";
        assert_eq!(product_lines(source).collect::<Vec<_>>(), [(1, "fn a() {}".to_owned())]);
    }
}
