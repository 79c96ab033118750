//! An allocator that gives each agent to anybody who may have it, each as likely as the other.
//!
//! Fair over many rounds to frameworks that ask equally often, and blind to what they hold: the least
//! that an allocator can be, and a floor for others to be compared with.
#![cfg_attr(not(target_family = "wasm"), forbid(unsafe_code))]

pub mod policy;

#[cfg(target_family = "wasm")]
mezzo_plugin::export_allocator!(policy::Random);
