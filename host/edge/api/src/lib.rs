//! Mesos's HTTP API: what a path means, and how calls and answers are written.
//!
//! A request is matched against a static table, its call decoded and validated once
//! into a noun of `mezzo_model::calls`, and handed to a backend, which is the daemon.
//! Statuses and sentences are chosen here and nowhere below.
//!
//! Deliberately absent: policy, state, and any knowledge of what a cluster does.
//! Start with [`MasterApi`] and [`AgentApi`]; [`MasterBackend`] and [`AgentBackend`]
//! are what they need, and [`Process`] is what both say of themselves.
#![forbid(unsafe_code)]

mod agent;
mod answer;
mod build;
mod decode;
mod files;
mod master;
mod media;
mod process;
mod query;
mod reading;
mod route;
mod streams;

pub use agent::{AgentApi, AgentBackend};
pub use files::Attached;
pub use master::{Leader, MasterApi, MasterBackend, PluginChange, PluginUpload};
pub use process::{Figures, Process};
pub use reading::{Pieces, Reading};
pub use streams::Streams;

pub use mezzo_http::{CloseReason, EventSender};
pub use mezzo_model::Build;
