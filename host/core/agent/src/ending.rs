//! How tasks end: by themselves, by a limit, by a kill, or because their container is lost.

use std::time::Duration;

use mezzo_model::{
    ContainerId,
    container::{Ask, End, Limitation},
};
use mezzo_proto::{
    mesos::v1::{self, TaskState, framework_info::capability::Type, task_status::Reason},
    mezzo::{
        link::v1::{StatusUpdate, from_agent},
        store::v1::{KillRecord, kill_record::Cause, task_record::Record},
    },
};

use crate::{
    agent::{Agent, Turn},
    checkpoint,
    config::DESTROY_PATIENCE,
    executors::killed_before_delivery,
    loose::Verdict,
    signals,
    task::{Kill, Phase, Task, TaskKey},
    timers::Timer,
};

const SIGKILL: i32 = 9;
const SIGTERM: i32 = 15;

impl Agent {
    /// The command runs: both of its first states are told, in order.
    pub(crate) fn launched(&mut self, turn: &mut Turn, container: &ContainerId, pid: i32) {
        let Some(key) = self.containers.get(container).cloned() else { return };
        let Some(task) = self.tasks.get_mut(&key) else { return };
        match task.phase {
            Phase::Launching => {}
            // Killed meanwhile (`Destroyed` follows), or told twice.
            Phase::Ending { .. } | Phase::Waiting | Phase::Running | Phase::Ended { .. } => return,
        }
        task.phase = Phase::Running;
        task.pid = Some(pid);
        let most = task.info.max_completion_time.as_ref().map(duration);
        let states = [TaskState::TaskStarting, TaskState::TaskRunning];
        self.update(turn, &key, states.map(|state| Verdict::of_command(state, "")));
        if let Some(most) = most {
            self.timers.set(Timer::Completion(key), turn.now.mono + most);
        }
    }

    /// The command has ended by itself, by a limit, or by our signal.
    pub(crate) fn exited(&mut self, turn: &mut Turn, container: &ContainerId, end: End) {
        let Some(key) = self.containers.get(container).cloned() else { return };
        let Some(task) = self.tasks.get(&key) else { return };
        match task.phase {
            Phase::Running | Phase::Launching => {
                let verdict = verdict(task, end);
                self.conclude(turn, &key, verdict);
            }
            Phase::Waiting | Phase::Ending { .. } | Phase::Ended { .. } => {}
        }
    }

    /// Nothing of a container is left.
    pub(crate) fn destroyed(&mut self, turn: &mut Turn, container: &ContainerId) {
        let Some(key) = self.containers.get(container).cloned() else { return };
        let Some(task) = self.tasks.get(&key) else { return };
        match &task.phase {
            Phase::Ending { .. } if self.is_being_written(&key) => {
                self.gone_early.insert(key);
            }
            Phase::Ending { .. } => self.ending_is_over(turn, &key),
            // SIGKILL by destroy, whose exit nobody reported.
            Phase::Running | Phase::Launching => {
                let verdict = verdict(task, End { wait_status: Some(SIGKILL), limitation: None });
                self.gone(turn, &key, verdict);
            }
            Phase::Waiting | Phase::Ended { .. } => {}
        }
    }

    /// The end is on disk and the container gone: now it may be told.
    pub(crate) fn ending_is_over(&mut self, turn: &mut Turn, key: &TaskKey) {
        let Some(task) = self.tasks.get(key) else { return };
        if let Phase::Ending { status } = &task.phase {
            let status = (**status).clone();
            self.ended(turn, key, status);
        }
    }

    /// Writes down how the task ends, and has its container removed; it is told afterwards.
    pub(crate) fn conclude(&mut self, turn: &mut Turn, key: &TaskKey, verdict: Verdict) {
        let status = self.status(turn, key, verdict);
        let is_written = self.append(turn, key, checkpoint::task_record(Record::Update(status.clone())));
        self.timers.cancel(&Timer::Escalate(key.clone()));
        self.timers.cancel(&Timer::Completion(key.clone()));
        if let Some(task) = self.tasks.get_mut(key) {
            task.phase = Phase::Ending { status: Box::new(status) };
        }
        if is_written {
            self.destroy(turn, key);
        }
        // Else the exit status that the container keeps is all there is on disk: it stays until the log
        // is written anew, and that asks for its end.
    }

