//! Whatever bytes come in: one function for each place where a stranger's bytes are read.
//!
//! A target takes bytes and asserts what must hold of any. `tests/seeds` runs each over the seeds that are kept
//! in `seeds/` and over a few thousand mutations of them, always the same; `fuzz/` is the same functions for
//! `cargo +nightly fuzz run NAME seeds/NAME`, which is guided by coverage and finds more. What it finds becomes a seed.
#![forbid(unsafe_code)]

mod json;
mod link;
mod protobuf;
mod recordio;
mod resources;

/// The name of its seeds, and what it does with bytes.
pub type Target = (&'static str, fn(&[u8]));

/// Every target.
pub const TARGETS: [Target; 5] = [
    ("json", json::target),
    ("protobuf", protobuf::target),
    ("recordio", recordio::target),
    ("resources", resources::target),
    ("link", link::target),
];

/// Runs the target of this name.
///
/// # Panics
///
/// When there is none, or when what it asserts does not hold.
pub fn run(name: &str, data: &[u8]) {
    let target = TARGETS.iter().find(|(this, _)| *this == name).expect("the name of a target");
    (target.1)(data);
}
