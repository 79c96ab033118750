//! How executors end: asked to, made to, or by themselves.

use std::time::Duration;

use mezzo_model::container::{Ask, End};
use mezzo_proto::mesos::v1::{self, TaskState, task_status::Reason};

use super::events;
use crate::{
    agent::{Agent, Turn},
    checkpoint,
    config::DESTROY_PATIENCE,
    executor::{Executor, ExecutorKey, Phase, Why},
    loose::Verdict,
    task::{self, TaskKey},
    timers::Timer,
};

impl Agent {
    /// Asks an executor to end; after its grace its container is destroyed.
    pub(crate) fn shut_executor_down(&mut self, turn: &mut Turn, key: &ExecutorKey) {
        let Some(executor) = self.executors.get(key) else { return };
        let own = executor.info.shutdown_grace_period.as_ref();
        let own = own.map(|grace| Duration::from_nanos(u64::try_from(grace.nanoseconds).unwrap_or(0)));
        let grace = own.unwrap_or(self.config.executor_shutdown_grace_period);
        self.shut_executor_down_within(turn, key, grace);
    }

    /// The same with a grace that is not its own.
    pub(crate) fn shut_executor_down_within(&mut self, turn: &mut Turn, key: &ExecutorKey, grace: Duration) {
        let Some(executor) = self.executors.get(key) else { return };
        let stream = executor.stream;
        match executor.phase {
            // Nobody is there to be asked.
            Phase::Launching => return self.destroy_executor(turn, key, None),
            Phase::Registering | Phase::Running => {}
            Phase::Terminating { .. } => return,
        }
        self.set_terminating(key, None);
        self.timers.cancel(&Timer::Subscribe(key.clone()));
        if let Some(stream) = stream {
            turn.out.event(stream, events::shutdown());
        }
        self.timers.set(Timer::Shutdown(key.clone()), turn.now.mono + grace);
        if grace.is_zero() {
            self.destroy_executor(turn, key, None);
        }
    }

    /// Has an executor's container removed, whatever it does.
    pub(crate) fn destroy_executor(&mut self, turn: &mut Turn, key: &ExecutorKey, why: Option<Why>) {
        self.set_terminating(key, why);
        self.timers.cancel(&Timer::Subscribe(key.clone()));
        let Some(executor) = self.executors.get(key) else { return };
        turn.out.node(Ask::Destroy { container: executor.container.clone() });
        self.timers.set(Timer::Shutdown(key.clone()), turn.now.mono + DESTROY_PATIENCE);
    }

    /// From now on it takes no tasks. What was known against it before counts.
    pub(crate) fn set_terminating(&mut self, key: &ExecutorKey, why: Option<Why>) {
        let Some(executor) = self.executors.get_mut(key) else { return };
        match &mut executor.phase {
            Phase::Terminating { why: known, .. } => {
                *known = known.take().or(why);
            }
            Phase::Launching | Phase::Registering | Phase::Running => {
                executor.phase = Phase::Terminating { why, end: None };
            }
        }
    }

    /// It did not subscribe, for the first time or again, in time.
    pub(crate) fn subscribe_timed_out(&mut self, turn: &mut Turn, key: &ExecutorKey) {
        let Some(executor) = self.executors.get(key) else { return };
        match executor.phase {
            Phase::Launching | Phase::Registering => {}
            Phase::Running | Phase::Terminating { .. } => return,
        }
        let (reason, verb, limit) = match executor.resizes {
            0 if !executor.had_task => {
                (Reason::ExecutorRegistrationTimeout, "register", self.config.executor_registration_timeout)
            }
            _ => (
                Reason::ExecutorReregistrationTimeout,
                "reregister",
                self.config.executor_reregistration_timeout,
            ),
        };
        let message = format!("Executor did not {verb} within {}", mezzo_model::time::duration_text(limit));
        turn.out.warn(format!("executor {key} is ended: {message}"));
        self.destroy_executor(turn, key, Some(Why { state: TaskState::TaskFailed, reason, message }));
    }

    /// The grace of a shutdown is over, or a destruction takes too long.
    pub(crate) fn shutdown_timed_out(&mut self, turn: &mut Turn, key: &ExecutorKey) {
        if self.executors.get(key).is_some_and(Executor::is_terminating) {
            self.destroy_executor(turn, key, None);
        }
    }

    /// Its process has ended. What is left of the container goes too.
    pub(crate) fn executor_exited(&mut self, turn: &mut Turn, key: &ExecutorKey, ended: End) {
        self.set_terminating(key, None);
        if let Some(executor) = self.executors.get_mut(key)
            && let Phase::Terminating { end, .. } = &mut executor.phase
        {
            end.get_or_insert(ended);
        }
        self.destroy_executor(turn, key, None);
    }

