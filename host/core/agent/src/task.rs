//! A task on its agent, from its order to the last acknowledgement.
//!
//! ```text
//!  Waiting ──▶ Launching ──▶ Running ──▶ Ending ──▶ Ended ──▶ (acknowledged: gone)
//!     └────────────┴──────────────────────▲
//! ```
//!
//! `Ending` is the time between the decision how the task ended, which is on disk from
//! then on, and the moment when nothing of its container is left. Only then is the end told
//! and are the resources free: nobody else may be given what a dying process still holds.

use std::{collections::VecDeque, fmt};

use mezzo_model::{ContainerId, FrameworkId, Mono, TaskId, Wall};
use mezzo_proto::{mesos::v1, mezzo::store::v1::kill_record};
use mezzo_resources::Resources;

use crate::{executor::ExecutorKey, stream::Stream};

/// A task's name: unique among the tasks of an agent that have not been acknowledged to the end.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct TaskKey {
    /// Whose.
    pub framework: FrameworkId,
    /// Which.
    pub task: TaskId,
}

impl fmt::Display for TaskKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` of framework `{}`", self.task, self.framework)
    }
}

/// A task with everything that the agent knows of it.
#[derive(Clone, Debug)]
pub struct Task {
    /// Its name.
    pub key: TaskKey,
    /// As the framework gave it.
    pub info: v1::TaskInfo,
    /// Its container, or its executor's.
    pub container: ContainerId,
    /// Set when an executor of its framework runs it.
    pub executor: Option<InExecutor>,
    /// What its log on disk is called: as its container, or a name of its own.
    pub(crate) log_name: String,
    /// Its directory, or its executor's: absolute.
    pub sandbox: String,
    /// When the order came.
    pub received: Wall,
    /// What it uses, without the role it was allocated to.
    pub resources: Resources,
    /// How far it is.
    pub phase: Phase,
    /// A kill that is under way.
    pub kill: Option<Kill>,
    /// The first process on the host, once it ran.
    pub pid: Option<i32>,
    /// Updates on their way to the framework.
    pub stream: Stream,
    /// The newest status of each state, in order, for people.
    pub history: Vec<v1::TaskStatus>,
    /// Whether the log on disk is what it should be.
    pub log: Log,
}

/// What a task is to the executor that runs it.
#[derive(Clone, Debug)]
pub struct InExecutor {
    /// Which.
    pub key: ExecutorKey,
    /// It is handed over once the container's limits were changed for the so-manyth time.
    pub(crate) after_resize: u64,
    /// A kill that was passed on; it is again when the executor comes back.
    pub(crate) kill: Option<Option<v1::KillPolicy>>,
    /// The newest of the executor's updates, by their uuids: what comes again is known.
    pub(crate) seen: VecDeque<Vec<u8>>,
}

impl InExecutor {
    pub(crate) fn new(key: ExecutorKey) -> Self {
        Self { key, after_resize: 0, kill: None, seen: VecDeque::new() }
    }

    /// Notes an update; false when it was noted before.
    pub(crate) fn see(&mut self, uuid: &[u8]) -> bool {
        let is_new = !self.seen.iter().any(|seen| seen == uuid);
        if is_new {
            self.seen.push_back(uuid.to_vec());
            if self.seen.len() > SEEN_MAX {
                self.seen.pop_front();
            }
        }
        is_new
    }
}

/// How many updates of a task are remembered by their uuids. An executor sends again only what
/// was not acknowledged, and it is as soon as it is on disk.
const SEEN_MAX: usize = 256;

/// How far a task is.
///
/// Under an executor it is *launching* until it is handed over, *running* from then on, and
/// *ended* at once by its terminal update: its container goes on.
#[derive(Clone, Debug, PartialEq)]
pub enum Phase {
    /// Its resources are still held by tasks that are being ended.
    Waiting,
    /// The node was asked, or is being asked after a restart.
    Launching,
    /// The command runs.
    Running,
    /// It is known how it ends; its container is being removed.
    Ending {
        /// The terminal status, on disk and not yet told.
        status: Box<v1::TaskStatus>,
    },
    /// Its container is gone, and its resources are free.
    Ended {
        /// The terminal state.
        state: v1::TaskState,
    },
}

/// A kill that is under way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Kill {
    /// Why.
    pub cause: kill_record::Cause,
    /// When the container is destroyed.
    pub escalate_at: Mono,
    /// The same on the wall, for the checkpoint.
    pub escalate_wall: Wall,
    /// The grace as it was when the kill began.
    pub grace_ns: u64,
}

/// Whether a task's log on disk is what it should be.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Log {
    /// A write failed or the end was torn: it is written anew, whole, before anything that
    /// relies on it leaves. Otherwise what is new is appended.
    pub is_torn: bool,
    /// How often in a row it could not be written.
    pub failures: u32,
}

impl Task {
    /// What its log on disk is called: its container's name, or one of its own under an executor.
    pub fn log_name(&self) -> &str {
        &self.log_name
    }

    /// The latest state that is true, maybe ahead of what was told.
    pub fn latest_state(&self) -> v1::TaskState {
        match &self.phase {
            Phase::Ended { state } => *state,
            Phase::Waiting | Phase::Launching | Phase::Running | Phase::Ending { .. } => {
                self.history.last().map_or(v1::TaskState::TaskStaging, |status| status.state())
            }
        }
    }

    /// Whether its container is gone.
    pub fn is_ended(&self) -> bool {
        match self.phase {
            Phase::Ended { .. } => true,
            Phase::Waiting | Phase::Launching | Phase::Running | Phase::Ending { .. } => false,
        }
    }

    /// The terminal status that is on disk and not yet told.
    pub(crate) fn held(&self) -> Option<&v1::TaskStatus> {
        match &self.phase {
            Phase::Ending { status } => Some(status),
            Phase::Waiting | Phase::Launching | Phase::Running | Phase::Ended { .. } => None,
        }
    }

    /// Whether it will free its resources without further orders.
    pub(crate) fn is_on_its_way_out(&self) -> bool {
        match self.phase {
            Phase::Ending { .. } => true,
            Phase::Waiting | Phase::Launching | Phase::Running => self.kill.is_some(),
            Phase::Ended { .. } => false,
        }
    }

    /// The role that its resources are allocated to; `*` when they do not say.
    pub fn role(&self) -> &str {
        role_of(&self.info.resources)
    }

    /// Remembers a status for people: one for each state, the newest.
    pub(crate) fn remember(&mut self, status: &v1::TaskStatus) {
        self.history.retain(|old| old.state != status.state);
        self.history.push(status.clone());
    }
}

/// The role that resources are allocated to; `*` when they do not say.
pub(crate) fn role_of(resources: &[v1::Resource]) -> &str {
    resources.iter().find_map(|resource| resource.allocation_info.as_ref()?.role.as_deref()).unwrap_or("*")
}

/// Whether no further state follows.
pub(crate) fn is_terminal(state: v1::TaskState) -> bool {
    use v1::TaskState::*;

    match state {
        TaskFinished | TaskFailed | TaskKilled | TaskError | TaskLost | TaskDropped | TaskGone
        | TaskGoneByOperator => true,
        TaskStaging | TaskStarting | TaskRunning | TaskKilling | TaskUnreachable | TaskUnknown => false,
    }
}
