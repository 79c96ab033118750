//! The agent: its facts, and the one door to them.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use mezzo_model::{
    AgentId, ContainerId, FrameworkId, LinkId, Now, RequestId, StreamId, Ticket, Wall,
    calls::{Answer, Refusal},
    container::Report,
    table::{Ring, Table},
};
use mezzo_proto::{
    mesos::v1,
    mezzo::link::v1::{TaskState, from_agent, from_master},
};

use crate::{
    account::Account,
    checkpoint,
    config::{AgentConfig, COMPLETED_EXECUTORS_MAX, COMPLETED_FRAMEWORKS_MAX, COMPLETED_TASKS_MAX},
    effects::{Change, Effects, Envelope, Exit},
    executor::{Executor, ExecutorKey},
    garbage::Garbage,
    input::{Input, Stop},
    loose::Loose,
    names::Names,
    operations::Operation,
    task::{Task, TaskKey},
    timers::{Timer, Timers},
    views::Counters,
};

/// One agent. [`Agent::handle`] is the only way in, and [`Effects`] the only way out.
#[derive(Debug)]
pub struct Agent {
    pub(crate) config: Arc<AgentConfig>,
    pub(crate) names: Names,
    pub(crate) timers: Timers,
    pub(crate) identity: Identity,
    pub(crate) link: Option<Link>,
    pub(crate) stopping: Option<Stopping>,
    pub(crate) frameworks: Table<FrameworkId, Framework>,
    pub(crate) tasks: Table<TaskKey, Task>,
    /// Those of command tasks.
    pub(crate) containers: BTreeMap<ContainerId, TaskKey>,
    pub(crate) executors: Table<ExecutorKey, Executor>,
    pub(crate) executor_containers: BTreeMap<ContainerId, ExecutorKey>,
    pub(crate) executor_streams: BTreeMap<StreamId, ExecutorKey>,
    /// Updates about tasks that the agent does not have, or never took.
    pub(crate) loose: BTreeMap<TaskKey, Loose>,
    pub(crate) account: Account,
    /// In the order in which they came.
    pub(crate) operations: Vec<Operation>,
    pub(crate) garbage: Garbage,
    pub(crate) completed_tasks: Ring<CompletedTask>,
    pub(crate) completed_executors: Ring<Executor>,
    pub(crate) completed_frameworks: Ring<v1::FrameworkInfo>,
    pub(crate) counters: Counters,
    /// Turns whose writes are not made yet.
    pub(crate) open: BTreeMap<Ticket, Touched>,
    /// Checkpoints that could not be removed.
    pub(crate) removals: BTreeSet<String>,
    /// Their containers are gone, but how they ended is still being written.
    pub(crate) gone_early: BTreeSet<TaskKey>,
    pub(crate) next_ticket: u64,
    pub(crate) started: Wall,
    /// How many tasks wait for resources.
    pub(crate) waiting: usize,
}

/// Who the agent is, and how far its start has come.
#[derive(Clone, Debug, Default)]
pub(crate) struct Identity {
    /// Given by a master and durable.
    pub(crate) agent_id: Option<AgentId>,
    /// Given, and being made durable.
    pub(crate) admitted_as: Option<AgentId>,
    pub(crate) incarnation: u64,
    /// Links of this life so far.
    pub(crate) links: u32,
    pub(crate) boot_id: String,
    /// This start's checkpoint is durable.
    pub(crate) is_durable: bool,
    /// The node has told what it found.
    pub(crate) is_recovered: bool,
    /// How long that took.
    pub(crate) recovery_seconds: Option<f64>,
    pub(crate) is_dialing: bool,
}

/// The link to the master.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Link {
    pub(crate) id: LinkId,
    pub(crate) stage: LinkStage,
    /// How long the master may be silent.
    pub(crate) silence_max: std::time::Duration,
}

/// How far the agent and the master have come on a link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LinkStage {
    /// Hello was said.
    Greeting,
    /// Welcome was heard; a new id is being made durable.
    Admitting,
    /// State was sent.
    Serving,
}

/// Why the agent is about to end, once no task is left.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Stopping {
    /// It was asked to end its tasks and exit.
    Asked,
    /// The master has ended it.
    ShutDown { reason: String, is_recorded: bool },
}

