//! Files: their names, their length, what must be in them.

use super::{Finding, purity::is_crate_root, workspace::Workspace};

/// Longer files usually hold two nouns.
const LINES_MAX: usize = 700;

/// Files that somebody who comes here for the first time looks for.
const NEEDED: [&str; 12] = [
    ".ci/run",
    "ARCHITECTURE.md",
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    "LICENSE",
    "README.md",
    "clippy.toml",
    "deny.toml",
    "host/core/clippy.toml",
    "rust-toolchain.toml",
    "rustfmt.toml",
    "tests/skips.toml",
];

/// `foo.rs` stands beside `foo/`.
pub fn no_mod_rs(workspace: &Workspace) -> Vec<Finding> {
    let found = workspace.sources().filter(|(path, _)| path.ends_with("/mod.rs"));
    found.map(|(path, _)| Finding::of_file(path, "write `foo.rs` beside `foo/`, not `foo/mod.rs`")).collect()
}

/// No file is longer than a person reads.
pub fn lengths(workspace: &Workspace) -> Vec<Finding> {
    let long = workspace
        .sources()
        .map(|(path, text)| (path, text.lines().count()))
        .filter(|(_, lines)| *lines > LINES_MAX);
    long.map(|(path, lines)| {
        Finding::of_file(path, format!("has {lines} lines, more than {LINES_MAX}: it may hold two nouns"))
    })
    .collect()
}

/// A root begins with what the room is for.
pub fn roots_are_documented(workspace: &Workspace) -> Vec<Finding> {
    let roots = workspace.sources().filter(|(path, _)| is_crate_root(path));
    roots
        .filter(|(_, text)| !text.starts_with("//!"))
        .map(|(path, _)| Finding::of_file(path, "does not begin with `//!` and what it is for"))
        .collect()
}

/// A wish without a number is forgotten.
pub fn todos(workspace: &Workspace) -> Vec<Finding> {
    let marks = [concat!("TO", "DO"), concat!("FIX", "ME"), concat!("XX", "X")];
    let mut findings = Vec::new();
    for (path, text) in workspace.sources() {
        for (at, line) in text.lines().enumerate() {
            let Some((_, comment)) = line.split_once("//") else { continue };
            let has_mark = marks
                .iter()
                .any(|mark| comment.split(|c: char| !c.is_alphanumeric()).any(|word| word == *mark));
            let has_number = comment
                .split_once('#')
                .is_some_and(|(_, rest)| rest.starts_with(|c: char| c.is_ascii_digit()));
            if has_mark && !has_number {
                let says = "a wish without the number of an issue".to_owned();
                findings.push(Finding { path: path.to_owned(), line: at + 1, says });
            }
        }
    }
    findings
}

/// ARCHITECTURE.md names every crate by its directory.
pub fn rooms_on_the_map(workspace: &Workspace) -> Vec<Finding> {
    let map = workspace.text("ARCHITECTURE.md").unwrap_or_default();
    let missing = workspace.crates.iter().filter(|krate| !map.contains(&format!("`{}`", krate.dir)));
    missing
        .map(|krate| Finding::of_file("ARCHITECTURE.md", format!("does not name the room `{}`", krate.dir)))
        .collect()
}

/// Two commands are all that a newcomer needs.
pub fn readme(workspace: &Workspace) -> Vec<Finding> {
    let readme = workspace.text("README.md").unwrap_or_default();
    let missing =
        ["cargo xtask dev", "cargo xtask test"].into_iter().filter(|command| !readme.contains(command));
    missing.map(|command| Finding::of_file("README.md", format!("does not name `{command}`"))).collect()
}

/// What every checkout has.
pub fn needed_files(workspace: &Workspace) -> Vec<Finding> {
    let missing = NEEDED.iter().filter(|path| workspace.text(path).is_none_or(|text| text.trim().is_empty()));
    missing.map(|path| Finding::of_file(path, "is missing or empty")).collect()
}

