//! What a daemon says about itself: a log for people, and numbers for machines.
//!
//! [`Log`] is set up once, by the program. [`Metrics`] is a registry that the daemon hands
//! around; names are Mesos's where Mesos has them.
#![forbid(unsafe_code)]

mod log;
mod metrics;
mod samples;
mod system;

pub use log::{Level, Log, LogError};
pub use metrics::{Counter, Metrics, Timer};
