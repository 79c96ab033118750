//! The agent's decisions.
//!
//! Start with [`Agent`]: it takes one [`Input`] at a time and answers with
//! [`Effects`]. Nothing here reads a clock, a file or a socket; what a container
//! is in the kernel is the node's to know.
#![forbid(unsafe_code)]

mod account;
mod agent;
pub mod checkpoint;
pub mod config;
pub mod effects;
mod ending;
mod executor;
mod executor_calls;
mod executors;
mod garbage;
mod identity;
pub mod input;
mod launch;
mod loose;
mod master_messages;
pub mod metrics;
mod names;
mod operations;
mod paths;
mod recovery;
mod signals;
mod status_updates;
mod stream;
mod task;
mod timers;
pub mod views;
mod volumes;

pub use agent::Agent;
pub use config::{AgentConfig, IsolationConfig};
pub use effects::{AtOnce, Change, Effects, Envelope, Exit, Leaving, Observation, ResolvedPath, Write};
pub use executor::{Executor, ExecutorKey, Phase as ExecutorPhase};
pub use input::{Found, Input, Sandbox, Stop};
pub use task::{Phase, Task, TaskKey};
