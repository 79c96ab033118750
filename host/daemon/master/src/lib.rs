//! The master daemon: clock, inbox, core, outbox.
//!
//! ```text
//!  HTTP ─┐                                        ┌─▶ registry (a thread, group commit)
//!  links ┼─▶ inbox: three lanes ─▶ turn ─▶ outbox ┼─▶ answers, event streams, links
//!  plugin┘        (bounded)      (a thread)       ├─▶ views, rendered off the loop
//!     ▲                                           └─▶ allocator (a thread)
//!     └───────────── answers, finished writes ◀──────┘
//! ```
//!
//! Nothing here knows a rule of the cluster: that is `mezzo_core_master`. Start with
//! [`RawMasterFlags`], which become a [`Config`], which [`Config::build`]s a [`Master`].
#![forbid(unsafe_code)]

mod allocator;
mod backend;
mod config;
mod flags;
mod front;
mod links;
pub mod log;
mod observer;
mod outbox;
mod plugins;
mod registry;
mod renderer;
mod shelf;
mod start;
mod streams;
mod turn;
mod waiting;
mod watches;

pub use config::{Allocator, Config, RegistryKind};
pub use flags::RawMasterFlags;
pub use mezzo_process::flags::FlagError;
pub use start::{Master, MasterError, run};

/// The lanes in front of this core.
type Inbox = mezzo_process::Inbox<mezzo_core_master::Input>;
