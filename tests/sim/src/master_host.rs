//! The master's process around the core: its registry, its allocator, its streams.

use std::collections::BTreeMap;
use std::{net::Ipv4Addr, time::Duration};

use mezzo_core_master::{Effects, Envelope, Input, Master, MasterConfig, Observation};
use mezzo_model::{
    AgentId, LinkId, Now, StreamId, Ticket,
    calls::{Principal, SchedulerCall, SchedulerRequest},
};
use mezzo_proto::{
    mesos::v1::scheduler::Event,
    mezzo::link::v1::{from_agent, from_master},
};
use mezzo_registry::{Recovered, Write};
use mezzo_slots::{Digest, Identity, Order, SlotName};

use crate::{
    faults::Fault,
    link::Arrival,
    plan::{Plan, Planted},
    plugin::{Allocator, MakePolicy},
    stops::Stops,
    world::{Happening, World},
};

/// The master's machine.
pub(crate) struct MasterHost {
    pub core: Option<Master>,
    pub epoch: u64,
    pub skew_ms: i64,
    pub stops: Stops,
    /// When each agent was last heard, in the time that this process was awake.
    heard_ms: BTreeMap<AgentId, u64>,
    pub make_policy: MakePolicy,
    allocator: Option<Allocator>,
    registry: BTreeMap<String, Vec<u8>>,
    registry_free_ms: u64,
    registry_full_until_ms: u64,
    wake_ms: Option<u64>,
    start_ms: u64,
}

impl MasterHost {
    pub fn new(plan: &Plan) -> Self {
        Self {
            core: None,
            epoch: 0,
            skew_ms: 0,
            stops: Stops::default(),
            heard_ms: BTreeMap::new(),
            make_policy: plan.policy,
            allocator: None,
            registry: BTreeMap::new(),
            registry_free_ms: 0,
            registry_full_until_ms: 0,
            wake_ms: None,
            start_ms: 0,
        }
    }

    /// Whether the registry, as it is on the disk, holds this agent.
    pub fn remembers(&self, id: &AgentId) -> bool {
        self.registry.contains_key(&format!("agent/{id}"))
    }

    pub fn is_up(&self) -> bool {
        self.core.is_some()
    }
}

/// How often agents are pinged …
const PING_TIMEOUT: Duration = Duration::from_secs(3);
/// … and how many pings in a row may go unanswered.
const PING_TIMEOUTS_MAX: u32 = 5;
/// The digest of the only plugin there is.
pub(crate) const PLUGIN: Digest = Digest([7; 32]);

impl World {
    pub(crate) fn start_master(&mut self) {
        self.master.epoch += 1;
        self.master.start_ms = self.now_ms;
        let recovered = Recovered::decode(&self.master.registry).expect("our own bytes");
        let id = format!("master-{}", self.master.epoch);
        let mut config = MasterConfig::new(id, Ipv4Addr::LOCALHOST, 5050, "localhost");
        config.seed = self.plan.seed;
        config.agent_reregister_timeout = std::time::Duration::from_secs(30);
        config.agent_ping_timeout = PING_TIMEOUT;
        config.max_agent_ping_timeouts = PING_TIMEOUTS_MAX;
        config.offer_timeout = Some(std::time::Duration::from_secs(20));
        let now = self.master_clock();
        self.trace.line(self.now_ms, "-", 0, format_args!("master starts"));
        let (core, effects) = Master::new(config, recovered, &[PLUGIN], now);
        self.master.core = Some(core);
        self.master_effects(effects);
    }

    fn master_clock(&self) -> Now {
        self.clocks(self.master.start_ms, self.master.skew_ms)
    }

    pub(crate) fn master_input(&mut self, input: Input) {
        let now = self.master_clock();
        let Some(core) = &mut self.master.core else { return };
        self.trace.line(self.now_ms, input.name(), u64::MAX, format_args!("master <- {input:?}"));
        let effects = core.handle(now, input);
        self.count_input();
        self.master_effects(effects);
    }

