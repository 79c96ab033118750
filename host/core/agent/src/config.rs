//! What an agent is told once, at its start.

use std::time::Duration;

use mezzo_model::Build;
use mezzo_proto::mesos::v1;
use mezzo_resources::Resources;

/// The settings of an agent, already checked.
#[derive(Clone, Debug)]
pub struct AgentConfig {
    /// Unguessable and new for each process; ids of containers and updates come from it.
    pub seed: u128,
    /// Absolute; sandboxes and checkpoints lie below it.
    pub work_dir: String,
    /// As frameworks see it.
    pub hostname: String,
    /// The address that clients of the agent's API, and of its tasks, use.
    pub ip: String,
    /// The port of the agent's API.
    pub port: u16,
    /// Everything the agent offers.
    pub resources: Resources,
    /// What it says of itself.
    pub attributes: Vec<v1::Attribute>,
    /// How containers are kept apart.
    pub isolation: IsolationConfig,
    /// Run a task as its command's or framework's user; else as the agent's own.
    pub switch_user: bool,
    /// The account that the agent runs as, to see that no switch is needed.
    pub agent_user: Option<String>,
    /// What every task's environment starts with.
    pub base_environment: Vec<(String, String)>,
    /// Put before relative URIs.
    pub frameworks_home: Option<String>,
    /// For a framework's or executor's shutdown, between SIGTERM and SIGKILL.
    pub executor_shutdown_grace_period: Duration,
    /// How long a new executor may take to subscribe.
    pub executor_registration_timeout: Duration,
    /// How long the executors of an earlier life may take to subscribe again.
    pub executor_reregistration_timeout: Duration,
    /// How long an executor without its agent goes on.
    pub recovery_timeout: Duration,
    /// How long a sandbox is kept after its task has ended.
    pub gc_delay: Duration,
    /// The agent's log, if it writes one: served as `/slave/log`.
    pub log_path: Option<String>,
    /// The flags as `/state` shows them.
    pub flags: Vec<(String, String)>,
    /// What was built.
    pub build: Build,
}

/// How containers are kept apart.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct IsolationConfig {
    /// The linux launcher with namespaces; else the posix launcher.
    pub is_linux: bool,
    /// `filesystem/linux`: mount, uts and cgroup namespaces, private /tmp and /proc.
    pub filesystem: bool,
    /// `namespaces/pid`
    pub pid_namespace: bool,
    /// `namespaces/ipc`
    pub ipc_namespace: bool,
    /// `cgroups/cpu`: shares.
    pub cpu: bool,
    /// `--cgroups_enable_cfs`: cpus are a limit too.
    pub cfs: bool,
    /// `cgroups/mem`: soft and hard limit.
    pub memory: bool,
    /// `cgroups/pids` with `--cgroups_pids_max`: processes and threads of a container.
    pub pids_max: Option<u64>,
}

/// The grace of a kill that names none (spec 06 §2).
pub(crate) const KILL_GRACE: Duration = Duration::from_secs(3);
/// The first wait for an acknowledgement; each further one is twice as long …
pub(crate) const RETRY_FIRST: Duration = Duration::from_secs(10);
/// … up to this.
pub(crate) const RETRY_MOST: Duration = Duration::from_secs(600);
/// The least memory a container is given, as Mesos does it: 32 MB.
pub(crate) const MEMORY_BYTES_MIN: u64 = 32 * 1024 * 1024;
/// How long a destroy may take before it is asked for again.
pub(crate) const DESTROY_PATIENCE: Duration = Duration::from_secs(60);
/// The first wait before a checkpoint that failed is tried again; doubles …
pub(crate) const REWRITE_FIRST: Duration = Duration::from_secs(1);
/// … up to this.
pub(crate) const REWRITE_MOST: Duration = Duration::from_secs(60);
/// How many ended tasks are kept for people to look at.
pub(crate) const COMPLETED_TASKS_MAX: usize = 1000;
/// How many frameworks without tasks are kept for people to look at.
pub(crate) const COMPLETED_FRAMEWORKS_MAX: usize = 50;
/// How many ended executors are kept for people to look at.
pub(crate) const COMPLETED_EXECUTORS_MAX: usize = 150;
/// How often an executor's stream gets a sign of life, as Mesos does it.
pub(crate) const EXECUTOR_HEARTBEAT: Duration = Duration::from_secs(30 * 60);
/// How many updates of one task may wait for their acknowledgements before its executor is told
/// to come back later.
pub(crate) const UPDATES_WAITING_MAX: usize = 10_000;
