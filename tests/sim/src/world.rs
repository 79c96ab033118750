//! The world: everything outside the cores, one event at a time.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, BinaryHeap},
    panic::{self, AssertUnwindSafe},
    sync::Arc,
};

use mezzo_core_agent as agent;
use mezzo_core_master as master;
use mezzo_model::{
    ContainerId, LinkId, Mono, Now, OfferId, RequestId, StreamId, Ticket, Wall, calls::SchedulerCall,
};
use mezzo_proto::{
    mesos::v1::scheduler::Event as SchedulerEvent,
    mezzo::link::v1::{from_agent, from_master},
};

use crate::{
    agent_host::AgentHost,
    checks::{self, Suspects},
    executors::Act,
    faults::{Counts, Fault},
    kernel::Later,
    link::Link,
    master_host::MasterHost,
    plan::{Plan, Planted},
    rng::Rng,
    scheduler::Scheduler,
    trace::Trace,
};

/// Moments of the world, in milliseconds; the start of the wall clock is a Saturday in 2026.
const WALL_START_MS: u64 = 1_795_000_000_000;

/// How often a world is looked at that may have come to rest.
const LOOK_EVERY_MS: u64 = 100;

/// One thing that will happen.
#[derive(Debug)]
pub(crate) enum Happening {
    /// A message of a link arrives at the master.
    Up { link: LinkId, number: u64, body: Box<from_agent::Body> },
    /// A message of a link arrives at its agent.
    Down { link: LinkId, number: u64, body: Box<from_master::Body> },
    /// The master's end of a link notices that it is gone.
    UpGone { link: LinkId },
    /// The agent's end of a link notices that it is gone.
    DownGone { link: LinkId },
    /// An agent dials.
    Dial { agent: usize, epoch: u64 },
    /// A scheduler's call arrives.
    Call { scheduler: usize, epoch: u64, stream_id: Option<String>, call: Box<SchedulerCall> },
    /// An event arrives at a scheduler.
    Event { stream: StreamId, event: Arc<SchedulerEvent> },
    /// A scheduler notices that its stream has ended.
    StreamEnded { stream: StreamId },
    /// The master notices that a stream has ended.
    StreamGone { epoch: u64, stream: StreamId },
    /// A scheduler looks around.
    SchedulerTick { scheduler: usize },
    /// A scheduler subscribes.
    Subscribe { scheduler: usize, epoch: u64 },
    /// The master's deadline.
    MasterWake { epoch: u64 },
    /// An agent's deadline.
    AgentWake { agent: usize, epoch: u64 },
    /// A registry write is over.
    RegistryDone { epoch: u64, ticket: Ticket, write: mezzo_registry::Write, error: Option<String> },
    /// A checkpoint is over.
    CheckpointDone {
        agent: usize,
        epoch: u64,
        ticket: Ticket,
        writes: Vec<agent::Write>,
        error: Option<String>,
    },
    /// The allocator has answered.
    PluginDone { epoch: u64, input: Box<master::Input> },
    /// Something happens to a container.
    Kernel { agent: usize, boot: u64, later: Box<Later> },
    /// An executor does something.
    Executor { agent: usize, boot: u64, container: ContainerId, act: Act },
    /// The agent notices that an executor's stream has ended.
    ExecutorGone { agent: usize, epoch: u64, stream: StreamId },
    /// A process starts again.
    StartMaster,
    /// A process starts again.
    StartAgent { agent: usize },
    /// Something is killed.
    Kill,
}

struct Due {
    at_ms: u64,
    order: u64,
    what: Happening,
}

impl PartialEq for Due {
    fn eq(&self, other: &Self) -> bool {
        (self.at_ms, self.order) == (other.at_ms, other.order)
    }
}
impl Eq for Due {}
impl PartialOrd for Due {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}
impl Ord for Due {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (self.at_ms, self.order).cmp(&(other.at_ms, other.order))
    }
}

