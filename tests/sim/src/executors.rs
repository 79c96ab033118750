//! Custom executors as careful authors write them: they keep what is not acknowledged, and say it
//! again when they subscribe again. They live on a machine, and outlive its agent.

use std::collections::{BTreeMap, BTreeSet};

use mezzo_core_agent::Input;
use mezzo_model::{
    ContainerId, ExecutorId, FrameworkId, RequestId, StreamId, TaskId,
    calls::{Encoding, ExecutorCall, ExecutorRequest, Principal, SubscribeExecutor},
    container::{End, Plan},
};
use mezzo_proto::mesos::v1::{self, TaskState, executor::Event};

use crate::{
    faults::Fault,
    kernel::{Later, Phase, script},
    plan::Planted,
    world::{Happening, World},
};

/// One executor's process.
#[derive(Debug)]
pub struct Executor {
    framework: FrameworkId,
    id: ExecutorId,
    /// What runs in it.
    pub running: BTreeSet<TaskId>,
    /// Given, and no update of them is acknowledged yet.
    tasks: BTreeMap<TaskId, v1::TaskInfo>,
    /// Sent, and not acknowledged, oldest first.
    updates: Vec<v1::TaskStatus>,
    /// Everything that it was ever given.
    seen: BTreeSet<TaskId>,
    stream: Option<StreamId>,
    is_deaf: bool,
}

/// What an executor does after a while.
#[derive(Clone, Debug)]
pub enum Act {
    /// It subscribes, unless it is connected.
    Subscribe,
    /// It hears an event.
    Hear(StreamId, Box<Event>),
    /// One of its tasks ends by itself.
    End(TaskId, i32),
    /// It says again, or for the first time, how a task is.
    Say(Box<v1::TaskStatus>),
}

/// Whether a plan is that of an executor.
pub fn is_executor(plan: &Plan) -> bool {
    plan.argv.iter().any(|word| word.contains("simexec"))
}

impl Executor {
    fn of(plan: &Plan, is_deaf: bool) -> Option<Self> {
        let told = |name: &str| {
            plan.environment.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
        };
        Some(Self {
            framework: told("MESOS_FRAMEWORK_ID")?.into(),
            id: told("MESOS_EXECUTOR_ID")?.into(),
            running: BTreeSet::new(),
            tasks: BTreeMap::new(),
            updates: Vec::new(),
            seen: BTreeSet::new(),
            stream: None,
            is_deaf,
        })
    }
}

impl World {
    /// The command of a container runs: an executor subscribes soon.
    pub(crate) fn container_runs(&mut self, index: usize, container: &ContainerId) {
        let Some(known) = self.agents[index].kernel.containers.get(container) else { return };
        if !is_executor(&known.plan) || self.agents[index].executors.contains_key(container) {
            return;
        }
        let is_deaf = self.rng.percent(10);
        if is_deaf {
            self.counts.add(Fault::ExecutorDeaf);
        }
        let Some(executor) = Executor::of(&known.plan, is_deaf) else { return };
        self.agents[index].executors.insert(container.clone(), executor);
        self.executor_acts_after(index, container, 30, Act::Subscribe);
    }

    fn executor_acts_after(&mut self, index: usize, container: &ContainerId, most_ms: u64, act: Act) {
        let wait = self.rng.between(1, most_ms + 1);
        let (boot, container) = (self.agents[index].boot, container.clone());
        self.after(wait, Happening::Executor { agent: index, boot, container, act });
    }

    pub(crate) fn executor_acts(&mut self, index: usize, boot: u64, container: &ContainerId, act: Act) {
        let host = &mut self.agents[index];
        let phase = host.kernel.containers.get(container).map(|known| &known.phase);
        if host.boot != boot || !matches!(phase, Some(Phase::Running { .. })) {
            host.executors.remove(container);
            return;
        }
        match act {
            Act::Subscribe => self.executor_subscribes(index, container),
            Act::Hear(stream, event) => self.executor_hears(index, container, stream, &event),
            Act::End(task, status) => {
                let state = if status == 0 { TaskState::TaskFinished } else { TaskState::TaskFailed };
                self.executor_ends(index, container, &task, state);
            }
            Act::Say(status) => self.executor_says(index, container, *status),
        }
    }

    fn executor_subscribes(&mut self, index: usize, container: &ContainerId) {
        if self.agents[index].core.is_none() {
            return self.executor_acts_after(index, container, 500, Act::Subscribe);
        }
        let (request, stream) = (self.request(), StreamId(self.number()));
        let Some(executor) = self.agents[index].executors.get_mut(container) else { return };
        if executor.stream.is_some() {
            return;
        }
        let call = ExecutorCall::Subscribe(Box::new(SubscribeExecutor {
            unacknowledged_tasks: executor.tasks.values().cloned().collect(),
            unacknowledged_updates: executor.updates.clone(),
            stream,
            encoding: Encoding::Protobuf,
        }));
        executor.stream = Some(stream);
        self.executor_calls(index, container, request, call);
    }

    fn executor_calls(
        &mut self,
        index: usize,
        container: &ContainerId,
        request: RequestId,
        call: ExecutorCall,
    ) {
        let Some(executor) = self.agents[index].executors.get(container) else { return };
        let call = ExecutorRequest {
            request,
            principal: Principal::ANONYMOUS,
            framework_id: executor.framework.clone(),
            executor_id: executor.id.clone(),
            call,
        };
        self.agents[index].asked.insert(request, container.clone());
        self.agent_input(index, Input::Call(Box::new(call)));
    }

    /// A call was taken or not; one that was not breaks the connection, so it is made again.
    pub(crate) fn executor_answered(&mut self, index: usize, request: RequestId, is_taken: bool) {
        let Some(container) = self.agents[index].asked.remove(&request) else { return };
        if !is_taken {
            self.executor_comes_back(index, &container);
        }
    }

