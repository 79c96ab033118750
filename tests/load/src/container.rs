//! How much processor time a container costs from its launch to its removal, in the agent's thread,
//! the launcher and the container itself, checkpoints included.
//!
//! It is paid for every task, so it must stay within twice the least that this kernel takes for the
//! same walls and limits, and a third of what `crun run` takes. All is counted by the kernel, in a
//! group of the `cpuacct` controller: nothing that a process leaves to another escapes.

use std::{
    fs,
    io::{BufRead as _, BufReader, Write as _},
    path::{Path, PathBuf},
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
    sync::{
        Arc,
        mpsc::{Receiver, channel},
    },
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail, ensure};
use mezzo_containers::{Controller, LauncherKind, Node, NodeConfig};
use mezzo_disk::{Change, Checkpoints, WorkDir, Write};
use mezzo_model::container::{Ask, Isolation, Limits, Plan, Report};
use serde_json::json;

use crate::{account::Account, clock::Samples, rows::Row};

const PROGRAM: &str = "/bin/true";
const CONTROLLERS: [&str; 4] = ["freezer", "cpu", "memory", "pids"];
const MIB_128: u64 = 128 << 20;
/// At most this much of the floor, and of crun.
const FLOORS_MAX: f64 = 2.0;
const CRUNS_MAX: f64 = 1.0 / 3.0;
const PATIENCE: Duration = Duration::from_secs(60);

/// Runs the benchmark.
pub fn run(is_quick: bool, tell: &mut dyn FnMut(Row)) -> Result<()> {
    let name = "container: launch to removal of /bin/true";
    if mezzo_linux::account::effective_uid() != 0 {
        tell(Row::new(format!("{name}, not measured: it needs root"), 0.0, "us"));
        return Ok(());
    }
    const WARM_UP: usize = 5;
    let (batches, batch) = if is_quick { (5, 10) } else { (25, 40) };
    let place = tempfile::tempdir_in("/var/tmp").context("make a directory in /var/tmp")?;
    let groups = Groups::new()?;
    let (mut ours, mut floor) = (Ours::new(place.path(), &groups)?, Floor::new(place.path(), &groups)?);
    let (mut costs, mut floors, mut walls) = (Samples::default(), Samples::default(), Samples::default());
    let mut parts: Vec<Parts> = Vec::new();
    ours.containers(WARM_UP)?;
    floor.containers(WARM_UP)?;
    for _ in 0..batches {
        floors.push(groups.floor.measured(|| floor.containers(batch))? / batch as f64);
        let (before, began) = (ours.parts()?, Instant::now());
        costs.push(groups.ours.measured(|| ours.containers(batch))? / batch as f64);
        walls.push(began.elapsed().as_secs_f64() * 1e6 / batch as f64);
        parts.push(ours.parts()?.since(&before, batch));
    }
    let is_noisy = floors.is_noisy() || costs.is_noisy();
    let (cost, least) = (costs.min(), floors.min());
    tell(Row::new(name, cost, "us").beside(least, "floor").at_most(least * FLOORS_MAX, is_noisy));
    let part = |of: fn(&Parts) -> f64| parts.iter().map(of).fold(f64::INFINITY, f64::min);
    tell(Row::new("container: of this the agent's node thread", part(|parts| parts.node), "us"));
    tell(Row::new("container: of this the launcher", part(|parts| parts.launcher), "us"));
    tell(Row::new("container: of this the agent's checkpoints and asks", part(|parts| parts.agent), "us"));
    tell(Row::new("container: wall clock, one after the other", walls.min(), "us"));
    let row = Row::new(format!("{name}, and crun"), cost, "us");
    tell(match crun(place.path(), if is_quick { 10 } else { 40 }) {
        Ok(crun) => row.beside(crun, "crun run").at_most(crun * CRUNS_MAX, is_noisy),
        Err(why) => Row { beside_name: Some(format!("crun run: {why:#}")), ..row },
    });
    Ok(())
}

