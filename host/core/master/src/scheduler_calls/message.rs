//! MESSAGE to an executor: best effort.

use mezzo_model::{AgentId, ExecutorId, FrameworkId};
use mezzo_proto::mezzo::link::v1::{ExecutorMessage, from_master};

use crate::{Effects, Master};

impl Master {
    pub(super) fn message_to_executor(
        &mut self,
        out: &mut Effects,
        framework: &FrameworkId,
        agent: &AgentId,
        executor: &ExecutorId,
        data: Vec<u8>,
    ) {
        self.counters.add("master/messages_framework_to_executor");
        let Some(link) = self.agents.link(agent) else {
            self.counters.add("master/invalid_framework_to_executor_messages");
            return;
        };
        self.counters.add("master/valid_framework_to_executor_messages");
        let body = ExecutorMessage {
            framework_id: Some(framework.into()),
            executor_id: Some(executor.into()),
            data,
        };
        out.tell_agent(link, from_master::Body::Message(body));
    }
}
