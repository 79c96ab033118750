//! Real processes, end to end: daemons that are started, killed and looked at from outside.
//!
//! Start with [`Daemons`]: a master and agents as separate processes on loopback, each in a
//! directory and under control groups of the test's own, all removed when it is dropped.
#![forbid(unsafe_code)]

use std::{
    fs,
    io::{Read, Write},
    net::{TcpListener, TcpStream},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::{
        OnceLock,
        atomic::{AtomicU16, Ordering},
    },
    time::{Duration, Instant},
};

use anyhow::{Context, bail};
use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use serde_json::Value;

/// Whether this process may contain tasks; tests that need it say so when they skip.
pub fn is_root() -> bool {
    nix::unistd::geteuid().is_root()
}

/// The directory of the workspace.
pub fn workspace() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).expect("tests/e2e is two below").to_owned()
}

/// A program of the workspace, built if it is not.
pub fn program(package: &'static str) -> PathBuf {
    static BUILT: OnceLock<()> = OnceLock::new();
    BUILT.get_or_init(|| {
        // `cargo xtask test` has built them together with the tests; a build of these two alone
        // would resolve other features and build half the world again.
        if std::env::var_os("MEZZO_PROGRAMS_BUILT").is_some() {
            return;
        }
        let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        let status = Command::new(cargo)
            .args(["build", "--quiet", "-p", "mezzo", "-p", "wordcount", "-p", "xtask"])
            .current_dir(workspace())
            .status()
            .expect("cargo can be started");
        assert!(status.success(), "`cargo build -p mezzo -p wordcount -p xtask` failed");
    });
    let target =
        std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| workspace().join("target"), PathBuf::from);
    target.join("debug").join(package)
}

/// A port that nobody listens on, nor on the one after it, and that nobody else is given.
///
/// It lies below the kernel's own range (`ip_local_port_range`, ip(7)), so that neither a connection
/// nor a `bind` to port 0 takes it between here and the daemon's start, or while a daemon is down.
pub fn free_port() -> u16 {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let start = (std::process::id() % 180) as u16 * 100;
    loop {
        let port = 12_000 + (start + NEXT.fetch_add(2, Ordering::Relaxed)) % 18_000;
        let free = |port| TcpListener::bind(("127.0.0.1", port)).is_ok();
        if free(port) && free(port + 1) {
            return port;
        }
    }
}

/// Waits until `condition` gives something.
///
/// # Errors
/// After `limit`, with `what` in the message.
pub fn wait_for<T>(
    what: &str,
    limit: Duration,
    mut condition: impl FnMut() -> Option<T>,
) -> anyhow::Result<T> {
    let started = Instant::now();
    loop {
        if let Some(value) = condition() {
            return Ok(value);
        }
        if started.elapsed() > limit {
            bail!("{what}: not within {} s", limit.as_secs());
        }
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// One GET over HTTP/1.0: status and body.
///
/// # Errors
/// When nobody answers.
pub fn get(port: u16, path: &str) -> anyhow::Result<(u16, Vec<u8>)> {
    request(("127.0.0.1", port), &get_text(path))
}

fn get_text(path: &str) -> String {
    format!("GET {path} HTTP/1.0\r\nHost: localhost\r\n\r\n")
}

/// One POST over HTTP/1.0 with a JSON body: status and body.
///
/// # Errors
/// When nobody answers.
pub fn post(port: u16, path: &str, body: &str) -> anyhow::Result<(u16, Vec<u8>)> {
    send(port, "POST", path, body)
}

/// One request over HTTP/1.0 with a JSON body: status and body.
///
/// # Errors
/// When nobody answers.
pub fn send(port: u16, method: &str, path: &str, body: &str) -> anyhow::Result<(u16, Vec<u8>)> {
    let length = body.len();
    request(
        ("127.0.0.1", port),
        &format!(
            "{method} {path} HTTP/1.0\r\nHost: localhost\r\nContent-Type: application/json\r\n\
             Accept: application/json\r\nContent-Length: {length}\r\n\r\n{body}"
        ),
    )
}

/// One POST over HTTP/1.0 of bytes that may take a minute to be looked at: status and body.
///
/// # Errors
/// When nobody answers.
pub fn post_bytes(port: u16, path: &str, body: &[u8]) -> anyhow::Result<(u16, Vec<u8>)> {
    let head = format!("POST {path} HTTP/1.0\r\nHost: localhost\r\nContent-Length: {}\r\n\r\n", body.len());
    request_within(("127.0.0.1", port), &[head.as_bytes(), body].concat(), Duration::from_secs(60))
}

fn request(address: (&str, u16), text: &str) -> anyhow::Result<(u16, Vec<u8>)> {
    request_within(address, text.as_bytes(), Duration::from_secs(10))
}

fn request_within(address: (&str, u16), bytes: &[u8], limit: Duration) -> anyhow::Result<(u16, Vec<u8>)> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(limit))?;
    stream.write_all(bytes)?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer)?;
    let end =
        answer.windows(4).position(|w| w == b"\r\n\r\n").context("an answer without an end of headers")?;
    let head = String::from_utf8_lossy(&answer[..end]).into_owned();
    let status = head.split(' ').nth(1).and_then(|s| s.parse().ok()).context("an answer without a status")?;
    Ok((status, answer.split_off(end + 4)))
}

