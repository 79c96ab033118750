//! A status of a task, repeated by its agent until the framework has acknowledged it.

use mezzo_model::{
    AgentId, FrameworkId, LinkId, Now, TaskId,
    task::{Moved, TaskState},
};
use mezzo_proto::mezzo::link::v1::StatusUpdate;

use crate::{Effects, Master, events, scheduler_calls::acknowledgement};

impl Master {
    /// Passes a status on to its scheduler. What a task that is over held is free at once; the
    /// task stays listed until the scheduler has acknowledged its end.
    pub(super) fn update(
        &mut self,
        now: Now,
        out: &mut Effects,
        link: LinkId,
        agent: &AgentId,
        update: StatusUpdate,
    ) {
        self.counters.add("master/messages_status_update");
        let (Some(framework), Some(mut status)) = (update.framework_id, update.status) else {
            self.counters.add("master/invalid_status_updates");
            return;
        };
        // The scheduler acknowledges to the agent that the status names: the one of this link.
        status.agent_id = Some(agent.into());
        let key = (FrameworkId::from(framework), TaskId::from(&status.task_id));
        let (Some(state), Some(uuid)) = (TaskState::from_number(status.state), status.uuid.clone()) else {
            self.counters.add("master/invalid_status_updates");
            return;
        };
        if self.frameworks.get(&key.0).is_none() {
            // The framework was removed: nobody else will ever acknowledge.
            self.counters.add("master/invalid_status_updates");
            return out.tell_agent(link, acknowledgement(&key.0, &key.1, uuid));
        }
        if let Some(stream) = self.frameworks.stream(&key.0) {
            out.event(stream, events::update(status.clone()));
        }
        let is_its_own = self.tasks.listed.get(&key).is_some_and(|task| task.facts.agent == *agent);
        if !is_its_own {
            self.counters.add("master/invalid_status_updates");
            return;
        }
        self.counters.add("master/valid_status_updates");
        let latest = TaskState::from_number(update.latest_state).unwrap_or(state);
        let is_repeated = self
            .tasks
            .listed
            .get(&key)
            .is_some_and(|task| task.told.as_ref().is_some_and(|(_, told)| *told == uuid));
        if state.is_terminal() && !is_repeated {
            self.counters.terminal_status(&status);
        }
        let moved = self.move_task(now, &key, latest);
        if let Some(task) = self.tasks.listed.get_mut(&key) {
            task.remember(&status);
            task.told = Some((state, uuid));
        }
        if moved != Moved::Ignored {
            self.show_task_updated(out, &key, latest, &status);
        }
    }
}