/// Where time is counted, and where the floor makes its groups; all removed at the end.
struct Groups {
    ours: Account,
    floor: Account,
    root: String,
}

impl Groups {
    fn new() -> Result<Self> {
        let root = format!("mezzo-load-{}", std::process::id());
        for controller in CONTROLLERS {
            fs::create_dir_all(format!("/sys/fs/cgroup/{controller}/{root}-floor"))?;
        }
        Ok(Self { ours: Account::new(&root)?, floor: Account::new(&format!("{root}-floor"))?, root })
    }
}

impl Drop for Groups {
    fn drop(&mut self) {
        // Back to where it was before, so that the group can be removed.
        let _ = Account::leave();
        let mut paths = vec![self.ours.path().to_owned(), self.floor.path().to_owned()];
        for controller in CONTROLLERS {
            paths.push(format!("/sys/fs/cgroup/{controller}/{}", self.root).into());
            paths.push(format!("/sys/fs/cgroup/{controller}/{}-floor", self.root).into());
        }
        for path in paths {
            let until = Instant::now() + Duration::from_secs(2);
            while fs::remove_dir(&path).is_err() && path.exists() && Instant::now() < until {
                std::thread::sleep(Duration::from_millis(5));
            }
        }
    }
}

/// A node as the agent has one, and what the agent writes for a task.
struct Ours {
    node: Option<Node>,
    reports: Receiver<Report>,
    checkpoints: Checkpoints,
    work_dir: PathBuf,
    made: u64,
    launcher: PathBuf,
    // These live as long as the node.
    _runtime_dir: tempfile::TempDir,
    _runtime: tokio::runtime::Runtime,
}

