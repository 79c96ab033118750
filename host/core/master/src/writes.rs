//! Registry facts: asked for in one turn, true in a later one.

use std::time::Duration;

use mezzo_model::{AgentId, LinkId, Now, RequestId, Ticket};
use mezzo_proto::mezzo::link::v1::Hello;
use mezzo_registry::{Recovered as Facts, RegisteredAgent, Write};

use crate::{
    Effects, Master,
    agents::{Recovered, Unreachable},
    deadlines::Deadline,
    role_settings::Change,
};

/// What becomes true when a write is durable.
#[derive(Debug)]
pub(crate) enum Pending {
    /// An agent is let in.
    Admit {
        /// Which.
        agent: AgentId,
        /// Over which link.
        link: LinkId,
        /// What it said of itself.
        hello: Box<Hello>,
        /// Its id was given with this admission: nobody knows it yet.
        is_new: bool,
    },
    /// An agent cannot be reached.
    Unreachable {
        /// Which.
        agent: AgentId,
        /// The value that was written.
        fact: RegisteredAgent,
    },
    /// An agent has left for good.
    Left {
        /// Which.
        agent: AgentId,
        /// What it said.
        reason: String,
    },
    /// Who is to fill the allocator's slot, the candidate of this generation in particular.
    Slot {
        /// The candidate that waits for it, if one does.
        candidate: Option<u64>,
    },
    /// Something is set for roles.
    Roles {
        /// Who waits for the answer.
        request: RequestId,
        /// What.
        change: Change,
    },
    /// An agent nobody knows any more, or that was away for too long, is forgotten.
    Forget {
        /// Which.
        agent: AgentId,
    },
}

impl Master {
    /// Takes in what the master before has left.
    pub(crate) fn recover(&mut self, now: Now, facts: Facts) {
        self.recover_role_settings(facts.weights, facts.quotas);
        for (id, fact) in facts.agents {
            if let Some(since) = fact.unreachable_since {
                let age = Duration::from_nanos(now.wall.0.saturating_sub(since.0));
                self.agents.unreachable.insert(id, Unreachable::new(fact, now.mono, age));
            } else {
                self.deadlines
                    .arm(Deadline::Agent(id.clone()), now.mono + self.config.agent_reregister_timeout);
                let recovered = Recovered { info: fact.info.into(), was_unreachable: false };
                self.agents.recovered.insert(id, recovered);
            }
        }
    }

    /// Asks for a write, and says what it will make true.
    pub(crate) fn persist(&mut self, out: &mut Effects, write: Write, pending: Pending) {
        let ticket = self.ids.ticket();
        self.agents.in_writing.extend(pending.agent().cloned());
        out.persist.push((ticket, write));
        self.pending.insert(ticket, pending);
    }

    /// A write is durable: what it says is true from now on.
    pub(crate) fn persisted(&mut self, now: Now, out: &mut Effects, ticket: Ticket) {
        let Some(pending) = self.pending.remove(&ticket) else { return };
        let agent = pending.agent().cloned();
        if let Some(agent) = &agent {
            self.agents.in_writing.remove(agent);
        }
        match pending {
            Pending::Slot { candidate } => self.slot_kept(now, candidate),
            Pending::Admit { agent, link, hello, is_new } => {
                self.admitted(now, out, agent, link, hello, is_new);
            }
            Pending::Unreachable { agent, fact } => self.became_unreachable(now, out, &agent, fact),
            Pending::Left { agent, reason } => self.left(now, out, &agent, &reason),
            Pending::Forget { agent } => {
                self.agents.unreachable.remove(&agent);
            }
            Pending::Roles { request, change } => self.roles_written(now, out, request, change),
        }
        if let Some(agent) = agent {
            self.let_go(out, &agent);
        }
    }

    /// A write was not made: nothing has changed, and whoever waits is told.
    pub(crate) fn not_persisted(&mut self, now: Now, out: &mut Effects, ticket: Ticket, why: &str) {
        let Some(pending) = self.pending.remove(&ticket) else { return };
        if let Some(agent) = pending.agent() {
            self.agents.in_writing.remove(agent);
            out.warn(format!("the registry does not hold what became of agent `{agent}`: {why}"));
        }
        match pending {
            Pending::Slot { candidate } => self.slot_not_kept(out, candidate, why),
            Pending::Admit { link, .. } => self.refuse_later(
                now,
                out,
                link,
                format!("the master's registry could not be written: {why}"),
            ),
            Pending::Unreachable { agent, .. } | Pending::Left { agent, .. } => {
                self.deadlines.arm(Deadline::Agent(agent), now.mono + self.config.agent_ping_timeout);
            }
            Pending::Forget { .. } => {}
            Pending::Roles { request, .. } => self.roles_not_written(now, out, request, why),
        }
    }

    /// Forgets agents that were unreachable for too long, and the oldest when there are too many.
    pub(crate) fn forget_due(&mut self, now: Now, out: &mut Effects) {
        self.deadlines.arm(Deadline::Forget, now.mono + self.config.registry_gc_interval);
        let mut oldest: Vec<(Duration, AgentId)> = self
            .agents
            .unreachable
            .iter()
            .filter(|(id, _)| !self.agents.in_writing.contains(*id))
            .map(|(id, agent)| (agent.age(now.mono), id.clone()))
            .collect();
        oldest.sort_by(|one, other| (other.0, &one.1).cmp(&(one.0, &other.1)));
        let surplus = oldest.len().saturating_sub(self.config.registry_max_agent_count);
        for (at, (age, agent)) in oldest.into_iter().enumerate() {
            if at < surplus || age > self.config.registry_max_agent_age {
                self.changes += 1;
                self.persist(out, Write::forget_agent(&agent), Pending::Forget { agent });
            }
        }
    }
}

impl Pending {
    /// The agent that the write is about, if it is about one.
    pub(crate) fn agent(&self) -> Option<&AgentId> {
        match self {
            Pending::Admit { agent, .. }
            | Pending::Unreachable { agent, .. }
            | Pending::Left { agent, .. }
            | Pending::Forget { agent } => Some(agent),
            Pending::Slot { .. } | Pending::Roles { .. } => None,
        }
    }
}
