//! The kit for plugins in Rust: the mirror of the cluster is kept for you, you say who is next.
//!
//! An allocator is a [`Policy`]: which seekers, best first, for an agent. [`Instance`] brings batches
//! to the [`Cluster`], asks the policy agent by agent, and counts what was granted in the same round.
//! All of it is plain Rust and is tested natively; `export_allocator!` makes a component of a policy.
//!
//! ```
//! use mezzo_plugin::{Cluster, Policy};
//!
//! /// Whoever came first is served first.
//! #[derive(Default)]
//! struct FirstCome;
//!
//! impl Policy for FirstCome {
//!     const NAME: &'static str = "first-come";
//!     const VERSION: &'static str = "1.0.0";
//!
//!     fn order(&mut self, _: &Cluster, _agent: u32, seekers: &mut Vec<u32>) {
//!         seekers.sort_unstable();
//!     }
//! }
//! ```
#![cfg_attr(not(target_family = "wasm"), forbid(unsafe_code))]

pub mod chance;
pub mod cluster;
pub mod facts;
pub mod policy;

#[cfg(target_family = "wasm")]
pub mod glue;

pub use chance::Chance;
pub use cluster::{Agent, Cluster, Role, Seeker};
pub use facts::{Batch, Grants, Proposal};
pub use policy::{Instance, Policy};

/// What the world's bindings are made of.
#[cfg(target_family = "wasm")]
#[allow(missing_docs, unsafe_code, clippy::all, reason = "generated from wit/v1")]
pub mod bindings {
    wit_bindgen::generate!({
        path: "../../wit/v1",
        world: "allocator",
        pub_export_macro: true,
        default_bindings_module: "mezzo_plugin::bindings",
    });
}