    /// An event leaves for whoever has this stream.
    pub(crate) fn executor_is_told(&mut self, index: usize, stream: StreamId, event: Box<Event>) {
        let Some(container) = self.executor_of(index, stream) else { return };
        if self.goes_wrong() {
            self.counts.add(Fault::ExecutorCut);
            return self.executor_comes_back(index, &container);
        }
        // Always the same wait: events of one stream do not overtake each other.
        let boot = self.agents[index].boot;
        let is_twice = self.plan.planted == Some(Planted::LaunchedTwice) && event.launch.is_some();
        for _ in 0..1 + usize::from(is_twice) {
            let (container, act) = (container.clone(), Act::Hear(stream, event.clone()));
            self.after(2, Happening::Executor { agent: index, boot, container, act });
        }
    }

    /// The agent has ended a stream.
    pub(crate) fn executor_stream_ends(&mut self, index: usize, stream: StreamId) {
        let Some(container) = self.executor_of(index, stream) else { return };
        self.executor_comes_back(index, &container);
    }

    fn executor_of(&self, index: usize, stream: StreamId) -> Option<ContainerId> {
        let mut all = self.agents[index].executors.iter();
        all.find(|(_, executor)| executor.stream == Some(stream)).map(|(container, _)| container.clone())
    }

    fn executor_comes_back(&mut self, index: usize, container: &ContainerId) {
        let Some(executor) = self.agents[index].executors.get_mut(container) else { return };
        let Some(stream) = executor.stream.take() else { return };
        let epoch = self.agents[index].epoch;
        // The agent may notice before the executor is back, or after.
        let wait = self.rng.between(1, 400);
        self.after(wait, Happening::ExecutorGone { agent: index, epoch, stream });
        self.executor_acts_after(index, container, 400, Act::Subscribe);
    }

    /// The agent is gone: everybody tries again until there is one.
    pub(crate) fn executors_lose_agent(&mut self, index: usize) {
        self.agents[index].asked.clear();
        let all: Vec<_> = self.agents[index].executors.keys().cloned().collect();
        for container in all {
            if let Some(executor) = self.agents[index].executors.get_mut(&container) {
                executor.stream = None;
            }
            self.executor_acts_after(index, &container, 500, Act::Subscribe);
        }
    }

    fn executor_hears(&mut self, index: usize, container: &ContainerId, stream: StreamId, event: &Event) {
        let Some(executor) = self.agents[index].executors.get_mut(container) else { return };
        if executor.stream != Some(stream) {
            return;
        }
        if let Some(acknowledged) = &event.acknowledged {
            executor.updates.retain(|status| status.uuid.as_ref() != Some(&acknowledged.uuid));
            executor.tasks.remove(&TaskId::from(&acknowledged.task_id));
        }
        if let Some(launch) = &event.launch {
            let task = TaskId::from(&launch.task.task_id);
            assert!(executor.seen.insert(task.clone()), "`{task}` was handed to its executor twice");
            executor.tasks.insert(task.clone(), launch.task.clone());
            executor.running.insert(task.clone());
            self.handed_over += 1;
            self.suspects.kernels.push(index);
            let (run_ms, status) = script(&String::from_utf8_lossy(launch.task.data()));
            self.executor_updates(index, container, &task, TaskState::TaskRunning);
            let (boot, container) = (self.agents[index].boot, container.clone());
            let act = Act::End(task, status);
            return self.after(run_ms, Happening::Executor { agent: index, boot, container, act });
        }
        if let Some(kill) = &event.kill {
            let task = TaskId::from(&kill.task_id);
            return self.executor_ends(index, container, &task, TaskState::TaskKilled);
        }
        if event.r#type() == v1::executor::event::Type::Shutdown && !executor.is_deaf {
            let boot = self.agents[index].boot;
            let end = End { wait_status: Some(0), limitation: None };
            let later = Box::new(Later::End(container.clone(), end));
            self.after(5, Happening::Kernel { agent: index, boot, later });
        }
    }

    fn executor_ends(&mut self, index: usize, container: &ContainerId, task: &TaskId, state: TaskState) {
        let Some(executor) = self.agents[index].executors.get_mut(container) else { return };
        if executor.running.remove(task) {
            self.executor_updates(index, container, task, state);
        }
    }

    fn executor_updates(&mut self, index: usize, container: &ContainerId, task: &TaskId, state: TaskState) {
        let number = u128::from(self.number());
        let Some(executor) = self.agents[index].executors.get_mut(container) else { return };
        let status = v1::TaskStatus {
            task_id: task.into(),
            state: state.into(),
            source: Some(v1::task_status::Source::Executor.into()),
            executor_id: Some((&executor.id).into()),
            uuid: Some((number | 4 << 76).to_be_bytes().to_vec()),
            ..Default::default()
        };
        executor.updates.push(status.clone());
        // One after the other, as a careful author does it.
        let boot = self.agents[index].boot;
        let (container, act) = (container.clone(), Act::Say(Box::new(status)));
        self.after(1, Happening::Executor { agent: index, boot, container, act });
    }

    fn executor_says(&mut self, index: usize, container: &ContainerId, status: v1::TaskStatus) {
        let is_lost = self.agents[index].core.is_none() || self.goes_wrong();
        let Some(executor) = self.agents[index].executors.get(container) else { return };
        if executor.stream.is_none() || !executor.updates.contains(&status) {
            // It says so when it subscribes, or has.
            return;
        }
        if is_lost {
            self.counts.add(Fault::ExecutorCut);
            return self.executor_comes_back(index, container);
        }
        let request = self.request();
        self.executor_calls(index, container, request, ExecutorCall::Update(Box::new(status)));
    }
}
