//! What the master orders: one file for each message that does more than a line.

mod acknowledge;
mod kill_task;
mod reconcile;
mod run_task;
mod shutdown_framework;
mod update_framework;

use mezzo_model::{ExecutorId, FrameworkId, TaskId};
use mezzo_proto::{mesos::v1, mezzo::link::v1::ExecutorMessage};

use crate::{
    agent::{Agent, Turn},
    executor::ExecutorKey,
    executors::events,
    task::TaskKey,
};

/// The task that a message is about; absent when it does not say.
fn key(framework: Option<v1::FrameworkId>, task: Option<v1::TaskId>) -> Option<TaskKey> {
    Some(TaskKey { framework: FrameworkId::new(framework?.value), task: TaskId::new(task?.value) })
}

/// The executor that a message is about; absent when it does not say.
fn executor_key(
    framework: Option<&v1::FrameworkId>,
    executor: Option<&v1::ExecutorId>,
) -> Option<ExecutorKey> {
    Some(ExecutorKey { framework: FrameworkId::from(framework?), executor: ExecutorId::from(executor?) })
}

impl Agent {
    /// Bytes of a scheduler, best effort. A command task has nobody who could read a message:
    /// Mesos's command executor drops them too.
    pub(crate) fn executor_message(&mut self, turn: &mut Turn, message: ExecutorMessage) {
        let key = executor_key(message.framework_id.as_ref(), message.executor_id.as_ref());
        if let Some(executor) = key.and_then(|key| self.executors.get(&key)) {
            return match executor.stream {
                Some(stream) => turn.out.event(stream, events::message(message.data)),
                None => turn.out.warn(format!(
                    "a message of {} bytes for executor {} was dropped: it is not connected",
                    message.data.len(),
                    executor.key
                )),
            };
        }
        let executor = message.executor_id.map(|id| id.value).unwrap_or_default();
        turn.out.info(format!(
            "a message of {} bytes for `{executor}` was dropped: command tasks read none",
            message.data.len()
        ));
    }
}
