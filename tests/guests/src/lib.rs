//! Plugins as bytes, for tests: built like the command builds the one that it embeds.
//!
//! The first build takes half a minute and later ones a moment. With `MEZZO_EMBED=DIR` the files
//! `DIR/<package>.wasm` are taken instead.
#![forbid(unsafe_code)]

#[allow(dead_code, missing_docs, reason = "shared with the build script of the command")]
#[path = "../../../host/bin/mezzo/build/inner_cargo.rs"]
mod inner_cargo;

use std::{fs, path::Path, sync::OnceLock};

use inner_cargo::{GUEST_PROFILE, Part};

/// The default allocator.
pub fn allocator_drf() -> &'static [u8] {
    static BYTES: OnceLock<Vec<u8>> = OnceLock::new();
    BYTES.get_or_init(|| bytes("allocator-drf", "allocator_drf.wasm"))
}

/// The allocator that misbehaves.
pub fn allocator_hostile() -> &'static [u8] {
    static BYTES: OnceLock<Vec<u8>> = OnceLock::new();
    BYTES.get_or_init(|| bytes("allocator-hostile", "allocator_hostile.wasm"))
}

fn bytes(package: &'static str, file: &'static str) -> Vec<u8> {
    let ready = std::env::var_os("MEZZO_EMBED").map(|dir| Path::new(&dir).join(format!("{package}.wasm")));
    let path = match ready {
        Some(path) if path.exists() => path,
        Some(_) | None => {
            let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
            let part = Part { package, target: "wasm32-wasip2", file, profile: GUEST_PROFILE };
            part.build(&root, &root.join("target/embed")).unwrap_or_else(|error| panic!("{error}"))
        }
    };
    fs::read(&path).unwrap_or_else(|error| panic!("cannot read `{}`: {error}", path.display()))
}
