use std::{
    fs,
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
        mpsc::{Receiver, RecvTimeoutError, channel},
    },
    time::{Duration, Instant},
};

use mezzo_containers::{Controller, FetchRequest, Fetcher, LauncherKind, Meter, Node, NodeConfig, NodeError};
use mezzo_model::{
    container::{Ask, End, Isolation, Limits, Plan, Report, Stage},
    ids::ContainerId,
};

use crate::{Left, init, left};

/// Nothing here takes this long, even on a machine that is busy with other tests.
const PATIENCE: Duration = Duration::from_secs(60);

/// A node with directories and control groups of its own. When it is dropped it checks that nothing is left.
pub struct World {
    place: tempfile::TempDir,
    mark: String,
    cgroups_root: String,
    launcher: LauncherKind,
    runtime: tokio::runtime::Runtime,
    fetch: Fetcher,
    node: Option<Node>,
    reports: Receiver<Report>,
    heard: Vec<Report>,
}

impl World {
    /// A node that isolates; `None`, loudly, where this kernel or user cannot.
    pub fn linux() -> Option<Self> {
        Self::linux_in("/var/tmp")
    }

    /// The same with everything below `base`.
    pub fn linux_in(base: &str) -> Option<Self> {
        Self::isolating(base, unique())
    }

    /// The same with its control groups in `root`.
    pub fn linux_at(root: &str) -> Option<Self> {
        Self::isolating("/var/tmp", root.to_owned())
    }

    fn isolating(base: &str, name: String) -> Option<Self> {
        let launcher = LauncherKind::Linux {
            cgroups_hierarchy: "/sys/fs/cgroup".into(),
            cgroups_root: name.clone(),
            controllers: vec![Controller::Cpu, Controller::Memory, Controller::Pids],
        };
        Self::start(base, name, launcher)
    }

    /// A node of the posix launcher.
    pub fn posix() -> Self {
        Self::start("/var/tmp", unique(), LauncherKind::Posix).expect("the posix launcher needs nothing")
    }

    fn start(base: &str, name: String, launcher: LauncherKind) -> Option<Self> {
        let place = tempfile::tempdir_in(base).expect("a directory for the test");
        // Commands run as others, who must be able to reach their sandbox.
        let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
        fs::set_permissions(place.path(), mode).expect("the directory is ours");
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
        let mut world = Self {
            place,
            mark: format!("MEZZO_TEST_MARK={name}"),
            cgroups_root: name,
            launcher,
            runtime: runtime.expect("a runtime for fetches"),
            fetch: Arc::new(|_: FetchRequest| Box::pin(async { Ok(()) })),
            node: None,
            reports: channel().1,
            heard: Vec::new(),
        };
        match world.try_start() {
            Ok(()) => Some(world),
            Err(error @ (NodeError::NotRoot | NodeError::Cgroups(_))) => {
                eprintln!("SKIPPED: {error}");
                None
            }
            Err(error) => panic!("{error}"),
        }
    }

    /// Starts a node over what is there, in place of the one that there is.
    pub fn restart(&mut self) {
        self.try_start().unwrap_or_else(|error| panic!("{error}"));
    }

    /// Starts again with only these controllers.
    pub fn use_controllers(&mut self, wanted: Vec<Controller>) {
        if let LauncherKind::Linux { controllers, .. } = &mut self.launcher {
            *controllers = wanted;
        }
        self.restart();
    }

    /// Ends the node as the agent's end would.
    pub fn stop(&mut self) {
        self.node = None;
    }

    fn try_start(&mut self) -> Result<(), NodeError> {
        self.stop();
        let (sender, reports) = channel();
        self.reports = reports;
        self.heard.clear();
        let config = self.config();
        // Nobody listens any more once the test is over.
        self.node = Some(Node::start(config, move |report| drop(sender.send(report)))?);
        Ok(())
    }

    /// What this world's node is started with.
    pub fn config(&self) -> NodeConfig {
        NodeConfig {
            runtime_dir: self.runtime_dir(),
            work_dir: self.work_dir(),
            launcher: self.launcher.clone(),
            init: init().into(),
            runtime: self.runtime.handle().clone(),
            fetch: self.fetch.clone(),
            destroy_timeout: Duration::from_secs(60),
        }
    }

