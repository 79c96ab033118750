use std::{borrow::Cow, fmt, io, path::PathBuf, pin::Pin, sync::Arc, time::Duration};

use mezzo_cgroups::{CgroupError, Kind};
use mezzo_model::{container::Fetch, ids::ContainerId};

/// What a node needs, decided.
pub struct NodeConfig {
    /// Where containers keep what must survive the agent but not the machine (`/run/mezzo`). Locked: one node
    /// per directory.
    pub runtime_dir: PathBuf,
    /// What may be removed by `Ask::RemoveTree` lies below it.
    pub work_dir: PathBuf,
    /// How containers are made.
    pub launcher: LauncherKind,
    /// The program of `bin/init`, for this machine.
    pub init: Cow<'static, [u8]>,
    /// Where fetches run, and what else may wait for disks.
    pub runtime: tokio::runtime::Handle,
    /// Brings files into a sandbox.
    pub fetch: Fetcher,
    /// How long ending a container may take before it is complained about (`--cgroups_destroy_timeout`).
    pub destroy_timeout: Duration,
}

/// How containers are made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LauncherKind {
    /// With namespaces and control groups. Needs root.
    Linux {
        /// Where control groups are mounted (`/sys/fs/cgroup`).
        cgroups_hierarchy: PathBuf,
        /// Our group at the top of each hierarchy (`mezzo`, `mezzo/agent-5051`).
        cgroups_root: String,
        /// The controllers that plans may have limits of; the freezer is always used.
        controllers: Vec<Kind>,
    },
    /// With a session each, as whoever the agent is.
    Posix,
}

/// Brings files into a sandbox, in a task of its own. Dropping the future must stop the work.
pub type Fetcher = Arc<dyn Fn(FetchRequest) -> FetchFuture + Send + Sync>;

/// Ends with one sentence for the person who wrote the task when something could not be brought.
pub type FetchFuture = Pin<Box<dyn Future<Output = Result<(), String>> + Send>>;

/// What to bring where.
#[derive(Clone, Debug)]
pub struct FetchRequest {
    /// For whom.
    pub container: ContainerId,
    /// In this order.
    pub items: Vec<Fetch>,
    /// Absolute; is there and belongs to `user`.
    pub sandbox: PathBuf,
    /// To whom the files shall belong; absent means the agent's own account.
    pub user: Option<String>,
}

/// Why a node cannot start. Each names what is missing and what does without it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum NodeError {
    /// An ordinary user wants namespaces.
    #[error(
        "the linux launcher needs root: start the agent as root, or with `--launcher=posix`, which isolates nothing"
    )]
    NotRoot,
    /// A controller is missing or may not be used.
    #[error(
        "control groups cannot be used: {0}{because}; mount the controller, take it out of `--isolation`, or use `--launcher=posix`",
        because = because(.0)
    )]
    Cgroups(#[source] CgroupError),
    /// Two agents, or one that has not ended yet.
    #[error("another agent uses `{runtime_dir}`; give this one a `--runtime_dir` of its own")]
    Taken {
        /// The directory.
        runtime_dir: PathBuf,
    },
    /// The directory cannot be used.
    #[error("failed to {verb} `{path}`: {source}; give a writable directory with `--runtime_dir`")]
    Directory {
        /// What was tried.
        verb: &'static str,
        /// On what.
        path: PathBuf,
        /// What the kernel said.
        #[source]
        source: io::Error,
    },
    /// The program of `bin/init` does not start.
    #[error("failed to start the launcher `{path}`: {source}")]
    Launcher {
        /// The program.
        path: PathBuf,
        /// What the kernel said.
        #[source]
        source: io::Error,
    },
    /// The kernel has no more descriptors or threads for us.
    #[error("failed to {verb}: {source}")]
    Kernel {
        /// What was tried.
        verb: &'static str,
        /// What the kernel said.
        #[source]
        source: io::Error,
    },
}

fn because(error: &CgroupError) -> String {
    std::error::Error::source(error).map(|source| format!(": {source}")).unwrap_or_default()
}

impl fmt::Debug for NodeConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NodeConfig")
            .field("runtime_dir", &self.runtime_dir)
            .field("work_dir", &self.work_dir)
            .field("launcher", &self.launcher)
            .field("init_bytes", &self.init.len())
            .field("destroy_timeout", &self.destroy_timeout)
            .finish_non_exhaustive()
    }
}
