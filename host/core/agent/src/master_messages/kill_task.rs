//! KillTask and ShutdownExecutor: a task is asked to end, and then made to.

use std::time::Duration;

use mezzo_model::TaskId;
use mezzo_proto::{
    mesos::v1::{self, TaskState, task_status::Reason},
    mezzo::{
        link::v1::{KillTask, ShutdownExecutor},
        store::v1::kill_record::Cause,
    },
};

use crate::{
    agent::{Agent, Turn},
    config::KILL_GRACE,
    loose::Verdict,
};

impl Agent {
    pub(crate) fn kill_task(&mut self, turn: &mut Turn, message: KillTask) {
        let Some(key) = super::key(message.framework_id, message.task_id) else { return };
        let Some(task) = self.tasks.get(&key) else {
            if self.loose.contains_key(&key) {
                return self.hurry(turn, &key);
            }
            let verdict =
                Verdict::of_agent(TaskState::TaskDropped, Reason::ExecutorTerminated, "Cannot find executor");
            let verdict = self.for_framework(&key.framework, verdict);
            return self.tell_loose(turn, key, verdict);
        };
        if task.executor.is_some() {
            return self.kill_in_executor(turn, &key, message.kill_policy);
        }
        let grace = grace(message.kill_policy.as_ref())
            .or(grace(task.info.kill_policy.as_ref()))
            .unwrap_or(KILL_GRACE);
        self.kill(turn, &key, Cause::Request, grace);
    }

    /// A custom executor is asked to end. That of a command task is the agent itself and has the
    /// task's name: its end is the task's.
    pub(crate) fn shutdown_executor(&mut self, turn: &mut Turn, message: ShutdownExecutor) {
        if let Some(key) = super::executor_key(message.framework_id.as_ref(), message.executor_id.as_ref())
            && self.executors.contains_key(&key)
        {
            return self.shut_executor_down(turn, &key);
        }
        let task = message.executor_id.map(|id| v1::TaskId { value: id.value });
        let Some(key) = super::key(message.framework_id, task) else { return };
        if self.tasks.get(&key).is_some_and(|task| task.executor.is_none()) {
            let grace = self.config.executor_shutdown_grace_period;
            self.kill(turn, &key, Cause::Shutdown, grace);
        } else {
            let executor: &TaskId = &key.task;
            turn.out.info(format!("no executor `{executor}` of framework `{}` to shut down", key.framework));
        }
    }
}

fn grace(policy: Option<&v1::KillPolicy>) -> Option<Duration> {
    let nanoseconds = policy?.grace_period.as_ref()?.nanoseconds;
    Some(Duration::from_nanos(u64::try_from(nanoseconds).unwrap_or(0)))
}