/// A framework that has, or had, tasks here.
#[derive(Clone, Debug)]
pub struct Framework {
    /// As it described itself last.
    pub info: v1::FrameworkInfo,
    /// The master has ended it: its tasks are ended without being reported.
    pub is_shut_down: bool,
    /// A file of its own is on disk.
    pub(crate) has_file: bool,
}

impl Framework {
    pub(crate) fn has(&self, capability: v1::framework_info::capability::Type) -> bool {
        self.info.capabilities.iter().any(|has| has.r#type() == capability)
    }
}

/// A task that is over and acknowledged.
#[derive(Clone, Debug)]
pub struct CompletedTask {
    /// The task as it was last.
    pub task: Task,
}

/// What a turn was about: what has to be looked at again if its writes fail.
#[derive(Clone, Debug, Default)]
pub(crate) struct Touched {
    pub(crate) is_identity: bool,
    /// What operations have changed was written, or told of.
    pub(crate) is_resources: bool,
    /// The daemon was told to dial.
    pub(crate) is_dial: bool,
    pub(crate) tasks: BTreeSet<TaskKey>,
    /// Of these the first record was written: without it they were never launched.
    pub(crate) launches: BTreeSet<TaskKey>,
    /// These were handed to their executors.
    pub(crate) deliveries: BTreeSet<TaskKey>,
    /// Of these the record was written: without it they were never launched.
    pub(crate) new_executors: BTreeSet<ExecutorKey>,
    /// The master was told that these have exited, with this status.
    pub(crate) exits: Vec<(ExecutorKey, i32)>,
    /// Calls that were accepted, and subscriptions.
    pub(crate) calls: Vec<RequestId>,
    pub(crate) subscribers: Vec<(RequestId, StreamId)>,
    pub(crate) removed: Vec<String>,
}

/// One turn: what it is given and what it gives.
pub(crate) struct Turn {
    pub(crate) now: Now,
    pub(crate) out: Effects,
    pub(crate) touched: Touched,
}

impl Turn {
    /// Removes a checkpoint.
    pub(crate) fn remove(&mut self, key: String) {
        self.out.write(key.clone(), Change::Remove, false);
        self.touched.removed.push(key);
    }
}

impl Agent {
    /// A new agent; its first input is [`Input::Start`].
    pub fn new(config: AgentConfig) -> Self {
        Self {
            names: Names::new(config.seed),
            account: Account::new(config.resources.clone()),
            operations: Vec::new(),
            timers: Timers::default(),
            identity: Identity::default(),
            link: None,
            stopping: None,
            frameworks: Table::new(),
            tasks: Table::new(),
            containers: BTreeMap::new(),
            executors: Table::new(),
            executor_containers: BTreeMap::new(),
            executor_streams: BTreeMap::new(),
            loose: BTreeMap::new(),
            garbage: Garbage::default(),
            completed_tasks: Ring::new(COMPLETED_TASKS_MAX),
            completed_executors: Ring::new(COMPLETED_EXECUTORS_MAX),
            completed_frameworks: Ring::new(COMPLETED_FRAMEWORKS_MAX),
            counters: Counters::default(),
            open: BTreeMap::new(),
            removals: BTreeSet::new(),
            gone_early: BTreeSet::new(),
            next_ticket: 0,
            started: Wall::default(),
            waiting: 0,
            config: Arc::new(config),
        }
    }

    /// How many status updates wait for an acknowledgement, for those who check that none is lost.
    pub fn updates_open(&self) -> usize {
        let tasks = self.tasks.values().map(|task| task.stream.pending().count());
        let loose = self.loose.values().map(|loose| loose.stream.pending().count());
        tasks.chain(loose).sum()
    }

