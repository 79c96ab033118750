//! Plugins as WebAssembly components: loading, checking, running them within limits.
//!
//! A guest owns nothing: it has no files, no sockets, no clock that moves, and a piece of memory
//! and processor time that end where the limits say. Whatever it does, the worst that comes out
//! of here is a [`Failure`](mezzo_slots::Failure). What an answer *means* is not judged here: a
//! proposal is checked against the ledger by the core.
//!
//! Start with [`AllocatorThread`], which is what a daemon holds; [`Plugin`] is a component that
//! passed the checks, [`Runtime`] the engine that they share.

mod allocator;
mod bindings;
mod cache;
mod columns;
mod guest;
mod inert;
mod load;
mod runtime;
mod thread;
mod vet;

pub use allocator::Allocator;
pub use cache::{Cache, CacheError};
pub use guest::{Figures, Level, Limits, Line, LogTo};
pub use load::{Inspected, LoadError, Plugin, digest, inspect};
pub use runtime::{Runtime, compile};
pub use thread::{AllocatorThread, Said, Start};
pub use vet::{VetError, Vetted, vet};
