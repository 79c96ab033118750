//! One seed is one world: a master, agents and schedulers under faults.
//!
//! The world links the very cores, the outbox and the shipped policy that the daemons
//! run; what it makes up is everything outside them: clocks, the network, disks, kernels
//! and clients. All of it comes from one seed, so a failing world can be lived again:
//!
//! ```text
//! cargo run -p sim -- --seed 7741
//! ```
//!
//! Start with [`world::World`]; [`faults::Fault`] lists what goes wrong, [`checks`] what
//! must hold all the same, at every step and at the end.
#![forbid(unsafe_code)]

pub mod agent_host;
pub mod checks;
pub mod executors;
pub mod faults;
pub mod kernel;
pub mod link;
pub mod many;
pub mod master_host;
pub mod plan;
pub mod plugin;
pub mod rng;
pub mod scheduler;
pub mod stops;
pub mod trace;
pub mod world;

pub use faults::{Counts, Fault};
pub use many::{Lived, live_all};
pub use plan::{Plan, Planted};
pub use plugin::{MakePolicy, Policy};
pub use world::{Failure, Outcome, World};
