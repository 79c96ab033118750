//! What executors say or leave behind, passed on to their schedulers.

use mezzo_model::{AgentId, ExecutorId, FrameworkId, Now};
use mezzo_proto::mezzo::link::v1::{ExecutorExited, ExecutorMessage};

use crate::{Effects, Master, events};

impl Master {
    /// An executor has ended: what it used is free. Its framework hears of it, best effort; of one
    /// that is not listed any more it has heard.
    pub(super) fn executor_exited(
        &mut self,
        now: Now,
        out: &mut Effects,
        agent: &AgentId,
        exited: ExecutorExited,
    ) {
        self.counters.add("master/messages_exited_executor");
        let (Some(framework), Some(executor)) = (exited.framework_id, exited.executor_id) else { return };
        let (framework, executor) = (FrameworkId::from(framework), ExecutorId::from(executor));
        if !self.unlist_executor(now, &(agent.clone(), framework.clone(), executor.clone())) {
            return;
        }
        if let Some(stream) = self.frameworks.stream(&framework) {
            out.event(stream, events::failure(agent, Some((&executor, exited.status))));
        }
    }

    /// Bytes of an executor for its scheduler, best effort.
    pub(super) fn message_from_executor(
        &mut self,
        out: &mut Effects,
        agent: &AgentId,
        message: ExecutorMessage,
    ) {
        self.counters.add("master/messages_executor_to_framework");
        let (Some(framework), Some(executor)) = (message.framework_id, message.executor_id) else {
            self.counters.add("master/invalid_executor_to_framework_messages");
            return;
        };
        match self.frameworks.stream(&FrameworkId::from(framework)) {
            Some(stream) => {
                self.counters.add("master/valid_executor_to_framework_messages");
                out.event(stream, events::message(agent, &executor.into(), message.data));
            }
            None => self.counters.add("master/invalid_executor_to_framework_messages"),
        }
    }
}