    /// The task is over and there is no container (any more).
    pub(crate) fn gone(&mut self, turn: &mut Turn, key: &TaskKey, verdict: Verdict) {
        let status = self.status(turn, key, verdict);
        self.append(turn, key, checkpoint::task_record(Record::Update(status.clone())));
        self.ended(turn, key, status);
    }

    /// The resources are free, and the framework is told: the record is on disk already.
    pub(crate) fn ended(&mut self, turn: &mut Turn, key: &TaskKey, status: v1::TaskStatus) {
        let Some(task) = self.tasks.get(key) else { return };
        if self.holds_resources(task) {
            let held = task.resources.clone();
            self.account.give_back(&held);
        }
        for timer in [Timer::Escalate, Timer::Completion, Timer::Destroy] {
            self.timers.cancel(&timer(key.clone()));
        }
        self.counters.ended(status.state());
        match task.executor.as_ref().map(|part| part.key.clone()) {
            None => self.counters.executors_terminated += 1,
            Some(executor) => self.leave_executor(&executor, key),
        }
        let framework = self.frameworks.get(&key.framework);
        let is_shut_down = framework.is_none_or(|framework| framework.is_shut_down);
        let Some(task) = self.tasks.get_mut(key) else { return };
        task.phase = Phase::Ended { state: status.state() };
        task.remember(&status);
        if is_shut_down {
            return self.tell_once(turn, key, status);
        }
        let was_idle = task.stream.head().is_none();
        task.stream.push(status);
        if was_idle {
            self.send_head(turn, key);
        }
    }

    /// The framework has been removed: the master hears that the resources are free, nobody answers.
    fn tell_once(&mut self, turn: &mut Turn, key: &TaskKey, mut status: v1::TaskStatus) {
        status.uuid = None;
        if let Some(link) = self.serving() {
            turn.out.tell_master(
                link,
                from_agent::Body::Update(StatusUpdate {
                    framework_id: Some((&key.framework).into()),
                    latest_state: status.state,
                    status: Some(status),
                }),
            );
        }
        if let Some(task) = self.tasks.get(key) {
            self.completed_tasks.push(crate::agent::CompletedTask { task: task.clone() });
        }
        self.forget(turn, key);
    }

    /// Asks a task to end within `grace`. A second kill can only shorten what is left of the first.
    pub(crate) fn kill(&mut self, turn: &mut Turn, key: &TaskKey, cause: Cause, grace: Duration) {
        let Some(task) = self.tasks.get(key) else { return };
        if task.executor.is_some() {
            return self.kill_in_executor(turn, key, None);
        }
        match (&task.phase, task.kill) {
            (Phase::Waiting, _) => {
                self.waiting = self.waiting.saturating_sub(1);
                self.gone(turn, key, killed_before_delivery());
            }
            (Phase::Launching, _) => self.conclude(turn, key, killed_before_delivery()),
            (Phase::Running, None) => self.begin_kill(turn, key, cause, grace),
            (Phase::Running, Some(kill)) if turn.now.mono + grace < kill.escalate_at => {
                self.set_kill(turn, key, kill.cause, grace);
            }
            (Phase::Running, Some(_)) | (Phase::Ending { .. } | Phase::Ended { .. }, _) => {}
        }
    }

    fn begin_kill(&mut self, turn: &mut Turn, key: &TaskKey, cause: Cause, grace: Duration) {
        self.set_kill(turn, key, cause, grace);
        let framework = self.frameworks.get(&key.framework);
        if framework.is_some_and(|framework| framework.has(Type::TaskKillingState) && !framework.is_shut_down)
        {
            self.update(turn, key, [Verdict::of_command(TaskState::TaskKilling, "")]);
        }
        self.signal(turn, key);
    }

