//! What the command carries with it: the default plugin and the containers' first process.
//!
//! Made by `build.rs`; to the host both are strings of bytes.

/// The default allocator, a component of `wit/v1`'s world `allocator`.
pub static ALLOCATOR: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/allocator-drf.wasm"));

/// Launcher and supervisor of containers, a static program.
pub static INIT: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/init"));