    /// Takes one input and says what is wanted of the outside.
    pub fn handle(&mut self, now: Now, input: Input) -> Effects {
        let mut turn = Turn { now, out: Effects::default(), touched: Touched::default() };
        match input {
            Input::Start(found) => self.start(&mut turn, found),
            Input::LinkOpened { link } => self.link_opened(&mut turn, link),
            Input::LinkMessage { link, body } => self.link_message(&mut turn, link, body),
            Input::LinkClosed { link } => self.link_closed(link),
            Input::Node(report) => self.node_report(&mut turn, report),
            Input::Persisted(ticket) => self.persisted(&mut turn, ticket),
            Input::NotPersisted { ticket, why } => self.not_persisted(&mut turn, ticket, &why),
            Input::Wake => {}
            Input::Call(request) => self.executor_call(&mut turn, *request),
            Input::StreamClosed { stream } => self.executor_stream_closed(stream),
            Input::Read { request, read, principal: _ } => self.read(&mut turn, request, read),
            Input::Stop(stop) => self.stop(&mut turn, stop),
        }
        self.fire_timers(&mut turn);
        self.start_waiting(&mut turn);
        self.exit_if_done(&mut turn);
        self.finish(turn)
    }

    /// The agent's id, once it is durable.
    pub fn id(&self) -> Option<&AgentId> {
        self.identity.agent_id.as_ref()
    }

    /// Every task that has not been acknowledged to its end.
    pub fn tasks(&self) -> impl Iterator<Item = &Task> {
        self.tasks.iter().map(|(_, task)| task)
    }

    /// Whether sums agree and every name leads where it should; for simulations and tests.
    ///
    /// # Errors
    ///
    /// What does not agree.
    pub fn audit(&self) -> Result<(), String> {
        let mut used = mezzo_resources::Resources::default();
        for task in self.tasks() {
            if self.holds_resources(task) {
                used += task.resources.clone();
            }
            if !self.frameworks.contains_key(&task.key.framework) {
                return Err(format!("task {} has no framework", task.key));
            }
            let is_command = task.executor.is_none();
            if is_command && self.containers.get(&task.container) != Some(&task.key) {
                return Err(format!("container `{}` does not lead to its task {}", task.container, task.key));
            }
            if task.is_ended() && task.stream.head().is_none() {
                return Err(format!("ended task {} waits for nothing", task.key));
            }
        }
        for executor in self.executors() {
            used += executor.resources.clone();
            let key = &executor.key;
            if !self.frameworks.contains_key(&key.framework) {
                return Err(format!("executor {key} has no framework"));
            }
            if self.executor_containers.get(&executor.container) != Some(key) {
                return Err(format!("container `{}` does not lead to executor {key}", executor.container));
            }
            if let Some(over) =
                executor.tasks.iter().find(|key| self.tasks.get(key).is_none_or(Task::is_ended))
            {
                return Err(format!("executor {key} still has task {over}, which is over"));
            }
        }
        if used != *self.account.used() {
            return Err(format!("tasks hold {used} but the account says {}", self.account.used()));
        }
        Ok(())
    }

    /// Whether the task's resources are taken from the account.
    pub(crate) fn holds_resources(&self, task: &Task) -> bool {
        use crate::task::Phase;

        match task.phase {
            Phase::Waiting | Phase::Ended { .. } => false,
            Phase::Launching | Phase::Running => true,
            // An end that an earlier life wrote down may have been told already, and what the task
            // held given to another: only ends of this life count.
            Phase::Ending { .. } => {
                self.identity.is_recovered || self.timers.is_set(&Timer::Destroy(task.key.clone()))
            }
        }
    }

    fn link_message(&mut self, turn: &mut Turn, link: LinkId, body: from_master::Body) {
        use from_master::Body;

        let Some(current) = self.link.filter(|current| current.id == link) else {
            return;
        };
        self.timers.set(Timer::Silence(link), turn.now.mono + current.silence_max);
        match body {
            Body::Welcome(welcome) => self.welcome(turn, current, welcome),
            Body::Refused(refused) => self.refused(turn, current, refused),
            Body::Ping(ping) => {
                let pong = mezzo_proto::mezzo::link::v1::Pong { nonce: ping.nonce };
                turn.out.tell_master(link, from_agent::Body::Pong(pong))
            }
            Body::Pong(_) => (),
            _ if current.stage != LinkStage::Serving => {
                turn.out.warn("the master sent an order before it had the agent's state; it was left alone")
            }
            Body::RunTask(message) => self.run_task(turn, message),
            Body::KillTask(message) => self.kill_task(turn, message),
            Body::Acknowledge(message) => self.acknowledge(turn, message),
            Body::ShutdownFramework(message) => self.shutdown_framework(turn, message),
            Body::ShutdownExecutor(message) => self.shutdown_executor(turn, message),
            Body::Message(message) => self.executor_message(turn, message),
            Body::Reconcile(message) => self.reconcile(turn, message),
            Body::UpdateFramework(message) => self.update_framework(turn, message),
            Body::ApplyOperation(message) => self.apply_operation(turn, message),
            Body::AcknowledgeOperation(message) => self.operation_acknowledged(turn, &message),
            Body::Shutdown(message) => self.shut_down(turn, message.reason),
        }
    }