    fn set_kill(&mut self, turn: &mut Turn, key: &TaskKey, cause: Cause, grace: Duration) {
        let grace_ns = u64::try_from(grace.as_nanos()).unwrap_or(u64::MAX);
        let wall = turn.now.wall.0.saturating_add(grace_ns);
        let escalate_wall = mezzo_model::Wall(wall);
        let kill = Kill { cause, escalate_at: turn.now.mono + grace, escalate_wall, grace_ns };
        if let Some(task) = self.tasks.get_mut(key) {
            task.kill = Some(kill);
        }
        let record = KillRecord { cause: cause.into(), escalate_ns: wall, grace_ns: Some(grace_ns) };
        self.append(turn, key, checkpoint::task_record(Record::Kill(record)));
        self.timers.set(Timer::Escalate(key.clone()), kill.escalate_at);
    }

    /// SIGTERM to every process of the task.
    pub(crate) fn signal(&mut self, turn: &mut Turn, key: &TaskKey) {
        let Some(task) = self.tasks.get(key) else { return };
        turn.touched.tasks.insert(key.clone());
        turn.out.node(Ask::Signal { container: task.container.clone(), signal: SIGTERM, to_all: true });
    }

    /// The end of a container, whatever state it is in; asked again if it takes too long.
    pub(crate) fn destroy(&mut self, turn: &mut Turn, key: &TaskKey) {
        let Some(task) = self.tasks.get(key) else { return };
        turn.touched.tasks.insert(key.clone());
        turn.out.node(Ask::Destroy { container: task.container.clone() });
        self.timers.set(Timer::Destroy(key.clone()), turn.now.mono + DESTROY_PATIENCE);
    }

    /// The grace of a kill is over.
    pub(crate) fn escalate(&mut self, turn: &mut Turn, key: &TaskKey) {
        if self.tasks.get(key).is_some_and(|task| task.phase == Phase::Running) {
            self.destroy(turn, key);
        }
    }

    pub(crate) fn destroy_again(&mut self, turn: &mut Turn, key: &TaskKey) {
        let Some(task) = self.tasks.get(key) else { return };
        let is_wanted = match task.phase {
            Phase::Ending { .. } if task.log.is_torn => false,
            Phase::Ending { .. } => true,
            Phase::Running => task.kill.is_some(),
            Phase::Waiting | Phase::Launching | Phase::Ended { .. } => false,
        };
        if is_wanted {
            turn.out
                .warn(format!("the container of task {key} is still not gone after {DESTROY_PATIENCE:?}"));
            self.destroy(turn, key);
        }
    }

    /// `max_completion_time` leaves no grace, as in Mesos.
    pub(crate) fn completion_time_over(&mut self, turn: &mut Turn, key: &TaskKey) {
        if self.tasks.get(key).is_some_and(|task| task.phase == Phase::Running && task.kill.is_none()) {
            self.kill(turn, key, Cause::CompletionTime, Duration::ZERO);
        }
    }
}

/// How a task ended, from how its command did and whether we had asked it to.
pub(crate) fn verdict(task: &Task, end: End) -> Verdict {
    let words = end.wait_status.map(signals::exit_words);
    match (task.kill.map(|kill| kill.cause), end.limitation, end.wait_status) {
        (Some(Cause::Request | Cause::Shutdown), _, _) => {
            Verdict::of_command(TaskState::TaskKilled, words.unwrap_or_else(|| "Command was killed".into()))
        }
        (Some(Cause::CompletionTime), _, _) => Verdict {
            reason: Some(Reason::MaxCompletionTimeReached),
            ..Verdict::of_command(TaskState::TaskFailed, words.unwrap_or_default())
        },
        (None, Some(limitation), _) => limited(limitation),
        (None, None, Some(0)) => Verdict::of_command(TaskState::TaskFinished, words.unwrap_or_default()),
        (None, None, Some(_)) => Verdict::of_command(TaskState::TaskFailed, words.unwrap_or_default()),
        (None, None, None) => Verdict::of_agent(
            TaskState::TaskFailed,
            Reason::ExecutorTerminated,
            "The end of the command was not seen: the process that watched it is gone",
        ),
    }
}

pub(crate) fn limited(limitation: Limitation) -> Verdict {
    Verdict {
        limitation: Some(v1::TaskResourceLimitation { resources: limitation.resources }),
        ..Verdict::of_agent(TaskState::TaskFailed, limitation.reason, limitation.message)
    }
}

fn duration(wire: &v1::DurationInfo) -> Duration {
    Duration::from_nanos(u64::try_from(wire.nanoseconds).unwrap_or(0))
}
