//! What code may not do where.

use super::{
    Finding,
    workspace::{Workspace, code_of, product_lines},
};

/// Words that reach out of a pure function: clocks, files, sockets, threads, chance, waiting, printing.
const WORLD: [&str; 26] = [
    "std::fs",
    "std::net",
    "std::thread",
    "std::process",
    "std::env",
    "std::io",
    "std::os",
    "std::time::Instant",
    "std::time::SystemTime",
    "Instant::now",
    "SystemTime",
    "RandomState",
    "HashMap::new",
    "HashMap::with_capacity",
    "HashSet::new",
    "HashSet::with_capacity",
    "Mutex",
    "RwLock",
    "Condvar",
    "async fn",
    "async move",
    ".await",
    "println!",
    "eprintln!",
    "thread_local!",
    "static mut",
];

/// Why hash tables of the standard kind stand in [`WORLD`]: their order is drawn by lot in each process.
const ORDERED: &str = "use BTreeMap, or a hasher that is the same in every run";

/// Rooms that may hold `unsafe`.
const UNSAFE_ROOMS: [&str; 3] = ["host/edge/linux/", "host/bin/init/", "host/edge/wasm/"];

/// Words of `std` that the compiler's fence in host/core must name.
const FENCED: [&str; 8] = [
    "std::time::Instant",
    "std::time::SystemTime",
    "std::fs::File",
    "std::net::TcpStream",
    "std::thread::spawn",
    "std::process::Command",
    "std::env::var",
    "std::fs::read",
];

/// Nothing in the core reads a clock, file, socket or chance, spawns, locks or waits.
pub fn core_touches_nothing(workspace: &Workspace) -> Vec<Finding> {
    let core =
        workspace.sources().filter(|(path, _)| path.starts_with("host/core/") && path.contains("/src/"));
    let mut findings = Vec::new();
    for (path, text) in core {
        for (line, code) in product_lines(text) {
            for word in WORLD.iter().filter(|word| has_word(&code, word)) {
                let hint =
                    if word.starts_with("Hash") { ORDERED } else { "make it an argument or an effect" };
                findings.push(Finding {
                    path: path.to_owned(),
                    line,
                    says: format!("`{word}` in the core: {hint}"),
                });
            }
        }
    }
    findings
}

/// Crates forbid `unsafe`, but for the few that are there for it.
pub fn unsafe_rooms(workspace: &Workspace) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (path, text) in workspace.sources() {
        let may = |rooms: &[&str]| rooms.iter().any(|room| path.starts_with(room));
        let is_free = may(&UNSAFE_ROOMS);
        // Guests forbid it but where the macro's bindings need it: under a condition.
        let forbids = text.contains("forbid(unsafe_code)");
        if is_crate_root(path) && !(is_free || forbids) {
            findings
                .push(Finding::of_file(path, "does not forbid unsafe code: write `#![forbid(unsafe_code)]`"));
        }
        let uses = |code: &str| has_word(code, "unsafe") && !code.contains("unsafe_");
        for (at, line) in text.lines().enumerate().filter(|(_, line)| uses(&code_of(line))) {
            if !is_free && !line.trim_start().starts_with("unsafe extern") {
                let says = format!("unsafe code may only be in {}", UNSAFE_ROOMS.join(", "));
                findings.push(Finding { path: path.to_owned(), line: at + 1, says });
            }
        }
    }
    findings
}

/// Each block says who upholds what.
pub fn unsafe_is_argued(workspace: &Workspace) -> Vec<Finding> {
    /// How far above the block its argument may begin.
    const REACH: usize = 12;

    let mut findings = Vec::new();
    for (path, text) in workspace.sources() {
        let lines: Vec<_> = text.lines().collect();
        for (at, line) in lines.iter().enumerate() {
            let code = code_of(line);
            let is_block =
                has_word(&code, "unsafe") && (code.contains("unsafe {") || code.contains("unsafe impl"));
            let above = &lines[at.saturating_sub(REACH)..=at];
            if is_block && !above.iter().any(|line| line.contains("SAFETY:")) {
                let says = "an unsafe block without a `// SAFETY:` line above it".to_owned();
                findings.push(Finding { path: path.to_owned(), line: at + 1, says });
            }
        }
    }
    findings
}

/// `allow` and `expect` say why.
pub fn silenced_lints(workspace: &Workspace) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (path, text) in workspace.sources() {
        for (at, _) in text.match_indices("#[").chain(text.match_indices("#![")) {
            let Some(end) = text[at..].find(")]") else { continue };
            let attribute = &text[at..at + end];
            let body = attribute.trim_start_matches(['#', '!', '[']);
            if !(body.starts_with("allow(") || body.starts_with("expect(")) || attribute.contains("reason") {
                continue;
            }
            let line_start = text[..at].rfind('\n').map_or(0, |newline| newline + 1);
            if text[line_start..at].trim().is_empty() {
                let line = text[..at].matches('\n').count() + 1;
                let says = "a silenced lint without `reason = \"…\"`".to_owned();
                findings.push(Finding { path: path.to_owned(), line, says });
            }
        }
    }
    findings
}

