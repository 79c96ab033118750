//! Changes of facts, as the store gets them.

use mezzo_model::AgentId;
use mezzo_proto::{Message, mezzo::store::v1 as store};

use crate::{RegisteredAgent, frame, recovered::AGENT_PREFIX};

/// Changes that become durable together or not at all.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Write {
    /// Each key at most once.
    pub changes: Vec<Change>,
}

/// One key's new value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// The key.
    pub key: String,
    /// The value, framed; absent to forget the key.
    pub value: Option<Vec<u8>>,
}

impl Write {
    /// Remembers an agent, admitted or unreachable.
    pub fn agent(id: &AgentId, agent: &RegisteredAgent) -> Self {
        let stored = store::RegisteredAgent {
            info: Some(agent.info.clone()),
            unreachable_since_ns: agent.unreachable_since.map(|wall| wall.0),
        };
        Self::one(agent_key(id), Some(frame::seal(&stored.encode_to_vec())))
    }

    /// Forgets an agent.
    pub fn forget_agent(id: &AgentId) -> Self {
        Self::one(agent_key(id), None)
    }

    pub(crate) fn one(key: String, value: Option<Vec<u8>>) -> Self {
        Self { changes: vec![Change { key, value }] }
    }
}

fn agent_key(id: &AgentId) -> String {
    format!("{AGENT_PREFIX}{id}")
}