/// One GET of JSON.
///
/// # Errors
/// When nobody answers, or not with JSON.
pub fn get_json(port: u16, path: &str) -> anyhow::Result<Value> {
    let (status, body) = get(port, path)?;
    if status != 200 {
        bail!("GET {path} gave {status}: {}", String::from_utf8_lossy(&body));
    }
    Ok(serde_json::from_slice(&body)?)
}

/// A master and agents, each a process.
pub struct Daemons {
    /// Everything they keep.
    pub dir: tempfile::TempDir,
    /// The master's port.
    pub master_port: u16,
    /// The agents' ports.
    pub agent_ports: Vec<u16>,
    /// The address that the master listens on.
    pub master_ip: String,
    /// The address that the agents listen on.
    pub agent_ip: String,
    /// The program that both are; empty for the one of this build, which is built if need be.
    pub program: PathBuf,
    /// What every agent has, besides ports.
    pub resources: String,
    /// Control groups of agents lie below this one.
    pub cgroups_root: String,
    /// More flags for the master.
    pub master_flags: Vec<String>,
    /// More flags for every agent.
    pub agent_flags: Vec<String>,
    master: Option<Child>,
    agents: Vec<Option<Child>>,
}

/// What an agent of a test has.
const RESOURCES: &str = "cpus:4;mem:2048;disk:4096";

impl Daemons {
    /// Prepares; nothing runs yet.
    pub fn new(agents: usize) -> Self {
        let master_port = free_port();
        Self {
            dir: tempfile::Builder::new().prefix("mezzo-e2e").tempdir().expect("a temporary directory"),
            master_port,
            agent_ports: (0..agents).map(|_| free_port()).collect(),
            master_ip: "127.0.0.1".to_owned(),
            agent_ip: "127.0.0.1".to_owned(),
            program: PathBuf::new(),
            resources: RESOURCES.to_owned(),
            cgroups_root: format!("mezzo-e2e-{}-{master_port}", std::process::id()),
            master_flags: Vec::new(),
            agent_flags: Vec::new(),
            master: None,
            agents: (0..agents).map(|_| None).collect(),
        }
    }

    /// Starts everything and waits until the master knows every agent.
    ///
    /// # Errors
    /// With the daemons' last words.
    pub fn start(agents: usize) -> anyhow::Result<Self> {
        let mut daemons = Self::new(agents);
        daemons.start_all()?;
        Ok(daemons)
    }

    /// The same of what [`Self::new`] has prepared.
    ///
    /// # Errors
    /// With the daemons' last words.
    pub fn start_all(&mut self) -> anyhow::Result<()> {
        self.start_master()?;
        for index in 0..self.agents.len() {
            self.start_agent(index)?;
        }
        self.wait_for_agents(self.agents.len())
    }

