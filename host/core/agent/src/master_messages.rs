//! What the master orders: one file for each message that does more than a line.

mod acknowledge;
mod kill_task;
mod reconcile;
mod run_task;
mod shutdown_framework;
mod update_framework;

use mezzo_model::{FrameworkId, TaskId};
use mezzo_proto::{mesos::v1, mezzo::link::v1::ExecutorMessage};

use crate::{
    agent::{Agent, Turn},
    task::TaskKey,
};

/// The task that a message is about; absent when it does not say.
fn key(framework: Option<v1::FrameworkId>, task: Option<v1::TaskId>) -> Option<TaskKey> {
    Some(TaskKey { framework: FrameworkId::new(framework?.value), task: TaskId::new(task?.value) })
}

impl Agent {
    /// A command task has nobody who could read a message: Mesos's command executor drops them too.
    pub(crate) fn executor_message(&mut self, turn: &mut Turn, message: ExecutorMessage) {
        let executor = message.executor_id.map(|id| id.value).unwrap_or_default();
        turn.out.info(format!(
            "a message of {} bytes for `{executor}` was dropped: command tasks read none",
            message.data.len()
        ));
    }
}
