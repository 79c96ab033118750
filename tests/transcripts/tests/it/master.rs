//! Runs the transcripts of the master: commands, a line of dashes, what the master then wanted.
//!
//! The allocator is the shipped policy, its agents and schedulers the transcript itself. Writes
//! succeed at once and agents answer pings, unless the transcript says otherwise.
//! `MEZZO_BLESS=1` writes down what happens as what should.

mod allocator;
mod commands;
mod encodings;
mod messages;
mod operating;
mod shapes;
mod show;
mod words;

use std::{
    collections::{BTreeMap, VecDeque},
    fs,
    path::Path,
    time::Duration,
};

use mezzo_acl::Approver;
use mezzo_core_master::{Acls, Effects, Envelope, Input, Master, MasterConfig, Observation, Recovered};
use mezzo_model::{AgentId, FrameworkId, LinkId, Mono, Now, RequestId, StreamId, Ticket, Wall};
use mezzo_proto::mezzo::link::v1::{ApplyOperation, Hello, Pong, State, from_agent, from_master};
use mezzo_slots::{Digest, Identity, Order, SlotName};

use allocator::Allocator;
use words::Words;

/// The plugin that is wanted, and the one that stands in for it.
const PLUGINS: [Digest; 2] = [Digest([1; 32]), Digest([2; 32])];