    fn master_effects(&mut self, effects: Effects) {
        let epoch = self.master.epoch;
        for observation in &effects.observations {
            self.trace.line(self.now_ms, "-", 0, format_args!("master says {observation:?}"));
            if let Observation::AgentUnreachable(agent) = observation {
                self.judge_given_up(agent);
            }
        }
        for (ticket, write) in effects.persist {
            self.write_registry(ticket, write);
        }
        for envelope in effects.send {
            self.master_sends(envelope);
        }
        for order in effects.slots {
            let Order::Start { generation, .. } = order else {
                if let Order::Drop { .. } = order {
                    self.master.allocator = None;
                }
                continue;
            };
            let rng = self.rng.fork();
            self.master.allocator = Some(Allocator::new(self.master.make_policy, rng));
            let input = Input::PluginLoaded {
                slot: SlotName::Allocator,
                generation,
                outcome: Ok(Identity::default()),
            };
            self.after(2, Happening::PluginDone { epoch, input: Box::new(input) });
        }
        for ask in effects.ask {
            let is_resting = self.is_resting();
            let Some(allocator) = &mut self.master.allocator else { continue };
            let (wait, answer) = allocator.answer(ask, is_resting, &self.plan, &mut self.counts);
            self.after(wait, Happening::PluginDone { epoch, input: Box::new(Input::PluginAnswered(answer)) });
        }
        self.master.wake_ms = None;
        if let Some(wake) = effects.wake_at {
            let at_ms = (self.master.start_ms + wake.0 / 1_000_000).max(self.now_ms + 1);
            self.master.wake_ms = Some(at_ms);
            self.at(at_ms, Happening::MasterWake { epoch });
        }
        if effects.again {
            self.master.wake_ms = Some(self.now_ms);
            self.after(0, Happening::MasterWake { epoch });
        }
    }

    pub(crate) fn master_wake(&mut self, epoch: u64) {
        if self.master.epoch != epoch || self.master.wake_ms.is_none_or(|at| at > self.now_ms) {
            return;
        }
        self.master.wake_ms = None;
        self.master_input(Input::Wake);
    }

    fn write_registry(&mut self, ticket: Ticket, write: Write) {
        let epoch = self.master.epoch;
        if self.goes_wrong() {
            self.master.registry_full_until_ms = self.now_ms + self.rng.between(1, 20_000);
        }
        let is_full = self.now_ms < self.master.registry_full_until_ms && !self.is_resting();
        let error = is_full.then(|| "no space left on device".to_owned());
        if error.is_some() {
            self.counts.add(Fault::RegistryFull);
        }
        let at_ms = (self.now_ms + self.rng.between(1, 30)).max(self.master.registry_free_ms);
        self.master.registry_free_ms = at_ms;
        self.at(at_ms, Happening::RegistryDone { epoch, ticket, write, error });
    }

    /// A write that was begun is made even if the master dies meanwhile; only nobody hears of it.
    pub(crate) fn registry_done(&mut self, epoch: u64, ticket: Ticket, write: Write, error: Option<String>) {
        if error.is_none() && self.plan.planted != Some(Planted::ForgetRegistry) {
            for change in write.changes {
                match change.value {
                    Some(value) => self.master.registry.insert(change.key, value),
                    None => self.master.registry.remove(&change.key),
                };
            }
        }
        self.suspects.has_registry_changed = true;
        if self.master.epoch == epoch {
            self.master_input(match error {
                None => Input::Persisted(ticket),
                Some(why) => Input::NotPersisted { ticket, why },
            });
        }
    }

    fn master_sends(&mut self, envelope: Envelope) {
        match envelope {
            Envelope::ToAgent { link, body } => self.send_down(link, body),
            Envelope::CloseLink { link, why } => {
                self.trace.line(self.now_ms, "closes", link.0, format_args!("master closes {link:?}: {why}"));
                self.break_link(link);
            }
            Envelope::Answer { request, answer } => {
                self.trace.line(
                    self.now_ms,
                    "answer",
                    request.0,
                    format_args!("answer {request:?} {answer:?}"),
                );
            }
            Envelope::OpenStream { .. }
            | Envelope::OpenWatch { .. }
            | Envelope::WatchEvent { .. }
            | Envelope::Snapshot { .. } => {}
            Envelope::Event { stream, event } => {
                let Some((_, last)) = self.streams.get(&stream).copied() else { return };
                let at_ms = (self.now_ms + self.rng.between(1, 5)).max(last);
                if let Some(entry) = self.streams.get_mut(&stream) {
                    entry.1 = at_ms;
                }
                self.at(at_ms, Happening::Event { stream, event });
            }
            Envelope::CloseStream { stream, why } => {
                self.trace.line(
                    self.now_ms,
                    "closes-stream",
                    stream.0,
                    format_args!("master closes {stream:?}: {why}"),
                );
                let last = self.streams.get(&stream).map_or(self.now_ms, |(_, last)| *last);
                self.at(last.max(self.now_ms + 1), Happening::StreamEnded { stream });
            }
        }
    }

    fn send_down(&mut self, id: LinkId, body: from_master::Body) {
        let permille = self.link_permille();
        let Some(link) = self.links.get_mut(&id) else { return };
        if !link.down.is_open {
            return;
        }
        let (number, arrivals) = link.down.send(self.now_ms, permille, &mut self.rng, &mut self.counts);
        for at_ms in arrivals {
            self.at(at_ms, Happening::Down { link: id, number, body: Box::new(body.clone()) });
        }
    }

