//! Runs the transcripts of the agent: commands, a line of dashes, what the agent then wanted.
//!
//! The agent's outbox is the real one, its disk a map of files, its node and master the
//! transcript itself. `MEZZO_BLESS=1` writes down what happens as what should.

mod executors;
mod messages;
mod operating;
mod words;

use std::{
    collections::{BTreeMap, VecDeque},
    fmt::Write as _,
    fs,
    path::Path,
};

use mezzo_core_agent::{
    Agent, AgentConfig, Change, Envelope, Exit, Found, Input, IsolationConfig, Leaving, Observation, Sandbox,
    Stop, Write, checkpoint,
};
use mezzo_model::{
    ContainerId, LinkId, Mono, Now, RequestId, StreamId, Ticket, Wall,
    calls::{AgentRead, Principal},
    container::{Ask, Isolation, Limits, Report, Stage},
    outbox::{Outbox, Outcome, Step},
};
use mezzo_proto::{
    mesos::v1,
    mezzo::link::v1::{
        Acknowledge, ExecutorMessage, KillTask, Ping, Reconcile, ReconcileTask, Refused, RunTask, Shutdown,
        ShutdownExecutor, ShutdownFramework, StatusUpdate, UpdateFramework, Welcome, from_agent, from_master,
    },
};
use mezzo_resources::Resources;

use crate::operations;
use messages::{contents, end, framework_id, policy, seconds, state_name, task, task_id};
use words::Words;

const WORK_DIR: &str = "/w";

