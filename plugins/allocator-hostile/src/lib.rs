//! An allocator that misbehaves on purpose, for tests.
//!
//! Without settings it is honest for four rounds, traps in the fifth, loops for ever in the sixth and
//! from the seventh on grants what does not exist. With `{"do":"<deed>","from":<round>}` it does one
//! [deed](deeds::Deed) from that round on, the first if none is given. Where a host gives no settings,
//! they can be written into the compiled file: 56 bytes, behind `hostile=`.
#![cfg_attr(not(target_family = "wasm"), forbid(unsafe_code))]

pub mod deeds;

#[cfg(target_family = "wasm")]
mod glue;
