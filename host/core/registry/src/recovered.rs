//! The facts of the master before, read back at start.

use std::collections::BTreeMap;

use mezzo_model::{AgentId, Wall};
use mezzo_proto::{Message, mesos::v1, mezzo::store::v1 as store};

use crate::{
    RegisteredSlot,
    frame::{self, FrameError},
    slot::{self, SLOT_PREFIX},
};

/// Keys of agents begin so; the agent's id follows.
pub(crate) const AGENT_PREFIX: &str = "agent/";

/// Keys of weights begin so; the role follows.
pub(crate) const WEIGHT_PREFIX: &str = "weight/";

/// Keys of quotas begin so; the role follows.
pub(crate) const QUOTA_PREFIX: &str = "quota/";

/// An agent as the registry knows it.
#[derive(Clone, Debug, PartialEq)]
pub struct RegisteredAgent {
    /// What it said of itself when it was admitted; `id` is set.
    pub info: v1::AgentInfo,
    /// Since when it counts as unreachable; absent while it does not.
    pub unreachable_since: Option<Wall>,
}

/// Every fact that survived.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Recovered {
    /// Agents, reachable or not.
    pub agents: BTreeMap<AgentId, RegisteredAgent>,
    /// Who is to fill the master's slots, by their names.
    pub slots: BTreeMap<String, RegisteredSlot>,
    /// Weights of roles, where they are not 1.
    pub weights: BTreeMap<String, f64>,
    /// Quotas of roles.
    pub quotas: BTreeMap<String, v1::quota::QuotaConfig>,
}

/// Why the registry cannot be read. A master never starts on half of it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RecoverError {
    /// A value is torn or changed.
    #[error("the value of `{key}` is damaged")]
    Frame {
        /// The key.
        key: String,
        /// In which way.
        #[source]
        source: FrameError,
    },
    /// A value is whole, but no message of the kind.
    #[error("the value of `{key}` cannot be decoded")]
    Decode {
        /// The key.
        key: String,
        /// In which way.
        #[source]
        source: prost::DecodeError,
    },
    /// A value lacks what every one of its kind has.
    #[error("the value of `{key}` has no `{field}`")]
    Missing {
        /// The key.
        key: String,
        /// What is missing.
        field: &'static str,
    },
    /// A newer release wrote a kind of fact that this one does not know.
    #[error("the key `{key}` is of no kind that this release knows; start the release that wrote it")]
    UnknownKey {
        /// The key.
        key: String,
    },
}

impl Recovered {
    /// Reads every key and value of the store.
    ///
    /// # Errors
    /// On the first value that is damaged, and on keys of an unknown kind.
    pub fn decode<K, V>(entries: impl IntoIterator<Item = (K, V)>) -> Result<Self, RecoverError>
    where
        K: AsRef<str>,
        V: AsRef<[u8]>,
    {
        let mut recovered = Self::default();
        for (key, value) in entries {
            let key = key.as_ref();
            let value = value.as_ref();
            if let Some(id) = key.strip_prefix(AGENT_PREFIX) {
                recovered.agents.insert(AgentId::from(id), agent(key, value)?);
            } else if let Some(name) = key.strip_prefix(SLOT_PREFIX) {
                recovered.slots.insert(name.to_owned(), slot::slot(key, value)?);
            } else if let Some(role) = key.strip_prefix(WEIGHT_PREFIX) {
                let stored: v1::WeightInfo = fact(key, value)?;
                recovered.weights.insert(role.to_owned(), stored.weight);
            } else if let Some(role) = key.strip_prefix(QUOTA_PREFIX) {
                recovered.quotas.insert(role.to_owned(), fact(key, value)?);
            } else {
                return Err(RecoverError::UnknownKey { key: key.to_owned() });
            }
        }
        Ok(recovered)
    }
}

fn agent(key: &str, framed: &[u8]) -> Result<RegisteredAgent, RecoverError> {
    let stored: store::RegisteredAgent = fact(key, framed)?;
    let info = stored.info.ok_or_else(|| RecoverError::Missing { key: key.to_owned(), field: "info" })?;
    Ok(RegisteredAgent { info, unreachable_since: stored.unreachable_since_ns.map(Wall) })
}

fn fact<M: Message + Default>(key: &str, framed: &[u8]) -> Result<M, RecoverError> {
    let payload =
        frame::open(framed).map_err(|source| RecoverError::Frame { key: key.to_owned(), source })?;
    M::decode(payload).map_err(|source| RecoverError::Decode { key: key.to_owned(), source })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Write;

    fn admitted() -> RegisteredAgent {
        let info = v1::AgentInfo { hostname: "rack1".to_owned(), ..Default::default() };
        RegisteredAgent { info, unreachable_since: Some(Wall(5)) }
    }

    fn stored(write: Write) -> Vec<(String, Vec<u8>)> {
        write.changes.into_iter().map(|change| (change.key, change.value.expect("a value"))).collect()
    }

    #[test]
    fn what_was_written_is_read_back() {
        let id = AgentId::from("m-S0");
        let recovered = Recovered::decode(stored(Write::agent(&id, &admitted()))).expect("readable");
        assert_eq!(recovered.agents[&id], admitted());
    }

    #[test]
    fn what_is_set_for_roles_is_read_back_until_it_is_taken_away() {
        let limits = [("cpus".to_owned(), v1::value::Scalar { value: 2.0 })].into();
        let quota = v1::quota::QuotaConfig { role: "eng".to_owned(), limits, ..Default::default() };
        let mut entries = stored(Write::weights([("eng/web", 2.5)]));
        entries.extend(stored(Write::quotas([&quota])));
        let removed = v1::quota::QuotaConfig::default();
        assert_eq!(Write::quotas([&removed]).changes[0].value, None);
        assert_eq!(Write::weights([("eng", 1.0)]).changes[0].value, None);
        let recovered = Recovered::decode(entries).expect("readable");
        assert_eq!(recovered.weights["eng/web"], 2.5);
        assert_eq!(recovered.quotas["eng"], quota);
    }

    /// Half a registry would make a master declare living agents unknown.
    #[test]
    fn a_damaged_value_names_its_key() {
        let mut entries = stored(Write::agent(&AgentId::from("m-S0"), &admitted()));
        entries[0].1.pop();
        let error = Recovered::decode(entries).expect_err("damaged");
        assert_eq!(error.to_string(), "the value of `agent/m-S0` is damaged");
    }

    #[test]
    fn a_newer_releases_fact_is_refused_with_the_way_out() {
        let error = Recovered::decode([("lease/web", b"")]).expect_err("unknown kind");
        assert!(error.to_string().contains("start the release that wrote it"), "{error}");
    }

    #[test]
    fn forgetting_an_agent_removes_its_key() {
        let write = Write::forget_agent(&AgentId::from("m-S0"));
        assert_eq!(write.changes[0].key, "agent/m-S0");
        assert_eq!(write.changes[0].value, None);
    }
}
