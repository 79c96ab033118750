//! An agent's machine: the process around the core, its disk, its kernel and its link.

use std::collections::BTreeMap;

use mezzo_core_agent::{
    Agent, AgentConfig, Change, Effects, Envelope, Exit, Found, Input, IsolationConfig, Leaving, Write,
};
use mezzo_model::{
    ContainerId, LinkId, Now, RequestId, Ticket,
    calls::Answer,
    container::Report,
    outbox::{Outbox, Outcome, Step},
};
use mezzo_proto::mezzo::link::v1::{from_agent, from_master};

use crate::{
    executors::{Executor, is_executor},
    faults::Fault,
    kernel::{Came, Kernel, Later, Phase},
    link::{Arrival, Channel, Link, back_off},
    plan::Planted,
    rng::Rng,
    scheduler::Spec,
    stops::Stops,
    world::{Happening, World},
};

/// Turns that may wait for the disk before the inbox does.
const TURNS_MAX: usize = 10_000;
/// Every agent has this much: cpus in thousandths, and these ports.
pub(crate) const CPUS: i64 = 4000;
const RESOURCES: &str = "cpus:4;mem:4096;disk:10000;ports:[31000-31019]";

/// One machine.
pub(crate) struct AgentHost {
    pub core: Option<Agent>,
    pub epoch: u64,
    pub kernel: Kernel,
    /// The processes of custom executors, by their containers.
    pub executors: BTreeMap<ContainerId, Executor>,
    /// Calls of executors that wait for their answers.
    pub asked: BTreeMap<RequestId, ContainerId>,
    pub skew_ms: i64,
    pub stops: Stops,
    pub link: Option<LinkId>,
    pub boot: u64,
    outbox: Outbox<Vec<Write>, Leaving>,
    disk: BTreeMap<String, Vec<u8>>,
    /// Bytes of each file that were there before the newest append.
    appended: BTreeMap<String, usize>,
    dials: bool,
    wake_ms: Option<u64>,
    start_ms: u64,
    partition_until_ms: u64,
    disk_full_until_ms: u64,
    disk_free_ms: u64,
    rng: Rng,
}

impl AgentHost {
    pub fn new(planted: Option<Planted>, rng: &mut Rng) -> Self {
        Self {
            core: None,
            epoch: 0,
            kernel: Kernel::with(planted),
            executors: BTreeMap::new(),
            asked: BTreeMap::new(),
            skew_ms: 0,
            stops: Stops::default(),
            link: None,
            boot: 1,
            outbox: Outbox::new(TURNS_MAX),
            disk: BTreeMap::new(),
            appended: BTreeMap::new(),
            dials: false,
            wake_ms: None,
            start_ms: 0,
            partition_until_ms: 0,
            disk_full_until_ms: 0,
            disk_free_ms: 0,
            rng: rng.fork(),
        }
    }
}

fn config(index: usize, draw: u64) -> AgentConfig {
    let resources = mezzo_resources::Resources::parse(RESOURCES, "*").expect("well formed");
    AgentConfig {
        seed: (u128::from(draw) << 64) | index as u128,
        work_dir: format!("/agents/{index}"),
        hostname: format!("host-{index}"),
        ip: "127.0.0.1".to_owned(),
        port: 5051 + index as u16,
        resources,
        attributes: Vec::new(),
        isolation: IsolationConfig { is_linux: true, ..Default::default() },
        switch_user: false,
        agent_user: Some("root".to_owned()),
        base_environment: Vec::new(),
        frameworks_home: None,
        executor_shutdown_grace_period: std::time::Duration::from_secs(5),
        executor_registration_timeout: std::time::Duration::from_secs(60),
        executor_reregistration_timeout: std::time::Duration::from_secs(2),
        recovery_timeout: std::time::Duration::from_secs(900),
        gc_delay: std::time::Duration::from_secs(7 * 86_400),
        log_path: None,
        flags: Vec::new(),
        build: mezzo_model::Build::default(),
    }
}

impl World {
    pub(crate) fn start_agent(&mut self, index: usize) {
        if self.agents[index].core.is_some() {
            return;
        }
        let host = &mut self.agents[index];
        host.epoch += 1;
        host.start_ms = self.now_ms;
        let draw = if self.plan.planted == Some(Planted::NamesRepeat) { 0 } else { host.epoch };
        host.core = Some(Agent::new(config(index, draw)));
        host.outbox = Outbox::new(TURNS_MAX);
        let found = Found {
            boot_id: format!("boot-{}", host.boot),
            checkpoints: host.disk.iter().map(|(k, v)| (k.clone(), v.clone())).collect(),
            sandboxes: Vec::new(),
        };
        self.trace.line(self.now_ms, "-", index as u64, format_args!("agent {index} starts"));
        self.agent_input(index, Input::Start(found));
    }