/// Each entry of deny.toml's lists has a comment above it or beside it.
pub fn exceptions(workspace: &Workspace) -> Vec<Finding> {
    const PATH: &str = "deny.toml";
    let lines: Vec<_> = workspace.text(PATH).unwrap_or_default().lines().map(str::trim).collect();
    let is_entry = |line: &str| line.starts_with('"') || line.starts_with('{');
    let bare = lines.iter().enumerate().filter(|(at, line)| {
        let has_comment_above = *at > 0 && lines[at - 1].starts_with('#');
        is_entry(line) && !line.contains('#') && !line.contains("reason") && !has_comment_above
    });
    bare.map(|(at, _)| Finding {
        path: PATH.to_owned(),
        line: at + 1,
        says: "an entry without a reason".to_owned(),
    })
    .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(rule: fn(&Workspace) -> Vec<Finding>, path: &str, text: &str) -> usize {
        rule(&Workspace::default().with_file(path, text)).len()
    }

    #[test]
    fn mod_rs_is_noticed() {
        assert_eq!(check(no_mod_rs, "host/core/model/src/a/mod.rs", ""), 1);
        assert_eq!(check(no_mod_rs, "host/core/model/src/a.rs", ""), 0);
    }

    #[test]
    fn long_file_is_noticed() {
        assert_eq!(check(lengths, "a.rs", &"x\n".repeat(LINES_MAX + 1)), 1);
        assert_eq!(check(lengths, "a.rs", &"x\n".repeat(LINES_MAX)), 0);
        assert_eq!(check(lengths, "Cargo.lock", &"x\n".repeat(LINES_MAX + 1)), 0);
    }

    #[test]
    fn silent_root_is_noticed() {
        assert_eq!(check(roots_are_documented, "a/src/lib.rs", "mod x;"), 1);
        assert_eq!(check(roots_are_documented, "a/src/lib.rs", "//! The room of x.\nmod x;"), 0);
        assert_eq!(check(roots_are_documented, "a/src/other.rs", "mod x;"), 0);
    }

    #[test]
    fn wish_without_a_number_is_noticed() {
        let mark = concat!("TO", "DO");
        assert_eq!(check(todos, "a.rs", &format!("// {mark}: later")), 1);
        assert_eq!(check(todos, "a.rs", &format!("// {mark} #12: later")), 0);
        assert_eq!(check(todos, "a.rs", &format!("let {mark}S = 1; // fine")), 0);
    }

    #[test]
    fn room_off_the_map_is_noticed() {
        let workspace = Workspace::default().with_crate("host/core/model", &[]);
        assert_eq!(rooms_on_the_map(&workspace).len(), 1);
        assert_eq!(
            rooms_on_the_map(&workspace.with_file("ARCHITECTURE.md", "| `host/core/model` |")).len(),
            0
        );
    }

    #[test]
    fn readme_without_its_commands_is_noticed() {
        assert_eq!(check(readme, "README.md", "# x"), 2);
        assert_eq!(check(readme, "README.md", "cargo xtask dev, cargo xtask test"), 0);
    }

    #[test]
    fn missing_file_is_noticed() {
        assert_eq!(needed_files(&Workspace::default()).len(), NEEDED.len());
        let full = NEEDED.iter().fold(Workspace::default(), |all, path| all.with_file(path, "x"));
        assert_eq!(needed_files(&full).len(), 0);
        assert_eq!(needed_files(&full.with_file("LICENSE", "\n")).len(), 1);
    }

    #[test]
    fn exception_without_a_reason_is_noticed() {
        assert_eq!(check(exceptions, "deny.toml", "allow = [\n    \"MIT\",\n]\n"), 1);
        assert_eq!(
            check(exceptions, "deny.toml", "allow = [\n    # ours\n    \"MIT\",\n    \"ISC\", # theirs\n]\n"),
            0
        );
    }
}
