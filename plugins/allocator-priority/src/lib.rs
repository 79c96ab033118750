//! An allocator for roles of strict rank: whoever has the greater weight is served first, whole.
//!
//! Weights are ranks here, and not parts of the whole as in `drf`. So that the lower ranks do not starve,
//! `{"floor": 0.05}` keeps a part of the cluster for each role: one that holds less than that is served
//! before all ranks. Among equals the one that holds least is next.
#![cfg_attr(not(target_family = "wasm"), forbid(unsafe_code))]

pub mod policy;

#[cfg(target_family = "wasm")]
mezzo_plugin::export_allocator!(policy::Priority);
