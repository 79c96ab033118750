//! What agents say, one file each kind.
//!
//! An agent is let in by its Hello and serves once its whole State has come; before that
//! nothing else is taken from it.

mod executor;
mod hello;
mod liveness;
mod operation;
mod state;
mod update;

use mezzo_model::{AgentId, LinkId, Now};
use mezzo_proto::mezzo::link::v1::from_agent;

use crate::{Effects, Master, links::Stage};

impl Master {
    /// Takes a message that came over a link. One over a link that is closed is dropped.
    pub(crate) fn agent_message(
        &mut self,
        now: Now,
        out: &mut Effects,
        link: LinkId,
        body: from_agent::Body,
    ) {
        use from_agent::Body;

        let Some(open) = self.links.get(&link) else {
            self.counters.add("master/dropped_messages");
            return;
        };
        if let Stage::Serving { agent } = &open.stage {
            let agent = agent.clone();
            return self.message_of(now, out, link, &agent, body);
        }
        match body {
            Body::Hello(hello) => self.hello(now, out, link, hello),
            Body::State(state) => self.state(now, out, link, state),
            Body::Ping(ping) => self.ping(out, link, ping),
            Body::Pong(_) => {}
            Body::Update(_)
            | Body::OperationUpdate(_)
            | Body::ExecutorExited(_)
            | Body::Message(_)
            | Body::Goodbye(_) => {
                self.drop_link(now, out, link, "the agent speaks before it has said its state")
            }
        }
    }

    /// Takes a message of an agent that serves.
    fn message_of(
        &mut self,
        now: Now,
        out: &mut Effects,
        link: LinkId,
        agent: &AgentId,
        body: from_agent::Body,
    ) {
        use from_agent::Body;

        self.heard(now, link, agent);
        match body {
            Body::Hello(_) => self.drop_link(now, out, link, "the agent said Hello twice"),
            Body::State(_) => self.drop_link(now, out, link, "the agent said its state twice"),
            Body::Ping(ping) => self.ping(out, link, ping),
            Body::Pong(_) => {}
            Body::Update(update) => self.update(now, out, link, agent, update),
            Body::OperationUpdate(update) => self.operation_update(now, out, link, agent, update),
            Body::ExecutorExited(exited) => self.executor_exited(now, out, agent, exited),
            Body::Message(message) => self.message_from_executor(out, agent, message),
            Body::Goodbye(goodbye) => self.goodbye(out, agent, goodbye),
        }
    }
}
