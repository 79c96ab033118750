//! ACKNOWLEDGE: the way of a status update ends here.

use mezzo_model::{AgentId, FrameworkId, Now, TaskId};
use mezzo_proto::mezzo::link::v1::{Acknowledge, from_master};

use crate::{Effects, Master};

impl Master {
    /// Passes an acknowledgement on. A task whose end it confirms is not listed any more.
    ///
    /// While the agent cannot be spoken to it is dropped: the update comes again with the agent.
    pub(super) fn acknowledge(
        &mut self,
        now: Now,
        out: &mut Effects,
        framework: &FrameworkId,
        agent: &AgentId,
        task: &TaskId,
        uuid: Vec<u8>,
    ) {
        self.counters.add("master/messages_status_update_acknowledgement");
        let Some(link) = self.agents.link(agent) else {
            self.counters.add("master/invalid_status_update_acknowledgements");
            return;
        };
        self.counters.add("master/valid_status_update_acknowledgements");
        let key = (framework.clone(), task.clone());
        let confirms_end = self.tasks.listed.get(&key).is_some_and(|listed| {
            listed.facts.agent == *agent
                && listed.told.as_ref().is_some_and(|(state, told)| state.is_terminal() && *told == uuid)
        });
        if confirms_end {
            self.complete_task(now, &key);
        }
        out.tell_agent(link, acknowledgement(framework, task, uuid));
    }
}

/// The message to the agent.
pub(crate) fn acknowledgement(framework: &FrameworkId, task: &TaskId, uuid: Vec<u8>) -> from_master::Body {
    let framework_id = Some(framework.into());
    from_master::Body::Acknowledge(Acknowledge { framework_id, task_id: Some(task.into()), uuid })
}