impl Ours {
    fn new(place: &Path, groups: &Groups) -> Result<Self> {
        let work_dir = place.join("work");
        // As /run is: in memory.
        let runtime_dir = tempfile::tempdir_in("/dev/shm").context("make a directory in /dev/shm")?;
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).build()?;
        // The launcher is born in the group, and every container after it.
        groups.ours.enter(std::process::id())?;
        let (sender, reports) = channel();
        let config = NodeConfig {
            runtime_dir: runtime_dir.path().to_owned(),
            work_dir: work_dir.clone(),
            launcher: LauncherKind::Linux {
                cgroups_hierarchy: "/sys/fs/cgroup".into(),
                cgroups_root: groups.root.clone(),
                controllers: vec![Controller::Cpu, Controller::Memory, Controller::Pids],
            },
            init: node_tests::init().into(),
            runtime: runtime.handle().clone(),
            fetch: Arc::new(|_| Box::pin(async { Ok(()) })),
            destroy_timeout: PATIENCE,
        };
        let node = Node::start(config, move |report| drop(sender.send(report)))?;
        let work = WorkDir::open(&work_dir)?;
        let checkpoints = Checkpoints::open(&work, "meta")?;
        let launcher = launcher_of(std::process::id()).context("find the launcher")?;
        Ok(Self {
            node: Some(node),
            reports,
            checkpoints,
            work_dir,
            made: 0,
            launcher,
            _runtime_dir: runtime_dir,
            _runtime: runtime,
        })
    }

    fn containers(&mut self, count: usize) -> Result<()> {
        for _ in 0..count {
            self.made += 1;
            let id = format!("5a0f6c1e-7b1f-4e5a-9a53-{:012}", self.made);
            self.container(&id)?;
        }
        Ok(())
    }

    /// One task as the agent sees it: its record, three updates with their acknowledgements, its end.
    fn container(&mut self, id: &str) -> Result<()> {
        let (record, log) = (format!("tasks/{id}"), format!("updates/{id}"));
        self.write(&[change(&record, Change::Replace(vec![b'r'; 900])), append(&log, 350)])?;
        self.ask(Ask::Launch(Box::new(self.plan(id))))?;
        match self.reports.recv_timeout(PATIENCE)? {
            Report::Launched { .. } => {}
            other => bail!("instead of being launched: {other:?}"),
        }
        self.write(&[append(&log, 40), append(&log, 350)])?;
        match self.reports.recv_timeout(PATIENCE)? {
            Report::Exited { end, .. } => ensure!(end.wait_status == Some(0), "{PROGRAM} ended with {end:?}"),
            other => bail!("instead of its end: {other:?}"),
        }
        self.write(&[append(&log, 40), append(&log, 350)])?;
        self.ask(Ask::Destroy { container: id.into() })?;
        match self.reports.recv_timeout(PATIENCE)? {
            Report::Destroyed { .. } => {}
            other => bail!("instead of being destroyed: {other:?}"),
        }
        self.write(&[append(&log, 40), change(&record, Change::Remove), change(&log, Change::Remove)])
    }

    fn plan(&self, id: &str) -> Plan {
        Plan {
            volumes: Vec::new(),
            container: id.into(),
            sandbox: self.work_dir.join(id).display().to_string(),
            user: Some("root".to_owned()),
            program: PROGRAM.to_owned(),
            argv: vec![PROGRAM.to_owned()],
            environment: [("PATH", "/usr/bin:/bin"), ("HOME", "/root"), ("MESOS_TASK_ID", id)]
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .into(),
            fetch: Vec::new(),
            isolation: Isolation::Linux { mount: true, pid: true, ipc: true, uts: true, cgroup: true },
            limits: Limits {
                cpu_shares: Some(1024),
                cpu_quota_us: Some(100_000),
                memory_soft_bytes: Some(MIB_128),
                memory_hard_bytes: Some(MIB_128),
                pids_max: Some(100),
            },
        }
    }

    fn ask(&self, ask: Ask) -> Result<()> {
        self.node.as_ref().context("the node has been stopped")?.ask(ask);
        Ok(())
    }

    fn write(&mut self, writes: &[Write]) -> Result<()> {
        Ok(self.checkpoints.apply(writes)?)
    }

    fn parts(&self) -> Result<Parts> {
        let tasks = Path::new("/proc/self/task");
        let node = fs::read_dir(tasks)?
            .flatten()
            .map(|entry| entry.path())
            .find(|task| fs::read_to_string(task.join("comm")).is_ok_and(|comm| comm.trim() == "node"));
        Ok(Parts {
            node: ran(&node.context("find the node's thread")?)?,
            launcher: ran(&self.launcher)?,
            agent: ran(Path::new("/proc/thread-self"))?,
        })
    }
}

impl Drop for Ours {
    fn drop(&mut self) {
        self.node = None;
    }
}

/// Where the time goes, in microseconds; what is missing to the whole is the container's own.
struct Parts {
    node: f64,
    launcher: f64,
    agent: f64,
}

impl Parts {
    fn since(&self, before: &Self, count: usize) -> Self {
        let each = |now: f64, then: f64| (now - then) / count as f64;
        Self {
            node: each(self.node, before.node),
            launcher: each(self.launcher, before.launcher),
            agent: each(self.agent, before.agent),
        }
    }
}

/// Microseconds that a process or thread has run.
fn ran(process: &Path) -> Result<f64> {
    let text = fs::read_to_string(process.join("schedstat"))?;
    let first = text.split(' ').next().context("read schedstat")?;
    Ok(first.parse::<f64>()? / 1e3)
}

fn launcher_of(parent: u32) -> Option<PathBuf> {
    let all = mezzo_linux::process_table::all().ok()?;
    let child = all.iter().find(|process| process.parent.unsigned_abs() == parent && process.state != 'Z')?;
    Some(format!("/proc/{}", child.pid).into())
}

fn change(key: &str, change: Change) -> Write {
    Write { key: key.to_owned(), change, is_durable: false }
}

