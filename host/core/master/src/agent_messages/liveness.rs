//! Signs of life, and the last one.

use mezzo_model::{AgentId, LinkId, Now};
use mezzo_proto::mezzo::link::v1::{Goodbye, Ping, Pong, from_master};
use mezzo_registry::Write;

use crate::{Effects, Master, deadlines::Deadline, writes::Pending};

impl Master {
    /// Notes that something came from an agent: whatever it is, it lives.
    pub(super) fn heard(&mut self, now: Now, link: LinkId, agent: &AgentId) {
        if let Some(kept) = self.agents.kept_mut(agent) {
            kept.heard_at = now.mono;
        }
        self.deadlines.disarm(&Deadline::Link(link));
    }

    /// Answers a ping.
    pub(super) fn ping(&mut self, out: &mut Effects, link: LinkId, ping: Ping) {
        out.tell_agent(link, from_master::Body::Pong(Pong { nonce: ping.nonce }));
    }

    /// An agent leaves for good: once the registry has forgotten it, its tasks are over.
    pub(super) fn goodbye(&mut self, out: &mut Effects, agent: &AgentId, goodbye: Goodbye) {
        self.counters.add("master/messages_unregister_slave");
        self.agents.leaving.insert(agent.clone(), goodbye.reason);
        self.let_go(out, agent);
    }

    /// Forgets an agent that has said Goodbye, unless the registry is being written about it: then
    /// when that is done. Says whether it is such an agent.
    pub(crate) fn let_go(&mut self, out: &mut Effects, agent: &AgentId) -> bool {
        let Some(reason) = self.agents.leaving.get(agent) else { return false };
        if !self.agents.in_writing.contains(agent) {
            let pending = Pending::Left { agent: agent.clone(), reason: reason.clone() };
            self.persist(out, Write::forget_agent(agent), pending);
        }
        true
    }
}
