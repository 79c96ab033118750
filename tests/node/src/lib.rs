//! Containers on the real kernel: what a test needs to launch them, hear of them
//! and see that nothing of them is left.
//!
//! Most of it needs root and control groups; a test that lacks them says SKIPPED
//! and why. Start with [`World`].
#![forbid(unsafe_code)]

#[path = "../../../host/bin/mezzo/build/inner_cargo.rs"]
#[allow(missing_docs, dead_code, reason = "shared with the build that embeds the program")]
mod inner_cargo;
mod left;
mod world;

pub use left::{Left, left};
pub use world::{World, exit_code, linux_walls, signal_of};

use std::{
    path::{Path, PathBuf},
    sync::OnceLock,
};

/// The program of `bin/init`: the file that `MEZZO_INIT` names, or built here once.
pub fn init() -> &'static [u8] {
    static INIT: OnceLock<Vec<u8>> = OnceLock::new();
    INIT.get_or_init(|| {
        let path = match std::env::var_os("MEZZO_INIT") {
            Some(path) => path.into(),
            None => build_init(),
        };
        std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
    })
}

fn build_init() -> PathBuf {
    build(inner_cargo::Part::build)
}

/// Builds the program that makes the least container there can be; see there.
pub fn floor() -> PathBuf {
    build(|part, root, target_dir| part.build_example(root, target_dir, "floor"))
}

fn build(how: impl Fn(&inner_cargo::Part, &Path, &Path) -> Result<PathBuf, String>) -> PathBuf {
    let part = inner_cargo::Part {
        package: "mezzo-init",
        target: "x86_64-unknown-linux-musl",
        file: "mezzo-init",
        profile: &[
            ("OPT_LEVEL", "s"),
            ("LTO", "fat"),
            ("CODEGEN_UNITS", "1"),
            ("PANIC", "abort"),
            ("STRIP", "symbols"),
            ("DEBUG", "false"),
        ],
    };
    let root =
        Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).expect("the workspace is two folders up");
    how(&part, root, &root.join("target/embed")).unwrap_or_else(|error| panic!("{error}"))
}
