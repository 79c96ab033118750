//! How tasks come to an executor: its container grows first, then it is told.

use mezzo_model::container::Ask;
use mezzo_proto::{
    mesos::v1::{TaskState, framework_info::capability::Type, task_status::Reason},
    mezzo::store::v1::task_record::Record,
};

use super::events;
use crate::{
    agent::{Agent, Turn},
    checkpoint,
    executor::{ExecutorKey, Phase, Why},
    launch::plan,
    task::{self, TaskKey},
};

impl Agent {
    /// Changes the container's limits to what the executor and its tasks have together. The tasks
    /// that wait for it are handed over by [`Agent::resized`].
    pub(crate) fn resize(&mut self, turn: &mut Turn, key: &ExecutorKey) {
        let Some(executor) = self.executors.get_mut(key) else { return };
        match executor.phase {
            Phase::Running => {}
            // It is resized when it subscribes; or it is over.
            Phase::Launching | Phase::Registering | Phase::Terminating { .. } => return,
        }
        executor.resizes += 1;
        let (number, tasks) = (executor.resizes, executor.tasks.clone());
        let waiting = tasks.iter().filter(|task| self.is_queued(task)).cloned().collect::<Vec<_>>();
        for task in waiting {
            if let Some(part) = self.tasks.get_mut(&task).and_then(|task| task.executor.as_mut())
                && part.after_resize == 0
            {
                part.after_resize = number;
            }
        }
        let Some(executor) = self.executors.get(key) else { return };
        let limits = plan::executor_limits(&self.config.isolation, executor, &self.tasks_in(executor));
        turn.out.node(Ask::Resize { container: executor.container.clone(), limits, number });
    }

    /// The container is as large as was asked for the `number`th time, or cannot be.
    pub(crate) fn resized(
        &mut self,
        turn: &mut Turn,
        key: &ExecutorKey,
        number: u64,
        result: Result<(), String>,
    ) {
        if let Err(message) = result {
            return self.resize_failed(turn, key, &message);
        }
        let Some(executor) = self.executors.get(key) else { return };
        let is_due = |task: &TaskKey| {
            self.is_queued(task)
                && self
                    .tasks
                    .get(task)
                    .and_then(|task| task.executor.as_ref())
                    .is_some_and(|part| part.after_resize != 0 && part.after_resize <= number)
        };
        let due: Vec<TaskKey> = executor.tasks.iter().filter(|task| is_due(task)).cloned().collect();
        for task in due {
            self.deliver(turn, key, &task);
        }
    }

    /// Hands a task over. Without a stream it stays where it is: the next SUBSCRIBE brings it along.
    pub(crate) fn deliver(&mut self, turn: &mut Turn, key: &ExecutorKey, task_key: &TaskKey) {
        let Some(executor) = self.executors.get_mut(key) else { return };
        let Some(stream) = executor.stream.filter(|_| executor.phase == Phase::Running) else { return };
        if self.tasks.get(task_key).is_none_or(|task| task.log.is_torn) {
            return;
        }
        executor.had_task = true;
        self.append(turn, task_key, checkpoint::task_record(Record::Delivered(true)));
        turn.touched.deliveries.insert(task_key.clone());
        let Some(task) = self.tasks.get_mut(task_key) else { return };
        task.phase = task::Phase::Running;
        turn.out.event(stream, events::launch(task.info.clone()));
    }

    /// A write about a task failed, and what was sent in its turn was not: not the task either.
    pub(crate) fn delivery_not_kept(&mut self, key: &TaskKey) {
        if let Some(task) = self.tasks.get_mut(key)
            && task.phase == task::Phase::Running
        {
            task.phase = task::Phase::Launching;
        }
    }

    /// A task's log is whole again: it is handed over if that was held up, or given up, for it.
    pub(crate) fn hand_over_again(&mut self, turn: &mut Turn, key: &ExecutorKey, task: &TaskKey) {
        if !self.is_queued(task) {
            return;
        }
        if let Some(part) = self.tasks.get_mut(task).and_then(|task| task.executor.as_mut()) {
            part.after_resize = 0;
        }
        self.resize(turn, key);
    }

    /// A task is not its executor's any more.
    pub(crate) fn leave_executor(&mut self, key: &ExecutorKey, task: &TaskKey) {
        if let Some(executor) = self.executors.get_mut(key) {
            executor.tasks.retain(|other| other != task);
        }
    }

    /// Whether a task waits to be handed over.
    pub(crate) fn is_queued(&self, key: &TaskKey) -> bool {
        self.tasks.get(key).is_some_and(|task| task.phase == task::Phase::Launching)
    }

    fn resize_failed(&mut self, turn: &mut Turn, key: &ExecutorKey, message: &str) {
        turn.out.warn(format!("the container of executor {key} cannot be resized: {message}"));
        let is_aware =
            self.frameworks.get(&key.framework).is_some_and(|framework| framework.has(Type::PartitionAware));
        let why = Why {
            state: if is_aware { TaskState::TaskGone } else { TaskState::TaskLost },
            reason: Reason::ContainerUpdateFailed,
            message: format!("Failed to update resources for container: {message}"),
        };
        self.destroy_executor(turn, key, Some(why));
    }
}
