//! An allocator that keeps work on as few agents as it can, so that the others can be switched off.
//!
//! Agents that are in use are given first, the fullest of them before the others. One that is empty is
//! given to a seeker only if nothing was there for it on those in use in this round: a framework that
//! declines what is left of them is not eligible there for a while, and gets an empty one.
#![cfg_attr(not(target_family = "wasm"), forbid(unsafe_code))]

pub mod policy;

#[cfg(target_family = "wasm")]
mezzo_plugin::export_allocator!(policy::Binpack);
