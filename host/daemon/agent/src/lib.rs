//! The agent daemon: clock, inbox, core, outbox.
//!
//! ```text
//!  HTTP ─┐                                        ┌─▶ checkpoints
//!  link ─┼─▶ inbox: three lanes ─▶ turn ─▶ outbox ┼─▶ the link to the master
//!  node ─┘        (bounded)      (a thread)       ├─▶ the node (a thread), the fetcher
//!     ▲                                           └─▶ views, rendered off the loop
//!     └────────────── reports, finished writes ◀─────┘
//! ```
//!
//! Nothing here knows a rule of tasks: that is `mezzo_core_agent`. Start with
//! [`RawAgentFlags`], which become a [`Config`], with which [`run`] runs an agent.
#![forbid(unsafe_code)]

mod backend;
mod clock;
mod config;
mod dial;
mod flags;
mod inbox;
mod sandboxes;
mod start;
mod turn;
mod waiting;

pub use config::{Config, MasterAddress, Recover};
pub use flags::{FlagError, RawAgentFlags};
pub use mezzo_core_agent::Stop;
pub use start::{AgentError, AgentHandle, run, signals};