    pub(crate) fn master_link_opened(&mut self, link: LinkId) {
        self.master_input(Input::LinkOpened { link, principal: Principal::ANONYMOUS });
    }

    pub(crate) fn arrive_up(&mut self, id: LinkId, number: u64, body: from_agent::Body) {
        let Some(link) = self.links.get_mut(&id) else { return };
        if self.master.epoch != link.master_epoch {
            return;
        }
        // A Hello is no sign of life of an agent that is being given up; nor is what comes too late.
        let heard = (link.up.is_open && !matches!(body, from_agent::Body::Hello(_))).then_some(link.agent);
        match link.up.arrive(number) {
            Arrival::Deliver => {
                heard.into_iter().for_each(|agent| self.note_heard(agent));
                self.master_input(Input::LinkMessage { link: id, body });
            }
            Arrival::Drop => {}
            Arrival::Break => self.break_link(id),
        }
    }

    /// An agent spoke: from now on it may be silent for as long as its pings allow.
    fn note_heard(&mut self, agent: usize) {
        let Some(id) = self.agents[agent].core.as_ref().and_then(|core| core.id()) else { return };
        self.master.heard_ms.insert(id.clone(), self.master.stops.awake_ms(self.now_ms));
    }

    /// Nobody is given up before its time, whatever clocks say and however long the master slept.
    fn judge_given_up(&mut self, agent: &AgentId) {
        let Some(heard_ms) = self.master.heard_ms.get(agent) else { return };
        let silent_ms = self.master.stops.awake_ms(self.now_ms) - heard_ms;
        // Two pings' time may have passed in short stops, which nobody makes up for.
        let patience_ms = (PING_TIMEOUT * (PING_TIMEOUTS_MAX - 2)).as_millis() as u64;
        if silent_ms < patience_ms {
            self.broken = Some(format!(
                "agent `{agent}` was given up after {silent_ms} ms of silence; it has {patience_ms}"
            ));
        }
    }

    pub(crate) fn up_gone(&mut self, id: LinkId) {
        let Some(link) = self.links.get(&id) else { return };
        if self.master.epoch == link.master_epoch {
            self.master_input(Input::LinkClosed { link: id });
        }
    }

    pub(crate) fn kill_master(&mut self) {
        if !self.master.is_up() {
            return;
        }
        self.counts.add(Fault::MasterKilled);
        self.trace.line(self.now_ms, "-", 0, format_args!("master is killed"));
        self.master.core = None;
        self.master.stops = Stops::default();
        self.master.heard_ms.clear();
        self.master.allocator = None;
        self.master.epoch += 1;
        let links: Vec<_> = self.agents.iter().filter_map(|a| a.link).collect();
        for link in links {
            self.break_link(link);
        }
        let streams: Vec<_> = self.streams.keys().copied().collect();
        for stream in streams {
            let wait = self.rng.between(1, 100);
            self.after(wait, Happening::StreamEnded { stream });
        }
        let wait = self.rng.between(10, 15_000);
        self.after(wait, Happening::StartMaster);
    }

    // Schedulers reach the master over HTTP: each call on a connection of its own.

    pub(crate) fn send_calls(&mut self, index: usize, calls: Vec<SchedulerCall>) {
        let scheduler = &self.schedulers[index];
        let epoch = scheduler.epoch;
        let Some(session) = scheduler.session.clone() else { return };
        for call in calls {
            let stream_id = match call {
                SchedulerCall::Subscribe(_) => None,
                _ => Some(session.stream_id.clone()),
            };
            let mut waits = vec![self.rng.between(1, 4)];
            if self.goes_wrong() {
                match self.rng.between(0, 3) {
                    0 => {
                        self.counts.add(Fault::CallLost);
                        waits.clear();
                    }
                    1 if stream_id.is_some() => {
                        self.counts.add(Fault::CallDuplicate);
                        waits.push(self.rng.between(1, 3_000));
                    }
                    _ => {
                        self.counts.add(Fault::CallLate);
                        waits = vec![self.rng.between(1_000, 10_000)];
                    }
                }
            }
            if waits.is_empty() && matches!(call, SchedulerCall::Subscribe(_)) {
                self.after(1_000, Happening::StreamEnded { stream: session.stream });
            }
            for wait in waits {
                let (stream_id, call) = (stream_id.clone(), Box::new(call.clone()));
                self.after(wait, Happening::Call { scheduler: index, epoch, stream_id, call });
            }
        }
    }