#[test]
fn master_transcripts() {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("transcripts/master");
    let mut paths: Vec<_> =
        fs::read_dir(&dir).expect("transcripts exist").map(|entry| entry.expect("entry").path()).collect();
    paths.sort();
    assert!(!paths.is_empty(), "there are transcripts in {}", dir.display());
    let mut wrong = Vec::new();
    for path in paths {
        let text = fs::read_to_string(&path).expect("transcript is readable");
        let happened = World::new(&text).play(&text);
        if happened != text {
            if std::env::var_os("MEZZO_BLESS").is_some() {
                fs::write(&path, &happened).expect("transcript is writable");
            } else {
                wrong.push(difference(&path, &text, &happened));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// The first line in which two texts differ.
fn difference(path: &Path, expected: &str, happened: &str) -> String {
    let differs = expected.lines().zip(happened.lines()).position(|(one, other)| one != other);
    let at = differs.unwrap_or(expected.lines().count().min(happened.lines().count()));
    let line = |text: &str| text.lines().nth(at).unwrap_or("the end").to_owned();
    let (expected, happened) = (line(expected), line(happened));
    format!("{}:{}\n  expected {expected}\n  happened {happened}", path.display(), at + 1)
}

/// Everything around one master.
struct World {
    master: Master,
    config: MasterConfig,
    now: Now,
    wake_at: Option<Mono>,
    again: bool,
    requests: u64,
    links: u64,
    streams: u64,
    frameworks: BTreeMap<String, Scheduler>,
    agents: BTreeMap<String, Node>,
    /// Operators' streams: who watches, and what of.
    watchers: BTreeMap<StreamId, (String, Option<Approver>)>,
    /// What the store holds.
    disk: BTreeMap<String, Vec<u8>>,
    disk_mode: DiskMode,
    held: Vec<(Ticket, mezzo_core_master::Write)>,
    allocator: Allocator,
    /// What has happened since the last line of dashes.
    lines: Vec<String>,
}

/// What becomes of writes.
#[derive(Clone, Copy, PartialEq, Eq)]
enum DiskMode {
    Writes,
    Holds,
    Fails,
}

/// A scheduler.
#[derive(Default)]
struct Scheduler {
    id: Option<FrameworkId>,
    stream: Option<StreamId>,
    /// The last uuid of each task, and of each operation.
    uuids: BTreeMap<String, Vec<u8>>,
}

/// An agent.
#[derive(Default)]
struct Node {
    id: Option<AgentId>,
    link: Option<LinkId>,
    hello: Hello,
    state: State,
    is_silent: bool,
    holds_state: bool,
    updates: u8,
    /// Operations that it was told of and has not said anything of yet.
    operations: VecDeque<ApplyOperation>,
}

impl World {
    /// A world whose first line may set the master up: `# with offer_timeout=10s …`.
    fn new(text: &str) -> Self {
        let mut config = MasterConfig::new("m", [127, 0, 0, 1].into(), 5050, "localhost");
        let mut acls = Acls::default();
        for line in text.lines().filter_map(|line| line.strip_prefix("# with ")) {
            commands::configure(&mut config, &mut acls, &Words::of(line));
        }
        let now = Now { mono: Mono(1_000_000_000_000), wall: Wall(1_700_000_000_000_000_000) };
        let (master, effects) = Master::new(config.clone(), Recovered::default(), &PLUGINS, now);
        let mut world = Self {
            master: master.with_acls(acls),
            config,
            now,
            wake_at: None,
            again: false,
            requests: 0,
            links: 0,
            streams: 0,
            frameworks: BTreeMap::new(),
            agents: BTreeMap::new(),
            watchers: BTreeMap::new(),
            disk: BTreeMap::new(),
            disk_mode: DiskMode::Writes,
            held: Vec::new(),
            allocator: Allocator::default(),
            lines: Vec::new(),
        };
        world.carry_out(effects);
        world
    }

    /// Plays a transcript; gives it as it should have been.
    fn play(mut self, text: &str) -> String {
        let mut out = String::new();
        let mut is_answer = false;
        for line in text.lines() {
            if line == "----" {
                out.push_str("----\n");
                for line in show::collapsed(std::mem::take(&mut self.lines)) {
                    out.push_str(&line);
                    out.push('\n');
                }
                is_answer = true;
                continue;
            }
            if is_answer && !line.is_empty() {
                continue;
            }
            is_answer = false;
            out.push_str(line);
            out.push('\n');
            if !line.is_empty() && !line.starts_with('#') {
                self.command(&Words::of(line));
                self.settle();
            }
        }
        assert!(self.lines.is_empty(), "the transcript ends without a line of dashes: {:?}", self.lines);
        out
    }

    /// A master that starts on what the store holds; links and streams are gone.
    fn restart(&mut self, id: &str) {
        let entries = self.disk.iter().map(|(key, value)| (key.clone(), value.clone()));
        let recovered = Recovered::decode(entries).expect("the registry is readable");
        self.config.master_id = id.to_owned();
        let (master, effects) = Master::new(self.config.clone(), recovered, &PLUGINS, self.now);
        self.master = master;
        self.held.clear();
        self.frameworks.values_mut().for_each(|scheduler| scheduler.stream = None);
        self.agents.values_mut().for_each(|node| node.link = None);
        self.watchers.clear();
        self.carry_out(effects);
    }

    fn handle(&mut self, input: Input) {
        let effects = self.master.handle(self.now, input);
        self.master.ledger().audit().expect("the ledger adds up");
        self.carry_out(effects);
    }

    /// Lets the master go on until it is done at this moment, and for the few milliseconds in
    /// which it gathers changes.
    fn settle(&mut self) {
        self.advance(Duration::from_millis(10));
    }

    /// Moves the clock, stopping wherever the master wants to be woken.
    fn advance(&mut self, by: Duration) {
        let end = self.now.mono + by;
        loop {
            while self.again {
                self.handle(Input::Wake);
            }
            match self.wake_at.filter(|at| *at <= end) {
                Some(at) => {
                    self.set_clock(at.max(self.now.mono));
                    self.handle(Input::Wake);
                }
                None => break,
            }
        }
        self.set_clock(end);
    }

    fn set_clock(&mut self, mono: Mono) {
        let by = mono.since(self.now.mono);
        self.now = Now { mono, wall: Wall(self.now.wall.0 + by.as_nanos() as u64) };
    }

    fn carry_out(&mut self, effects: Effects) {
        self.wake_at = effects.wake_at;
        self.again = effects.again;
        let mut inputs = Vec::new();
        for observation in effects.observations {
            self.observe(&observation);
        }
        for (ticket, write) in effects.persist {
            self.write(ticket, write, &mut inputs);
        }
        for envelope in effects.send {
            self.deliver(envelope, &mut inputs);
        }
        for ask in effects.ask {
            inputs.extend(self.allocator.answer(ask).map(Input::PluginAnswered));
        }
        for order in effects.slots {
            if let Order::Start { generation, .. } = order {
                let outcome = self.allocator.start().map(|()| Identity::default());
                inputs.push(Input::PluginLoaded { slot: SlotName::Allocator, generation, outcome });
            }
        }
        for input in inputs {
            self.handle(input);
        }
    }

    fn observe(&mut self, observation: &Observation) {
        match observation {
            Observation::Warning(text) => self.lines.push(format!("log: {text}")),
            Observation::Plugin(incident) => {
                let text = incident.to_string();
                if !text.ends_with("is ready") {
                    self.lines.push(format!("log: {text}"));
                }
            }
            _ => {}
        }
    }

    fn write(&mut self, ticket: Ticket, write: mezzo_core_master::Write, inputs: &mut Vec<Input>) {
        match self.disk_mode {
            DiskMode::Holds => self.held.push((ticket, write)),
            DiskMode::Fails => {
                inputs.push(Input::NotPersisted { ticket, why: "no space left on device".to_owned() });
            }
            DiskMode::Writes => {
                for change in write.changes {
                    let (verb, key) =
                        (if change.value.is_some() { "put" } else { "del" }, change.key.clone());
                    let is_slot = change.key.starts_with("plugin/");
                    let value = change.value.as_deref().filter(|_| !is_slot);
                    let note = show::registry_value(&change.key, value);
                    self.lines.push(format!("disk: {verb} {key}{note}"));
                    match change.value {
                        Some(value) => self.disk.insert(change.key, value),
                        None => self.disk.remove(&change.key),
                    };
                }
                inputs.push(Input::Persisted(ticket));
            }
        }
    }

    fn deliver(&mut self, envelope: Envelope, inputs: &mut Vec<Input>) {
        match envelope {
            Envelope::ToAgent { link, body } => self.deliver_to_agent(link, body, inputs),
            Envelope::CloseLink { link, why } => {
                let name = self.node_of(link);
                self.lines.push(format!("link of {name} closed: {why}"));
                if let Some(node) = self.agents.values_mut().find(|node| node.link == Some(link)) {
                    node.link = None;
                }
            }
            Envelope::Answer { answer, .. } => {
                let line = show::answer(&answer);
                if line != "202" {
                    self.lines.push(line);
                }
            }
            Envelope::OpenStream { .. } => {}
            Envelope::Event { stream, event } => {
                let name = self.scheduler_of(stream);
                if let Some(subscribed) = &event.subscribed
                    && let Some(scheduler) = self.frameworks.get_mut(&name)
                {
                    scheduler.id = Some(FrameworkId::from(&subscribed.framework_id));
                }
                if let Some(status) = event.update.as_ref().map(|update| &update.status)
                    && let (Some(uuid), Some(scheduler)) = (&status.uuid, self.frameworks.get_mut(&name))
                {
                    scheduler.uuids.insert(status.task_id.value.clone(), uuid.clone());
                }
                if let Some(status) = event.update_operation_status.as_ref().map(|update| &update.status)
                    && let (Some(uuid), Some(id)) = (&status.uuid, &status.operation_id)
                    && let Some(scheduler) = self.frameworks.get_mut(&name)
                {
                    scheduler.uuids.insert(id.value.clone(), uuid.value.clone());
                }
                let line = self.named(show::event(&event));
                self.lines.push(format!("to {name}: {line}"));
            }
            Envelope::OpenWatch { streams, approver, view, .. } => {
                for stream in streams {
                    if let Some((name, may_see)) = self.watchers.get_mut(&stream) {
                        *may_see = Some(approver.clone());
                        let name = name.clone();
                        let line = self.named(show::watched(&view));
                        self.lines.push(format!("to {name}: SUBSCRIBED {line}"));
                    }
                }
            }
            Envelope::WatchEvent { audience, event } => {
                let line = self.named(show::watch_event(&event));
                let hears =
                    |may_see: &Option<Approver>| may_see.as_ref().is_some_and(|it| audience.includes(it));
                let heard = self.watchers.values().filter(|(_, may_see)| hears(may_see));
                self.lines.extend(heard.map(|(name, _)| format!("to {name}: {line}")));
            }
            Envelope::CloseStream { stream, why } if self.watchers.contains_key(&stream) => {
                let (name, _) = self.watchers.remove(&stream).expect("it is there");
                self.lines.push(format!("stream of {name} closed: {why}"));
            }
            Envelope::CloseStream { stream, why } => {
                let name = self.scheduler_of(stream);
                self.lines.push(format!("stream of {name} closed: {why}"));
            }
            Envelope::Snapshot { read, view, .. } => self.lines.push(show::snapshot(&read, &view)),
        }
    }

    fn deliver_to_agent(&mut self, link: LinkId, body: from_master::Body, inputs: &mut Vec<Input>) {
        let name = self.node_of(link);
        if let Some(node) = self.agents.get_mut(&name) {
            match &body {
                from_master::Body::Ping(ping) if !node.is_silent => {
                    let body = from_agent::Body::Pong(Pong { nonce: ping.nonce });
                    return inputs.push(Input::LinkMessage { link, body });
                }
                from_master::Body::Welcome(welcome) => {
                    node.id = Some(AgentId::from(welcome.agent_id.as_str()));
                    node.hello.agent_id.clone_from(&welcome.agent_id);
                    if !node.holds_state {
                        let body = from_agent::Body::State(node.state.clone());
                        inputs.push(Input::LinkMessage { link, body });
                    }
                }
                from_master::Body::ApplyOperation(apply) => node.operations.push_back(apply.clone()),
                _ => {}
            }
        }
        let line = self.named(show::to_agent(&body));
        self.lines.push(format!("to {name}: {line}"));
    }

    /// The agent of a link, by its name in the transcript.
    fn node_of(&self, link: LinkId) -> String {
        let found = self.agents.iter().find(|(_, node)| node.link == Some(link));
        found.map_or_else(|| "an older link".to_owned(), |(name, _)| name.clone())
    }

    /// The scheduler of a stream, by its name in the transcript.
    fn scheduler_of(&self, stream: StreamId) -> String {
        let found = self.frameworks.iter().find(|(_, scheduler)| scheduler.stream == Some(stream));
        found.map_or_else(|| format!("stream {}", stream.0), |(name, _)| name.clone())
    }

    /// A line with the transcript's names in place of ids.
    fn named(&self, mut line: String) -> String {
        for (name, scheduler) in &self.frameworks {
            if let Some(id) = &scheduler.id {
                line = line.replace(id.as_str(), name);
            }
        }
        for (name, node) in &self.agents {
            if let Some(id) = &node.id {
                line = line.replace(id.as_str(), name);
            }
        }
        line
    }

    fn request(&mut self) -> RequestId {
        self.requests += 1;
        RequestId(self.requests)
    }
}