/// A world and its clock.
pub struct World {
    /// What it was made of.
    pub plan: Plan,
    /// What went wrong so far.
    pub counts: Counts,
    /// What happened so far.
    pub trace: Trace,
    pub(crate) now_ms: u64,
    pub(crate) rng: Rng,
    pub(crate) master: MasterHost,
    pub(crate) agents: Vec<AgentHost>,
    pub(crate) schedulers: Vec<Scheduler>,
    pub(crate) links: BTreeMap<LinkId, Link>,
    /// Which scheduler a stream belongs to, and when its newest event arrives.
    pub(crate) streams: BTreeMap<StreamId, (usize, u64)>,
    /// Which ACCEPT each offer's tasks came from, once one of them ran.
    pub(crate) used: BTreeMap<OfferId, u64>,
    pub(crate) accepts: u64,
    /// Where the last step may have broken something.
    pub(crate) suspects: Suspects,
    /// What a part of the world has seen that must not be.
    pub(crate) broken: Option<String>,
    look_at_rest_ms: u64,
    /// Tasks that custom executors were given.
    pub(crate) handed_over: usize,
    inputs: u64,
    numbers: u64,
    order: u64,
    queue: BinaryHeap<Reverse<Due>>,
}

/// A world that came to rest.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// Identifies everything that happened.
    pub hash: u64,
    /// Inputs of all cores.
    pub inputs: u64,
    /// What went wrong.
    pub counts: Counts,
    /// When it was over, in simulated milliseconds.
    pub rested_at_ms: u64,
    /// Tasks that schedulers launched.
    pub tasks: usize,
    /// Those of them that custom executors were given.
    pub handed_over: usize,
}

/// A world in which something did not hold.
#[derive(Debug, thiserror::Error)]
#[error("seed {seed} at {at_ms} ms after {inputs} inputs: {what}\n{}\nreplay: cargo run -p sim -- --seed {seed}", tail.join("\n"))]
pub struct Failure {
    /// The seed.
    pub seed: u64,
    /// When.
    pub at_ms: u64,
    /// How many inputs it took: the shortest prefix.
    pub inputs: u64,
    /// What did not hold.
    pub what: String,
    /// The newest lines of the trace.
    pub tail: Vec<String>,
}

impl World {
    /// A world at its beginning.
    pub fn new(plan: Plan) -> Self {
        let mut rng = Rng::new(plan.seed);
        let schedulers = (0..plan.schedulers).map(|i| Scheduler::new(i, &mut rng)).collect();
        let agents = (0..plan.agents).map(|_| AgentHost::new(plan.planted, &mut rng)).collect();
        let master = MasterHost::new(&plan);
        Self {
            counts: Counts::default(),
            trace: Trace::new(plan.trace_lines),
            now_ms: 0,
            rng,
            master,
            agents,
            schedulers,
            links: BTreeMap::new(),
            streams: BTreeMap::new(),
            used: BTreeMap::new(),
            accepts: 0,
            suspects: Suspects::default(),
            broken: None,
            look_at_rest_ms: 0,
            handed_over: 0,
            inputs: 0,
            numbers: 0,
            order: 0,
            queue: BinaryHeap::new(),
            plan,
        }
    }

    /// Lives the world of `plan`; where something does not hold, once more to tell what led to it.
    ///
    /// # Errors
    /// At the first step after which something does not hold.
    pub fn live(plan: Plan) -> Result<Outcome, Box<Failure>> {
        let told = Plan { trace_lines: plan.trace_lines.max(60), ..plan.clone() };
        World::new(plan).run().or_else(|_| World::new(told).run())
    }

