//! The rules of the house that no compiler checks.
//!
//! A rule is a pure function over a [`Workspace`] in memory, so each has a test in
//! which it is broken and noticed. What is only a number of a rule (an allowed
//! crate, a limit) stands in a table at the top of the rule's file.

mod crates;
mod files;
mod frozen;
mod purity;
mod words;
mod workspace;

use anyhow::{Result, bail};

use workspace::Workspace;

/// A place that breaks a rule.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Finding {
    /// Relative to the top.
    pub path: String,
    /// Counted from one; zero where the whole file is meant.
    pub line: usize,
    /// What is wrong and what would be right.
    pub says: String,
}

impl Finding {
    fn of_file(path: &str, says: impl Into<String>) -> Finding {
        Finding { path: path.to_owned(), line: 0, says: says.into() }
    }
}

/// A rule and its name.
type Rule = (&'static str, fn(&Workspace) -> Vec<Finding>);

const RULES: [Rule; 20] = [
    ("arrows point down", crates::arrows_point_down),
    ("edges see little of the core", crates::edges_see_little),
    ("libraries stay behind their fence", crates::fences),
    ("the core uses pure libraries only", crates::core_is_pure),
    ("manifests inherit", crates::manifests_inherit),
    ("the core touches nothing", purity::core_touches_nothing),
    ("unsafe stays in its rooms", purity::unsafe_rooms),
    ("unsafe is argued", purity::unsafe_is_argued),
    ("silenced lints have a reason", purity::silenced_lints),
    ("the fence of the core stands", purity::fence_stands),
    ("no mod.rs", files::no_mod_rs),
    ("files hold one noun", files::lengths),
    ("roots say what the room is for", files::roots_are_documented),
    ("TODO has a number", files::todos),
    ("every room is on the map", files::rooms_on_the_map),
    ("README names the two commands", files::readme),
    ("needed files are there", files::needed_files),
    ("exceptions have reasons", files::exceptions),
    ("the project speaks of itself", words::speaks_of_itself),
    ("released worlds never change", frozen::released),
];

/// Checks every rule and prints what breaks one.
pub fn run() -> Result<()> {
    let workspace = Workspace::read()?;
    let mut count = 0;
    for (name, rule) in RULES {
        let mut findings = rule(&workspace);
        findings.sort();
        for Finding { path, line, says } in &findings {
            match line {
                0 => println!("{path}: {says} [{name}]"),
                line => println!("{path}:{line}: {says} [{name}]"),
            }
        }
        count += findings.len();
    }
    match count {
        0 => {
            println!("tidy: {} rules, {} files, nothing found", RULES.len(), workspace.files.len());
            Ok(())
        }
        count => bail!("tidy: {count} places break a rule"),
    }
}

/// Writes the digests of what is in wit/v1 now.
pub fn freeze() -> Result<()> {
    frozen::freeze(&Workspace::read()?)
}