/// The compiler's own fence around the core is there and names what it must.
pub fn fence_stands(workspace: &Workspace) -> Vec<Finding> {
    const PATH: &str = "host/core/clippy.toml";
    let text = workspace.text(PATH).unwrap_or_default();
    let missing = FENCED.iter().filter(|word| !text.contains(&format!("\"{word}\"")));
    missing.map(|word| Finding::of_file(PATH, format!("does not disallow `{word}`"))).collect()
}

/// Root files of crates: libraries and programs.
pub fn is_crate_root(path: &str) -> bool {
    path.ends_with("/src/lib.rs") || path.ends_with("/src/main.rs") || path.contains("/src/bin/")
}

/// Says whether `word` stands in `code`, and not only as a part of a longer name.
fn has_word(code: &str, word: &str) -> bool {
    let is_name = |char: char| char.is_alphanumeric() || char == '_';
    code.match_indices(word).any(|(at, _)| {
        let before = code[..at].chars().next_back();
        let after = code[at + word.len()..].chars().next();
        let open_start = !word.starts_with(is_name) || !before.is_some_and(is_name);
        let open_end = !word.ends_with(is_name) || !after.is_some_and(is_name);
        open_start && open_end
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(rule: fn(&Workspace) -> Vec<Finding>, path: &str, text: &str) -> usize {
        rule(&Workspace::default().with_file(path, text)).len()
    }

    #[test]
    fn core_that_reaches_out_is_noticed() {
        for code in [
            "use std::fs;",
            "let now = Instant::now();",
            "async fn f() {}",
            "let x = y.await;",
            "let lock = Mutex::new(());",
            "let m = HashMap::new();",
            "println!(\"x\");",
            "std::env::var(\"X\")",
        ] {
            assert!(check(core_touches_nothing, "host/core/model/src/a.rs", code) > 0, "{code}");
            assert_eq!(check(core_touches_nothing, "host/edge/disk/src/a.rs", code), 0);
            assert_eq!(check(core_touches_nothing, "host/core/model/src/a.rs", &format!("// {code}")), 0);
        }
        let tested = "fn a() {}\n#[cfg(test)]\nmod tests { use std::fs; }\n";
        assert_eq!(check(core_touches_nothing, "host/core/model/src/a.rs", tested), 0);
        assert_eq!(check(core_touches_nothing, "host/core/model/src/a.rs", "struct MyMutexes;"), 0);
    }

    #[test]
    fn unsafe_elsewhere_is_noticed() {
        let root = "//! A.\n#![forbid(unsafe_code)]\n";
        assert_eq!(check(unsafe_rooms, "host/edge/disk/src/lib.rs", root), 0);
        assert_eq!(check(unsafe_rooms, "host/edge/disk/src/lib.rs", "//! A.\n"), 1);
        assert_eq!(check(unsafe_rooms, "host/edge/linux/src/lib.rs", "//! A.\n"), 0);
        assert_eq!(check(unsafe_rooms, "host/edge/disk/src/a.rs", "let x = unsafe { y() };\n"), 1);
        assert_eq!(check(unsafe_rooms, "host/edge/linux/src/a.rs", "let x = unsafe { y() };\n"), 0);
        assert_eq!(check(unsafe_rooms, "plugins/p/src/lib.rs", "#![cfg_attr(x, forbid(unsafe_code))]\n"), 0);
        assert_eq!(check(unsafe_rooms, "plugins/p/src/lib.rs", "\n"), 1);
    }

    #[test]
    fn unsafe_without_an_argument_is_noticed() {
        let block = "let x = unsafe { y() };\n";
        assert_eq!(check(unsafe_is_argued, "a.rs", block), 1);
        assert_eq!(check(unsafe_is_argued, "a.rs", &format!("// SAFETY: y is fine.\n{block}")), 0);
        let far = format!("// SAFETY: another.\n{}{block}", "\n".repeat(20));
        assert_eq!(check(unsafe_is_argued, "a.rs", &far), 1);
    }

    #[test]
    fn silenced_lint_without_a_reason_is_noticed() {
        assert_eq!(check(silenced_lints, "a.rs", "#[allow(dead_code)]\nfn a() {}\n"), 1);
        assert_eq!(check(silenced_lints, "a.rs", "#![expect(clippy::x)]\n"), 1);
        assert_eq!(check(silenced_lints, "a.rs", "#[allow(dead_code, reason = \"for later\")]\n"), 0);
        assert_eq!(
            check(silenced_lints, "a.rs", "#[allow(\n    dead_code,\n    reason = \"for later\"\n)]\n"),
            0
        );
        assert_eq!(check(silenced_lints, "a.rs", "let a = \"#[allow(dead_code)]\";\n"), 0);
    }

    #[test]
    fn hole_in_the_fence_is_noticed() {
        let whole: String = FENCED.iter().map(|word| format!("\"{word}\"\n")).collect();
        assert_eq!(check(fence_stands, "host/core/clippy.toml", &whole), 0);
        assert_eq!(check(fence_stands, "host/core/clippy.toml", &whole.replace("std::fs::File", "x")), 1);
        assert_eq!(fence_stands(&Workspace::default()).len(), FENCED.len());
    }
}
