//! Everything that can happen to an agent.
//!
//! The daemon turns link messages, node reports, finished writes, reads and deadlines into
//! these; the simulator and the transcripts make them by hand. What an input carries has
//! passed every check that needs no state.

use mezzo_model::{
    Lane, Laned, LinkId, RequestId, StreamId, Ticket, Wall,
    calls::{AgentRead, ExecutorRequest, Principal},
    container,
};
use mezzo_proto::mezzo::link::v1::from_master;

/// One thing that happened.
#[allow(
    clippy::large_enum_variant,
    reason = "they are moved a few times in their life, and never kept in numbers"
)]
#[derive(Clone, Debug)]
pub enum Input {
    /// The very first input of a process: what its work directory holds.
    Start(Found),
    /// The daemon has reached a master. Only after [`crate::Envelope::Dial`].
    LinkOpened {
        /// The new link; never seen before.
        link: LinkId,
    },
    /// A message over a link, in order and without gaps or repetitions: the edge counts.
    LinkMessage {
        /// The link; one that the core has closed is allowed, and its messages are dropped.
        link: LinkId,
        /// The message.
        body: from_master::Body,
    },
    /// A link is gone, whoever closed it. The daemon dials again by itself.
    LinkClosed {
        /// The link.
        link: LinkId,
    },
    /// What the node says of a container.
    Node(container::Report),
    /// The writes of the turn with this ticket were made.
    Persisted(Ticket),
    /// They were not all made, and the sends of that turn were dropped.
    NotPersisted {
        /// The ticket.
        ticket: Ticket,
        /// For people.
        why: String,
    },
    /// [`crate::Effects::wake_at`] has come, or `Effects::again` was set. May come at any time.
    Wake,
    /// A call of an executor: answered by one [`crate::Envelope::Answer`], or a SUBSCRIBE by
    /// [`crate::Envelope::OpenStream`].
    Call(Box<ExecutorRequest>),
    /// An executor's event stream has ended on the client's side, or was cut for lagging.
    StreamClosed {
        /// The stream.
        stream: StreamId,
    },
    /// A read: answered by one [`crate::Envelope::Snapshot`] or a refusal.
    Read {
        /// Where the answer goes.
        request: RequestId,
        /// Who asks.
        principal: Principal,
        /// What is wanted.
        read: AgentRead,
    },
    /// The process is asked to end. [`crate::Effects::exit`] says when it may.
    Stop(Stop),
}

/// What becomes of the tasks when the process ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stop {
    /// They live on; the next agent on this work directory finds them again.
    LeaveTasks,
    /// They are ended first.
    EndTasks,
}

/// What the daemon found when it started.
#[derive(Clone, Debug, Default)]
pub struct Found {
    /// The kernel's name for this boot of the machine.
    pub boot_id: String,
    /// Every file that [`crate::Write`]s have made, by its key, in any order.
    pub checkpoints: Vec<(String, Vec<u8>)>,
    /// The sandboxes of containers below the work directory.
    pub sandboxes: Vec<Sandbox>,
}

/// A container's directory, from an earlier life of the agent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sandbox {
    /// Absolute path.
    pub path: String,
    /// When something in it last changed, as far as its own entry tells.
    pub modified: Wall,
}

impl Laned for Input {
    fn lane(&self) -> Lane {
        match self {
            Input::Start(_)
            | Input::LinkOpened { .. }
            | Input::LinkMessage { .. }
            | Input::LinkClosed { .. }
            | Input::Node(_)
            | Input::Persisted(_)
            | Input::NotPersisted { .. }
            | Input::StreamClosed { .. }
            | Input::Wake
            | Input::Stop(_) => Lane::Liveness,
            Input::Call(_) => Lane::Calls,
            Input::Read { .. } => Lane::Reads,
        }
    }
}

impl Input {
    /// What it is, in one word, for the log of slow turns and for traces.
    pub fn name(&self) -> &'static str {
        match self {
            Input::Start(_) => "start",
            Input::LinkOpened { .. } => "link-opened",
            Input::LinkMessage { body, .. } => match body {
                from_master::Body::Welcome(_) => "welcome",
                from_master::Body::Refused(_) => "refused",
                from_master::Body::Ping(_) => "ping",
                from_master::Body::Pong(_) => "pong",
                from_master::Body::RunTask(_) => "run-task",
                from_master::Body::KillTask(_) => "kill-task",
                from_master::Body::Acknowledge(_) => "acknowledge",
                from_master::Body::ShutdownFramework(_) => "shutdown-framework",
                from_master::Body::ShutdownExecutor(_) => "shutdown-executor",
                from_master::Body::Message(_) => "executor-message",
                from_master::Body::Reconcile(_) => "reconcile",
                from_master::Body::UpdateFramework(_) => "update-framework",
                from_master::Body::Shutdown(_) => "shutdown",
                from_master::Body::ApplyOperation(_) => "apply-operation",
                from_master::Body::AcknowledgeOperation(_) => "acknowledge-operation",
            },
            Input::LinkClosed { .. } => "link-closed",
            Input::Node(report) => match report {
                container::Report::Launched { .. } => "launched",
                container::Report::LaunchFailed { .. } => "launch-failed",
                container::Report::Exited { .. } => "exited",
                container::Report::Resized { .. } => "resized",
                container::Report::VolumesChanged { .. } => "volumes-changed",
                container::Report::Destroyed { .. } => "destroyed",
                container::Report::Recovered { .. } => "recovered",
            },
            Input::Persisted(_) => "persisted",
            Input::NotPersisted { .. } => "not-persisted",
            Input::Wake => "wake",
            Input::Call(request) => request.call.name(),
            Input::StreamClosed { .. } => "stream-closed",
            Input::Read { .. } => "read",
            Input::Stop(_) => "stop",
        }
    }
}
