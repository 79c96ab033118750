//! A container as the agent's core wants it, and what the node says of it.
//!
//! The core decides everything that is policy and hands out a finished [`Plan`];
//! the edge carries it out and reports. Every ask names its container, may be
//! repeated, and is answered by exactly one report of the kind named at the ask.

use mezzo_proto::mesos::v1;

use crate::ids::ContainerId;

/// What is wanted of the node.
#[derive(Clone, Debug)]
pub enum Ask {
    /// Make the sandbox, the cgroups and the namespaces, fetch, run.
    /// Answered by [`Report::Launched`] or [`Report::LaunchFailed`].
    Launch(Box<Plan>),
    /// Send a signal to the container's processes: to every process of it where `to_all`, else to
    /// the first one. Answered by nothing: the end of the container is the answer.
    Signal {
        /// Which container.
        container: ContainerId,
        /// The signal's number.
        signal: i32,
        /// Every process rather than the first.
        to_all: bool,
    },
    /// Change the limits of a container whose command runs; where it has none of a kind, nothing
    /// is changed. Answered by [`Report::Resized`].
    Resize {
        /// Which container.
        container: ContainerId,
        /// What it may use from now on. Memory in use is never taken away.
        limits: Limits,
        /// Comes back in the answer: of two changes the later has the greater one.
        number: u64,
    },
    /// End everything and remove it from the kernel, in whatever state it is; the sandbox stays.
    /// Answered by [`Report::Destroyed`], also when there was nothing.
    Destroy {
        /// Which container.
        container: ContainerId,
    },
    /// After a restart of the agent: find these containers again, destroy all others under our
    /// root. Answered by [`Report::Recovered`].
    Recover {
        /// The containers that the checkpoints name.
        known: Vec<ContainerId>,
    },
    /// Make or remove the directories of persistent volumes. What is asked later, launches too, finds
    /// them made or empty. Answered by [`Report::VolumesChanged`], once nothing of the data of removed
    /// ones is left.
    ChangeVolumes {
        /// What the answer names: letters and digits, and never the same for two operations.
        operation: String,
        /// What becomes of them.
        change: VolumeChange,
        /// Where they are.
        volumes: Vec<VolumePlace>,
    },
    /// Remove a directory tree below the work directory (sandbox collection). Answered by nothing.
    RemoveTree {
        /// Absolute path; always below the agent's work directory.
        path: String,
    },
}

/// What becomes of a persistent volume.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum VolumeChange {
    /// Its directory is made; one that is there stays as it is.
    Make,
    /// Its data is removed, and its directory unless that is a whole disk.
    Remove,
}

/// Where a persistent volume lies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VolumePlace {
    /// Absolute path of its directory.
    pub path: String,
    /// The directory is a disk of its own, and not removed with the volume.
    pub is_whole_disk: bool,
}

/// A persistent volume as a container sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VolumeMount {
    /// Absolute path of its directory on the host.
    pub source: String,
    /// Where it is to be seen: a path below the sandbox, without `..`.
    pub target: String,
    /// Nothing can be written there.
    pub is_read_only: bool,
}

/// A finished plan: nothing in it is left to decide.
#[derive(Clone, Debug, PartialEq)]
pub struct Plan {
    /// The container.
    pub container: ContainerId,
    /// The sandbox on the host: absolute. Made by the edge, owned by `user`.
    pub sandbox: String,
    /// Account on the host that the command runs as; absent means the agent's own.
    pub user: Option<String>,
    /// The program: `argv[0]` is looked up in the environment's PATH unless it has a slash.
    pub program: String,
    /// Its arguments, `argv[0]` included.
    pub argv: Vec<String>,
    /// Its whole environment, in order.
    pub environment: Vec<(String, String)>,
    /// What to bring into the sandbox first, in order.
    pub fetch: Vec<Fetch>,
    /// How it is kept apart.
    pub isolation: Isolation,
    /// How much it may use.
    pub limits: Limits,
    /// What is put into the sandbox, in order.
    pub volumes: Vec<VolumeMount>,
}

