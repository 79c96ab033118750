//! ShutdownFramework: everything of a framework ends, and nobody is told.

use std::time::Duration;

use mezzo_model::FrameworkId;
use mezzo_proto::mezzo::{link::v1::ShutdownFramework, store::v1::kill_record::Cause};

use crate::{
    agent::{Agent, Turn},
    executor::ExecutorKey,
    task::{self, TaskKey},
    timers::Timer,
};

impl Agent {
    pub(crate) fn shutdown_framework(&mut self, turn: &mut Turn, message: ShutdownFramework) {
        let Some(id) = message.framework_id.map(|id| FrameworkId::new(id.value)) else { return };
        let loose: Vec<_> = self.loose.keys().filter(|key| key.framework == id).cloned().collect();
        for key in loose {
            self.loose.remove(&key);
            self.timers.cancel(&Timer::Retry(key));
        }
        let Some(framework) = self.frameworks.get_mut(&id) else { return };
        framework.is_shut_down = true;
        let grace = self.config.executor_shutdown_grace_period;
        for key in self.tasks_of(Some(&id)) {
            if self.tasks.get(&key).is_some_and(|task| task.is_ended()) {
                self.forget(turn, &key);
            } else if self.tasks.get(&key).is_some_and(|task| task.executor.is_none()) {
                self.kill(turn, &key, Cause::Shutdown, grace);
            }
        }
        self.end_waiting(turn, Some(&id));
        for key in self.executors_of(Some(&id)) {
            self.shut_executor_down(turn, &key);
        }
    }

    /// Ends every task and executor: the agent itself is about to end.
    pub(crate) fn end_all(&mut self, turn: &mut Turn, grace: Duration) {
        for key in self.tasks_of(None) {
            if self.tasks.get(&key).is_some_and(|task| task.executor.is_none()) {
                self.kill(turn, &key, Cause::Shutdown, grace);
            }
        }
        self.end_waiting(turn, None);
        for key in self.executors_of(None) {
            self.shut_executor_down_within(turn, &key, grace);
        }
    }

    /// Ends the tasks that wait for resources and for their executors with them.
    fn end_waiting(&mut self, turn: &mut Turn, framework: Option<&FrameworkId>) {
        for key in self.tasks_of(framework) {
            let is_waiting =
                |task: &task::Task| task.phase == task::Phase::Waiting && task.executor.is_some();
            if self.tasks.get(&key).is_some_and(is_waiting) {
                self.kill_in_executor(turn, &key, None);
            }
        }
    }

    fn executors_of(&self, framework: Option<&FrameworkId>) -> Vec<ExecutorKey> {
        let keys = self.executors.keys();
        keys.filter(|key| framework.is_none_or(|id| key.framework == *id)).cloned().collect()
    }

    fn tasks_of(&self, framework: Option<&FrameworkId>) -> Vec<TaskKey> {
        self.tasks.keys().filter(|key| framework.is_none_or(|id| key.framework == *id)).cloned().collect()
    }
}
