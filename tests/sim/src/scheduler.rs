//! A scheduler as a careful author writes one: intent is on its disk before it is sent,
//! updates are acknowledged, and it reconciles after every subscription.

use std::collections::{BTreeMap, BTreeSet};

use mezzo_model::{
    AgentId, ExecutorId, FrameworkId, OfferId, StreamId, TaskId,
    calls::{Encoding, SchedulerCall, Subscribe},
};
use mezzo_proto::mesos::v1::{self, scheduler::Event};

use crate::{
    faults::{Counts, Fault},
    rng::Rng,
    stops::Stops,
};

/// One scheduler; `id` and `book` are on its disk.
#[derive(Debug)]
pub struct Scheduler {
    /// Its number.
    pub index: usize,
    /// As the master named it.
    pub id: Option<FrameworkId>,
    /// Everything it ever launched.
    pub book: BTreeMap<TaskId, Entry>,
    /// Those of the book that have not ended.
    open: BTreeSet<TaskId>,
    /// A task whose end was told by different updates.
    pub ended_twice: Option<TaskId>,
    /// The subscription, from the call on.
    pub session: Option<Session>,
    /// Counts its lives.
    pub epoch: u64,
    pub(crate) stops: Stops,
    is_partition_aware: bool,
    offers: BTreeMap<OfferId, v1::Offer>,
    /// The executors that it launched, with their agents; on its disk.
    executors: BTreeSet<(AgentId, ExecutorId)>,
    next_task: u64,
    next_port: u64,
}

/// A subscription.
#[derive(Clone, Debug)]
pub struct Session {
    /// The connection.
    pub stream: StreamId,
    /// Value of its header.
    pub stream_id: String,
    /// SUBSCRIBED has come.
    pub is_open: bool,
}

/// A task, as the scheduler knows it.
#[derive(Clone, Debug)]
pub struct Entry {
    /// Where it was sent.
    pub agent: AgentId,
    /// The newest state told.
    pub state: v1::TaskState,
    /// What it was given.
    pub spec: Spec,
    /// The updates that said it has ended, by their uuid.
    pub ends: BTreeSet<Vec<u8>>,
}

/// What a task was given, and by which call.
#[derive(Clone, Debug, PartialEq)]
pub struct Spec {
    /// Thousandths.
    pub cpus: i64,
    /// Its port, if it has one.
    pub port: Option<u64>,
    /// The offers it was launched from.
    pub offers: Vec<OfferId>,
    /// Number of the ACCEPT, over all schedulers.
    pub accept: u64,
}

/// Whether a scheduler may count a task in this state as ended.
pub fn is_end(state: v1::TaskState) -> bool {
    use v1::TaskState as S;
    match state {
        S::TaskStaging | S::TaskStarting | S::TaskRunning | S::TaskKilling | S::TaskUnreachable => false,
        S::TaskFinished
        | S::TaskFailed
        | S::TaskKilled
        | S::TaskError
        | S::TaskLost
        | S::TaskDropped
        | S::TaskGone
        | S::TaskGoneByOperator
        | S::TaskUnknown => true,
    }
}

impl Scheduler {
    /// A scheduler that has never subscribed.
    pub fn new(index: usize, rng: &mut Rng) -> Self {
        Self {
            index,
            id: None,
            book: BTreeMap::new(),
            open: BTreeSet::new(),
            ended_twice: None,
            session: None,
            epoch: 0,
            stops: Stops::default(),
            is_partition_aware: rng.percent(60),
            offers: BTreeMap::new(),
            executors: BTreeSet::new(),
            next_task: 0,
            next_port: 0,
        }
    }

