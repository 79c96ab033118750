//! The project speaks of itself alone.

use super::{Finding, workspace::Workspace};

/// Paths of somebody's machine, hosts of somebody's network, and names of tools that are nobody's
/// business here. Written in halves, so that this file does not find itself.
const WORDS: [(&str, &str, &str); 13] = [
    ("/wo", "rk/", "a path of one machine"),
    ("/ro", "ot/", "a path of one machine"),
    ("/tmp/", "bash", "a path of one machine"),
    ("index.cr", "ates.io", "a host of one network"),
    ("static.cr", "ates.io", "a host of one network"),
    ("arti", "factory", "a host of one network"),
    ("registry.npm", "js.org", "a host of one network"),
    ("files.python", "hosted.org", "a host of one network"),
    ("deb.deb", "ian.org", "a host of one network"),
    ("proxy.gol", "ang.org", "a host of one network"),
    ("sub", "agent", "a tool's word"),
    ("clau", "de", "a tool's word"),
    ("chat", "gpt", "a tool's word"),
];

/// Texts in which a part of a word means something else.
const FINE: [(&str, &str); 1] = [("Cargo.lock", "")];

/// No path, host or tool of whoever happened to write a file stands in it.
pub fn speaks_of_itself(workspace: &Workspace) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (path, text) in &workspace.files {
        if FINE.iter().any(|(fine, _)| fine == path) {
            continue;
        }
        for (at, line) in text.lines().enumerate() {
            let lower = line.to_ascii_lowercase();
            for (first, second, what) in WORDS {
                let word = format!("{first}{second}");
                if lower.contains(&word) {
                    findings.push(Finding {
                        path: path.clone(),
                        line: at + 1,
                        says: format!("`{word}` is {what}"),
                    });
                }
            }
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn foreign_words_are_noticed_wherever_they_stand() {
        for (first, second, _) in WORDS {
            let text = format!("one\nsee {first}{second}x\n").to_uppercase();
            let findings = speaks_of_itself(&Workspace::default().with_file("docs/a.md", &text));
            assert_eq!(findings.len(), 1, "{text}");
            assert_eq!(findings[0].line, 2);
        }
        let fine = Workspace::default().with_file("a.rs", "// work/in/progress, agents");
        assert_eq!(speaks_of_itself(&fine), []);
    }
}