#[test]
fn agent_transcripts() {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("transcripts/agent");
    let mut paths: Vec<_> =
        fs::read_dir(&dir).expect("transcripts exist").map(|entry| entry.expect("entry").path()).collect();
    paths.sort();
    assert!(!paths.is_empty(), "there are transcripts in {}", dir.display());
    let mut wrong = Vec::new();
    for path in paths {
        let text = fs::read_to_string(&path).expect("transcript is readable");
        let happened = World::default().play(&text);
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

fn difference(path: &Path, expected: &str, happened: &str) -> String {
    let mut out = format!("{}:\n", path.display());
    let (mut left, mut right) = (expected.lines(), happened.lines());
    for number in 1.. {
        match (left.next(), right.next()) {
            (None, None) => break,
            (one, two) if one == two => {}
            (one, two) => {
                let _ = writeln!(
                    out,
                    "line {number}\n  expected {}\n  happened {}",
                    one.unwrap_or("the end"),
                    two.unwrap_or("the end")
                );
                break;
            }
        }
    }
    out
}

/// Everything around one agent.
struct World {
    agent: Agent,
    lives: u32,
    config: String,
    now: Now,
    wake_at: Option<Mono>,
    outbox: Outbox<Vec<Write>, Leaving>,
    inputs: VecDeque<Input>,
    disk: BTreeMap<String, Vec<u8>>,
    disk_error: Option<String>,
    sandboxes: Vec<Sandbox>,
    /// Containers by the names that the transcript has for them.
    names: BTreeMap<ContainerId, String>,
    /// The last update of each task.
    updates: BTreeMap<String, StatusUpdate>,
    /// The last status of each operation.
    operations: BTreeMap<u8, v1::OperationStatus>,
    /// How often the limits of each container were asked to be changed.
    resizes: BTreeMap<String, u64>,
    /// The tasks of executors by the names of their logs.
    task_logs: BTreeMap<String, String>,
    framework_checkpoints: bool,
    framework_capabilities: Vec<String>,
    out: String,
}

impl Default for World {
    fn default() -> Self {
        let config = "cpus:4;mem:4096;disk:1000;ports:[31000-31010]".to_owned();
        Self {
            agent: Agent::new(config_of(&config, 1)),
            lives: 1,
            config,
            now: Now { mono: Mono(1_000_000_000_000), wall: Wall(1_700_000_000_000_000_000) },
            wake_at: None,
            outbox: Outbox::new(1000),
            inputs: VecDeque::new(),
            disk: BTreeMap::new(),
            disk_error: None,
            sandboxes: Vec::new(),
            names: BTreeMap::new(),
            updates: BTreeMap::new(),
            operations: BTreeMap::new(),
            resizes: BTreeMap::new(),
            task_logs: BTreeMap::new(),
            framework_checkpoints: false,
            framework_capabilities: vec!["PARTITION_AWARE".into()],
            out: String::new(),
        }
    }
}

fn config_of(words: &str, life: u32) -> AgentConfig {
    let mut words = words.split_whitespace();
    let resources = words.next().expect("resources come first");
    let mut config = AgentConfig {
        seed: u128::from(life),
        work_dir: WORK_DIR.into(),
        hostname: "host".into(),
        ip: "10.0.0.1".into(),
        port: 5051,
        resources: Resources::parse(resources, "*").expect("resources are right"),
        attributes: Vec::new(),
        isolation: IsolationConfig {
            is_linux: true,
            filesystem: true,
            pid_namespace: true,
            ipc_namespace: true,
            cpu: true,
            memory: true,
            ..IsolationConfig::default()
        },
        switch_user: true,
        agent_user: Some("root".into()),
        base_environment: vec![("PATH".into(), "/bin".into())],
        frameworks_home: None,
        executor_shutdown_grace_period: std::time::Duration::from_secs(5),
        executor_registration_timeout: std::time::Duration::from_secs(60),
        executor_reregistration_timeout: std::time::Duration::from_secs(2),
        recovery_timeout: std::time::Duration::from_secs(900),
        gc_delay: std::time::Duration::from_secs(7 * 24 * 3600),
        log_path: Some("/var/log/mezzo/agent.log".into()),
        flags: Vec::new(),
        build: mezzo_model::Build::default(),
    };
    for word in words {
        match word {
            "posix" => config.isolation = IsolationConfig::default(),
            "cfs" => config.isolation.cfs = true,
            "pids=100" => config.isolation.pids_max = Some(100),
            "home=/home/f" => config.frameworks_home = Some("/home/f".into()),
            "no-switch-user" => config.switch_user = false,
            other => panic!("unknown setting {other}"),
        }
    }
    config
}

impl World {
    /// Plays a transcript. Returns it with what happened in the place of what should.
    fn play(mut self, text: &str) -> String {
        let mut transcript = String::new();
        let mut is_expected = false;
        for line in text.lines() {
            if line == "----" {
                transcript.push_str("----\n");
                transcript.push_str(&std::mem::take(&mut self.out));
                is_expected = true;
            } else if line.is_empty() {
                transcript.push('\n');
                is_expected = false;
            } else if !is_expected {
                transcript.push_str(line);
                transcript.push('\n');
                if !line.starts_with('#') {
                    self.command(line);
                }
            }
        }
        assert!(self.out.is_empty(), "the last block of a transcript says what happened:\n{}", self.out);
        transcript
    }

    fn command(&mut self, line: &str) {
        let words = Words::new(line);
        match words.first() {
            "config" => self.config = line.strip_prefix("config ").expect("words follow").into(),
            "caps" => self.framework_capabilities = words.rest(1),
            "checkpoints" => self.framework_checkpoints = true,
            "exec" => self.executor_call(&words),
            "stream-closed" => self.give(Input::StreamClosed { stream: StreamId(words.number(1)) }),
            "resized" => self.resized(&words),
            "start" => self.start(&words),
            "ready" => self.ready(),
            "crash" => self.crash(),
            "tear" => self.tear(&words),
            "disk" => self.disk_error = words.get("fails").map(|_| "No space left on device".to_owned()),
            "file" => {
                self.disk.insert(words.at(1).into(), words.at(2).as_bytes().to_vec());
            }
            "sandbox" => self.sandboxes.push(Sandbox {
                path: words.at(1).into(),
                modified: Wall(self.now.wall.0 - seconds(words.at(2)) * 1_000_000_000),
            }),
            "tick" => self.tick(seconds(words.at(1))),
            "read" => self.give(Input::Read {
                request: RequestId(1),
                principal: Principal::ANONYMOUS,
                read: AgentRead::ResolvePath(words.at(1).into()),
            }),
            "stop" => {
                self.give(Input::Stop(if words.at(1) == "leave" { Stop::LeaveTasks } else { Stop::EndTasks }))
            }
            "link" => self.give(Input::LinkOpened { link: LinkId(words.number(1)) }),
            "closed" => self.give(Input::LinkClosed { link: LinkId(words.number(1)) }),
            "volumes" => self.give(Input::Node(Report::VolumesChanged {
                operation: format!("{:02x}", words.number(1)).repeat(16),
                result: words.get("fails").map_or(Ok(()), |why| Err(why.to_owned())),
            })),
            "launched" | "launch-failed" | "exited" | "destroyed" | "recovered" => self.node(&words),
            _ => self.master(&words),
        }
    }

    fn start(&mut self, words: &Words) {
        let found = Found {
            boot_id: words.get("boot").unwrap_or("boot1").into(),
            checkpoints: self.disk.iter().map(|(key, bytes)| (key.clone(), bytes.clone())).collect(),
            sandboxes: self.sandboxes.clone(),
        };
        self.agent = Agent::new(config_of(&self.config, self.lives));
        self.give(Input::Start(found));
    }

    /// An agent that serves, as `first_start.txt` shows how.
    fn ready(&mut self) {
        for line in ["start", "recovered", "link 1", "welcome S0"] {
            self.command(line);
        }
        self.out.clear();
    }

    /// kill -9: only the disk is left.
    fn crash(&mut self) {
        self.lives += 1;
        self.outbox = Outbox::new(1000);
        self.inputs.clear();
        self.wake_at = None;
        self.agent = Agent::new(config_of(&self.config, self.lives));
    }

    /// Cuts bytes off the end of a task's log.
    fn tear(&mut self, words: &Words) {
        let container = self.container(words.at(1));
        let key = format!("{}{container}", checkpoint::TASKS);
        let log = self.disk.get_mut(&key).expect("the task has a log");
        log.truncate(log.len() - words.number(2) as usize);
    }

    fn tick(&mut self, seconds: u64) {
        let end = Mono(self.now.mono.0 + seconds * 1_000_000_000);
        while let Some(at) = self.wake_at.filter(|at| *at <= end) {
            self.pass(at);
            self.give(Input::Wake);
        }
        self.pass(end);
    }

    fn pass(&mut self, to: Mono) {
        let passed = to.0.saturating_sub(self.now.mono.0);
        self.now = Now { mono: Mono(self.now.mono.0 + passed), wall: Wall(self.now.wall.0 + passed) };
    }

    fn node(&mut self, words: &Words) {
        let container = || self.container(words.at(1));
        let report = match words.first() {
            "launched" => Report::Launched {
                container: container(),
                pid: words.get("pid").map_or(100, |pid| pid.parse().expect("pid")),
            },
            "launch-failed" => Report::LaunchFailed {
                container: container(),
                stage: Stage::Fetch,
                message: words.at(2).into(),
            },
            "destroyed" => Report::Destroyed { container: container() },
            "exited" => Report::Exited { container: container(), end: end(words) },
            _ => {
                let all = |key| words.all(key).map(|name| self.container(name)).collect::<Vec<_>>();
                Report::Recovered {
                    found: all("found").into_iter().map(|container| (container, 100)).collect(),
                    lost: all("lost"),
                    orphans: words.get("orphans").map_or(0, |count| count.parse().expect("a count")),
                }
            }
        };
        self.give(Input::Node(report));
    }

    fn master(&mut self, words: &Words) {
        let body = match words.first() {
            "welcome" => from_master::Body::Welcome(Welcome {
                version: 1,
                agent_id: words.at(1).into(),
                master_id: "M".into(),
                ping_timeout_ms: 15_000,
                ping_timeouts_max: 5,
            }),
            "refused" => from_master::Body::Refused(Refused {
                reason: words.at(2).into(),
                remedy: words.at(3).into(),
                retry: words.at(1) == "retry",
            }),
            "apply" | "ack-operation" => self.operation(words),
            "ping" => from_master::Body::Ping(Ping { nonce: words.number(1) }),
            "run" => from_master::Body::RunTask(RunTask {
                framework: Some(self.framework(words)),
                task: Some(task(words)),
                launch_executor: words.get("executor").is_some() && words.get("joins").is_none(),
            }),
            "kill" => from_master::Body::KillTask(KillTask {
                framework_id: Some(framework_id(words)),
                task_id: Some(task_id(words.at(1))),
                kill_policy: words.get("grace").map(policy),
            }),
            "ack" => from_master::Body::Acknowledge(self.acknowledge(words)),
            "shutdown-framework" => from_master::Body::ShutdownFramework(ShutdownFramework {
                framework_id: Some(v1::FrameworkId { value: words.at(1).into() }),
            }),
            "shutdown-executor" => from_master::Body::ShutdownExecutor(ShutdownExecutor {
                framework_id: Some(framework_id(words)),
                executor_id: Some(v1::ExecutorId { value: words.at(1).into() }),
            }),
            "reconcile" => from_master::Body::Reconcile(Reconcile {
                tasks: vec![ReconcileTask {
                    framework_id: Some(framework_id(words)),
                    task_id: Some(task_id(words.at(1))),
                    is_partition_aware: words.get("aware").is_some(),
                }],
            }),
            "message" => from_master::Body::Message(ExecutorMessage {
                framework_id: Some(framework_id(words)),
                executor_id: Some(v1::ExecutorId { value: words.at(1).into() }),
                data: words.at(2).into(),
            }),
            "update-framework" => {
                from_master::Body::UpdateFramework(UpdateFramework { framework: Some(self.framework(words)) })
            }
            "shutdown" => from_master::Body::Shutdown(Shutdown { reason: words.at(1).into() }),
            other => panic!("unknown command {other}"),
        };
        let link = LinkId(words.get("link").map_or(1, |link| link.parse().expect("a link's number")));
        self.give(Input::LinkMessage { link, body });
    }

    fn acknowledge(&self, words: &Words) -> Acknowledge {
        let task = words.at(1);
        let uuid = self.updates.get(task).and_then(|update| update.status.as_ref()?.uuid.clone());
        Acknowledge {
            framework_id: Some(framework_id(words)),
            task_id: Some(task_id(task)),
            uuid: if words.get("wrong").is_some() { vec![9; 16] } else { uuid.unwrap_or_default() },
        }
    }

    fn framework(&self, words: &Words) -> v1::FrameworkInfo {
        let types = self
            .framework_capabilities
            .iter()
            .filter_map(|name| v1::framework_info::capability::Type::from_str_name(name));
        v1::FrameworkInfo {
            id: Some(framework_id(words)),
            name: words.get("name").unwrap_or("demo").into(),
            user: words.get("fuser").unwrap_or("root").into(),
            checkpoint: self.framework_checkpoints.then_some(true),
            capabilities: types
                .map(|has| v1::framework_info::Capability { r#type: Some(has.into()) })
                .collect(),
            ..Default::default()
        }
    }

    fn container(&self, name: &str) -> ContainerId {
        let found =
            self.names.iter().find(|(_, known)| *known == name).map(|(container, _)| container.clone());
        found.unwrap_or_else(|| ContainerId::new(name))
    }

    /// Hands an input over and drives the outbox until nothing is left to do.
    fn give(&mut self, input: Input) {
        self.inputs.push_back(input);
        while let Some(input) = self.inputs.pop_front() {
            let effects = self.agent.handle(self.now, input);
            let (turn, rest) = effects.into_turn();
            self.learn_names();
            for observation in rest.observations {
                match observation {
                    Observation::Info(text) => self.say(&format!("log: {text}")),
                    Observation::Warning(text) => self.say(&format!("warning: {text}")),
                }
            }
            self.wake_at = rest.wake_at;
            rest.send.into_iter().for_each(|envelope| self.send(envelope));
            self.outbox.push(turn);
            self.drive();
            if let Some(exit) = rest.exit {
                self.say(&match exit {
                    Exit::Stopped => "exit".to_owned(),
                    Exit::ShutDown { reason } => format!("exit: shut down, {reason}"),
                    Exit::Failed { reason, remedy } => format!("exit: {reason}\n  remedy: {remedy}"),
                });
            }
            if let Err(why) = self.agent.audit() {
                panic!("{why}\n{}", self.out);
            }
        }
    }

    fn drive(&mut self) {
        while let Some(step) = self.outbox.next_step() {
            match step {
                Step::Write(ticket, writes) => self.write(ticket, writes),
                Step::Send(Leaving::Kept(ticket)) => self.inputs.push_back(Input::Persisted(ticket)),
                Step::Send(Leaving::Envelope(envelope)) => self.send(envelope),
                Step::Report(Outcome::NotPersisted(ticket, why)) => {
                    self.inputs.push_back(Input::NotPersisted { ticket, why })
                }
                Step::Report(Outcome::Persisted(_)) => {}
            }
        }
    }

    fn write(&mut self, ticket: Ticket, writes: Vec<Write>) {
        let result = match self.disk_error.clone() {
            Some(error) => {
                self.say(&format!("disk: {} writes fail", writes.len()));
                Err(error)
            }
            None => {
                for write in writes {
                    self.write_one(write);
                }
                Ok(())
            }
        };
        self.outbox.written(ticket, result);
    }

    fn write_one(&mut self, write: Write) {
        let name = self.file_name(&write.key);
        let durable = if write.is_durable { " (durable)" } else { "" };
        let line = match &write.change {
            Change::Remove => format!("disk: {name} removed"),
            Change::Append(bytes) => format!("disk: {name} + {}", contents(&write.key, bytes)),
            Change::Replace(bytes) => format!("disk: {name} = {}", contents(&write.key, bytes)),
        };
        self.say(&format!("{line}{durable}"));
        match write.change {
            Change::Remove => {
                self.disk.remove(&write.key);
            }
            Change::Append(bytes) => self.disk.entry(write.key).or_default().extend(bytes),
            Change::Replace(bytes) => {
                self.disk.insert(write.key, bytes);
            }
        }
    }

    fn file_name(&mut self, key: &str) -> String {
        if let Some(log) = key.strip_prefix(checkpoint::TASKS) {
            let task = self.agent.tasks().find(|task| task.executor.is_some() && task.log_name() == log);
            let of_task = task.map(|task| task.key.task.as_str().to_owned());
            let name = of_task.or_else(|| self.task_logs.get(log).cloned());
            if let Some(name) = name {
                self.task_logs.insert(log.to_owned(), name.clone());
                return name;
            }
        }
        let container = key.strip_prefix(checkpoint::TASKS).or(key.strip_prefix(checkpoint::EXECUTORS));
        let container = container.map(ContainerId::new);
        container.and_then(|container| self.names.get(&container)).cloned().unwrap_or_else(|| key.to_owned())
    }

    fn learn_names(&mut self) {
        for executor in self.agent.executors() {
            let name = executor.key.executor.as_str();
            if !self.names.contains_key(&executor.container) {
                let runs = self.names.values().filter(|known| known.split('#').next() == Some(name)).count();
                let name = if runs == 0 { name.to_owned() } else { format!("{name}#{}", runs + 1) };
                self.names.insert(executor.container.clone(), name);
            }
        }
        for task in self.agent.tasks().filter(|task| task.executor.is_none()) {
            if !self.names.contains_key(&task.container) {
                let name = task.key.task.as_str();
                let runs = self.names.values().filter(|known| known.split('#').next() == Some(name)).count();
                let name = if runs == 0 { name.to_owned() } else { format!("{name}#{}", runs + 1) };
                self.names.insert(task.container.clone(), name);
            }
        }
    }

    fn send(&mut self, envelope: Envelope) {
        let line = match envelope {
            Envelope::Dial => "dial".to_owned(),
            Envelope::CloseLink { link, why } => format!("close link {}: {why}", link.0),
            Envelope::ToMaster { link, body } => format!(
                "master{}: {}",
                if link.0 == 1 { String::new() } else { format!(" {}", link.0) },
                self.told_master(body)
            ),
            Envelope::Node(ask) => format!("node: {}", self.asked_of_node(ask)),
            Envelope::Answer { answer, .. } => format!("answer: {answer:?}"),
            Envelope::OpenStream { stream, .. } => format!("stream {} opens", stream.0),
            Envelope::Event { stream, event } => format!("stream {}: {}", stream.0, executors::event(&event)),
            Envelope::CloseStream { stream, why } => format!("stream {} closes: {why}", stream.0),
            Envelope::Snapshot { read, .. } => format!("snapshot: {read:?}"),
            Envelope::Path { path, .. } => format!("path: {} {}", path.root, path.rest).trim_end().to_owned(),
        };
        let line = self
            .names
            .iter()
            .fold(line, |line, (container, name)| line.replace(container.as_str(), &format!("<{name}>")));
        self.say(&line);
    }

    fn told_master(&mut self, body: from_agent::Body) -> String {
        match body {
            from_agent::Body::Hello(hello) => {
                format!(
                    "HELLO id=`{}` incarnation={} boot={}",
                    hello.agent_id,
                    hello.incarnation >> 32,
                    hello.boot_id
                )
            }
            from_agent::Body::State(state) => {
                let mut out = format!("STATE frameworks={}", state.frameworks.len());
                if !state.total.is_empty() {
                    let _ = write!(out, "; has {}", Resources::from_wire(&state.total).expect("valid"));
                }
                for known in &state.operations {
                    let info = known.operation.clone().unwrap_or_default();
                    let told = known.status.as_ref().map_or("pending", |status| status.state().as_str_name());
                    let _ = write!(out, "; {} #{:02x} {told}", operations::shown(&info), known.uuid[0]);
                }
                for executor in state.executors {
                    let id = executor.info.map(|info| info.executor_id.value).unwrap_or_default();
                    let _ = write!(out, "; executor {id}");
                }
                for task in state.tasks {
                    let info = task.info.clone().unwrap_or_default();
                    let told = task.status.as_ref().map_or("nothing", |status| status.state().as_str_name());
                    let _ =
                        write!(out, "; {} {} told {told}", info.task_id.value, state_name(task.latest_state));
                }
                out
            }
            from_agent::Body::Update(update) => self.update(update),
            from_agent::Body::ExecutorExited(exited) => {
                let id = exited.executor_id.map(|id| id.value).unwrap_or_default();
                format!("EXITED {id} status={}", exited.status)
            }
            from_agent::Body::Message(message) => {
                let id = message.executor_id.map(|id| id.value).unwrap_or_default();
                format!("MESSAGE of {id} `{}`", String::from_utf8_lossy(&message.data))
            }
            from_agent::Body::Pong(pong) => format!("PONG {}", pong.nonce),
            from_agent::Body::OperationUpdate(update) => self.operation_update(update),
            other => format!("{other:?}"),
        }
    }

    fn update(&mut self, update: StatusUpdate) -> String {
        let status = update.status.clone().unwrap_or_default();
        let mut out = format!("UPDATE {} {}", status.task_id.value, status.state().as_str_name());
        if update.latest_state != status.state {
            let _ = write!(out, " (now {})", state_name(update.latest_state));
        }
        if status.reason.is_some() {
            let _ = write!(out, " {}", status.reason().as_str_name());
        }
        if status.source() != v1::task_status::Source::Executor {
            let _ = write!(out, " {}", status.source().as_str_name());
        }
        if let Some(message) = &status.message {
            let _ = write!(out, " `{message}`");
        }
        if status.uuid.is_none() {
            out.push_str(" (no uuid)");
        }
        let again = self.updates.get(&status.task_id.value).and_then(|last| last.status.as_ref());
        if again.is_some_and(|again| again.uuid.is_some() && again.uuid == status.uuid) {
            out.push_str(" again");
        }
        self.updates.insert(status.task_id.value.clone(), update);
        out
    }

    fn asked_of_node(&mut self, ask: Ask) -> String {
        let names = self.names.clone();
        let name = |container: &ContainerId| names.get(container).cloned().unwrap_or_else(|| "?".into());
        match ask {
            Ask::Launch(plan) => {
                let limits = plan.limits;
                let mut out = format!("launch {} {} {:?}", name(&plan.container), plan.program, plan.argv);
                if let Some(user) = &plan.user {
                    let _ = write!(out, " user={user}");
                }
                for fetch in &plan.fetch {
                    let kind = if fetch.is_executable {
                        "executable"
                    } else if fetch.unpack {
                        "unpack"
                    } else {
                        "plain"
                    };
                    let _ = write!(out, " fetch={}({kind})", fetch.uri);
                }
                let isolation = if plan.isolation == Isolation::None { "none" } else { "linux" };
                let _ = write!(out, " {isolation} {}", limits_text(&limits));
                for volume in &plan.volumes {
                    let mode = if volume.is_read_only { "RO" } else { "RW" };
                    let _ = write!(out, " volume={}@{}({mode})", volume.source, volume.target);
                }
                if plan.environment.iter().any(|(name, _)| name == "SHOW") {
                    for (name, value) in &plan.environment {
                        let _ = write!(out, "\n  {name}={value}");
                    }
                    let _ = write!(out, "\n  sandbox {}", plan.sandbox);
                }
                out
            }
            Ask::Signal { container, signal, to_all } => {
                format!("signal {} {signal}{}", name(&container), if to_all { " to all" } else { "" })
            }
            Ask::Resize { container, limits, number } => {
                let name = name(&container);
                self.resizes.insert(name.clone(), number);
                format!("resize {name} {}", limits_text(&limits))
            }
            Ask::Destroy { container } => format!("destroy {}", name(&container)),
            Ask::Recover { known } => format!("recover {:?}", known.iter().map(name).collect::<Vec<_>>()),
            Ask::RemoveTree { path } => format!("remove {path}"),
            Ask::ChangeVolumes { operation, change, volumes } => {
                let places: Vec<_> = volumes
                    .iter()
                    .map(|place| {
                        format!("{}{}", place.path, if place.is_whole_disk { " (disk)" } else { "" })
                    })
                    .collect();
                format!("{change:?} volumes #{} {}", &operation[..2], places.join(" "))
            }
        }
    }

    fn say(&mut self, line: &str) {
        self.out.push_str(line);
        self.out.push('\n');
    }
}

fn limits_text(limits: &Limits) -> String {
    let megabytes = |bytes: Option<u64>| bytes.map_or("-".into(), |bytes| (bytes >> 20).to_string());
    let number = |number: Option<u64>| number.map_or("-".into(), |number| number.to_string());
    format!(
        "shares={} quota={} soft={} hard={} pids={}",
        number(limits.cpu_shares),
        number(limits.cpu_quota_us),
        megabytes(limits.memory_soft_bytes),
        megabytes(limits.memory_hard_bytes),
        number(limits.pids_max)
    )
}
