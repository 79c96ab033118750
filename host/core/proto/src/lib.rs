//! The wire messages and the Mesos JSON mapping.
//!
//! Everything below [`mesos`] and [`mezzo`] is generated from the `.proto` files
//! of this crate. The JSON form of a message is not: it is read off the same
//! descriptors at run time, so that the two cannot differ.
//!
//! Start with [`mesos::v1`]; [`json`], [`required`] and [`recordio`] say how a message travels.
#![forbid(unsafe_code)]

pub mod bytes;
mod encoded;
pub mod json;
pub mod recordio;
pub mod required;
mod schema;

/// Generated wire types.
#[allow(
    missing_docs,
    clippy::all,
    reason = "generated from the .proto files, whose comments are the documentation"
)]
mod wire {
    include!(concat!(env!("OUT_DIR"), "/wire.rs"));
}

pub use wire::{mesos, mezzo};

/// The descriptors of every message of this crate, as a serialized `FileDescriptorSet`.
pub const DESCRIPTORS: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/descriptors.bin"));

pub use encoded::Encoded;
pub use prost::{Message, Name, length_delimiter_len};
pub use required::{check_required, decode};
