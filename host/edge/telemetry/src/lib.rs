//! What a daemon says about itself: a log for people, and numbers for machines.
//!
//! [`Log`] is set up once, by the program. [`Metrics`] is a registry that the daemon hands
//! around; names are Mesos's where Mesos has them. [`Verbosity`] makes the log say more for a
//! while.
#![forbid(unsafe_code)]

mod build;
mod log;
mod metrics;
mod prometheus;
mod samples;
mod system;
mod verbosity;

pub use build::build;
pub use log::{Level, Log, LogError};
pub use metrics::{Counter, Metrics, Timer};
pub use prometheus::CONTENT_TYPE as PROMETHEUS;
pub use system::System;
pub use verbosity::{Raised, Verbosity};
