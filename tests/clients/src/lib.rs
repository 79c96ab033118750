//! Published clients of Mesos, as they are, against live daemons.
//!
//! One folder for each language has small programs over libraries from that language's registry, with
//! their versions pinned. What every scheduler is to do is written once, as a [`Story`], and what it saw
//! comes back as lines, [`Told`]; `README.md` has the words of both. [`install`] brings a language's
//! libraries and programs into `target/clients`.
//!
//! Nothing here speaks Mesos: a client that fails has found a difference.
#![forbid(unsafe_code)]

pub mod install;
mod play;
mod story;

pub use play::{Play, Told};
pub use story::Story;
