//! SUBSCRIBE of an executor: its first, or one after its connection or its agent was gone.

use std::collections::BTreeSet;

use mezzo_model::{RequestId, calls::SubscribeExecutor};
use mezzo_proto::mesos::v1::{self, TaskState, task_status::Reason};

use crate::{
    agent::{Agent, Turn},
    effects::Envelope,
    executor::{ExecutorKey, Phase},
    executors::events,
    loose::Verdict,
    task::{self, TaskKey},
    timers::Timer,
};

impl Agent {
    pub(super) fn subscribe_executor(
        &mut self,
        turn: &mut Turn,
        request: RequestId,
        key: &ExecutorKey,
        call: SubscribeExecutor,
    ) {
        turn.out.send.push(Envelope::OpenStream { request, stream: call.stream });
        let is_shut_down = self.frameworks.get(&key.framework).is_none_or(|framework| framework.is_shut_down);
        if self.stopping.is_some()
            || is_shut_down
            || self.executors.get(key).is_none_or(|executor| executor.is_terminating())
        {
            turn.out.warn(format!("executor {key} subscribes while it is being ended"));
            turn.out.event(call.stream, events::shutdown());
            return turn.out.close_stream(call.stream, "the executor is being ended");
        }
        self.connect_executor(turn, key, call.stream);
        turn.touched.subscribers.push((request, call.stream));
        self.timers.cancel(&Timer::Subscribe(key.clone()));
        if let Some(executor) = self.executors.get_mut(key) {
            executor.phase = Phase::Running;
        }
        self.greet(turn, key);
        for status in call.unacknowledged_updates {
            self.take_update(turn, key, status);
        }
        self.drop_unheard_of(turn, key, &call.unacknowledged_tasks);
        self.kill_again(turn, key);
        self.resize(turn, key);
    }

    fn greet(&mut self, turn: &mut Turn, key: &ExecutorKey) {
        let (Some(executor), Some(framework)) =
            (self.executors.get(key), self.frameworks.get(&key.framework))
        else {
            return;
        };
        let Some(stream) = executor.stream else { return };
        let agent = v1::AgentInfo { id: self.identity.agent_id.as_ref().map(Into::into), ..self.info() };
        turn.out.event(stream, events::subscribed(executor, framework.info.clone(), agent));
    }

    /// Tasks that were handed over, of which the executor has said nothing and does not know: they
    /// got lost with the connection, and never began.
    fn drop_unheard_of(&mut self, turn: &mut Turn, key: &ExecutorKey, known: &[v1::TaskInfo]) {
        let known: BTreeSet<&str> = known.iter().map(|task| task.task_id.value.as_str()).collect();
        let Some(executor) = self.executors.get(key) else { return };
        let is_lost = |task: &&TaskKey| {
            self.tasks.get(task).is_some_and(|task| {
                task.phase == task::Phase::Running
                    && task.history.is_empty()
                    && !known.contains(task.key.task.as_str())
            })
        };
        let lost: Vec<_> = executor.tasks.iter().filter(is_lost).cloned().collect();
        for task in lost {
            let verdict = Verdict::of_agent(
                TaskState::TaskDropped,
                Reason::AgentRestarted,
                "Task launched during agent restart",
            );
            let verdict = self.for_framework(&key.framework, verdict);
            self.gone(turn, &task, verdict);
        }
    }

    /// Kills that the executor may not have heard of.
    fn kill_again(&mut self, turn: &mut Turn, key: &ExecutorKey) {
        let Some(executor) = self.executors.get(key) else { return };
        let Some(stream) = executor.stream else { return };
        for task in self.tasks_in(executor) {
            if let Some(policy) = task.executor.as_ref().and_then(|part| part.kill) {
                turn.out.event(stream, events::kill(&task.key.task, policy));
            }
        }
    }
}