/// One thing to bring into the sandbox (spec 11).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fetch {
    /// Absolute path, `file://`, `http://` or `https://`.
    pub uri: String,
    /// Make it executable; then it is not unpacked.
    pub is_executable: bool,
    /// Unpack it when its name in the sandbox says it is an archive.
    pub unpack: bool,
    /// Share it with other tasks that want the same.
    pub is_cached: bool,
    /// Name in the sandbox instead of the URI's last part.
    pub output_file: Option<String>,
}

/// Which walls stand around the container.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Isolation {
    /// A session of its own and nothing else: the posix launcher.
    None,
    /// Namespaces and control groups: the linux launcher.
    Linux {
        /// Mount namespace with private /tmp and /proc.
        mount: bool,
        /// Process ids of its own.
        pid: bool,
        /// System V IPC and POSIX queues of its own.
        ipc: bool,
        /// Host name of its own (same value as the host's at start).
        uts: bool,
        /// Sees its own control group as the root.
        cgroup: bool,
    },
}

/// Limits, ready to be written; absent means "not limited and not accounted by this controller".
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Limits {
    /// `cpu.shares` (spec 09: cpus × 1024, at least 2).
    pub cpu_shares: Option<u64>,
    /// CFS quota for each 100 ms, in microseconds; at least 1000.
    pub cpu_quota_us: Option<u64>,
    /// Soft memory limit in bytes.
    pub memory_soft_bytes: Option<u64>,
    /// Hard memory limit in bytes.
    pub memory_hard_bytes: Option<u64>,
    /// Most processes and threads.
    pub pids_max: Option<u64>,
}

/// What the node says of a container.
#[derive(Clone, Debug, PartialEq)]
pub enum Report {
    /// The command runs.
    Launched {
        /// Which container.
        container: ContainerId,
        /// The first process of the command, as the host numbers it.
        pid: i32,
    },
    /// The command never ran; everything made for it is gone again, but the sandbox.
    LaunchFailed {
        /// Which container.
        container: ContainerId,
        /// How far it came.
        stage: Stage,
        /// One sentence for the person who wrote the task.
        message: String,
    },
    /// The command has ended. The container still has to be destroyed.
    Exited {
        /// Which container.
        container: ContainerId,
        /// How.
        end: End,
    },
    /// The limits of a container are what was asked, or why they are not.
    Resized {
        /// Which container.
        container: ContainerId,
        /// That of the ask.
        number: u64,
        /// One sentence when they could not be changed.
        result: Result<(), String>,
    },
    /// The directories of volumes are what was asked, or why they are not.
    VolumesChanged {
        /// That of the ask.
        operation: String,
        /// One sentence when they could not be changed.
        result: Result<(), String>,
    },
    /// Nothing of it is left in the kernel.
    Destroyed {
        /// Which container.
        container: ContainerId,
    },
    /// Which of the known containers were found. An `Exited` follows for each that has ended.
    Recovered {
        /// Alive, or ended with their exit status kept.
        found: Vec<(ContainerId, i32)>,
        /// Without a trace: neither a process nor an exit status.
        lost: Vec<ContainerId>,
        /// Unknown ones that were destroyed.
        orphans: usize,
    },
}

/// Steps of a launch, in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stage {
    /// Sandbox and control groups.
    Prepare,
    /// Namespaces, mounts.
    Isolate,
    /// Bringing the URIs in.
    Fetch,
    /// Becoming the user, exec.
    Run,
}

/// How a command ended.
#[derive(Clone, Debug, PartialEq)]
pub struct End {
    /// As wait(2) gives it; absent when nobody saw it (the supervisor was killed).
    pub wait_status: Option<i32>,
    /// Set when a limit was the cause.
    pub limitation: Option<Limitation>,
}

/// A limit that ended a container.
#[derive(Clone, Debug, PartialEq)]
pub struct Limitation {
    /// REASON_CONTAINER_LIMITATION_… of the task states.
    pub reason: v1::task_status::Reason,
    /// For people; for memory as spec 09 has it.
    pub message: String,
    /// What was exceeded.
    pub resources: Vec<v1::Resource>,
}