    /// Starts the master, again if it was killed, and waits until it answers.
    ///
    /// # Errors
    /// With its last words.
    pub fn start_master(&mut self) -> anyhow::Result<()> {
        let work = self.dir.path().join("master");
        let mut args = vec![
            "master".to_owned(),
            format!("--ip={}", self.master_ip),
            format!("--port={}", self.master_port),
            "--hostname=localhost".into(),
            format!("--work_dir={}", work.display()),
        ];
        args.extend(self.master_flags.iter().cloned());
        self.master = Some(self.spawn("master", &args)?);
        let up = wait_for("the master's /health", Duration::from_secs(20), || {
            self.get_from_master("/health").ok()
        });
        up.map(|_| ()).with_context(|| self.last_words("master"))
    }

    /// Where the master is: `host:port`.
    pub fn master_address(&self) -> String {
        format!("{}:{}", self.master_ip, self.master_port)
    }

    /// One GET from the master: status and body.
    ///
    /// # Errors
    /// When it does not answer.
    pub fn get_from_master(&self, path: &str) -> anyhow::Result<(u16, Vec<u8>)> {
        request((self.master_ip.as_str(), self.master_port), &get_text(path))
    }

    /// The master's `/state`.
    ///
    /// # Errors
    /// When it does not answer, or not with JSON.
    pub fn state(&self) -> anyhow::Result<Value> {
        Ok(serde_json::from_slice(&self.get_from_master("/state")?.1)?)
    }

    /// Starts an agent, again if it was killed.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn start_agent(&mut self, index: usize) -> anyhow::Result<()> {
        let work = self.dir.path().join(format!("agent-{index}"));
        let run = self.dir.path().join(format!("r{index}"));
        let mut args = vec![
            "agent".to_owned(),
            format!("--ip={}", self.agent_ip),
            format!("--port={}", self.agent_ports[index]),
            "--hostname=localhost".into(),
            format!("--master={}", self.master_address()),
            format!("--work_dir={}", work.display()),
            format!("--runtime_dir={}", run.display()),
            format!(
                "--resources={};ports:[{}-{}]",
                self.resources,
                31_000 + index * 100,
                31_099 + index * 100
            ),
        ];
        if is_root() {
            args.push("--launcher=linux".into());
            args.push(format!("--cgroups_root={}/agent-{index}", self.cgroups_root));
            args.push(
                "--isolation=cgroups/cpu,cgroups/mem,cgroups/pids,filesystem/linux,namespaces/pid,namespaces/ipc"
                    .into(),
            );
        } else {
            args.push("--launcher=posix".into());
        }
        args.extend(self.agent_flags.iter().cloned());
        self.agents[index] = Some(self.spawn(&format!("agent-{index}"), &args)?);
        Ok(())
    }

    /// Waits until so many agents are active.
    ///
    /// # Errors
    /// With the daemons' last words.
    pub fn wait_for_agents(&self, count: usize) -> anyhow::Result<()> {
        wait_for("active agents", Duration::from_secs(20), || {
            let state = self.state().ok()?;
            (state["activated_slaves"].as_f64()? as usize >= count).then_some(())
        })
        .with_context(|| format!("{}\n{}", self.last_words("master"), self.last_words("agent-0")))
    }

    fn spawn(&self, name: &str, args: &[String]) -> anyhow::Result<Child> {
        let log = fs::File::options().create(true).append(true).open(self.log(name))?;
        let program = match self.program.as_os_str().is_empty() {
            true => program("mezzo"),
            false => self.program.clone(),
        };
        Command::new(program)
            .args(args)
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .spawn()
            .with_context(|| format!("cannot start {name}"))
    }

    fn log(&self, name: &str) -> PathBuf {
        self.dir.path().join(format!("{name}.log"))
    }

    /// A daemon's whole log.
    pub fn words(&self, name: &str) -> String {
        fs::read(self.log(name)).map(|b| String::from_utf8_lossy(&b).into_owned()).unwrap_or_default()
    }

    /// The end of a daemon's log.
    pub fn last_words(&self, name: &str) -> String {
        let text = self.words(name);
        let lines: Vec<_> = text.lines().collect();
        format!("--- {name}\n{}", lines[lines.len().saturating_sub(15)..].join("\n"))
    }

    /// `kill -9` of the master.
    pub fn kill_master(&mut self) {
        if let Some(mut child) = self.master.take() {
            child.kill().expect("our own child");
            child.wait().expect("our own child");
        }
    }

    /// `kill -9` of an agent.
    pub fn kill_agent(&mut self, index: usize) {
        if let Some(mut child) = self.agents[index].take() {
            child.kill().expect("our own child");
            child.wait().expect("our own child");
        }
    }

    /// The process of the master.
    pub fn master_pid(&self) -> Option<u32> {
        self.master.as_ref().map(Child::id)
    }

    /// How an agent ended that is expected to; what it said is in [`Daemons::last_words`].
    ///
    /// # Errors
    /// When it has not ended after a while.
    pub fn end_of_agent(&mut self, index: usize) -> anyhow::Result<std::process::ExitStatus> {
        let agent = self.agents[index].as_mut().context("the agent was not started")?;
        let status =
            wait_for("the agent's end", Duration::from_secs(20), || agent.try_wait().ok().flatten())?;
        self.agents[index] = None;
        Ok(status)
    }

    /// The launcher of an agent's containers: the process of its runtime directory that is its child.
    pub fn launcher(&self, index: usize) -> Option<u32> {
        let agent = self.agent_pid(index);
        self.runtime_processes(index).into_iter().find(|pid| parent_of(*pid) == agent)
    }

    /// The process of an agent.
    pub fn agent_pid(&self, index: usize) -> Option<u32> {
        self.agents[index].as_ref().map(Child::id)
    }

    /// `mezzo` with these words, against this master.
    pub fn mezzo(&self, words: &[&str]) -> Command {
        let mut command = Command::new(program("mezzo"));
        command.args(words).env("MEZZO_MASTER", format!("127.0.0.1:{}", self.master_port));
        command
    }

    /// The supervisors of an agent's containers: processes whose program lies in its runtime directory.
    pub fn supervisors(&self, index: usize) -> Vec<u32> {
        let agent = self.agent_pid(index);
        self.runtime_processes(index).into_iter().filter(|pid| parent_of(*pid) != agent).collect()
    }

    fn runtime_processes(&self, index: usize) -> Vec<u32> {
        let run = self.dir.path().join(format!("r{index}"));
        let is_of_run =
            |pid: &u32| fs::read_link(format!("/proc/{pid}/exe")).is_ok_and(|exe| exe.starts_with(&run));
        processes().filter(is_of_run).collect()
    }
}

