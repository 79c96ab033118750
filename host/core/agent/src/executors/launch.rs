//! From the first task of an executor to its process.

use mezzo_model::{
    ExecutorId,
    container::{Ask, Stage},
};
use mezzo_proto::{
    mesos::v1::{self, TaskState, task_status::Reason},
    mezzo::link::v1::{ExecutorExited, from_agent},
};
use mezzo_resources::Resources;

use crate::{
    agent::{Agent, Turn},
    checkpoint,
    effects::Change,
    executor::{Executor, ExecutorKey, Phase, Why},
    launch::{launch_failure, plan},
    loose::Verdict,
    paths,
    task::{self, TaskKey},
    timers::Timer,
};

impl Agent {
    /// Whether a task may join its executor, or bring it along; what master and agent believe of
    /// the executor must agree, or its resources would be counted twice or never.
    ///
    /// # Errors
    ///
    /// How the task ends instead.
    pub(crate) fn check_executor(&self, key: &ExecutorKey, launch_executor: bool) -> Result<(), Verdict> {
        let dropped = |message: &str| {
            Verdict::of_agent(TaskState::TaskDropped, Reason::ExecutorTerminated, message.to_owned())
        };
        if self.executors.get(key).is_some_and(Executor::is_terminating) {
            return Err(dropped("Executor terminating"));
        }
        match (launch_executor, self.has_executor(key)) {
            (true, true) => Err(dropped("Master wants to launch executor, but one already exists")),
            (false, false) => Err(dropped("No executor is expected to launch and there is none running")),
            (true, false) | (false, true) => Ok(()),
        }
    }

    /// What a task needs before it can start: with its executor's resources, if it brings it along.
    pub(crate) fn needed(&self, task: &task::Task) -> Resources {
        match (&task.executor, &task.info.executor) {
            (Some(part), Some(info)) if !self.executors.contains_key(&part.key) => {
                task.resources.clone() + &resources_of(info)
            }
            _ => task.resources.clone(),
        }
    }

    /// Gives a task whose resources are taken to its executor, which is launched if there is none.
    pub(crate) fn join_executor(&mut self, turn: &mut Turn, key: &TaskKey) {
        let Some(task) = self.tasks.get_mut(key) else { return };
        let (Some(part), Some(info)) = (&task.executor, &task.info.executor) else { return };
        let (executor_key, info) = (part.key.clone(), info.clone());
        task.phase = task::Phase::Launching;
        turn.touched.tasks.insert(key.clone());
        if self.executors.get(&executor_key).is_some_and(Executor::is_terminating) {
            // It waited for resources, and its executor did not.
            let verdict =
                Verdict::of_agent(TaskState::TaskDropped, Reason::ExecutorTerminated, "Executor terminating");
            let verdict = self.for_framework(&key.framework, verdict);
            return self.gone(turn, key, verdict);
        }
        let is_new = !self.executors.contains_key(&executor_key);
        if is_new {
            self.add_executor(turn, &executor_key, info);
        }
        let Some(executor) = self.executors.get_mut(&executor_key) else { return };
        executor.tasks.push(key.clone());
        let (container, sandbox) = (executor.container.clone(), executor.sandbox.clone());
        if let Some(task) = self.tasks.get_mut(key) {
            (task.container, task.sandbox) = (container, sandbox);
        }
        if is_new {
            self.ask_for_executor(turn, &executor_key);
        } else {
            self.resize(turn, &executor_key);
        }
    }

    /// The container and the sandbox of a task under an executor: those of the executor that
    /// there is, or of the one that will be.
    pub(crate) fn add_executor(&mut self, turn: &mut Turn, key: &ExecutorKey, info: v1::ExecutorInfo) {
        let container = self.names.container();
        let sandbox = self
            .identity
            .agent_id
            .as_ref()
            .map(|agent| paths::executor_sandbox(&self.config.work_dir, agent, key, &container))
            .unwrap_or_default();
        let executor = Executor {
            key: key.clone(),
            resources: resources_of(&info),
            info,
            container: container.clone(),
            sandbox,
            launched: turn.now.wall,
            phase: Phase::Launching,
            pid: None,
            tasks: Vec::new(),
            stream: None,
            had_task: false,
            resizes: 0,
        };
        let framework = self.frameworks.get(&key.framework).map(|known| known.info.clone());
        let file = checkpoint::executor_file(&executor, &framework.unwrap_or_default());
        turn.out.write(checkpoint::executor_key(container.as_str()), Change::Replace(file), false);
        turn.touched.new_executors.insert(key.clone());
        self.executor_containers.insert(container, key.clone());
        self.executors.insert(key.clone(), executor);
    }

