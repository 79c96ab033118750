//! `mezzo dev`: a cluster on this machine, from one binary and with no configuration.
//!
//! Master and agents are ordinary daemons, started as children of this process and
//! restarted when they die, so that a developer meets what an operator meets. Each child
//! holds a pipe to this process as its standard input and ends everything when the pipe
//! closes: even `kill -9` of `mezzo dev` leaves no cluster behind.

mod layout;
mod privilege;
mod tidy_up;

use std::{
    fs,
    io::IsTerminal,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use anyhow::{Context, bail};
use tokio::{
    process::{Child, Command},
    signal::unix::{SignalKind, signal},
    time::sleep,
};

use layout::{AgentShare, Machine};
use mezzo_client::Client;

/// A child that dies more often than this within [`RESTART_WINDOW`] is given up, and the cluster with it.
const RESTARTS_MAX: usize = 5;
const RESTART_WINDOW: Duration = Duration::from_secs(60);
/// Everything that the linux launcher can do.
const ISOLATION: &str =
    "--isolation=cgroups/cpu,cgroups/mem,cgroups/pids,filesystem/linux,namespaces/pid,namespaces/ipc";
/// How long the agents get to end their tasks: the kill grace of 3 s and the destruction after it, twice over.
const END_TIMEOUT: Duration = Duration::from_secs(20);
/// How long the cluster may take to come up before `dev` says what is wrong.
const START_TIMEOUT: Duration = Duration::from_secs(30);

/// Starts a cluster on this machine
#[derive(clap::Args, Debug)]
pub struct DevArgs {
    /// How many agents to start
    #[arg(long, default_value_t = 2, value_parser = clap::value_parser!(u16).range(1..=64))]
    agents: u16,
    /// The master's port on 127.0.0.1
    #[arg(long = "master_port", alias = "master-port", default_value_t = 5050)]
    master_port: u16,
    /// The first agent's port; the others follow
    #[arg(long = "agent_port", alias = "agent-port", default_value_t = 5051)]
    agent_port: u16,
    /// Where everything is kept [default: a directory that is removed at the end]
    #[arg(long = "work_dir", alias = "work-dir")]
    work_dir: Option<PathBuf>,
    /// `linux` (namespaces and control groups, needs root) or `posix` (plain processes)
    #[arg(long, value_parser = ["linux", "posix"])]
    launcher: Option<String>,
    /// A component to use instead of the embedded allocator
    #[arg(long, value_name = "PATH.wasm")]
    allocator: Option<PathBuf>,
}

/// Runs the cluster until Ctrl-C or SIGTERM, then ends it and leaves nothing.
pub async fn run(args: DevArgs) -> anyhow::Result<()> {
    let launcher = privilege::launcher(args.launcher.as_deref())?;
    let mut cluster = Cluster::prepare(&args, launcher)?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;

    let outcome = tokio::select! {
        _ = interrupt.recv() => Ok(()),
        _ = terminate.recv() => Ok(()),
        outcome = cluster.serve() => outcome,
    };
    eprintln!("Ending the cluster: tasks first, then agents, then the master.");
    let ended = cluster.end().await;
    outcome.and(ended)
}

/// The children and where they live.
struct Cluster {
    client: Client,
    children: Vec<Daemon>,
    dir: PathBuf,
    is_temporary: bool,
    cgroups_root: String,
    agents: usize,
    master_port: u16,
    agent_ports: Vec<u16>,
    launcher: &'static str,
}

/// One daemon: how to start it, and its process while it has one.
struct Daemon {
    name: String,
    args: Vec<String>,
    log: PathBuf,
    child: Option<Child>,
    deaths: Vec<Instant>,
}

impl Cluster {
    fn prepare(args: &DevArgs, launcher: &'static str) -> anyhow::Result<Self> {
        let (dir, is_temporary) = match &args.work_dir {
            Some(dir) => (std::path::absolute(dir)?, false),
            None => (std::env::temp_dir().join(format!("mezzo-dev-{}", args.master_port)), true),
        };
        for sub in ["log", "run", "master"] {
            fs::create_dir_all(dir.join(sub))
                .with_context(|| format!("cannot create `{}`", dir.join(sub).display()))?;
        }
        let cgroups_root = format!("mezzo/dev-{}", args.master_port);
        let master = format!("127.0.0.1:{}", args.master_port);

        let mut flags = vec![
            "master".into(),
            "--ip=127.0.0.1".into(),
            "--hostname=localhost".into(),
            format!("--port={}", args.master_port),
            format!("--work_dir={}", dir.join("master").display()),
        ];
        if let Some(path) = &args.allocator {
            flags.push(format!("--allocator={}", std::path::absolute(path)?.display()));
        }
        let mut children = vec![Daemon::new("master", flags, &dir)];

        let machine = Machine::measure(&dir)?;
        let mut agent_ports = Vec::new();
        for share in machine.divide(args.agents, args.agent_port)? {
            agent_ports.push(share.port);
            children.push(agent(&share, &master, &dir, &cgroups_root, launcher)?);
        }
        Ok(Self {
            client: Client::new(&master)?,
            children,
            dir,
            is_temporary,
            cgroups_root,
            agents: usize::from(args.agents),
            master_port: args.master_port,
            agent_ports,
            launcher,
        })
    }

    /// Starts the children, says when they serve, and restarts those that die.
    async fn serve(&mut self) -> anyhow::Result<()> {
        for daemon in &mut self.children {
            daemon.start()?;
        }
        self.wait_until_ready().await?;
        self.say_ready();
        loop {
            sleep(Duration::from_millis(200)).await;
            for daemon in &mut self.children {
                daemon.restart_if_dead()?;
            }
        }
    }

    async fn wait_until_ready(&mut self) -> anyhow::Result<()> {
        let started = Instant::now();
        loop {
            for daemon in &mut self.children {
                daemon.fail_if_dead()?;
            }
            if self.client.agents_active().await.is_ok_and(|n| n >= self.agents) {
                return Ok(());
            }
            if started.elapsed() > START_TIMEOUT {
                bail!(
                    "the cluster did not come up within {} s; the daemons' own words are in `{}`",
                    START_TIMEOUT.as_secs(),
                    self.dir.join("log").display()
                );
            }
            sleep(Duration::from_millis(50)).await;
        }
    }

    fn say_ready(&self) {
        let ports: Vec<_> = self.agent_ports.iter().map(|p| format!("http://127.0.0.1:{p}")).collect();
        println!("Mezzo is up: master http://127.0.0.1:{}, agents {}", self.master_port, ports.join(" "));
        println!("  launcher  {}", self.launcher);
        println!("  logs      {}", self.dir.join("log").display());
        let flag = if self.master_port == 5050 {
            String::new()
        } else {
            format!(" --master 127.0.0.1:{}", self.master_port)
        };
        println!("Try, in another terminal:");
        println!(
            "  mezzo run{flag} --name hello --resources 'cpus:0.5;mem:64' --command 'echo hello from $(hostname)'"
        );
        println!("  mezzo status{flag}        mezzo agent list{flag}        mezzo task list{flag}");
        println!("  curl -s http://127.0.0.1:{}/state", self.master_port);
        if std::io::stdout().is_terminal() {
            println!("Ctrl-C ends everything.");
        }
    }

    /// Ends agents and their tasks, then the master, then removes what this cluster made.
    async fn end(&mut self) -> anyhow::Result<()> {
        let (master, agents) = self.children.split_at_mut(1);
        for daemon in agents.iter_mut() {
            daemon.close_lifeline();
        }
        let deadline = Instant::now() + END_TIMEOUT;
        for daemon in agents.iter_mut() {
            daemon.reap(deadline).await;
        }
        for daemon in master.iter_mut() {
            daemon.close_lifeline();
            daemon.reap(Instant::now() + Duration::from_secs(5)).await;
        }
        tidy_up::control_groups(&self.cgroups_root)?;
        tidy_up::directory(&self.dir, self.is_temporary)
    }
}

fn agent(
    share: &AgentShare,
    master: &str,
    dir: &Path,
    cgroups_root: &str,
    launcher: &str,
) -> anyhow::Result<Daemon> {
    let name = format!("agent-{}", share.number);
    let (work, run) = (dir.join(&name), dir.join("run").join(share.number.to_string()));
    for path in [&work, &run] {
        fs::create_dir_all(path).with_context(|| format!("cannot create `{}`", path.display()))?;
    }
    let mut flags = vec![
        "agent".into(),
        "--ip=127.0.0.1".into(),
        "--hostname=localhost".into(),
        format!("--port={}", share.port),
        format!("--master={master}"),
        format!("--work_dir={}", work.display()),
        format!("--runtime_dir={}", run.display()),
        format!("--resources={}", share.resources),
        format!("--attributes=dev_agent:{}", share.number),
        format!("--launcher={launcher}"),
    ];
    if launcher == "linux" {
        flags.push(format!("--cgroups_root={cgroups_root}/{name}"));
        flags.push(ISOLATION.into());
    }
    Ok(Daemon::new(&name, flags, dir))
}

impl Daemon {
    fn new(name: &str, args: Vec<String>, dir: &Path) -> Self {
        Self {
            name: name.to_owned(),
            args,
            log: dir.join("log").join(format!("{name}.log")),
            child: None,
            deaths: Vec::new(),
        }
    }

    fn start(&mut self) -> anyhow::Result<()> {
        let log = fs::File::options()
            .create(true)
            .append(true)
            .open(&self.log)
            .with_context(|| format!("cannot open `{}`", self.log.display()))?;
        let child = Command::new(std::env::current_exe()?)
            .args(&self.args)
            .env(super::LIFELINE, "1")
            .stdin(std::process::Stdio::piped())
            .stdout(log.try_clone()?)
            .stderr(log)
            // Ctrl-C at the terminal is for `dev` alone: it ends the children in order.
            .process_group(0)
            .spawn()
            .with_context(|| format!("cannot start {}", self.name))?;
        self.child = Some(child);
        Ok(())
    }

    /// Before the cluster is up, the end of a child is the end of the start.
    fn fail_if_dead(&mut self) -> anyhow::Result<()> {
        let Some(child) = &mut self.child else { return Ok(()) };
        if let Some(status) = child.try_wait()? {
            bail!("{} ended while starting ({status}):\n{}", self.name, last_lines(&self.log, 8));
        }
        Ok(())
    }

    fn restart_if_dead(&mut self) -> anyhow::Result<()> {
        let Some(child) = &mut self.child else { return Ok(()) };
        let Some(status) = child.try_wait()? else { return Ok(()) };
        let now = Instant::now();
        self.deaths.retain(|at| now.duration_since(*at) < RESTART_WINDOW);
        self.deaths.push(now);
        if self.deaths.len() > RESTARTS_MAX {
            bail!(
                "{} ended {} times within a minute ({status}); its last words:\n{}",
                self.name,
                self.deaths.len(),
                last_lines(&self.log, 8)
            );
        }
        eprintln!("{} ended ({status}); starting it again", self.name);
        self.start()
    }

    /// The child takes the end of its standard input as "end everything you run, then yourself".
    fn close_lifeline(&mut self) {
        if let Some(child) = &mut self.child {
            drop(child.stdin.take());
        }
    }

    async fn reap(&mut self, deadline: Instant) {
        let Some(mut child) = self.child.take() else { return };
        let left = deadline.saturating_duration_since(Instant::now());
        if tokio::time::timeout(left, child.wait()).await.is_err() {
            eprintln!("{} did not end in time and is killed; see `{}`", self.name, self.log.display());
            // Nothing is left to do if it is gone already.
            let _ = child.kill().await;
        }
    }
}

fn last_lines(path: &Path, count: usize) -> String {
    let text = fs::read(path).map(|b| String::from_utf8_lossy(&b).into_owned()).unwrap_or_default();
    let lines: Vec<_> = text.lines().collect();
    lines[lines.len().saturating_sub(count)..].join("\n")
}