    pub(crate) fn call_arrives(
        &mut self,
        index: usize,
        epoch: u64,
        stream_id: Option<String>,
        call: SchedulerCall,
    ) {
        if !self.master.is_up() {
            if let SchedulerCall::Subscribe(subscribe) = call {
                self.after(100, Happening::StreamEnded { stream: subscribe.stream });
            }
            return;
        }
        // The connection of a dead process is closed: its SUBSCRIBE opens nothing.
        let is_stale = self.schedulers[index].epoch != epoch;
        if is_stale && matches!(call, SchedulerCall::Subscribe(_)) {
            return;
        }
        let framework_id = match &call {
            SchedulerCall::Subscribe(s) => s.framework_info.id.as_ref().map(Into::into),
            _ => self.schedulers[index].id.clone(),
        };
        let request = self.request();
        self.master_input(Input::Call(SchedulerRequest {
            request,
            principal: Principal::ANONYMOUS,
            framework_id,
            stream_id,
            call,
        }));
    }

    pub(crate) fn subscribe(&mut self, index: usize, epoch: u64) {
        if self.schedulers[index].epoch != epoch {
            return;
        }
        let stream = StreamId(self.number());
        self.streams.insert(stream, (index, self.now_ms));
        let call = self.schedulers[index].subscribe(stream);
        self.send_calls(index, vec![call]);
    }

    pub(crate) fn event_arrives(&mut self, stream: StreamId, event: &Event) {
        let Some((index, _)) = self.streams.get(&stream).copied() else { return };
        let is_current = self.schedulers[index].session.as_ref().is_some_and(|s| s.stream == stream);
        if !is_current {
            return;
        }
        if let Some(error) = &event.error {
            self.trace.line(
                self.now_ms,
                "-",
                0,
                format_args!("scheduler {index} hears ERROR {}", error.message),
            );
        }
        if self.goes_wrong() && self.rng.percent(10) {
            self.cut_stream(index);
            return;
        }
        let is_resting = self.is_resting();
        let mut accepts = self.accepts;
        let calls =
            self.schedulers[index].event(event, is_resting, &mut accepts, &mut self.rng, &mut self.counts);
        self.accepts = accepts;
        self.suspects.scheduler = Some(index);
        self.send_calls(index, calls);
    }

    /// The client's end of a stream breaks; the master notices later.
    fn cut_stream(&mut self, index: usize) {
        let Some(session) = self.schedulers[index].session.clone() else { return };
        self.counts.add(Fault::StreamCut);
        let epoch = self.master.epoch;
        let wait = self.rng.between(1, 3_000);
        self.after(wait, Happening::StreamGone { epoch, stream: session.stream });
        self.stream_ended(session.stream);
    }

    pub(crate) fn stream_ended(&mut self, stream: StreamId) {
        let Some((index, _)) = self.streams.remove(&stream) else { return };
        let is_current = self.schedulers[index].session.as_ref().is_some_and(|s| s.stream == stream);
        if is_current {
            self.schedulers[index].session = None;
            let epoch = self.schedulers[index].epoch;
            let wait = self.rng.between(10, 2_000);
            self.after(wait, Happening::Subscribe { scheduler: index, epoch });
        }
    }

    pub(crate) fn scheduler_tick(&mut self, index: usize) {
        let is_resting = self.is_resting();
        if self.schedulers[index].session.as_ref().is_some_and(|s| s.is_open) {
            let calls = self.schedulers[index].tick(is_resting, &mut self.rng);
            self.send_calls(index, calls);
        }
        let wait = if is_resting { 5_000 } else { self.rng.between(200, 3_000) };
        self.after(wait, Happening::SchedulerTick { scheduler: index });
    }

    pub(crate) fn kill_scheduler(&mut self, index: usize) {
        self.counts.add(Fault::SchedulerKilled);
        self.end_session(index);
        self.schedulers[index].restart();
        let epoch = self.schedulers[index].epoch;
        let wait = self.rng.between(10, 20_000);
        self.after(wait, Happening::Subscribe { scheduler: index, epoch });
    }

    fn end_session(&mut self, index: usize) {
        if let Some(session) = self.schedulers[index].session.take() {
            self.streams.remove(&session.stream);
            let epoch = self.master.epoch;
            let wait = self.rng.between(1, 3_000);
            self.after(wait, Happening::StreamGone { epoch, stream: session.stream });
        }
    }

    /// A new instance takes over while the old one's connection is still there.
    pub(crate) fn double_scheduler(&mut self, index: usize) {
        self.counts.add(Fault::SchedulerDoubled);
        self.schedulers[index].restart();
        let epoch = self.schedulers[index].epoch;
        self.after(5, Happening::Subscribe { scheduler: index, epoch });
    }
}
