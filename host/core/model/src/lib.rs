//! The nouns of the cluster and their life cycles.
//!
//! Every type here is a value: no clocks, sockets or files. A life cycle is an
//! enum, and the only way to move along it is a method that names the cause.
//! What is merely carried (commands, labels, container settings) stays as the
//! generated messages of `mezzo-proto`.
//!
//! Start with [`ids`] and [`time`]; [`calls`] holds what comes in from outside
//! once it has been validated, [`container`] what goes out to the kernel. [`table`] keeps
//! many nouns so that they can be shown in a moment; [`figure`] declares numbers; [`outbox`] is the order in which a
//! core's effects happen.
#![forbid(unsafe_code)]

pub mod agent;
pub mod build;
pub mod calls;
pub mod container;
pub mod figure;
pub mod framework;
pub mod ids;
pub mod lane;
pub mod offer;
pub mod operation;
pub mod outbox;
pub mod table;
pub mod task;
pub mod time;

pub use build::Build;
pub use ids::{
    AgentId, ContainerId, ExecutorId, FrameworkId, LinkId, OfferId, RequestId, StreamId, TaskId, Ticket,
};
pub use lane::{Lane, Laned};
pub use time::{Mono, Now, Wall};