    /// The SUBSCRIBE of a new life or a new connection.
    pub fn subscribe(&mut self, stream: StreamId) -> SchedulerCall {
        let stream_id = format!("stream-{}", stream.0);
        self.session = Some(Session { stream, stream_id: stream_id.clone(), is_open: false });
        self.offers.clear();
        use v1::framework_info::capability::Type;
        let mut capabilities = vec![Type::MultiRole, Type::TaskKillingState];
        if self.is_partition_aware {
            capabilities.push(Type::PartitionAware);
        }
        let framework_info = v1::FrameworkInfo {
            user: "root".to_owned(),
            name: format!("sim-{}", self.index),
            id: self.id.as_ref().map(Into::into),
            // Longer than any world: a task's end is always the kernel's or the scheduler's doing.
            failover_timeout: Some(1e6),
            checkpoint: Some(true),
            roles: vec![["web", "batch", "eng/ml"][self.index % 3].to_owned()],
            capabilities: capabilities
                .into_iter()
                .map(|t| v1::framework_info::Capability { r#type: Some(t as i32) })
                .collect(),
            ..Default::default()
        };
        SchedulerCall::Subscribe(Box::new(Subscribe {
            framework_info,
            suppressed_roles: Vec::new(),
            offer_constraints: None,
            stream,
            new_stream_id: stream_id,
            encoding: Encoding::Protobuf,
        }))
    }

    /// Handles an event of the current subscription.
    pub fn event(
        &mut self,
        event: &Event,
        is_resting: bool,
        accepts: &mut u64,
        rng: &mut Rng,
        counts: &mut Counts,
    ) -> Vec<SchedulerCall> {
        if let Some(subscribed) = &event.subscribed {
            self.id = Some(FrameworkId::from(&subscribed.framework_id));
            if let Some(session) = &mut self.session {
                session.is_open = true;
            }
            return vec![self.reconcile()];
        }
        if let Some(offers) = &event.offers {
            let offers = offers.offers.clone();
            return offers
                .into_iter()
                .flat_map(|o| self.offer(o, is_resting, accepts, rng, counts))
                .collect();
        }
        if let Some(rescind) = &event.rescind {
            self.offers.remove(&OfferId::from(&rescind.offer_id));
            return Vec::new();
        }
        match &event.update {
            Some(update) => self.update(&update.status, is_resting, rng, counts),
            None => Vec::new(),
        }
    }

    fn offer(
        &mut self,
        offer: v1::Offer,
        is_resting: bool,
        accepts: &mut u64,
        rng: &mut Rng,
        counts: &mut Counts,
    ) -> Vec<SchedulerCall> {
        let id = OfferId::from(&offer.id);
        self.offers.insert(id.clone(), offer);
        match rng.between(0, 100) {
            _ if is_resting => vec![self.decline(&[id], 600.0)],
            0..15 => Vec::new(),
            15..40 => vec![self.decline(&[id], rng.between(0, 10) as f64)],
            _ => self.accept(&id, accepts, rng, counts),
        }
    }

    /// Uses the offer, with whatever else is held of its agent.
    fn accept(
        &mut self,
        id: &OfferId,
        accepts: &mut u64,
        rng: &mut Rng,
        counts: &mut Counts,
    ) -> Vec<SchedulerCall> {
        let Some(agent) = self.offers.get(id).map(|o| AgentId::from(&o.agent_id)) else { return Vec::new() };
        let offers: Vec<_> = self
            .offers
            .iter()
            .filter(|(_, o)| AgentId::from(&o.agent_id) == agent)
            .map(|(id, _)| id.clone())
            .collect();
        let held: Vec<_> = offers.iter().filter_map(|id| self.offers.remove(id)).collect();
        let call = self.accept_call(&agent, &offers, &held, accepts, rng);
        if rng.percent(97) {
            return vec![call];
        }
        // A scheduler with a bug: the same offers, other tasks.
        counts.add(Fault::OfferReused);
        vec![call, self.accept_call(&agent, &offers, &held, accepts, rng)]
    }

    fn accept_call(
        &mut self,
        agent: &AgentId,
        offers: &[OfferId],
        held: &[v1::Offer],
        accepts: &mut u64,
        rng: &mut Rng,
    ) -> SchedulerCall {
        *accepts += 1;
        let (mut cpus, mut ports) = sums(held);
        let mut tasks = Vec::new();
        for _ in 0..rng.between(1, 4) {
            let wanted = 100 * rng.between(1, 11) as i64;
            if wanted > cpus {
                break;
            }
            cpus -= wanted;
            let port = ports.pop();
            let spec = Spec { cpus: wanted, port, offers: offers.to_vec(), accept: *accepts };
            tasks.push(self.task(agent, spec, rng));
        }
        let launch = v1::offer::Operation {
            r#type: Some(v1::offer::operation::Type::Launch as i32),
            launch: Some(v1::offer::operation::Launch { task_infos: tasks }),
            ..Default::default()
        };
        let filters = v1::Filters { refuse_seconds: Some(rng.between(0, 3) as f64) };
        SchedulerCall::Accept { offer_ids: offers.to_vec(), operations: vec![launch], filters: Some(filters) }
    }

    fn task(&mut self, agent: &AgentId, spec: Spec, rng: &mut Rng) -> v1::TaskInfo {
        self.next_task += 1;
        let name = format!("f{}-t{}", self.index, self.next_task);
        let run_ms = if rng.percent(10) { rng.between(20_000, 400_000) } else { rng.between(5, 8_000) };
        let status = if rng.percent(15) { 1 } else { 0 };
        let mut resources = vec![scalar("cpus", spec.cpus as f64 / 1000.0), scalar("mem", 32.0)];
        resources.extend(spec.port.map(port_resource));
        let info = v1::TaskInfo {
            name: name.clone(),
            task_id: v1::TaskId { value: name.clone() },
            agent_id: agent.into(),
            command: Some(v1::CommandInfo {
                value: Some(format!("sim {run_ms} {status} {name}")),
                ..Default::default()
            }),
            resources,
            ..Default::default()
        };
        let info = match rng.percent(30) {
            true => self.in_executor(info, agent, rng),
            false => info,
        };
        let entry =
            Entry { agent: agent.clone(), state: v1::TaskState::TaskStaging, spec, ends: BTreeSet::new() };
        self.open.insert(TaskId::from(name.as_str()));
        self.book.insert(TaskId::from(name), entry);
        info
    }

    /// The same task, run by one of two executors on that agent.
    fn in_executor(&mut self, info: v1::TaskInfo, agent: &AgentId, rng: &mut Rng) -> v1::TaskInfo {
        let id = ExecutorId::from(format!("f{}-e{}", self.index, rng.index(2)));
        self.executors.insert((agent.clone(), id.clone()));
        let command = v1::CommandInfo { value: Some(format!("simexec {id}")), ..Default::default() };
        let executor = v1::ExecutorInfo {
            executor_id: (&id).into(),
            r#type: Some(v1::executor_info::Type::Custom.into()),
            command: Some(command),
            resources: vec![scalar("cpus", 0.1), scalar("mem", 32.0)],
            ..Default::default()
        };
        let script = info.command.and_then(|command| command.value).unwrap_or_default();
        v1::TaskInfo { command: None, executor: Some(executor), data: Some(script.into()), ..info }
    }

    /// Asks its executors to end.
    fn shut_down(&self) -> impl Iterator<Item = SchedulerCall> {
        self.executors.iter().map(|(agent, executor)| SchedulerCall::Shutdown {
            executor_id: executor.clone(),
            agent_id: agent.clone(),
        })
    }

    fn update(
        &mut self,
        status: &v1::TaskStatus,
        is_resting: bool,
        rng: &mut Rng,
        counts: &mut Counts,
    ) -> Vec<SchedulerCall> {
        let (task, state) = (TaskId::from(&status.task_id), status.state());
        if let Some(entry) = self.book.get_mut(&task) {
            entry.state = state;
            if let (true, Some(uuid)) = (is_end(state), &status.uuid) {
                entry.ends.insert(uuid.clone());
                if entry.ends.len() > 1 {
                    self.ended_twice = Some(task.clone());
                }
            }
            if is_end(state) {
                self.open.remove(&task);
            } else {
                self.open.insert(task.clone());
            }
        }
        let (Some(uuid), Some(agent)) = (&status.uuid, &status.agent_id) else { return Vec::new() };
        if !is_resting && rng.percent(6) {
            counts.add(Fault::AckWithheld);
            return Vec::new();
        }
        vec![SchedulerCall::Acknowledge { agent_id: agent.into(), task_id: task, uuid: uuid.clone() }]
    }

    /// What it does every now and then.
    pub fn tick(&mut self, is_resting: bool, rng: &mut Rng) -> Vec<SchedulerCall> {
        if is_resting {
            return self.rest();
        }
        let running: Vec<_> = self.open_tasks().map(|(id, e)| (id.clone(), e.agent.clone())).collect();
        let mut calls = Vec::new();
        match rng.between(0, 100) {
            0..15 => calls.extend(pick(&running, rng).map(|(task_id, agent)| SchedulerCall::Kill {
                task_id,
                agent_id: rng.percent(70).then_some(agent),
                kill_policy: None,
            })),
            15..20 => calls.push(SchedulerCall::Suppress { roles: Vec::new() }),
            20..45 => calls.push(SchedulerCall::Revive { roles: Vec::new() }),
            45..50 => calls.push(SchedulerCall::Reconcile { tasks: Vec::new() }),
            50..58 => calls.push(self.reconcile()),
            58..60 => calls.extend(self.shut_down()),
            60..85 => {
                let held: Vec<_> = self.offers.keys().cloned().collect();
                if !held.is_empty() {
                    calls.push(self.decline(&held, 1.0));
                }
            }
            _ => {}
        }
        calls
    }

    /// Ends what still runs, asks about everything that is open.
    fn rest(&mut self) -> Vec<SchedulerCall> {
        let mut calls: Vec<_> = self
            .open_tasks()
            .map(|(id, e)| SchedulerCall::Kill {
                task_id: id.clone(),
                agent_id: Some(e.agent.clone()),
                kill_policy: None,
            })
            .collect();
        if !calls.is_empty() {
            calls.push(self.reconcile());
        }
        calls.extend(self.shut_down());
        let held: Vec<_> = self.offers.keys().cloned().collect();
        if !held.is_empty() {
            calls.push(self.decline(&held, 600.0));
        }
        calls
    }

    /// Tasks whose newest word is not that they have ended.
    pub fn open_tasks(&self) -> impl Iterator<Item = (&TaskId, &Entry)> {
        self.open.iter().filter_map(|id| self.book.get_key_value(id))
    }

    fn reconcile(&self) -> SchedulerCall {
        let tasks = self.open_tasks().map(|(id, e)| (id.clone(), Some(e.agent.clone()))).collect();
        SchedulerCall::Reconcile { tasks }
    }

    fn decline(&mut self, offers: &[OfferId], seconds: f64) -> SchedulerCall {
        for id in offers {
            self.offers.remove(id);
        }
        SchedulerCall::Decline {
            offer_ids: offers.to_vec(),
            filters: Some(v1::Filters { refuse_seconds: Some(seconds) }),
        }
    }

    /// Another life with the same disk.
    pub fn restart(&mut self) {
        self.epoch += 1;
        self.session = None;
        self.offers.clear();
        self.next_port = 0;
    }
}

fn pick<T: Clone>(list: &[T], rng: &mut Rng) -> Option<T> {
    if list.is_empty() { None } else { list.get(rng.index(list.len())).cloned() }
}

/// What offers hold together: cpus in thousandths, and ports.
fn sums(offers: &[v1::Offer]) -> (i64, Vec<u64>) {
    let (mut cpus, mut ports) = (0, Vec::new());
    for resource in offers.iter().flat_map(|offer| &offer.resources) {
        match (resource.name.as_str(), &resource.scalar, &resource.ranges) {
            ("cpus", Some(scalar), _) => cpus += (scalar.value * 1000.0).round() as i64,
            ("ports", _, Some(ranges)) => ports.extend(ranges.range.iter().flat_map(|r| r.begin..=r.end)),
            _ => {}
        }
    }
    (cpus, ports)
}

fn scalar(name: &str, value: f64) -> v1::Resource {
    v1::Resource {
        name: name.to_owned(),
        r#type: v1::value::Type::Scalar as i32,
        scalar: Some(v1::value::Scalar { value }),
        ..Default::default()
    }
}

fn port_resource(port: u64) -> v1::Resource {
    v1::Resource {
        name: "ports".to_owned(),
        r#type: v1::value::Type::Ranges as i32,
        ranges: Some(v1::value::Ranges { range: vec![v1::value::Range { begin: port, end: port }] }),
        ..Default::default()
    }
}