    fn agent_clock(&self, index: usize) -> Now {
        let host = &self.agents[index];
        self.clocks(host.start_ms, host.skew_ms)
    }

    pub(crate) fn agent_input(&mut self, index: usize, input: Input) {
        let now = self.agent_clock(index);
        let host = &mut self.agents[index];
        let Some(core) = &mut host.core else { return };
        self.trace.line(self.now_ms, input.name(), index as u64, format_args!("agent {index} <- {input:?}"));
        let effects = core.handle(now, input);
        self.count_input();
        self.suspects.identity = Some(index);
        self.agent_effects(index, effects);
    }

    fn agent_effects(&mut self, index: usize, effects: Effects) {
        let (turn, effects) = effects.into_turn();
        for observation in &effects.observations {
            self.trace.line(
                self.now_ms,
                "-",
                index as u64,
                format_args!("agent {index} says {observation:?}"),
            );
        }
        effects.send.into_iter().for_each(|envelope| self.agent_sends(index, envelope));
        let host = &mut self.agents[index];
        host.outbox.push(turn);
        let (epoch, start_ms) = (host.epoch, host.start_ms);
        if let Some(wake) = effects.wake_at {
            let at_ms = start_ms + wake.0 / 1_000_000;
            let at_ms = at_ms.max(self.now_ms + 1);
            self.agents[index].wake_ms = Some(at_ms);
            self.at(at_ms, Happening::AgentWake { agent: index, epoch });
        } else {
            self.agents[index].wake_ms = None;
        }
        if effects.again {
            self.agents[index].wake_ms = Some(self.now_ms);
            self.after(0, Happening::AgentWake { agent: index, epoch });
        }
        if let Some(exit) = effects.exit {
            self.trace.line(self.now_ms, "-", index as u64, format_args!("agent {index} exits: {exit:?}"));
            self.agent_exits(index, &exit);
            return;
        }
        self.drain_agent(index);
    }

    /// An agent that ended itself is started again; one whose id is void begins anew.
    fn agent_exits(&mut self, index: usize, exit: &Exit) {
        self.drop_agent(index);
        if !matches!(exit, Exit::Failed { .. }) {
            self.agents[index].disk.clear();
            self.agents[index].kernel.reboot();
        }
        self.after(1000, Happening::StartAgent { agent: index });
    }

    pub(crate) fn agent_wake(&mut self, index: usize, epoch: u64) {
        let host = &mut self.agents[index];
        if host.epoch != epoch || host.wake_ms.is_none_or(|at| at > self.now_ms) {
            return;
        }
        host.wake_ms = None;
        self.agent_input(index, Input::Wake);
    }

    /// Carries out what the outbox allows.
    fn drain_agent(&mut self, index: usize) {
        loop {
            let Some(step) = self.agents[index].outbox.next_step() else { return };
            match step {
                Step::Write(ticket, writes) => self.write_checkpoint(index, ticket, writes),
                Step::Send(Leaving::Envelope(envelope)) => self.agent_sends(index, envelope),
                Step::Send(Leaving::Kept(ticket)) => self.agent_input(index, Input::Persisted(ticket)),
                Step::Report(Outcome::NotPersisted(ticket, why)) => {
                    self.agent_input(index, Input::NotPersisted { ticket, why });
                }
                Step::Report(Outcome::Persisted(ticket)) => {
                    self.agent_input(index, Input::Persisted(ticket));
                }
            }
            if self.agents[index].core.is_none() {
                return;
            }
        }
    }

    fn write_checkpoint(&mut self, index: usize, ticket: Ticket, writes: Vec<Write>) {
        if self.goes_wrong() {
            if self.rng.percent(50) {
                let wait = self.rng.between(500, 20_000);
                self.agents[index].disk_full_until_ms = self.now_ms + wait;
            } else {
                self.counts.add(Fault::DiskSlow);
                self.agents[index].disk_free_ms = self.now_ms + 3_000;
            }
        }
        let is_full = self.now_ms < self.agents[index].disk_full_until_ms && !self.is_resting();
        let error = is_full.then(|| "no space left on device".to_owned());
        if error.is_some() {
            self.counts.add(Fault::DiskFull);
        }
        let wait = if self.rng.percent(80) { 0 } else { self.rng.between(1, 20) };
        let at_ms = (self.now_ms + wait).max(self.agents[index].disk_free_ms);
        self.agents[index].disk_free_ms = at_ms;
        let epoch = self.agents[index].epoch;
        if self.plan.planted == Some(Planted::SendBeforeWrite) {
            self.agents[index].outbox.written(ticket, Ok(()));
        }
        self.at(at_ms, Happening::CheckpointDone { agent: index, epoch, ticket, writes, error });
    }

