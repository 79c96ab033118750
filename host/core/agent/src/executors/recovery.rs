//! Executors of an earlier life: found by their files, then by the node, then by their SUBSCRIBE.

use mezzo_model::{ContainerId, ExecutorId, FrameworkId, Wall};
use mezzo_proto::{
    mesos::v1::{self, TaskState, task_status::Reason},
    mezzo::store::v1::{ExecutorLaunchRecord, ExecutorRecord, executor_record::Record},
};

use super::launch::resources_of;
use crate::{
    agent::{Agent, Framework, Turn},
    checkpoint,
    executor::{Executor, ExecutorKey, Phase},
    loose::Verdict,
    task::{self, TaskKey},
    timers::Timer,
};

impl Agent {
    /// Makes an executor again from its file.
    pub(crate) fn recover_executor(&mut self, turn: &mut Turn, file: &str, bytes: &[u8]) {
        let (mut records, _) = checkpoint::records::<ExecutorRecord>(bytes);
        let launch = records.pop().and_then(|record| record.record);
        let found = launch.and_then(|Record::Launch(launch)| executor_of(launch));
        let Some((executor, framework)) = found.filter(|_| self.identity.agent_id.is_some()) else {
            turn.out.warn(format!("the checkpoint `{file}` names no executor; it is removed"));
            return turn.remove(file.to_owned());
        };
        self.account.recover(&executor.resources);
        self.frameworks.get_or_insert_with(executor.key.framework.clone(), || Framework {
            info: framework,
            is_shut_down: false,
            has_file: false,
        });
        self.executor_containers.insert(executor.container.clone(), executor.key.clone());
        self.executors.insert(executor.key.clone(), executor);
    }

    /// Gives the tasks that were found to their executors.
    pub(crate) fn recover_tasks_of_executors(&mut self) {
        let tasks = self.tasks().filter(|task| !task.is_ended());
        let tasks: Vec<(TaskKey, ExecutorKey)> =
            tasks.filter_map(|task| Some((task.key.clone(), task.executor.as_ref()?.key.clone()))).collect();
        for (task, key) in tasks {
            let was_handed_over =
                self.tasks.get(&task).is_some_and(|task| task.phase == task::Phase::Running);
            let Some(executor) = self.executors.get_mut(&key) else { continue };
            executor.tasks.push(task.clone());
            executor.had_task |= was_handed_over;
            let (container, sandbox) = (executor.container.clone(), executor.sandbox.clone());
            if let Some(task) = self.tasks.get_mut(&task) {
                (task.container, task.sandbox) = (container, sandbox);
            }
        }
        // One without tasks has had all that it was given.
        let idle = self.executors().filter(|executor| executor.tasks.is_empty());
        let idle: Vec<_> = idle.map(|executor| executor.key.clone()).collect();
        for key in idle {
            if let Some(executor) = self.executors.get_mut(&key) {
                executor.had_task = true;
            }
        }
    }

    /// The node has found an executor's process: now it has to subscribe.
    pub(crate) fn executor_found_again(&mut self, turn: &mut Turn, key: &ExecutorKey, pid: i32) {
        let Some(executor) = self.executors.get_mut(key) else { return };
        executor.pid = Some(pid);
        match executor.phase {
            Phase::Launching => executor.phase = Phase::Registering,
            Phase::Registering | Phase::Running | Phase::Terminating { .. } => return,
        }
        let wait = match executor.had_task {
            true => self.config.executor_reregistration_timeout,
            false => self.config.executor_registration_timeout,
        };
        self.timers.set(Timer::Subscribe(key.clone()), turn.now.mono + wait);
    }

    /// After recovery: tasks whose executor is nowhere end.
    pub(crate) fn end_tasks_without_executor(&mut self, turn: &mut Turn) {
        let is_lone = |task: &&task::Task| {
            let part = task.executor.as_ref();
            // One that waited for resources brings its executor along.
            !task.is_ended()
                && task.phase != task::Phase::Waiting
                && part.is_some_and(|part| !self.executors.contains_key(&part.key))
        };
        let lone: Vec<_> = self.tasks().filter(is_lone).map(|task| task.key.clone()).collect();
        for key in lone {
            let verdict = Verdict::of_agent(
                TaskState::TaskFailed,
                Reason::ExecutorTerminated,
                "The task's executor was not found when the agent was started again",
            );
            self.gone(turn, &key, verdict);
        }
    }
}

/// The executor that a launch record describes, as if the node had just been asked.
fn executor_of(launch: ExecutorLaunchRecord) -> Option<(Executor, v1::FrameworkInfo)> {
    let (info, framework) = (launch.executor?, launch.framework?);
    let key = ExecutorKey {
        framework: FrameworkId::new(framework.id.as_ref()?.value.as_str()),
        executor: ExecutorId::new(info.executor_id.value.as_str()),
    };
    let executor = Executor {
        key,
        resources: resources_of(&info),
        info,
        container: ContainerId::new(launch.container_id),
        sandbox: launch.sandbox,
        launched: Wall(launch.launched_ns),
        phase: Phase::Launching,
        pid: None,
        tasks: Vec::new(),
        stream: None,
        had_task: false,
        resizes: 0,
    };
    Some((executor, framework))
}