fn append(key: &str, bytes: usize) -> Write {
    change(key, Change::Append(vec![b'u'; bytes]))
}

/// The least container there can be, made by a program of its own.
struct Floor {
    child: Child,
    to: ChildStdin,
    from: BufReader<ChildStdout>,
}

impl Floor {
    fn new(place: &Path, groups: &Groups) -> Result<Self> {
        let roots =
            CONTROLLERS.map(|controller| format!("/sys/fs/cgroup/{controller}/{}-floor", groups.root));
        let mut child = Command::new(node_tests::floor())
            .arg(place.join("floor"))
            .arg(PROGRAM)
            .args(roots)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        groups.floor.enter(child.id())?;
        let to = child.stdin.take().context("the floor's input")?;
        let from = BufReader::new(child.stdout.take().context("the floor's output")?);
        Ok(Self { child, to, from })
    }

    fn containers(&mut self, count: usize) -> Result<()> {
        writeln!(self.to, "{count}")?;
        let mut answer = String::new();
        self.from.read_line(&mut answer)?;
        ensure!(answer == "done\n", "the floor failed");
        Ok(())
    }
}

impl Drop for Floor {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Microseconds that one `crun run` of the same program with the same limits costs, children included.
fn crun(place: &Path, count: usize) -> Result<f64> {
    let bundle = bundle(place)?;
    // It refuses hosts that have both versions of control groups, so it must not see the second.
    let script = format!(
        "mount --make-rprivate / && umount /sys/fs/cgroup/unified 2>/dev/null; i=0; \
         while [ $i -lt {count} ]; do crun --root '{}' run -b '{}' mezzo-load-$i </dev/null || exit 1; i=$((i+1)); done",
        place.join("crun").display(),
        bundle.display()
    );
    let before = children()?;
    let output = Command::new("unshare").args(["-m", "sh", "-c", &script]).output().context("run unshare")?;
    ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr).trim());
    Ok((children()? - before) / count as f64)
}

fn bundle(place: &Path) -> Result<PathBuf> {
    let bundle = place.join("bundle");
    let bin = bundle.join("rootfs/bin");
    for directory in ["bin", "proc", "sys", "dev", "tmp"] {
        fs::create_dir_all(bundle.join("rootfs").join(directory))?;
    }
    fs::copy("/bin/busybox", bin.join("busybox")).context("busybox-static is not installed")?;
    std::os::unix::fs::symlink("busybox", bin.join("true"))?;
    let made =
        Command::new("crun").arg("spec").current_dir(&bundle).output().context("crun is not installed")?;
    ensure!(made.status.success(), "crun spec: {}", String::from_utf8_lossy(&made.stderr));
    let file = bundle.join("config.json");
    let mut config: serde_json::Value = serde_json::from_slice(&fs::read(&file)?)?;
    config["process"]["terminal"] = json!(false);
    config["process"]["args"] = json!([PROGRAM]);
    config["linux"]["resources"] = json!({
        "memory": {"limit": MIB_128, "reservation": MIB_128},
        "cpu": {"shares": 1024, "quota": 100_000, "period": 100_000},
        "pids": {"limit": 100},
    });
    if let Some(namespaces) = config["linux"]["namespaces"].as_array_mut() {
        namespaces.retain(|namespace| namespace["type"] != "network");
    }
    fs::write(&file, config.to_string())?;
    Ok(bundle)
}

/// Microseconds that ended children have taken, and their children.
fn children() -> Result<f64> {
    let stat = fs::read_to_string("/proc/self/stat")?;
    let after = stat.rsplit_once(") ").context("read /proc/self/stat")?.1;
    // Fields 16 and 17 of proc(5), in ticks of 10 ms; this begins with field 3.
    let ticks: f64 = after.split(' ').skip(13).take(2).filter_map(|ticks| ticks.parse::<f64>().ok()).sum();
    Ok(ticks * 1e4)
}
