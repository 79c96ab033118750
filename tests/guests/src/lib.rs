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

/// The other allocators that are shipped, by name.
pub fn allocators_shipped() -> [(&'static str, Vec<u8>); 3] {
    [
        ("binpack", bytes("allocator-binpack", "allocator_binpack.wasm")),
        ("priority", bytes("allocator-priority", "allocator_priority.wasm")),
        ("random", bytes("allocator-random", "allocator_random.wasm")),
    ]
}

/// The allocator that misbehaves in one way from a round on, without being told by its host.
pub fn allocator_that_does(deed: &str, from: u64) -> Vec<u8> {
    const MARK: &[u8] = b"hostile={}";
    const ROOM: usize = 56;
    let mut bytes = allocator_hostile().to_vec();
    let found = bytes.windows(MARK.len()).position(|window| window == MARK);
    let at = found.expect("the place for settings in the hostile guest") + MARK.len() - 2;
    let settings = format!("{:ROOM$}", format!(r#"{{"do":"{deed}","from":{from}}}"#));
    bytes[at..at + ROOM].copy_from_slice(settings.as_bytes());
    bytes
}

/// A component of these sections, as the format's specification has them.
pub fn component(sections: &[&[u8]]) -> Vec<u8> {
    let mut bytes = b"\0asm\x0d\0\x01\0".to_vec();
    sections.iter().for_each(|section| bytes.extend_from_slice(section));
    bytes
}

/// A component that imports an empty instance of this name and exports nothing.
pub fn importing(name: &str) -> Vec<u8> {
    // A type section with one empty instance type, then an import section with one import of it.
    let types: &[u8] = &[7, 3, 1, 0x42, 0];
    let length = name.len() as u8;
    let mut import = vec![10, length + 5, 1, 0, length];
    import.extend_from_slice(name.as_bytes());
    import.extend_from_slice(&[5, 0]);
    component(&[types, &import])
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
