//! Agents without a machine: each a link of its own to the master, answering as an agent would.
//!
//! They are a process of their own, so that what the master costs can be told from what they cost:
//! this program started with `--fleet`. It says on its standard output how far it has got.

use std::{
    fmt::Write as _,
    io::{BufRead as _, BufReader, Write as _},
    process::{Child, Command, Stdio},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail, ensure};
use mezzo_link::Link;
use mezzo_proto::{
    mesos::v1,
    mezzo::link::v1::{Hello, Pong, RunTask, State, StatusUpdate, TaskState, from_agent, from_master},
};
use tokio::sync::Semaphore;

use crate::scheduler::{PATIENCE, scalar};

/// Agents that dial at once.
const DIALLING_MAX: usize = 128;
/// Every agent has this.
pub const CPUS: f64 = 10.0;
const MEM: f64 = 10_240.0;
/// What one of ten tasks on it uses.
pub const TASK: [(&str, f64); 2] = [("cpus", 1.0), ("mem", 1_024.0)];

/// What a fleet is told.
#[derive(clap::Args, Clone, Debug)]
pub struct Fleet {
    /// Play agents of this master instead of measuring.
    #[arg(long = "fleet", value_name = "HOST:PORT", hide = true)]
    pub master: Option<String>,

    /// How many.
    #[arg(long, default_value_t = 1, hide = true)]
    pub agents: usize,

    /// Tasks that each has running already, of ten frameworks.
    #[arg(long, default_value_t = 0, hide = true)]
    pub tasks: usize,
}

/// How far a fleet has got.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// Agents that are registered.
    pub registered: u64,
    /// Updates that were acknowledged.
    pub acknowledged: u64,
}

/// A fleet in a process of its own.
pub struct Running {
    child: Child,
    lines: std::sync::mpsc::Receiver<Progress>,
    progress: Progress,
}