    /// Asks the node for the container of an executor that has its first tasks.
    pub(crate) fn ask_for_executor(&mut self, turn: &mut Turn, key: &ExecutorKey) {
        let Some(executor) = self.executors.get(key) else { return };
        let framework =
            self.frameworks.get(&key.framework).map(|known| known.info.clone()).unwrap_or_default();
        let agent = self.identity.agent_id.as_ref();
        match plan::executor_plan(&self.config, agent, executor, &self.tasks_in(executor), &framework) {
            Ok(plan) => turn.out.node(Ask::Launch(Box::new(plan))),
            Err(why) => self.executor_launch_failed(turn, key, Stage::Prepare, &why),
        }
    }

    /// The tasks of an executor that have not ended.
    pub(crate) fn tasks_in(&self, executor: &Executor) -> Vec<&task::Task> {
        executor.tasks.iter().filter_map(|key| self.tasks.get(key)).collect()
    }

    pub(crate) fn executor_launched(&mut self, turn: &mut Turn, key: &ExecutorKey, pid: i32) {
        let Some(executor) = self.executors.get_mut(key) else { return };
        executor.pid = Some(pid);
        match executor.phase {
            Phase::Launching => {
                executor.phase = Phase::Registering;
                let wait = self.config.executor_registration_timeout;
                self.timers.set(Timer::Subscribe(key.clone()), turn.now.mono + wait);
            }
            // It was quicker than the report, is being ended, or this is told twice.
            Phase::Registering | Phase::Running | Phase::Terminating { .. } => {}
        }
    }

    pub(crate) fn executor_launch_failed(
        &mut self,
        turn: &mut Turn,
        key: &ExecutorKey,
        stage: Stage,
        message: &str,
    ) {
        let Some(executor) = self.executors.get(key) else { return };
        match executor.phase {
            Phase::Launching => {
                self.counters.launch_errors += 1;
                turn.out.warn(format!("executor {key} could not be launched ({stage:?}): {message}"));
                let Verdict { state, message, .. } = launch_failure(message);
                let why = Why { state, reason: Reason::ContainerLaunchFailed, message };
                self.set_terminating(key, Some(why));
                self.executor_gone(turn, key);
            }
            // Destroyed during its launch: `Destroyed` follows.
            Phase::Registering | Phase::Running | Phase::Terminating { .. } => {}
        }
    }

    /// The record of an executor could not be written: nothing was asked of the node.
    pub(crate) fn executor_not_kept(&mut self, turn: &mut Turn, key: &ExecutorKey, why: &str) {
        let Some(executor) = self.executors.get(key) else { return };
        let Verdict { state, message, .. } =
            launch_failure(&format!("the executor's checkpoint could not be written: {why}"));
        // Its first task may have been forgotten already, and a later turn have asked for more.
        let container = executor.container.clone();
        self.set_terminating(key, Some(Why { state, reason: Reason::ContainerLaunchFailed, message }));
        turn.out.node(Ask::Destroy { container });
        self.end_tasks_of_executor(turn, key);
        let files = self.take_executor_out(turn, key);
        self.removals_not_kept(turn, files);
    }

    /// Tells the master that an executor is not there (any more).
    pub(crate) fn tell_executor_exited(&mut self, turn: &mut Turn, key: &ExecutorKey, status: i32) {
        let Some(link) = self.serving() else { return };
        turn.touched.exits.push((key.clone(), status));
        turn.out.tell_master(
            link,
            from_agent::Body::ExecutorExited(ExecutorExited {
                framework_id: Some((&key.framework).into()),
                executor_id: Some((&key.executor).into()),
                status,
            }),
        );
    }
}

/// What an executor uses itself, without the role that it is allocated to.
pub(crate) fn resources_of(info: &v1::ExecutorInfo) -> Resources {
    Resources::from_wire(&info.resources).unwrap_or_default().without_allocation()
}

/// The name of the executor that a task names.
pub(crate) fn executor_key(key: &TaskKey, info: &v1::ExecutorInfo) -> ExecutorKey {
    ExecutorKey {
        framework: key.framework.clone(),
        executor: ExecutorId::new(info.executor_id.value.as_str()),
    }
}
