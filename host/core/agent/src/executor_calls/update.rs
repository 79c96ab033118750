//! UPDATE: what an executor says of a task becomes the task's next update.

use mezzo_model::{
    RequestId, TaskId,
    calls::{Answer, Refusal},
};
use mezzo_proto::{mesos::v1, mezzo::store::v1::task_record::Record};

use crate::{
    agent::{Agent, Turn},
    checkpoint,
    config::UPDATES_WAITING_MAX,
    executor::ExecutorKey,
    executors::events,
    status_updates::network,
    task::{Phase, TaskKey, is_terminal},
};

impl Agent {
    pub(super) fn executor_update(
        &mut self,
        turn: &mut Turn,
        request: RequestId,
        key: &ExecutorKey,
        status: v1::TaskStatus,
    ) {
        let task = TaskKey { framework: key.framework.clone(), task: TaskId::from(&status.task_id) };
        let waiting = self.tasks.get(&task).map_or(0, |task| task.stream.pending().count());
        if waiting >= UPDATES_WAITING_MAX {
            let why = format!(
                "{waiting} updates of task '{}' wait for the framework's acknowledgement: send this one again later",
                task.task
            );
            return turn.out.answer(request, Answer::Refused(Refusal::unavailable(why)));
        }
        turn.touched.calls.push(request);
        turn.out.answer(request, Answer::Accepted);
        self.take_update(turn, key, status);
    }

    /// Takes an update in, once: what comes again is only acknowledged again.
    pub(crate) fn take_update(&mut self, turn: &mut Turn, key: &ExecutorKey, status: v1::TaskStatus) {
        let task_key = TaskKey { framework: key.framework.clone(), task: TaskId::from(&status.task_id) };
        let uuid = status.uuid.clone().unwrap_or_default();
        let Some(task) = self.tasks.get_mut(&task_key) else {
            // Its end was acknowledged by the framework, so it was told: the executor may forget it.
            turn.out.warn(format!("executor {key} speaks of task `{}`, which is over", task_key.task));
            return self.acknowledge_to_executor(turn, key, &task_key, uuid);
        };
        let Some(part) = task.executor.as_mut().filter(|part| part.key == *key) else {
            return turn.out.warn(format!(
                "executor {key} speaks of task `{}`, which is not its own: the update is left alone",
                task_key.task
            ));
        };
        match task.phase {
            Phase::Running => {}
            Phase::Waiting | Phase::Launching => {
                return turn.out.warn(format!(
                    "executor {key} speaks of task `{}`, which it was not given yet: the update is left alone",
                    task_key.task
                ));
            }
            Phase::Ending { .. } | Phase::Ended { .. } => {
                return self.acknowledge_to_executor(turn, key, &task_key, uuid);
            }
        }
        if part.see(&uuid) {
            self.keep_update(turn, key, &task_key, status);
        }
        self.acknowledge_to_executor(turn, key, &task_key, uuid);
    }

    /// Completes the status, writes it, and puts it at the end of the task's updates.
    fn keep_update(
        &mut self,
        turn: &mut Turn,
        key: &ExecutorKey,
        task_key: &TaskKey,
        mut status: v1::TaskStatus,
    ) {
        self.counters.updates_made += 1;
        let Some(executor) = self.executors.get(key) else { return };
        let known = v1::ContainerStatus {
            container_id: Some((&executor.container).into()),
            network_infos: vec![network(&self.config.ip)],
            executor_pid: executor.pid.and_then(|pid| u32::try_from(pid).ok()),
            ..status.container_status.take().unwrap_or_default()
        };
        status.container_status = Some(known);
        status.agent_id = self.identity.agent_id.as_ref().map(Into::into);
        status.timestamp.get_or_insert(turn.now.wall.seconds());
        self.append(turn, task_key, checkpoint::task_record(Record::Update(status.clone())));
        if is_terminal(status.state()) {
            self.ended(turn, task_key, status);
            return self.resize(turn, key);
        }
        let Some(task) = self.tasks.get_mut(task_key) else { return };
        let was_idle = task.stream.head().is_none();
        task.remember(&status);
        task.stream.push(status);
        if was_idle {
            self.send_head(turn, task_key);
        }
    }

    /// Tells the executor that an update need not be sent again; not before it is on disk.
    pub(crate) fn acknowledge_to_executor(
        &mut self,
        turn: &mut Turn,
        key: &ExecutorKey,
        task: &TaskKey,
        uuid: Vec<u8>,
    ) {
        if self.tasks.get(task).is_some_and(|task| task.log.is_torn) {
            return;
        }
        if let Some(stream) = self.executors.get(key).and_then(|executor| executor.stream) {
            turn.out.event(stream, events::acknowledged(&task.task, uuid));
        }
    }

    /// A task's log is whole again: what its executor was not told while it was not.
    pub(crate) fn acknowledge_again(&mut self, turn: &mut Turn, key: &TaskKey) {
        let Some(task) = self.tasks.get(key) else { return };
        let Some(part) = &task.executor else { return };
        let executor = part.key.clone();
        let uuids: Vec<_> = task.stream.pending().filter_map(|status| status.uuid.clone()).collect();
        for uuid in uuids {
            self.acknowledge_to_executor(turn, &executor, key, uuid);
        }
    }
}