impl Running {
    /// Starts a fleet.
    pub fn start(fleet: &Fleet) -> Result<Self> {
        let mut child = Command::new(std::env::current_exe()?)
            .args(["--fleet", fleet.master.as_deref().unwrap_or_default()])
            .args(["--agents".to_owned(), fleet.agents.to_string()])
            .args(["--tasks".to_owned(), fleet.tasks.to_string()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let from = BufReader::new(child.stdout.take().context("the fleet's output")?);
        let (said, lines) = std::sync::mpsc::channel();
        std::thread::spawn(move || {
            for line in from.lines().map_while(Result::ok) {
                let mut numbers = line.split(' ').filter_map(|number| number.parse().ok());
                let (Some(registered), Some(acknowledged)) = (numbers.next(), numbers.next()) else {
                    continue;
                };
                if said.send(Progress { registered, acknowledged }).is_err() {
                    return;
                }
            }
        });
        Ok(Self { child, lines, progress: Progress::default() })
    }

    /// Waits until it has got as far as `enough` says.
    pub fn wait(&mut self, what: &str, enough: impl Fn(Progress) -> bool) -> Result<()> {
        let mut stuck_since = Instant::now();
        while !enough(self.progress) {
            if let Ok(next) = self.lines.recv_timeout(Duration::from_millis(500)) {
                if next != self.progress {
                    stuck_since = Instant::now();
                }
                self.progress = next;
            }
            if let Some(status) = self.child.try_wait()? {
                bail!("the fleet ended with {status} before {what}");
            }
            ensure!(stuck_since.elapsed() < PATIENCE, "{what}: the fleet is stuck at {:?}", self.progress);
        }
        Ok(())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Is a fleet until its standard input ends.
pub fn be(fleet: &Fleet, master: &str) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let shared = Arc::new(Shared { dialling: Semaphore::new(DIALLING_MAX), ..Shared::default() });
        let tasks = Arc::new(frameworks());
        let mut agents = tokio::task::JoinSet::new();
        for number in 0..fleet.agents {
            let (shared, frameworks) = (Arc::clone(&shared), Arc::clone(&tasks));
            let (master, tasks) = (master.to_owned(), fleet.tasks);
            agents.spawn(async move { agent(&master, number, tasks, &frameworks, &shared).await });
        }
        let mut every = tokio::time::interval(Duration::from_millis(50));
        loop {
            tokio::select! {
                _ = every.tick() => shared.tell()?,
                Some(over) = agents.join_next() => over??,
            }
        }
    })
}

#[derive(Debug)]
struct Shared {
    dialling: Semaphore,
    registered: AtomicU64,
    acknowledged: AtomicU64,
}

impl Default for Shared {
    fn default() -> Self {
        Self {
            dialling: Semaphore::new(DIALLING_MAX),
            registered: AtomicU64::new(0),
            acknowledged: AtomicU64::new(0),
        }
    }
}

impl Shared {
    fn tell(&self) -> Result<()> {
        let [registered, acknowledged] =
            [&self.registered, &self.acknowledged].map(|count| count.load(Ordering::Relaxed));
        let mut out = std::io::stdout().lock();
        writeln!(out, "{registered} {acknowledged}")?;
        Ok(out.flush()?)
    }
}

type AgentLink = Link<from_agent::Body, from_master::Body>;

async fn agent(
    master: &str,
    number: usize,
    tasks: usize,
    frameworks: &[v1::FrameworkInfo],
    shared: &Shared,
) -> Result<()> {
    let Link { sender, mut receiver } = dialled(master, number, shared).await?;
    let mut id = v1::AgentId::default();
    while let Some(body) = receiver.recv().await {
        match body {
            from_master::Body::Welcome(welcome) => {
                id.value = welcome.agent_id;
                sender.send(from_agent::Body::State(state(&id, tasks, frameworks)))?;
                shared.registered.fetch_add(1, Ordering::Relaxed);
            }
            from_master::Body::Ping(ping) => {
                sender.send(from_agent::Body::Pong(Pong { nonce: ping.nonce }))?
            }
            from_master::Body::RunTask(run) => sender.send(from_agent::Body::Update(running(&id, run)?))?,
            from_master::Body::Acknowledge(_) => drop(shared.acknowledged.fetch_add(1, Ordering::Relaxed)),
            other => bail!("agent {number} was told {other:?}"),
        }
    }
    bail!("the link of agent {number} is over: {}", receiver.why())
}

/// A link over which Hello was said.
async fn dialled(master: &str, number: usize, shared: &Shared) -> Result<AgentLink> {
    let _turn = shared.dialling.acquire().await?;
    let mut tries = 0;
    let link = loop {
        match mezzo_link::dial(master, &mezzo_link::Config::default()).await {
            Ok(link) => break link,
            Err(error) if tries == 100 => return Err(error.into()),
            Err(_) => tries += 1,
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    };
    link.sender.send(from_agent::Body::Hello(hello(number)))?;
    Ok(link)
}

fn hello(number: usize) -> Hello {
    Hello {
        versions: vec![1],
        mezzo_version: env!("CARGO_PKG_VERSION").to_owned(),
        capabilities: vec![
            "MULTI_ROLE".to_owned(),
            "HIERARCHICAL_ROLE".to_owned(),
            "RESERVATION_REFINEMENT".to_owned(),
        ],
        agent_id: String::new(),
        incarnation: 1 << 32 | 1,
        boot_id: "8a8d1b8e-5ab5-4f7e-8d5b-0f1d2c3b4a59".to_owned(),
        info: Some(v1::AgentInfo {
            hostname: format!("agent-{number}.example"),
            port: Some(5051),
            resources: vec![scalar("cpus", CPUS), scalar("mem", MEM), scalar("disk", 102_400.0)],
            ..Default::default()
        }),
        ip: "127.0.0.1".to_owned(),
        extras: Vec::new(),
    }
}

fn frameworks() -> Vec<v1::FrameworkInfo> {
    let framework = |number: u32| v1::FrameworkInfo {
        user: "root".to_owned(),
        name: format!("of-before-{number}"),
        id: Some(v1::FrameworkId { value: format!("5a0f6c1e-0000-0000-0000-000000000000-{number:04}") }),
        roles: vec!["load".to_owned()],
        ..Default::default()
    };
    (0..10).map(framework).collect()
}

fn state(id: &v1::AgentId, tasks: usize, frameworks: &[v1::FrameworkInfo]) -> State {
    if tasks == 0 {
        return State::default();
    }
    let each = (0..tasks).map(|number| {
        let task = v1::TaskInfo {
            name: format!("task-{number}"),
            task_id: v1::TaskId { value: format!("task-{number}-of-{}", id.value) },
            agent_id: id.clone(),
            resources: vec![scalar("cpus", CPUS / tasks as f64), scalar("mem", MEM / tasks as f64)]
                .into_iter()
                .map(|resource| v1::Resource {
                    allocation_info: Some(v1::resource::AllocationInfo { role: Some("load".to_owned()) }),
                    ..resource
                })
                .collect(),
            command: Some(v1::CommandInfo { value: Some("sleep 100000".to_owned()), ..Default::default() }),
            ..Default::default()
        };
        TaskState {
            framework_id: frameworks[number % frameworks.len()].id.clone(),
            latest_state: v1::TaskState::TaskRunning.into(),
            status: Some(status(id, &task.task_id)),
            info: Some(task),
        }
    });
    State { frameworks: frameworks.to_vec(), tasks: each.collect(), ..State::default() }
}

fn running(id: &v1::AgentId, run: RunTask) -> Result<StatusUpdate> {
    let (Some(framework), Some(task)) = (run.framework, run.task) else { bail!("a RunTask without a task") };
    Ok(StatusUpdate {
        framework_id: framework.id,
        latest_state: v1::TaskState::TaskRunning.into(),
        status: Some(status(id, &task.task_id)),
    })
}

/// What an agent of ours says of a task that runs.
fn status(id: &v1::AgentId, task: &v1::TaskId) -> v1::TaskStatus {
    static NUMBER: AtomicU64 = AtomicU64::new(1);
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    let mut container = String::with_capacity(36);
    let _ = write!(container, "5a0f6c1e-7b1f-4e5a-9a53-{number:012}");
    v1::TaskStatus {
        task_id: task.clone(),
        state: v1::TaskState::TaskRunning.into(),
        source: Some(v1::task_status::Source::Executor.into()),
        agent_id: Some(id.clone()),
        executor_id: Some(v1::ExecutorId { value: task.value.clone() }),
        timestamp: Some(1_800_000_000.25),
        uuid: Some(u128::from(number).to_be_bytes().to_vec()),
        container_status: Some(v1::ContainerStatus {
            container_id: Some(v1::ContainerId { value: container, parent: None }),
            network_infos: vec![v1::NetworkInfo {
                ip_addresses: vec![v1::network_info::IpAddress {
                    protocol: Some(v1::network_info::Protocol::IPv4.into()),
                    ip_address: Some("127.0.0.1".to_owned()),
                }],
                ..Default::default()
            }],
            executor_pid: Some(4_242),
            ..Default::default()
        }),
        ..Default::default()
    }
}