    /// Nothing of its container is left.
    pub(crate) fn executor_destroyed(&mut self, turn: &mut Turn, key: &ExecutorKey) {
        /// SIGKILL by destroy, whose exit nobody reported.
        const KILLED: End = End { wait_status: Some(9), limitation: None };
        self.set_terminating(key, None);
        if let Some(executor) = self.executors.get_mut(key)
            && let Phase::Terminating { end, .. } = &mut executor.phase
        {
            end.get_or_insert(KILLED);
        }
        self.executor_gone(turn, key);
    }

    /// The executor is over: its tasks end with it, and what it held is free.
    pub(crate) fn executor_gone(&mut self, turn: &mut Turn, key: &ExecutorKey) {
        self.end_tasks_of_executor(turn, key);
        self.forget_executor(turn, key);
    }

    /// Ends what an executor leaves behind, and tells the master that it has exited.
    pub(crate) fn end_tasks_of_executor(&mut self, turn: &mut Turn, key: &ExecutorKey) {
        let Some(executor) = self.executors.get(key) else { return };
        let (tasks, status) = (executor.tasks.clone(), executor.verdict().1);
        for task in tasks {
            let Some(executor) = self.executors.get(key) else { return };
            let verdict = executor.verdict().0;
            self.gone(turn, &task, verdict);
        }
        self.tell_executor_exited(turn, key, status);
    }

    /// Takes an executor whose container is gone out of everything.
    pub(crate) fn forget_executor(&mut self, turn: &mut Turn, key: &ExecutorKey) {
        for file in self.take_executor_out(turn, key) {
            turn.remove(file);
        }
    }

    /// The same; returns the files that are of no use any more.
    pub(crate) fn take_executor_out(&mut self, turn: &mut Turn, key: &ExecutorKey) -> Vec<String> {
        let Some(executor) = self.executors.remove(key) else { return Vec::new() };
        self.timers.cancel_executor(key);
        self.counters.executors_terminated += 1;
        self.account.give_back(&executor.resources);
        self.executor_containers.remove(&executor.container);
        if let Some(stream) = executor.stream {
            self.executor_streams.remove(&stream);
            turn.out.close_stream(stream, "the executor has ended");
        }
        self.collect_after(turn, executor.sandbox.clone(), self.config.gc_delay);
        let mut files = vec![checkpoint::executor_key(executor.container.as_str())];
        self.completed_executors.push(executor);
        files.extend(self.take_framework_out_if_idle(&key.framework));
        files
    }

    /// A task was killed before it was handed over. An executor that never was handed any, and now
    /// has none to be handed, is of no use.
    pub(crate) fn shut_down_if_unused(&mut self, turn: &mut Turn, key: &ExecutorKey) {
        let is_unused =
            self.executors.get(key).is_some_and(|executor| executor.tasks.is_empty() && !executor.had_task);
        if is_unused {
            turn.out.info(format!("executor {key} is ended: all its tasks were killed before it had one"));
            self.shut_executor_down(turn, key);
        }
    }

    /// Asks a task of an executor to end.
    pub(crate) fn kill_in_executor(
        &mut self,
        turn: &mut Turn,
        key: &TaskKey,
        policy: Option<v1::KillPolicy>,
    ) {
        let Some(task) = self.tasks.get_mut(key) else { return };
        let Some(part) = &mut task.executor else { return };
        let executor_key = part.key.clone();
        match task.phase {
            task::Phase::Waiting => {
                self.waiting = self.waiting.saturating_sub(1);
                self.gone(turn, key, killed_before_delivery());
            }
            task::Phase::Launching => {
                self.gone(turn, key, killed_before_delivery());
                self.shut_down_if_unused(turn, &executor_key);
            }
            task::Phase::Running => {
                part.kill = Some(policy);
                let stream = self.executors.get(&executor_key).and_then(|executor| executor.stream);
                if let Some(stream) = stream {
                    turn.out.event(stream, events::kill(&key.task, policy));
                }
            }
            task::Phase::Ending { .. } | task::Phase::Ended { .. } => {}
        }
    }
}

/// TASK_KILLED, as Mesos words it.
pub(crate) fn killed_before_delivery() -> Verdict {
    Verdict::of_agent(
        TaskState::TaskKilled,
        Reason::TaskKilledDuringLaunch,
        "Killed before delivery to the executor",
    )
}
