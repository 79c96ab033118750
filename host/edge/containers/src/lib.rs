//! Carries out what the agent's core wants of containers, and reports.
//!
//! A [`Node`] is one thread that watches everything: the launcher, each
//! container's supervisor (a process descriptor), each limit that can be hit (an
//! event counter), and the asks that come in. It decides nothing: a plan is
//! finished when it comes, and what the kernel says goes back as a report. The
//! containers do not need it: they go on when it ends, and a new one finds them.
//!
//! Start with [`NodeConfig`] and [`Node::start`]; `keeper` is the thread.
#![forbid(unsafe_code)]

mod config;
mod container;
mod directory;
mod fetching;
mod install;
mod keeper;
mod launcher;
mod limitation;
mod meter;
mod node;
mod prepare;
mod supervisor;
mod volumes;

pub use config::{FetchFuture, FetchRequest, Fetcher, LauncherKind, NodeConfig, NodeError};
pub use meter::Meter;
pub use mezzo_cgroups::Kind as Controller;
pub use node::Node;
