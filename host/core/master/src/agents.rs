//! The agents that a master knows: what is shown of them, and what is only kept.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use mezzo_model::{AgentId, ExecutorId, FrameworkId, LinkId, Mono, TaskId, agent::Agent, table::Table};
use mezzo_proto::mesos::v1;
use mezzo_registry::RegisteredAgent;

/// All agents. An id is in at most one of `shown`, `recovered` and `unreachable`.
#[derive(Debug, Default)]
pub(crate) struct Agents {
    /// Those whole state this master had.
    pub(crate) shown: Table<AgentId, Agent>,
    /// What is kept of each of them.
    kept: BTreeMap<AgentId, Kept>,
    /// Those that the registry knows and whose state has not come yet.
    pub(crate) recovered: Table<AgentId, Recovered>,
    /// The links of those that were welcomed and whose state has not come yet.
    pub(crate) joining: BTreeMap<AgentId, LinkId>,
    /// Those that were given up.
    pub(crate) unreachable: BTreeMap<AgentId, Unreachable>,
    /// Those that have said Goodbye, and why: once the registry has forgotten them they are gone.
    pub(crate) leaving: BTreeMap<AgentId, String>,
    /// Those about which the registry is being written.
    pub(crate) in_writing: BTreeSet<AgentId>,
}

/// An agent that this master knows from the registry alone.
#[derive(Clone, Debug)]
pub(crate) struct Recovered {
    /// What it said of itself.
    pub(crate) info: Arc<v1::AgentInfo>,
    /// Whether it was unreachable before it was let in again.
    pub(crate) was_unreachable: bool,
}

/// An agent that was given up.
#[derive(Clone, Debug)]
pub(crate) struct Unreachable {
    /// What the registry holds.
    pub(crate) fact: RegisteredAgent,
    known_at: Mono,
    age_then: Duration,
}

impl Unreachable {
    /// One that was given up so long ago. From now on its age goes by the steady clock: a jump of
    /// the one on the wall makes nobody older.
    pub(crate) fn new(fact: RegisteredAgent, now: Mono, age: Duration) -> Self {
        Self { fact, known_at: now, age_then: age }
    }

    /// For how long it has been unreachable.
    pub(crate) fn age(&self, now: Mono) -> Duration {
        self.age_then.saturating_add(now.since(self.known_at))
    }
}

/// What is kept of an agent and not shown.
#[derive(Debug, Default)]
pub(crate) struct Kept {
    /// Its tasks that are listed.
    pub(crate) tasks: BTreeSet<(FrameworkId, TaskId)>,
    /// Its executors that are listed.
    pub(crate) executors: BTreeSet<(FrameworkId, ExecutorId)>,
    /// Open offers of it.
    pub(crate) offers: BTreeSet<u64>,
    /// Kills that it may not have heard of.
    pub(crate) kills: BTreeMap<(FrameworkId, TaskId), Option<v1::KillPolicy>>,
    /// When something last came over its link, or its link ended.
    pub(crate) heard_at: Mono,
}

impl Agents {
    /// Takes an agent in whose whole state has come.
    pub(crate) fn insert(&mut self, agent: Agent, heard_at: Mono) {
        self.recovered.remove(&agent.id);
        self.unreachable.remove(&agent.id);
        self.kept.entry(agent.id.clone()).or_default().heard_at = heard_at;
        self.shown.insert(agent.id.clone(), agent);
    }

    pub(crate) fn get(&self, id: &AgentId) -> Option<&Agent> {
        self.shown.get(id)
    }

    pub(crate) fn get_mut(&mut self, id: &AgentId) -> Option<&mut Agent> {
        self.shown.get_mut(id)
    }

    pub(crate) fn kept(&self, id: &AgentId) -> Option<&Kept> {
        self.kept.get(id)
    }

    pub(crate) fn kept_mut(&mut self, id: &AgentId) -> Option<&mut Kept> {
        self.kept.get_mut(id)
    }

    /// Takes an agent out.
    pub(crate) fn remove(&mut self, id: &AgentId) -> Option<(Agent, Kept)> {
        let agent = self.shown.remove(id)?;
        Some((agent, self.kept.remove(id).unwrap_or_default()))
    }

    /// The link to send to an agent over, while it serves.
    pub(crate) fn link(&self, id: &AgentId) -> Option<LinkId> {
        self.get(id)?.state.link()
    }
}
