//! The master's core: what becomes of every call, message, answer and deadline.
//!
//! One turn at a time: [`Master::handle`] takes one [`Input`] and the time, changes what it
//! knows, and says in [`Effects`] what is wanted of the outside. Nothing here reads a clock,
//! waits, draws lots or touches a file or socket.
//!
//! Start with [`input`] and [`effects`]; [`master`] holds the struct and sends each input to
//! the one file that knows its rules.
#![forbid(unsafe_code)]

mod admission;
mod agent_messages;
mod agents;
mod allocation;
pub mod config;
mod deadlines;
pub mod effects;
mod events;
mod executors;
mod failover;
mod frameworks;
mod ids;
pub mod input;
mod jobs;
mod links;
mod lost;
pub mod master;
pub mod metrics;
mod offers;
mod operations;
mod operator_operations;
mod plugins;
mod role_settings;
mod scheduler_calls;
mod tasks;
pub mod views;
pub mod watchers;
mod writes;

pub use config::MasterConfig;
pub use effects::{Effects, Envelope, Observation};
pub use input::{Input, PluginsCommand};
pub use master::Master;
pub use mezzo_acl::Acls;
pub use mezzo_registry::{RecoverError, Recovered, Write};