    pub(crate) fn checkpoint_done(
        &mut self,
        index: usize,
        epoch: u64,
        ticket: Ticket,
        writes: Vec<Write>,
        error: Option<String>,
    ) {
        if self.agents[index].epoch != epoch || self.agents[index].core.is_none() {
            return;
        }
        if error.is_none() {
            self.agents[index].apply(&writes);
            if self.goes_wrong() && self.rng.percent(20) {
                self.kill_agent(index, Fault::AgentKilledMidTurn);
                return;
            }
        }
        self.agents[index].outbox.written(ticket, error.map_or(Ok(()), Err));
        self.drain_agent(index);
    }

    fn agent_sends(&mut self, index: usize, envelope: Envelope) {
        match envelope {
            Envelope::Dial => {
                self.agents[index].dials = true;
                let epoch = self.agents[index].epoch;
                self.after(1, Happening::Dial { agent: index, epoch });
            }
            Envelope::ToMaster { link, body } => self.send_up(link, body),
            Envelope::CloseLink { link, why } => {
                self.trace.line(
                    self.now_ms,
                    "closes",
                    link.0,
                    format_args!("agent {index} closes {link:?}: {why}"),
                );
                self.break_link(link);
            }
            Envelope::Node(ask) => {
                let host = &mut self.agents[index];
                let came = host.kernel.ask(ask, &mut host.rng, &mut self.counts);
                self.came(index, came);
            }
            Envelope::OpenStream { request, .. } => self.executor_answered(index, request, true),
            Envelope::Event { stream, event } => self.executor_is_told(index, stream, event),
            Envelope::CloseStream { stream, .. } => self.executor_stream_ends(index, stream),
            Envelope::Answer { request, answer } => {
                self.executor_answered(index, request, answer == Answer::Accepted);
            }
            Envelope::Snapshot { .. } | Envelope::Path { .. } => {}
        }
    }

    fn came(&mut self, index: usize, came: Came) {
        self.suspects.kernels.push(index);
        let boot = self.agents[index].boot;
        for (wait, later) in came.later {
            self.after(wait, Happening::Kernel { agent: index, boot, later: Box::new(later) });
        }
        for report in came.reports {
            if let Report::Launched { container, .. } = &report {
                self.container_runs(index, container);
            }
            self.agent_input(index, Input::Node(report));
        }
    }

    pub(crate) fn kernel_happens(&mut self, index: usize, boot: u64, later: Later) {
        let host = &mut self.agents[index];
        if host.boot != boot {
            return;
        }
        let came = host.kernel.happen(later, &mut host.rng, &mut self.counts);
        self.came(index, came);
    }

    pub(crate) fn dial(&mut self, index: usize, epoch: u64) {
        let host = &self.agents[index];
        if host.epoch != epoch || host.core.is_none() || host.link.is_some() {
            return;
        }
        let is_cut = self.now_ms < host.partition_until_ms && !self.is_resting();
        if !self.master.is_up() || self.master.stops.is_stopped(self.now_ms) || is_cut {
            let wait = back_off(&mut self.rng).as_millis() as u64;
            self.after(wait, Happening::Dial { agent: index, epoch });
            return;
        }
        let link = LinkId(self.number());
        self.agents[index].link = Some(link);
        self.links.insert(
            link,
            Link {
                agent: index,
                agent_epoch: epoch,
                master_epoch: self.master.epoch,
                up: Channel::default(),
                down: Channel::default(),
            },
        );
        self.master_link_opened(link);
        self.agent_input(index, Input::LinkOpened { link });
    }

    fn send_up(&mut self, id: LinkId, body: from_agent::Body) {
        let permille = self.link_permille();
        let Some(link) = self.links.get_mut(&id) else { return };
        if !link.up.is_open {
            return;
        }
        let (number, arrivals) = link.up.send(self.now_ms, permille, &mut self.rng, &mut self.counts);
        for at_ms in arrivals {
            self.at(at_ms, Happening::Up { link: id, number, body: Box::new(body.clone()) });
        }
    }

    pub(crate) fn arrive_down(&mut self, id: LinkId, number: u64, body: from_master::Body) {
        let Some(link) = self.links.get_mut(&id) else { return };
        let (agent, epoch) = (link.agent, link.agent_epoch);
        if self.agents[agent].epoch != epoch || self.agents[agent].core.is_none() {
            return;
        }
        match link.down.arrive(number) {
            Arrival::Deliver => {
                let is_lost = self.plan.planted == Some(Planted::LoseAcknowledgements)
                    && matches!(body, from_master::Body::Acknowledge(_));
                if !is_lost {
                    self.agent_input(agent, Input::LinkMessage { link: id, body });
                }
            }
            Arrival::Drop => {}
            Arrival::Break => self.break_link(id),
        }
    }