    /// Lives until everything has come to rest.
    ///
    /// # Errors
    /// At the first step after which something does not hold.
    pub fn run(mut self) -> Result<Outcome, Box<Failure>> {
        self.begin();
        while let Some(Reverse(due)) = self.queue.pop() {
            self.now_ms = due.at_ms;
            if let Some(later_ms) = self.held_up(&due.what) {
                self.at(later_ms, due.what);
                continue;
            }
            // A core that panics is a finding like any other: the trace up to it says why.
            let happened = panic::catch_unwind(AssertUnwindSafe(|| self.happen(due.what)));
            happened.map_err(|cause| self.failure(panic_text(cause.as_ref())))?;
            checks::always(&mut self).map_err(|what| self.failure(what))?;
            if self.is_time_to_look() && self.is_at_rest() {
                return self.finish();
            }
            if self.now_ms > self.plan.rest.as_millis() as u64 {
                return Err(self.failure(format!("no rest by now: {}", checks::unrest(&self))));
            }
        }
        Err(self.failure("nothing is left to happen, and not everything is at rest".to_owned()))
    }

    fn finish(mut self) -> Result<Outcome, Box<Failure>> {
        let checked = checks::at_rest(&mut self);
        checked.map_err(|what| self.failure(what))?;
        Ok(Outcome {
            hash: self.trace.hash(),
            inputs: self.inputs,
            rested_at_ms: self.now_ms,
            handed_over: self.handed_over,
            tasks: self.schedulers.iter().map(|s| s.book.len()).sum(),
            counts: self.counts,
        })
    }

    fn begin(&mut self) {
        self.after(0, Happening::StartMaster);
        for agent in 0..self.agents.len() {
            let wait = self.rng.between(1, 500);
            self.after(wait, Happening::StartAgent { agent });
        }
        for scheduler in 0..self.schedulers.len() {
            let wait = self.rng.between(1, 1000);
            self.after(wait, Happening::Subscribe { scheduler, epoch: 0 });
            self.after(wait + 500, Happening::SchedulerTick { scheduler });
        }
        let wait = self.next_kill();
        self.after(wait, Happening::Kill);
    }

    fn happen(&mut self, what: Happening) {
        match what {
            Happening::Up { link, number, body } => self.arrive_up(link, number, *body),
            Happening::Down { link, number, body } => self.arrive_down(link, number, *body),
            Happening::UpGone { link } => self.up_gone(link),
            Happening::DownGone { link } => self.down_gone(link),
            Happening::Dial { agent, epoch } => self.dial(agent, epoch),
            Happening::Call { scheduler, epoch, stream_id, call } => {
                self.call_arrives(scheduler, epoch, stream_id, *call);
            }
            Happening::Event { stream, event } => self.event_arrives(stream, &event),
            Happening::StreamEnded { stream } => self.stream_ended(stream),
            Happening::StreamGone { epoch, stream } => {
                if self.master.epoch == epoch {
                    self.master_input(master::Input::StreamClosed { stream });
                }
            }
            Happening::SchedulerTick { scheduler } => self.scheduler_tick(scheduler),
            Happening::Subscribe { scheduler, epoch } => self.subscribe(scheduler, epoch),
            Happening::MasterWake { epoch } => self.master_wake(epoch),
            Happening::AgentWake { agent, epoch } => self.agent_wake(agent, epoch),
            Happening::RegistryDone { epoch, ticket, write, error } => {
                self.registry_done(epoch, ticket, write, error);
            }
            Happening::CheckpointDone { agent, epoch, ticket, writes, error } => {
                self.checkpoint_done(agent, epoch, ticket, writes, error);
            }
            Happening::PluginDone { epoch, input } => {
                if self.master.epoch == epoch {
                    self.master_input(*input);
                }
            }
            Happening::Kernel { agent, boot, later } => self.kernel_happens(agent, boot, *later),
            Happening::Executor { agent, boot, container, act } => {
                self.executor_acts(agent, boot, &container, act);
            }
            Happening::ExecutorGone { agent, epoch, stream } => {
                if self.agents[agent].epoch == epoch {
                    self.agent_input(agent, mezzo_core_agent::Input::StreamClosed { stream });
                }
            }
            Happening::StartMaster => self.start_master(),
            Happening::StartAgent { agent } => self.start_agent(agent),
            Happening::Kill => self.kill_something(),
        }
    }

    pub(crate) fn after(&mut self, wait_ms: u64, what: Happening) {
        self.at(self.now_ms + wait_ms, what);
    }

