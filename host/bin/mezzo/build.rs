//! Puts the default plugin and the containers' first process into the command.
//!
//! Both are built for other targets by a cargo of their own, with a target folder of its own, since
//! the outer one holds the lock of its own. `MEZZO_EMBED=DIR` takes `allocator-drf.wasm` and `init`
//! from DIR instead.

#[path = "build/inner_cargo.rs"]
mod inner_cargo;

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::exit,
};

use inner_cargo::{GUEST_PROFILE, Part};

const ALLOCATOR: Part = Part {
    package: "allocator-drf",
    target: "wasm32-wasip2",
    file: "allocator_drf.wasm",
    profile: GUEST_PROFILE,
};

const INIT: Part = Part {
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

/// What the two are made of, from the root of the workspace.
const SOURCES: [&str; 7] = [
    "Cargo.lock",
    "Cargo.toml",
    "host/bin/init",
    "host/core/proto",
    "host/edge/linux",
    "plugins/allocator-drf",
    "wit/v1",
];

fn main() {
    if let Err(error) = embed() {
        println!("cargo::error={}", error.replace('\n', "\ncargo::error="));
        exit(1);
    }
}

fn embed() -> Result<(), String> {
    let out = PathBuf::from(env::var_os("OUT_DIR").ok_or("OUT_DIR is not set")?);
    println!("cargo::rerun-if-env-changed=MEZZO_EMBED");
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed=build");
    let (allocator, init) = match env::var_os("MEZZO_EMBED") {
        Some(dir) => {
            let dir = PathBuf::from(dir);
            let ready = [dir.join("allocator-drf.wasm"), dir.join("init")];
            for file in &ready {
                println!("cargo::rerun-if-changed={}", file.display());
            }
            let [allocator, init] = ready;
            (allocator, init)
        }
        None => build(&out)?,
    };
    copy(&allocator, &out.join("allocator-drf.wasm"))?;
    copy(&init, &out.join("init"))
}

fn build(out: &Path) -> Result<(PathBuf, PathBuf), String> {
    let here = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").ok_or("CARGO_MANIFEST_DIR is not set")?);
    let root = here.ancestors().nth(3).ok_or("the workspace is three folders up")?;
    for source in SOURCES {
        println!("cargo::rerun-if-changed={}", root.join(source).display());
    }
    // OUT_DIR is <target>/<profile>/build/<package>-<hash>/out; profiles share what is built inside.
    let target_dir = out.ancestors().nth(4).ok_or("OUT_DIR is not where cargo puts it")?.join("embed");
    Ok((ALLOCATOR.build(root, &target_dir)?, INIT.build(root, &target_dir)?))
}

fn copy(from: &Path, to: &Path) -> Result<(), String> {
    fs::copy(from, to).map_err(|error| format!("cannot copy `{}`: {error}", from.display()))?;
    Ok(())
}
