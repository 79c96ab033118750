//! RunTask: idempotent by the task's id.

use mezzo_model::{FrameworkId, TaskId};
use mezzo_proto::{
    mesos::v1::{self, TaskState, framework_info::capability::Type, task_status::Reason},
    mezzo::link::v1::{RunTask, StatusUpdate, from_agent},
};
use mezzo_resources::Resources;

use crate::{
    agent::{Agent, Framework, Turn},
    checkpoint,
    effects::Change,
    executors::executor_key,
    launch::{launch_failure, plan, validate::validate},
    loose::Verdict,
    stream::Stream,
    task::{InExecutor, Log, Phase, Task, TaskKey},
};

impl Agent {
    pub(crate) fn run_task(&mut self, turn: &mut Turn, message: RunTask) {
        let (Some(framework), Some(info)) = (message.framework, message.task) else {
            return turn.out.warn("a RunTask without a framework or a task was left alone");
        };
        let Some(framework_id) = framework.id.as_ref().map(|id| FrameworkId::new(id.value.as_str())) else {
            return turn.out.warn("a RunTask of a framework without an id was left alone");
        };
        let key = TaskKey { framework: framework_id, task: TaskId::new(info.task_id.value.as_str()) };
        if self.loose.contains_key(&key) {
            return self.hurry(turn, &key);
        }
        if self.tasks.contains_key(&key) {
            return self.run_again(turn, &key, &info);
        }
        let executor = info.executor.as_ref().map(|info| executor_key(&key, info));
        match self.accept(turn, &key, framework, info, message.launch_executor) {
            Ok(()) => self.counters.tasks_accepted += 1,
            Err(verdict) => {
                // What the master counts for an executor that there is not must be free again.
                if let Some(executor) = executor.filter(|executor| !self.has_executor(executor)) {
                    self.tell_executor_exited(turn, &executor, -1);
                }
                turn.out.warn(format!("task {key} is refused: {}", verdict.message));
                self.tell_loose(turn, key, verdict);
            }
        }
    }

    /// The order came twice, or its id is used again before the end of the first was acknowledged.
    fn run_again(&mut self, turn: &mut Turn, key: &TaskKey, info: &v1::TaskInfo) {
        let Some(task) = self.tasks.get(key) else { return };
        if !task.is_ended() || task.info == *info {
            return self.hurry(turn, key);
        }
        // The stream of this id still belongs to the task before: this one is told of once.
        let verdict = Verdict::of_agent(
            TaskState::TaskDropped,
            Reason::TaskInvalid,
            "Task id is still in use: the end of the task that had it is not acknowledged",
        );
        let verdict = self.for_framework(&key.framework, verdict);
        let mut status = self.status(turn, key, verdict);
        status.uuid = None;
        status.container_status = None;
        let Some(link) = self.serving() else { return };
        turn.out.tell_master(
            link,
            from_agent::Body::Update(StatusUpdate {
                framework_id: Some((&key.framework).into()),
                latest_state: status.state,
                status: Some(status),
            }),
        );
    }

    /// Takes a new task in: its record is written and, where resources are free, the node is asked.
    fn accept(
        &mut self,
        turn: &mut Turn,
        key: &TaskKey,
        framework: v1::FrameworkInfo,
        info: v1::TaskInfo,
        launch_executor: bool,
    ) -> Result<(), Verdict> {
        self.know_framework(turn, &key.framework, framework);
        let result = self
            .admit(turn, key, info, launch_executor)
            .map_err(|verdict| self.for_framework(&key.framework, verdict));
        if result.is_err() {
            self.drop_framework_if_idle(turn, &key.framework);
        }
        result
    }

