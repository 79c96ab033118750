//! A custom executor on its agent, from its first task to the end of its container.
//!
//! ```text
//!  Launching ──▶ Registering ──▶ Running ──▶ Terminating ──▶ (destroyed: gone)
//!      └──────────────┴─────────────────────────▲
//! ```
//!
//! The executor is a process of the framework's own. Tasks come to it over its event stream
//! and leave it by its updates; its container holds the sum of what they were given.

use std::fmt;

use mezzo_model::{ContainerId, ExecutorId, FrameworkId, StreamId, Wall, container::End};
use mezzo_proto::mesos::v1;
use mezzo_resources::Resources;

use crate::{
    loose::Verdict,
    task::{TaskKey, role_of},
};

/// An executor's name: unique among the executors of an agent.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ExecutorKey {
    /// Whose.
    pub framework: FrameworkId,
    /// Which.
    pub executor: ExecutorId,
}

impl fmt::Display for ExecutorKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` of framework `{}`", self.executor, self.framework)
    }
}

/// A custom executor with everything that the agent knows of it.
#[derive(Clone, Debug)]
pub struct Executor {
    /// Its name.
    pub key: ExecutorKey,
    /// As the framework gave it.
    pub info: v1::ExecutorInfo,
    /// Its container.
    pub container: ContainerId,
    /// Its directory: absolute.
    pub sandbox: String,
    /// When the node was asked for it.
    pub launched: Wall,
    /// What it uses itself, without the role that is allocated to.
    pub resources: Resources,
    /// How far it is.
    pub phase: Phase,
    /// Its first process on the host, once it ran.
    pub pid: Option<i32>,
    /// Its tasks that have not ended, as they came.
    pub tasks: Vec<TaskKey>,
    /// Where its events go, while it is connected.
    pub(crate) stream: Option<StreamId>,
    /// Whether it was ever handed a task.
    pub(crate) had_task: bool,
    /// How often its container's limits were changed.
    pub(crate) resizes: u64,
}

/// How far an executor is.
#[derive(Clone, Debug, PartialEq)]
pub enum Phase {
    /// The node was asked, or is being asked after a restart.
    Launching,
    /// Its process runs and has not subscribed (again).
    Registering,
    /// It has subscribed.
    Running,
    /// It was asked to end, is made to, or has ended; its container is not gone yet.
    Terminating {
        /// What the tasks are told that it leaves behind, where the agent knows better than
        /// the end itself says.
        why: Option<Why>,
        /// How its process ended, once it has.
        end: Option<End>,
    },
}

/// What the agent has against an executor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Why {
    /// How its tasks end.
    pub state: v1::TaskState,
    /// For programs.
    pub reason: v1::task_status::Reason,
    /// For people.
    pub message: String,
}

impl Executor {
    /// Whether it takes no more tasks.
    pub fn is_terminating(&self) -> bool {
        match self.phase {
            Phase::Terminating { .. } => true,
            Phase::Launching | Phase::Registering | Phase::Running => false,
        }
    }

    /// The role that its resources are allocated to; `*` when they do not say.
    pub fn role(&self) -> &str {
        role_of(&self.info.resources)
    }

    /// What becomes of the tasks that it leaves behind, and its status as wait(2) gives it,
    /// `-1` when nobody knows it.
    pub(crate) fn verdict(&self) -> (Verdict, i32) {
        let (why, end) = match &self.phase {
            Phase::Terminating { why, end } => (why.as_ref(), end.as_ref()),
            Phase::Launching | Phase::Registering | Phase::Running => (None, None),
        };
        let status = end.and_then(|end| end.wait_status);
        let limitation = end.and_then(|end| end.limitation.clone());
        let verdict = match (limitation, why) {
            (Some(limitation), _) => crate::ending::limited(limitation),
            (None, Some(why)) => Verdict::of_agent(why.state, why.reason, why.message.clone()),
            (None, None) => {
                let message = match end {
                    Some(_) => "Executor terminated",
                    None => "Abnormal executor termination: unknown container",
                };
                Verdict::of_agent(
                    v1::TaskState::TaskFailed,
                    v1::task_status::Reason::ExecutorTerminated,
                    message,
                )
            }
        };
        (verdict, status.unwrap_or(-1))
    }
}
