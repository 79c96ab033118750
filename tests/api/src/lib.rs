//! The API as clients meet it: on a socket, byte for byte.
//!
//! What is asked is data: `calls/` has calls by name, [`required`] makes more of the descriptors, and what a
//! real Mesos answered stands below `fixtures/`. [`Side`] puts one daemon pair into a known state and asks;
//! [`compare`] says where two answers differ, and [`Accounted`] whether `differences.toml` has a reason.
//! `cargo xtask peer` does that beside a running Mesos, the tests do it with the recorded answers.
#![forbid(unsafe_code)]

mod calls;
mod compare;
mod differences;
mod names;
mod outcome;
pub mod required;
mod session;
mod shape;
mod side;
mod wire;

pub use calls::{Call, Target, hex, read as read_calls};
pub use compare::{Difference, compare};
pub use differences::{Accounted, Verdict};
pub use names::Names;
pub use outcome::{Body, Outcome};
pub use session::Session;
pub use shape::Shape;
pub use side::Side;
pub use wire::{Answer, Connection};