    fn node_report(&mut self, turn: &mut Turn, report: Report) {
        let Some(report) = self.executor_report(turn, report) else { return };
        match report {
            Report::Launched { container, pid } => self.launched(turn, &container, pid),
            Report::LaunchFailed { container, stage, message } => {
                self.launch_failed(turn, &container, stage, message);
            }
            Report::Exited { container, end } => self.exited(turn, &container, end),
            Report::Destroyed { container } => self.destroyed(turn, &container),
            // Its executor has ended meanwhile: containers of tasks are not resized.
            Report::Resized { .. } => {}
            Report::VolumesChanged { operation, result } => self.volumes_changed(turn, &operation, result),
            Report::Recovered { found, lost, orphans } => self.recovered(turn, found, lost, orphans),
        }
    }

    fn fire_timers(&mut self, turn: &mut Turn) {
        while let Some(timer) = self.timers.pop_due(turn.now.mono) {
            match timer {
                Timer::Silence(link) => self.master_silent(turn, link),
                Timer::Identity => self.write_identity(turn),
                Timer::Escalate(key) => self.escalate(turn, &key),
                Timer::Completion(key) => self.completion_time_over(turn, &key),
                Timer::Retry(key) => self.retry_update(turn, &key),
                Timer::Rewrite(key) => self.rewrite_log(turn, &key),
                Timer::Destroy(key) => self.destroy_again(turn, &key),
                Timer::Subscribe(key) => self.subscribe_timed_out(turn, &key),
                Timer::Shutdown(key) => self.shutdown_timed_out(turn, &key),
                Timer::Heartbeat(key) => self.executor_heartbeat(turn, &key),
                Timer::Operation(uuid) => self.tell_operation(turn, &uuid),
                Timer::Resources => self.write_resources_again(turn),
                Timer::Removals => self.remove_again(turn),
                Timer::Collect(path) => self.collect(turn, &path),
            }
        }
    }

    /// Gives the turn its ticket and its deadline.
    fn finish(&mut self, turn: Turn) -> Effects {
        let Turn { mut out, touched, .. } = turn;
        if !out.persist.is_empty() {
            self.next_ticket += 1;
            let ticket = Ticket(self.next_ticket);
            self.open.insert(ticket, touched);
            out.ticket = Some(ticket);
        }
        out.wake_at = self.timers.next();
        out
    }

    fn persisted(&mut self, turn: &mut Turn, ticket: Ticket) {
        let Some(touched) = self.open.remove(&ticket) else { return };
        for key in &touched.tasks {
            if self.tasks.get(key).is_some_and(|task| task.log.failures > 0)
                && let Some(task) = self.tasks.get_mut(key)
            {
                task.log.failures = 0;
            }
            if !self.is_being_written(key) && self.gone_early.remove(key) {
                self.ending_is_over(turn, key);
            }
        }
        if touched.is_identity {
            self.identity_kept(turn);
        }
    }

    /// Whether a write about the task is on its way: nothing that relies on it may leave.
    pub(crate) fn is_being_written(&self, key: &TaskKey) -> bool {
        self.open.values().any(|touched| touched.tasks.contains(key))
    }

