//! Reconcile: the master believes in tasks that the agent did not list.

use mezzo_proto::{
    mesos::v1::{TaskState, task_status::Reason},
    mezzo::link::v1::Reconcile,
};

use crate::{
    agent::{Agent, Turn},
    loose::Verdict,
};

impl Agent {
    /// Answers for each task that it does not know. Of the others the master hears anyway.
    pub(crate) fn reconcile(&mut self, turn: &mut Turn, message: Reconcile) {
        for task in message.tasks {
            let Some(key) = super::key(task.framework_id, task.task_id) else { continue };
            if self.tasks.contains_key(&key) || self.loose.contains_key(&key) {
                self.hurry(turn, &key);
                continue;
            }
            let state = if task.is_partition_aware { TaskState::TaskDropped } else { TaskState::TaskLost };
            let verdict =
                Verdict::of_agent(state, Reason::Reconciliation, "Reconciliation: task unknown to agent");
            self.tell_loose(turn, key, verdict);
        }
    }
}
