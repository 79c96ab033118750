//! Published clients of Mesos play the same story; the story ends as Mesos ends it.
//!
//! Two lives of one scheduler: the first is killed in the middle, the second comes back with the same
//! framework id, finds what the first had started, and runs the rest.
#![forbid(unsafe_code)]
#![allow(clippy::unwrap_used, reason = "a test that panics is a test that failed")]

mod libraries;
mod lives;
mod programs;
mod tools;
