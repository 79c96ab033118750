//! The durable facts of a master: what they are, their encoding, the writes that change them.
//!
//! A fact is one value under one key. The store below knows keys and bytes only; it
//! applies a [`Write`] wholly or not at all. Nothing here decides whether a fact *should*
//! change: the master's core does, in two turns.
#![forbid(unsafe_code)]

mod frame;
mod recovered;
mod slot;
mod write;

pub use frame::FrameError;
pub use recovered::{RecoverError, Recovered, RegisteredAgent};
pub use slot::{RegisteredSlot, Sha256, SlotEvent};
pub use write::{Change, Write};
