//! Links to agents: how far each has got, and what its end means.

use mezzo_model::{AgentId, LinkId, Mono, Now, agent::AgentState, calls::Principal};
use mezzo_proto::mezzo::link::v1::{Hello, Ping, from_master};

use crate::{Effects, Master, Observation, deadlines::Deadline};

/// A link that is open.
#[derive(Debug)]
pub(crate) struct Link {
    pub(crate) principal: Principal,
    pub(crate) stage: Stage,
}

/// How far a link has got.
#[derive(Debug)]
pub(crate) enum Stage {
    /// Nothing was said yet.
    Silent,
    /// The agent said Hello and the registry is being written for it.
    Admitting,
    /// The agent was welcomed; its whole state is awaited.
    Joining {
        /// Who it is.
        agent: AgentId,
        /// What it said of itself.
        hello: Box<Hello>,
    },
    /// The agent serves.
    Serving {
        /// Who it is.
        agent: AgentId,
    },
}

impl Master {
    /// How long an agent may be silent before it is given up.
    pub(crate) fn patience(&self) -> std::time::Duration {
        self.config.agent_ping_timeout * self.config.max_agent_ping_timeouts
    }

    /// An agent has dialled.
    pub(crate) fn link_opened(&mut self, now: Now, link: LinkId, principal: Principal) {
        self.links.insert(link, Link { principal, stage: Stage::Silent });
        self.deadlines.arm(Deadline::Link(link), now.mono + self.config.agent_ping_timeout);
    }

    /// The link over which this agent was let in.
    pub(crate) fn link_of(&self, agent: &AgentId) -> Option<LinkId> {
        self.agents.link(agent).or_else(|| self.agents.joining.get(agent).copied())
    }

    /// A link has not got as far as it should have by now.
    pub(crate) fn link_timed_out(&mut self, now: Now, out: &mut Effects, link: LinkId) {
        let Some(open) = self.links.get(&link) else { return };
        let why = match &open.stage {
            Stage::Silent => "no Hello came in time",
            Stage::Joining { .. } => "the agent's state did not come in time",
            Stage::Serving { .. } => "the agent does not answer pings, and dials again meanwhile",
            Stage::Admitting => return,
        };
        self.drop_link(now, out, link, why);
    }

    /// Closes a link, and does what its end means.
    pub(crate) fn drop_link(&mut self, now: Now, out: &mut Effects, link: LinkId, why: &str) {
        if self.links.contains_key(&link) {
            out.close_link(link, why);
            self.link_closed(now, out, link);
        }
    }

    /// A link is gone. Its agent's offers are rescinded; its tasks stay as they are.
    pub(crate) fn link_closed(&mut self, now: Now, out: &mut Effects, link: LinkId) {
        let Some(gone) = self.links.remove(&link) else { return };
        self.deadlines.disarm(&Deadline::Link(link));
        let id = match gone.stage {
            Stage::Serving { agent } => agent,
            Stage::Joining { agent, .. } => {
                self.agents.joining.remove(&agent);
                return;
            }
            Stage::Silent | Stage::Admitting => return,
        };
        let Some(agent) = self.agents.get_mut(&id) else { return };
        agent.state = AgentState::Disconnected;
        out.observations.push(Observation::AgentDisconnected(id.clone()));
        self.ledger.set_agent_active(&id, false);
        self.rescind_offers_of_agent(now, out, &id);
        if let Some(kept) = self.agents.kept_mut(&id) {
            kept.heard_at = now.mono;
        }
        self.deadlines.arm(Deadline::Agent(id), now.mono + self.patience());
    }

    /// An agent's moment has come: it is pinged, or given up.
    pub(crate) fn agent_due(&mut self, now: Now, out: &mut Effects, id: AgentId) {
        let Some(heard_at) = self.agents.kept(&id).map(|kept| kept.heard_at) else {
            return self.recovered_agent_due(now, out, &id);
        };
        let given_up_at = heard_at + self.patience();
        if now.mono >= given_up_at {
            return self.give_agent_up(now, out, &id);
        }
        let Some(link) = self.agents.link(&id) else {
            self.deadlines.arm(Deadline::Agent(id), given_up_at);
            return;
        };
        out.tell_agent(link, from_master::Body::Ping(Ping { nonce: self.ids.ping() }));
        let next = Mono::min(now.mono + self.config.agent_ping_timeout, given_up_at);
        self.deadlines.arm(Deadline::Agent(id), next);
    }
}
