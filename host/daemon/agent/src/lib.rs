//! The agent daemon: clock, inbox, core, outbox.
//!
//! ```text
//!  HTTP ─┐                                        ┌─▶ checkpoints
//!  link ─┼─▶ inbox: three lanes ─▶ turn ─▶ outbox ┼─▶ the link to the master
//!  node ─┘        (bounded)      (a thread)  (one) ├─▶ the node (a thread), the fetcher
//!     ▲                                           └─▶ views, rendered off the loop
//!     └────────────── reports, finished writes ◀─────┘
//! ```
//!
//! Nothing here knows a rule of tasks: that is `mezzo_core_agent`. Start with
//! [`RawAgentFlags`], which become a [`Config`], with which [`run`] runs an agent.
#![forbid(unsafe_code)]

mod backend;
mod config;
mod dial;
mod flags;
mod outbox;
mod outside;
mod render;
mod sandboxes;
mod start;
mod streams;
mod turn;
mod waiting;

pub use config::{Config, MasterAddress, Recover};
pub use flags::RawAgentFlags;
pub use mezzo_core_agent::Stop;
pub use mezzo_process::flags::FlagError;
pub use start::{AgentError, AgentHandle, run, signals};

/// The lanes in front of this core.
type Inbox = mezzo_process::Inbox<mezzo_core_agent::Input>;
