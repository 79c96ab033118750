//! What is released under `wit/v*/` stays as it is.
//!
//! A folder counts as released once it holds a file `FROZEN` with a line
//! `SHA256  PATH` for each of its files. New worlds go into new files or a new
//! folder beside it.

use std::fmt::Write;

use anyhow::{Context, Result, ensure};
use sha2::{Digest, Sha256};

use super::{Finding, workspace::Workspace};
use crate::shell;

const FOLDER: &str = "wit/v1/";
const LIST: &str = "FROZEN";

/// Every file that a list names is there, with the content it had then.
pub fn released(workspace: &Workspace) -> Vec<Finding> {
    let lists = workspace.files.iter().filter(|(path, _)| path.starts_with("wit/") && path.ends_with(LIST));
    let lines = lists.flat_map(|(path, text)| text.lines().map(move |line| (path, line)));
    lines
        .filter_map(|(list, line)| {
            let Some((then, path)) = line.split_once("  ") else {
                return Some(Finding::of_file(list, format!("`{line}` is not a digest and a path")));
            };
            match workspace.text(path) {
                None => Some(Finding::of_file(path, "is released and must not go away")),
                Some(text) if digest(text) != then => Some(Finding::of_file(
                    path,
                    "is released and must not change: write a new file beside it",
                )),
                Some(_) => None,
            }
        })
        .collect()
}

/// Writes the list for wit/v1, once.
pub fn freeze(workspace: &Workspace) -> Result<()> {
    let path = format!("{FOLDER}{LIST}");
    ensure!(workspace.text(&path).is_none(), "wit/v1 is released already: `{path}` is there");
    let list = list(workspace);
    ensure!(!list.is_empty(), "there is nothing in {FOLDER}");
    std::fs::write(shell::top().join(&path), &list).with_context(|| format!("cannot write `{path}`"))?;
    println!("Released, as it is now:\n{list}");
    Ok(())
}

fn list(workspace: &Workspace) -> String {
    let files = workspace.files.iter().filter(|(path, _)| path.starts_with(FOLDER) && path.ends_with(".wit"));
    files.fold(String::new(), |mut list, (path, text)| {
        let _ = writeln!(list, "{}  {path}", digest(text));
        list
    })
}

fn digest(text: &str) -> String {
    Sha256::digest(text).iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn change_of_a_released_file_is_noticed() {
        let draft = Workspace::default().with_file("wit/v1/a.wit", "a").with_file("wit/v1/b.wit", "b");
        assert_eq!(released(&draft), [], "nothing is released yet");
        let frozen = draft.clone().with_file("wit/v1/FROZEN", &list(&draft));
        assert_eq!(released(&frozen), []);
        assert_eq!(released(&frozen.clone().with_file("wit/v1/c.wit", "c")), [], "a new file is fine");
        assert_eq!(released(&frozen.clone().with_file("wit/v1/a.wit", "a ")).len(), 1);
        let mut gone = frozen.clone();
        gone.files.remove("wit/v1/b.wit");
        assert_eq!(released(&gone).len(), 1);
        assert_eq!(released(&frozen.with_file("wit/v1/FROZEN", "nonsense")).len(), 1);
    }

    #[test]
    fn released_twice_is_refused() {
        let frozen = Workspace::default().with_file("wit/v1/a.wit", "a").with_file("wit/v1/FROZEN", "");
        assert!(freeze(&frozen).unwrap_err().to_string().contains("released already"));
    }
}
