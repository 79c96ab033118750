//! Changes of facts, as the store gets them.

use mezzo_model::AgentId;
use mezzo_proto::{Message, mesos::v1, mezzo::store::v1 as store};

use crate::{
    RegisteredAgent, frame,
    recovered::{AGENT_PREFIX, QUOTA_PREFIX, WEIGHT_PREFIX},
};

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

    /// Remembers weights of roles, and forgets those that are 1 as without an operator.
    pub fn weights<'a>(weights: impl IntoIterator<Item = (&'a str, f64)>) -> Self {
        let changes = weights.into_iter().map(|(role, weight)| {
            let stored = v1::WeightInfo { role: Some(role.to_owned()), weight };
            let value = (weight != 1.0).then(|| frame::seal(&stored.encode_to_vec()));
            Change { key: format!("{WEIGHT_PREFIX}{role}"), value }
        });
        Self { changes: changes.collect() }
    }

    /// Remembers quotas of roles, and forgets those that neither guarantee nor limit anything.
    pub fn quotas<'a>(configs: impl IntoIterator<Item = &'a v1::quota::QuotaConfig>) -> Self {
        let changes = configs.into_iter().map(|config| {
            let is_set = !config.guarantees.is_empty() || !config.limits.is_empty();
            let value = is_set.then(|| frame::seal(&config.encode_to_vec()));
            Change { key: format!("{QUOTA_PREFIX}{}", config.role), value }
        });
        Self { changes: changes.collect() }
    }

    pub(crate) fn one(key: String, value: Option<Vec<u8>>) -> Self {
        Self { changes: vec![Change { key, value }] }
    }
}

fn agent_key(id: &AgentId) -> String {
    format!("{AGENT_PREFIX}{id}")
}
