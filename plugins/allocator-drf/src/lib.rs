//! The default allocator: weighted dominant resource fairness over a tree of roles.
//!
//! [`policy`] decides and knows nothing of WebAssembly; [`facts`] is what it is told and answers.
//! The glue that makes a component of it exists for wasm only, so everything else builds and is
//! tested natively.
//!
//! Start with [`policy::Policy::step`].
#![cfg_attr(not(target_family = "wasm"), forbid(unsafe_code))]

pub mod facts;
pub mod policy;

#[cfg(target_family = "wasm")]
mod glue;
