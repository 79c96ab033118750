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
        if self.agents.in_writing.contains(agent) {
            return;
        }
        let pending = Pending::Left { agent: agent.clone(), reason: goodbye.reason };
        self.persist(out, Write::forget_agent(agent), pending);
    }
}