impl Drop for Daemons {
    fn drop(&mut self) {
        for agent in self.agents.iter_mut().flatten() {
            // SIGUSR1: end the tasks, leave the cluster, exit.
            let _ = kill(Pid::from_raw(agent.id() as i32), Signal::SIGUSR1);
        }
        for agent in self.agents.iter_mut().flatten() {
            let gone =
                wait_for("an agent's end", Duration::from_secs(15), || agent.try_wait().ok().flatten());
            if gone.is_err() {
                let _ = agent.kill();
                let _ = agent.wait();
            }
        }
        self.kill_master();
        remove_cgroups(&self.cgroups_root);
    }
}

/// Every process of this machine.
pub fn processes() -> impl Iterator<Item = u32> {
    fs::read_dir("/proc")
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|entry| entry.file_name().to_str().and_then(|name| name.parse().ok()))
}

/// The parent of a process.
pub fn parent_of(pid: u32) -> Option<u32> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    status.lines().find_map(|line| line.strip_prefix("PPid:")?.trim().parse().ok())
}

/// Control groups of a test that are still there.
pub fn cgroups_left(root: &str) -> Vec<PathBuf> {
    let hierarchies = fs::read_dir("/sys/fs/cgroup").into_iter().flatten().flatten();
    hierarchies.map(|h| h.path().join(root)).filter(|path| path.is_dir()).collect()
}

fn remove_cgroups(root: &str) {
    for top in cgroups_left(root) {
        remove_tree(&top);
    }
}

fn remove_tree(group: &Path) {
    for child in fs::read_dir(group).into_iter().flatten().flatten() {
        if child.path().is_dir() {
            remove_tree(&child.path());
        }
    }
    let _ = fs::remove_dir(group);
}