    /// Fetches with `fetch` from the next start on, which is now.
    pub fn fetch_with<F>(&mut self, fetch: impl Fn(FetchRequest) -> F + Send + Sync + 'static)
    where
        F: Future<Output = Result<(), String>> + Send + 'static,
    {
        self.fetch = Arc::new(move |request| Box::pin(fetch(request)));
        self.restart();
    }

    /// The node's runtime directory.
    pub fn runtime_dir(&self) -> PathBuf {
        self.place.path().join("run")
    }

    /// Below which sandboxes lie.
    pub fn work_dir(&self) -> PathBuf {
        self.place.path().join("work")
    }

    /// The sandbox of the plan of this id.
    pub fn sandbox(&self, id: &str) -> PathBuf {
        self.work_dir().join(id)
    }

    /// This world's group at the top of each hierarchy.
    pub fn cgroups_root(&self) -> &str {
        &self.cgroups_root
    }

    /// A plan that runs `script` in a shell: isolated as far as this world's node does.
    pub fn plan(&self, id: &str, script: &str) -> Plan {
        let mark = self.mark.split_once('=').expect("the mark is a variable");
        Plan {
            volumes: Vec::new(),
            container: id.into(),
            sandbox: self.sandbox(id).display().to_string(),
            user: None,
            program: "/bin/sh".to_owned(),
            argv: ["sh", "-c", script].map(str::to_owned).into(),
            environment: vec![
                ("PATH".to_owned(), "/usr/local/bin:/usr/bin:/bin".to_owned()),
                (mark.0.to_owned(), mark.1.to_owned()),
            ],
            fetch: Vec::new(),
            isolation: match self.launcher {
                LauncherKind::Linux { .. } => linux_walls(),
                LauncherKind::Posix => Isolation::None,
            },
            limits: Limits::default(),
        }
    }

    /// What reads the containers' use.
    pub fn meter(&self) -> Meter {
        self.node.as_ref().expect("the node runs").meter()
    }

    /// Asks the node.
    pub fn ask(&self, ask: Ask) {
        self.node.as_ref().expect("the node runs").ask(ask);
    }

    /// Asks for `plan` and waits until its command runs; its process.
    pub fn launch(&mut self, plan: Plan) -> i32 {
        let id = plan.container.clone();
        self.ask(Ask::Launch(Box::new(plan)));
        self.launched(id.as_str())
    }

    /// Waits until the command of `id` runs; its process.
    pub fn launched(&mut self, id: &str) -> i32 {
        match self
            .wait_for(id, |report| matches!(report, Report::Launched { .. } | Report::LaunchFailed { .. }))
        {
            Report::Launched { pid, .. } => pid,
            other => panic!("{other:?}"),
        }
    }

    /// Asks for `plan`, which must fail; where and why.
    pub fn launch_fails(&mut self, plan: Plan) -> (Stage, String) {
        let id = plan.container.clone();
        self.ask(Ask::Launch(Box::new(plan)));
        self.launch_failed(id.as_str())
    }

    /// Waits until the launch of `id` has failed; where and why.
    pub fn launch_failed(&mut self, id: &str) -> (Stage, String) {
        match self
            .wait_for(id, |report| matches!(report, Report::Launched { .. } | Report::LaunchFailed { .. }))
        {
            Report::LaunchFailed { stage, message, .. } => (stage, message),
            other => panic!("{other:?}"),
        }
    }

    /// Waits until the command of `id` has ended; how.
    pub fn exited(&mut self, id: &str) -> End {
        match self.wait_for(id, |report| matches!(report, Report::Exited { .. })) {
            Report::Exited { end, .. } => end,
            other => panic!("{other:?}"),
        }
    }

    /// Destroys `id` and waits until that is done.
    pub fn destroy(&mut self, id: &str) {
        self.ask(Ask::Destroy { container: id.into() });
        self.destroyed(id);
    }

    /// Waits until nothing of `id` is left.
    pub fn destroyed(&mut self, id: &str) {
        self.wait_for(id, |report| matches!(report, Report::Destroyed { .. }));
    }

    /// Runs `plan` to its end and removes it; its end.
    pub fn run(&mut self, plan: Plan) -> End {
        let id = plan.container.as_str().to_owned();
        self.launch(plan);
        let end = self.exited(&id);
        self.destroy(&id);
        end
    }

    /// Recovers; what was found, what was lost, how many orphans.
    pub fn recover(&mut self, known: &[&str]) -> (Vec<(ContainerId, i32)>, Vec<ContainerId>, usize) {
        self.ask(Ask::Recover { known: known.iter().map(|&id| id.into()).collect() });
        match self.wait_until(|report| matches!(report, Report::Recovered { .. })) {
            Report::Recovered { found, lost, orphans } => (found, lost, orphans),
            other => panic!("{other:?}"),
        }
    }

    /// Waits for a report of container `id`; others are kept for later.
    pub fn wait_for(&mut self, id: &str, wanted: impl Fn(&Report) -> bool) -> Report {
        self.wait_until(|report| wanted(report) && of(report).is_some_and(|of| of.as_str() == id))
    }

    /// Reports that were not waited for yet, those of the next `time` included.
    pub fn others(&mut self, time: Duration) -> &[Report] {
        let until = Instant::now() + time;
        while let Ok(report) = self.reports.recv_timeout(until.saturating_duration_since(Instant::now())) {
            self.heard.push(report);
        }
        &self.heard
    }

    fn wait_until(&mut self, wanted: impl Fn(&Report) -> bool) -> Report {
        if let Some(at) = self.heard.iter().position(&wanted) {
            return self.heard.remove(at);
        }
        let until = Instant::now() + PATIENCE;
        loop {
            match self.reports.recv_timeout(until.saturating_duration_since(Instant::now())) {
                Ok(report) if wanted(&report) => return report,
                Ok(report) => self.heard.push(report),
                Err(RecvTimeoutError::Timeout) => panic!("no such report; heard {:?}", self.heard),
                Err(RecvTimeoutError::Disconnected) => panic!("the node has ended; heard {:?}", self.heard),
            }
        }
    }

    /// What the command of `id` wrote.
    pub fn stdout(&self, id: &str) -> String {
        fs::read_to_string(self.sandbox(id).join("stdout")).unwrap_or_default()
    }

    /// What the command of `id` complained.
    pub fn stderr(&self, id: &str) -> String {
        fs::read_to_string(self.sandbox(id).join("stderr")).unwrap_or_default()
    }

    /// Waits until the command of `id` has written `text`.
    pub fn wait_for_output(&self, id: &str, text: &str) {
        self.wait_while(|| !self.stdout(id).contains(text), "the command's output");
    }

    /// Waits until `goes_on` no longer holds; `what` says for what.
    pub fn wait_while(&self, goes_on: impl Fn() -> bool, what: &str) {
        let until = Instant::now() + PATIENCE;
        while goes_on() {
            assert!(Instant::now() < until, "waited in vain for {what}");
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// What is left of this world's containers.
    pub fn left(&self) -> Left {
        left(&self.mark, &self.cgroups_root, self.place.path(), false)
    }

    /// The launcher's process.
    pub fn launcher_pid(&self) -> Option<i32> {
        let all = mezzo_linux::process_table::all().expect("/proc is mounted");
        let is_launcher = |pid: i32| {
            let is_ours =
                fs::read_link(format!("/proc/{pid}/exe")).is_ok_and(|exe| exe.starts_with(self.place.path()));
            let comm = fs::read_to_string(format!("/proc/{pid}/comm")).unwrap_or_default();
            is_ours && comm.trim() != "mezzo-super"
        };
        all.iter().map(|process| process.pid).find(|pid| is_launcher(*pid))
    }

    /// The supervisor of the command whose process is `pid`.
    pub fn supervisor_of(&self, pid: i32) -> i32 {
        mezzo_linux::process_table::of(pid).expect("the command runs").parent
    }
}

impl Drop for World {
    fn drop(&mut self) {
        self.stop();
        let all_left = left(&self.mark, &self.cgroups_root, self.place.path(), true);
        if std::thread::panicking() {
            eprintln!("left behind: {all_left:?}");
            return clean(&all_left, &self.cgroups_root);
        }
        remove_roots(&self.cgroups_root);
        assert_eq!(all_left, Left::default());
    }
}

/// After a failure: the next test shall not suffer.
fn clean(left: &Left, cgroups_root: &str) {
    for process in &left.processes {
        let pid = process.split(' ').next().and_then(|pid| pid.parse().ok());
        if let Some(process) = pid.and_then(|pid| mezzo_linux::pidfd::PidFd::of(pid).ok()) {
            process.kill();
            process.wait(Duration::from_secs(1));
        }
    }
    for group in &left.groups {
        let _ = fs::remove_dir(group);
    }
    remove_roots(cgroups_root);
}

fn remove_roots(cgroups_root: &str) {
    for hierarchy in fs::read_dir("/sys/fs/cgroup").into_iter().flatten().flatten() {
        let _ = fs::remove_dir(hierarchy.path().join(cgroups_root));
    }
}

fn of(report: &Report) -> Option<&ContainerId> {
    match report {
        Report::Launched { container, .. }
        | Report::LaunchFailed { container, .. }
        | Report::Exited { container, .. }
        | Report::Resized { container, .. }
        | Report::Destroyed { container } => Some(container),
        Report::VolumesChanged { .. } | Report::Recovered { .. } => None,
    }
}

/// Every wall that there is.
pub fn linux_walls() -> Isolation {
    Isolation::Linux { mount: true, pid: true, ipc: true, uts: true, cgroup: true }
}

/// The code that a command ended with by itself.
pub fn exit_code(end: &End) -> Option<i32> {
    end.wait_status.filter(|status| status & 0x7f == 0).map(|status| status >> 8)
}

/// The signal that ended a command.
pub fn signal_of(end: &End) -> Option<i32> {
    end.wait_status.map(|status| status & 0x7f).filter(|signal| *signal != 0)
}

fn unique() -> String {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    format!("mezzo-test-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed))
}
