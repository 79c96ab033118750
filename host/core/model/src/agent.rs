//! An agent, from its admission to the day it is forgotten.
//!
//! ```text
//!            Hello, State             link ends
//!  (new) ───────────────▶ Connected ──────────▶ Disconnected
//!  Recovered ────────────▶    ▲  └───Hello, State────┘ │ silent for too long
//!                             └─Hello, State─┐         ▼
//!                                            └─── Unreachable
//! ```
//!
//! *Recovered* is an agent that the registry knows and that has not come back to this
//! master yet. An unreachable agent has no record: the registry alone remembers it.

use std::sync::Arc;

use mezzo_proto::mesos::v1;
use mezzo_resources::Resources;

use crate::{
    ids::{AgentId, LinkId},
    time::Wall,
};

/// Whether an agent can be spoken to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AgentState {
    /// It serves, over this link.
    Connected(LinkId),
    /// Its link has ended, and it may come back.
    Disconnected,
}

impl AgentState {
    /// The link to send over, while there is one.
    pub fn link(self) -> Option<LinkId> {
        match self {
            AgentState::Connected(link) => Some(link),
            AgentState::Disconnected => None,
        }
    }
}

/// An agent as a master shows it.
#[derive(Clone, Debug)]
pub struct Agent {
    /// Its id.
    pub id: AgentId,
    /// What it says of itself; `id` is set.
    pub info: Arc<v1::AgentInfo>,
    /// Everything it has.
    pub total: Resources,
    /// Whether it can be spoken to.
    pub state: AgentState,
    /// The address of its own API.
    pub ip: Arc<str>,
    /// Its release.
    pub version: Arc<str>,
    /// Numbers of `AgentInfo.Capability.Type`.
    pub capabilities: Arc<[i32]>,
    /// Which start of its process this is.
    pub incarnation: u64,
    /// When this master first had its whole state.
    pub registered_at: Wall,
    /// When it last came back with its whole state.
    pub reregistered_at: Option<Wall>,
}

impl Agent {
    /// Whether it is offered.
    pub fn is_active(&self) -> bool {
        self.state.link().is_some()
    }

    /// Its port.
    pub fn port(&self) -> i32 {
        self.info.port.unwrap_or(5051)
    }

    /// The address as Mesos's tools expect it.
    pub fn pid(&self) -> String {
        format!("slave(1)@{}:{}", self.ip, self.port())
    }
}