    /// Both ends will notice, each in its own time.
    pub(crate) fn break_link(&mut self, id: LinkId) {
        let Some(link) = self.links.get_mut(&id) else { return };
        link.up.is_open = false;
        link.down.is_open = false;
        let slow = if self.rng.percent(20) { 20_000 } else { 50 };
        let (up, down) = (self.rng.between(1, slow), self.rng.between(1, 50));
        self.after(up, Happening::UpGone { link: id });
        self.after(down, Happening::DownGone { link: id });
    }

    pub(crate) fn down_gone(&mut self, id: LinkId) {
        let Some(link) = self.links.get(&id) else { return };
        let (index, epoch) = (link.agent, link.agent_epoch);
        if self.agents[index].link == Some(id) && self.agents[index].epoch == epoch {
            self.agents[index].link = None;
            self.agent_input(index, Input::LinkClosed { link: id });
            let wait = back_off(&mut self.rng).as_millis() as u64;
            self.after(wait, Happening::Dial { agent: index, epoch });
        }
    }

    pub(crate) fn cut_link_of(&mut self, index: usize, fault: Fault) {
        if let Some(link) = self.agents[index].link {
            self.counts.add(fault);
            self.trace.line(self.now_ms, "-", index as u64, format_args!("{fault:?} at agent {index}"));
            self.break_link(link);
        }
    }

    pub(crate) fn partition(&mut self, index: usize) {
        let wait = self.rng.between(2_000, 60_000);
        self.agents[index].partition_until_ms = self.now_ms + wait;
        self.cut_link_of(index, Fault::Partition);
    }

    pub(crate) fn kill_agent(&mut self, index: usize, fault: Fault) {
        if self.agents[index].core.is_none() {
            return;
        }
        self.counts.add(fault);
        self.trace.line(self.now_ms, "-", index as u64, format_args!("{fault:?} {index}"));
        self.drop_agent(index);
        if self.plan.planted == Some(Planted::ForgetAppends) {
            self.agents[index].forget_appends();
        }
        let wait = self.rng.between(10, 10_000);
        self.after(wait, Happening::StartAgent { agent: index });
    }

    fn drop_agent(&mut self, index: usize) {
        let host = &mut self.agents[index];
        host.core = None;
        host.stops = Stops::default();
        host.epoch += 1;
        host.dials = false;
        if let Some(link) = host.link.take() {
            self.break_link(link);
        }
        self.executors_lose_agent(index);
    }

    pub(crate) fn reboot_agent(&mut self, index: usize) {
        self.kill_agent(index, Fault::AgentRebooted);
        let host = &mut self.agents[index];
        host.kernel.reboot();
        host.boot += 1;
    }

    /// The tasks that run on a machine now: commands, and those in executors.
    pub(crate) fn running(&self, index: usize) -> impl Iterator<Item = (&str, &Spec)> {
        let host = &self.agents[index];
        let alive = host
            .kernel
            .containers
            .iter()
            .filter(|(_, container)| matches!(container.phase, Phase::Running { .. }));
        let names = alive.flat_map(|(id, container)| {
            let words = container.plan.argv.iter().flat_map(|argument| argument.split_whitespace());
            let command = words.last().filter(|_| !is_executor(&container.plan));
            let inside = host.executors.get(id).into_iter().flat_map(|executor| &executor.running);
            command.into_iter().chain(inside.map(|task| task.as_str()))
        });
        names.filter_map(|name| {
            let scheduler = name.strip_prefix('f')?.split_once('-')?.0.parse::<usize>().ok()?;
            let entry = self.schedulers.get(scheduler)?.book.get(&name.into())?;
            Some((name, &entry.spec))
        })
    }
}

impl AgentHost {
    fn apply(&mut self, writes: &[Write]) {
        for write in writes {
            match &write.change {
                Change::Replace(bytes) => {
                    self.appended.remove(&write.key);
                    self.disk.insert(write.key.clone(), bytes.clone());
                }
                Change::Append(bytes) => {
                    let file = self.disk.entry(write.key.clone()).or_default();
                    self.appended.insert(write.key.clone(), file.len());
                    file.extend_from_slice(bytes);
                }
                Change::Remove => {
                    // A directory goes with everything in it.
                    let prefix = format!("{}/", write.key);
                    self.disk.retain(|key, _| *key != write.key && !key.starts_with(&prefix));
                }
            }
        }
    }

    fn forget_appends(&mut self) {
        for (key, length) in std::mem::take(&mut self.appended) {
            if let Some(file) = self.disk.get_mut(&key) {
                file.truncate(length);
            }
        }
    }
}