    /// Nothing of that turn has left. Looks again at everything it was about.
    fn not_persisted(&mut self, turn: &mut Turn, ticket: Ticket, why: &str) {
        let Some(touched) = self.open.remove(&ticket) else { return };
        self.counters.checkpoints_failed += 1;
        if touched.is_identity {
            self.identity_not_kept(turn, why);
        }
        if touched.is_resources {
            self.resources_not_kept(turn, why);
        }
        for key in &touched.deliveries {
            self.delivery_not_kept(key);
        }
        if touched.is_dial {
            self.identity.is_dialing = false;
            self.dial_if_ready(turn);
        }
        for key in &touched.tasks {
            // The log is written anew, and then the container is destroyed once more.
            self.gone_early.remove(key);
            if touched.launches.contains(key) {
                self.launch_not_kept(turn, key, why);
            } else {
                self.log_not_kept(turn, key, why);
            }
        }
        for key in &touched.new_executors {
            self.executor_not_kept(turn, key, why);
        }
        for (key, status) in &touched.exits {
            self.tell_executor_exited(turn, key, *status);
        }
        self.calls_not_kept(turn, touched.calls, touched.subscribers, why);
        self.removals_not_kept(turn, touched.removed);
    }

    /// The answers to these calls were dropped with what else their turn sent.
    fn calls_not_kept(
        &mut self,
        turn: &mut Turn,
        calls: Vec<RequestId>,
        subscribers: Vec<(RequestId, StreamId)>,
        why: &str,
    ) {
        for (_, stream) in &subscribers {
            self.executor_stream_closed(*stream);
        }
        for request in calls.into_iter().chain(subscribers.into_iter().map(|(request, _)| request)) {
            let refusal = Refusal::unavailable(format!("The agent's checkpoint cannot be written: {why}"));
            turn.out.answer(request, Answer::Refused(refusal));
        }
    }

    /// Writes a task's news; true when what relies on them may be sent in this turn.
    pub(crate) fn append(&mut self, turn: &mut Turn, key: &TaskKey, record: Vec<u8>) -> bool {
        turn.touched.tasks.insert(key.clone());
        let Some(task) = self.tasks.get(key) else { return false };
        if task.log.is_torn {
            return false;
        }
        turn.out.write(checkpoint::task_key(&task.log_name), Change::Append(record), false);
        true
    }

    /// A task as the master is told of it after each Welcome.
    pub(crate) fn task_state(task: &Task) -> TaskState {
        TaskState {
            info: Some(task.info.clone()),
            framework_id: Some((&task.key.framework).into()),
            latest_state: task.latest_state().into(),
            status: task.stream.told().or(task.stream.head()).cloned(),
        }
    }

    fn read(&mut self, turn: &mut Turn, request: RequestId, read: mezzo_model::calls::AgentRead) {
        use mezzo_model::calls::AgentRead;

        match &read {
            AgentRead::ResolvePath(path) => {
                let found = crate::paths::resolve(
                    &self.config.work_dir,
                    self.identity.agent_id.as_ref(),
                    self.config.log_path.as_deref(),
                    path,
                );
                turn.out.send.push(match found {
                    Some(path) => Envelope::Path { request, path },
                    None => Envelope::Answer { request, answer: Answer::Refused(Refusal::not_found("")) },
                });
            }
            _ => {
                let view = Arc::new(self.view(turn.now));
                turn.out.send.push(Envelope::Snapshot { request, read, view });
            }
        }
    }

    /// Says that the process may end, when it was asked to and nothing is left to do.
    fn exit_if_done(&mut self, turn: &mut Turn) {
        let has_containers = self.tasks().any(|task| !task.is_ended()) || !self.executors.is_empty();
        if has_containers || !self.identity.is_recovered {
            return;
        }
        match &mut self.stopping {
            None => {}
            Some(Stopping::Asked) => turn.out.exit = Some(Exit::Stopped),
            Some(Stopping::ShutDown { is_recorded: true, reason }) => {
                turn.out.exit = Some(Exit::ShutDown { reason: reason.clone() });
            }
            Some(Stopping::ShutDown { is_recorded, .. }) => {
                *is_recorded = true;
                self.forget_identity(turn);
            }
        }
    }

    fn stop(&mut self, turn: &mut Turn, stop: Stop) {
        match stop {
            Stop::LeaveTasks => turn.out.exit = Some(Exit::Stopped),
            Stop::EndTasks => {
                self.stopping.get_or_insert(Stopping::Asked);
                self.end_all(turn, std::time::Duration::ZERO);
            }
        }
    }
}