    fn admit(
        &mut self,
        turn: &mut Turn,
        key: &TaskKey,
        info: v1::TaskInfo,
        launch_executor: bool,
    ) -> Result<(), Verdict> {
        if self.stopping.is_some() {
            return Err(Verdict::of_agent(
                TaskState::TaskDropped,
                Reason::AgentDisconnected,
                "The agent is shutting down",
            ));
        }
        let is_shut_down = self.frameworks.get(&key.framework).is_none_or(|framework| framework.is_shut_down);
        if is_shut_down {
            return Err(Verdict::of_agent(
                TaskState::TaskKilled,
                Reason::FrameworkRemoved,
                "Framework is terminating",
            ));
        }
        validate(&self.config.isolation, key.framework.as_str(), &info)?;
        let resources = Resources::from_wire(&info.resources)
            .map_err(|why| Verdict::of_agent(TaskState::TaskError, Reason::TaskInvalid, why.to_string()))?
            .without_allocation();
        let executor = info.executor.as_ref().map(|info| executor_key(key, info));
        if let Some(executor) = &executor {
            self.check_executor(executor, launch_executor)?;
        }
        let container = self.names.container();
        let sandbox =
            self.sandbox_path(key, &container).ok_or_else(|| launch_failure("the agent has no id yet"))?;
        let mut task = Task {
            key: key.clone(),
            info,
            container: container.clone(),
            // Its executor's, once it has joined it.
            executor: executor.map(InExecutor::new),
            log_name: container.as_str().to_owned(),
            sandbox,
            received: turn.now.wall,
            resources,
            phase: Phase::Waiting,
            kill: None,
            pid: None,
            stream: Stream::default(),
            history: Vec::new(),
            log: Log::default(),
        };
        let framework =
            self.frameworks.get(&key.framework).map(|framework| framework.info.clone()).unwrap_or_default();
        if task.executor.is_none() {
            plan::plan(&self.config, self.identity.agent_id.as_ref(), &task, &framework)
                .map_err(|why| launch_failure(&why))?;
        }
        let needed = self.needed(&task);
        task.phase = self.place(&needed)?;
        let is_waiting = task.phase == Phase::Waiting;
        if is_waiting {
            turn.out.info(format!("task {key} waits for resources of tasks that are being ended"));
            self.waiting += 1;
        } else {
            let is_taken = self.account.take(&needed);
            assert!(is_taken, "what was free a moment ago is free");
        }
        self.take_in(turn, key, task, &framework);
        if !is_waiting {
            self.begin(turn, key);
        }
        Ok(())
    }

    /// Writes a new task's first record and lists it.
    fn take_in(&mut self, turn: &mut Turn, key: &TaskKey, mut task: Task, framework: &v1::FrameworkInfo) {
        turn.touched.tasks.insert(key.clone());
        turn.touched.launches.insert(key.clone());
        match &task.executor {
            None => {
                self.containers.insert(task.container.clone(), key.clone());
            }
            Some(part) => {
                if let Some(executor) = self.executors.get(&part.key) {
                    (task.container, task.sandbox) = (executor.container.clone(), executor.sandbox.clone());
                }
            }
        }
        let record = checkpoint::launch_record(&task, framework);
        turn.out.write(checkpoint::task_key(&task.log_name), Change::Append(record), false);
        self.tasks.insert(key.clone(), task);
    }

    /// Whether there is room: now, or once the tasks that are being ended are gone.
    fn place(&self, wanted: &Resources) -> Result<Phase, Verdict> {
        let free = self.account.free();
        let has_waiting = self.waiting > 0;
        if free.contains(wanted) && !has_waiting {
            return Ok(Phase::Launching);
        }
        let mut later = free.clone();
        for executor in self.executors().filter(|executor| executor.is_terminating()) {
            later += executor.resources.clone();
            for task in self.tasks_in(executor).into_iter().filter(|task| self.holds_resources(task)) {
                later += task.resources.clone();
            }
        }
        for task in self.tasks.values() {
            if task.is_on_its_way_out() && self.holds_resources(task) {
                later += task.resources.clone();
            }
        }
        for task in self.tasks.values().filter(|task| task.phase == Phase::Waiting) {
            later = later.checked_sub(&self.needed(task)).unwrap_or_default();
        }
        if later.contains(wanted) {
            return Ok(Phase::Waiting);
        }
        Err(Verdict::of_agent(
            TaskState::TaskDropped,
            Reason::ResourcesUnknown,
            format!("Task needs {wanted}, but of the agent's {} only {free} is free", self.account.total()),
        ))
    }

    /// TASK_DROPPED and TASK_GONE are for frameworks that know them; others hear TASK_LOST.
    pub(crate) fn for_framework(&self, framework: &FrameworkId, mut verdict: Verdict) -> Verdict {
        let is_aware =
            self.frameworks.get(framework).is_some_and(|framework| framework.has(Type::PartitionAware));
        if !is_aware && matches!(verdict.state, TaskState::TaskDropped | TaskState::TaskGone) {
            verdict.state = TaskState::TaskLost;
        }
        verdict
    }

    fn know_framework(&mut self, turn: &mut Turn, id: &FrameworkId, info: v1::FrameworkInfo) {
        match self.frameworks.get(id) {
            None => {
                self.frameworks.insert(id.clone(), Framework { info, is_shut_down: false, has_file: false });
            }
            Some(known) if known.info != info => self.change_framework(turn, id, info),
            Some(_) => {}
        }
    }

    fn drop_framework_if_idle(&mut self, turn: &mut Turn, id: &FrameworkId) {
        if self.is_in_use(id) {
            return;
        }
        if self.frameworks.remove(id).is_some_and(|framework| framework.has_file) {
            turn.remove(checkpoint::framework_key(id.as_str()));
        }
    }
}