    pub(crate) fn at(&mut self, at_ms: u64, what: Happening) {
        self.order += 1;
        self.queue.push(Reverse(Due { at_ms, order: self.order, what }));
    }

    /// A number never given before.
    pub(crate) fn number(&mut self) -> u64 {
        self.numbers += 1;
        self.numbers
    }

    pub(crate) fn request(&mut self) -> RequestId {
        RequestId(self.number())
    }

    /// The clocks of a process that started at `start_ms` and whose wall clock is off by `skew_ms`.
    pub(crate) fn clocks(&self, start_ms: u64, skew_ms: i64) -> Now {
        let mono_skew = if self.plan.planted == Some(Planted::WallClockDrives) { skew_ms } else { 0 };
        let mono = (self.now_ms - start_ms + 1).saturating_add_signed(mono_skew) * 1_000_000;
        let wall = (WALL_START_MS + self.now_ms).saturating_add_signed(skew_ms) * 1_000_000;
        Now { mono: Mono(mono), wall: Wall(wall) }
    }

    pub(crate) fn count_input(&mut self) {
        self.inputs += 1;
    }

    /// No more faults are made, and schedulers end what they run.
    pub(crate) fn is_resting(&self) -> bool {
        self.now_ms >= self.plan.trouble.as_millis() as u64
    }

    /// Whether a thing that goes wrong now and then goes wrong this time.
    pub(crate) fn goes_wrong(&mut self) -> bool {
        !self.is_resting() && self.rng.between(0, 1000) < self.plan.permille
    }

    /// Chance of a fault on a link message, in a thousand.
    pub(crate) fn link_permille(&self) -> u64 {
        if self.is_resting() { 0 } else { self.plan.permille / 2 }
    }

    /// Whether to look for rest now: not at each of the many things of one moment.
    fn is_time_to_look(&mut self) -> bool {
        let is_time = self.is_resting() && self.now_ms >= self.look_at_rest_ms;
        if is_time {
            self.look_at_rest_ms = self.now_ms + LOOK_EVERY_MS;
        }
        is_time
    }

    fn is_at_rest(&self) -> bool {
        self.master.is_up() && checks::unrest(self).is_empty()
    }

    fn next_kill(&mut self) -> u64 {
        let mean = self.plan.kill_every.as_millis() as u64;
        self.rng.between(mean / 4, mean * 2)
    }

    fn kill_something(&mut self) {
        if self.is_resting() {
            return;
        }
        let agent = self.rng.index(self.agents.len());
        let scheduler = self.rng.index(self.schedulers.len());
        match self.rng.between(0, 100) {
            0..15 => self.kill_master(),
            15..40 => self.kill_agent(agent, Fault::AgentKilled),
            40..45 => self.reboot_agent(agent),
            45..60 => self.kill_scheduler(scheduler),
            60..70 => self.double_scheduler(scheduler),
            70..80 => self.cut_link_of(agent, Fault::LinkCut),
            80..86 => self.partition(agent),
            86..90 => self.mute(agent),
            90..95 => self.stop_something(),
            _ => self.jump_clocks(),
        }
        let wait = self.next_kill();
        self.after(wait, Happening::Kill);
    }

    fn jump_clocks(&mut self) {
        self.counts.add(Fault::ClockJump);
        let skew_ms = self.rng.between(0, 7_200_000) as i64 - 3_600_000;
        self.master.skew_ms = skew_ms;
        let agent = self.rng.index(self.agents.len());
        self.agents[agent].skew_ms = -skew_ms;
    }

    fn failure(&self, what: String) -> Box<Failure> {
        Box::new(Failure {
            seed: self.plan.seed,
            at_ms: self.now_ms,
            inputs: self.inputs,
            what,
            tail: self.trace.tail(),
        })
    }
}

fn panic_text(cause: &(dyn std::any::Any + Send)) -> String {
    let text = cause.downcast_ref::<String>().map(String::as_str).or(cause.downcast_ref::<&str>().copied());
    format!("a core panicked: {}", text.unwrap_or("no message"))
}
