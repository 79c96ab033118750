//! Everything that can happen to a master.
//!
//! The daemon turns requests, link messages, finished writes and deadlines into these;
//! the simulator and the transcripts make them by hand. What an input carries has passed
//! every check that needs no state; each carries who asks.

use mezzo_model::{
    Lane, Laned, LinkId, RequestId, StreamId, Ticket,
    calls::{MasterRead, Principal, RolesRequest, SchedulerRequest},
};
use mezzo_proto::mezzo::link::v1::from_agent;
use mezzo_slots::{Answer, Choice, Failure, Identity, Plan, SlotName};

/// One thing that happened.
#[derive(Clone, Debug)]
#[expect(
    clippy::large_enum_variant,
    reason = "each is made and taken apart once; a box would be one more allocation"
)]
pub enum Input {
    /// An agent has dialled. Its `Hello` follows as the first message.
    LinkOpened {
        /// The new link; never seen before.
        link: LinkId,
        /// Who the agent authenticated as.
        principal: Principal,
    },
    /// A message over a link, in order and without gaps or repetitions: the edge counts.
    LinkMessage {
        /// The link; one that the core has closed is allowed, and its messages are dropped.
        link: LinkId,
        /// The message.
        body: from_agent::Body,
    },
    /// A link is gone, whoever closed it.
    LinkClosed {
        /// The link.
        link: LinkId,
    },
    /// A plugin has answered, or failed to.
    PluginAnswered(Answer),
    /// An `Order::Start` was carried out, or could not be.
    PluginLoaded {
        /// The slot; the allocator's is the only one yet.
        slot: SlotName,
        /// The generation of the order.
        generation: u64,
        /// Who there is to ask now, or why there is nobody.
        outcome: Result<Identity, Failure>,
    },
    /// An operator changes who fills a slot: answered by one `Envelope::Answer`.
    Plugins {
        /// Where the answer goes.
        request: RequestId,
        /// Who asks.
        principal: Principal,
        /// Of which slot.
        slot: SlotName,
        /// What is wanted.
        command: PluginsCommand,
    },
    /// What was asked with this ticket is durable.
    Persisted(Ticket),
    /// What was asked with this ticket could not be made durable.
    NotPersisted {
        /// The ticket.
        ticket: Ticket,
        /// For people.
        why: String,
    },
    /// A scheduler's or operator's event stream has ended on the client's side, or was cut for lagging.
    /// Not given for streams that the core closed itself; if it is, nothing happens.
    StreamClosed {
        /// The stream.
        stream: StreamId,
    },
    /// `Effects::wake_at` has come, or `Effects::again` was set. May come at any time.
    Wake,
    /// A scheduler's call.
    Call(SchedulerRequest),
    /// An operator sets something for roles.
    Roles(RolesRequest),
    /// Operators with the same rights subscribe to events: answered by one `Envelope::OpenWatch`.
    Watch {
        /// Where the answer goes.
        request: RequestId,
        /// Who asks.
        principal: Principal,
        /// A stream for each of them; later ones have higher numbers.
        streams: Vec<StreamId>,
    },
    /// A read: answered by one `Envelope::Snapshot` or a refusal.
    Read {
        /// Where the answer goes.
        request: RequestId,
        /// Who asks.
        principal: Principal,
        /// What is wanted.
        read: MasterRead,
    },
}

/// What an operator wants of a slot.
#[derive(Clone, Debug, PartialEq)]
pub enum PluginsCommand {
    /// Has a plugin serve whose bytes are at hand and were checked.
    Swap {
        /// Which.
        choice: Choice,
        /// Who it says it is.
        identity: Identity,
        /// How.
        plan: Plan,
    },
    /// Has the plugin before serve again.
    RollBack,
    /// Takes a plugin out of quarantine.
    Release {
        /// The first hexadecimal digits of its digest, at least six.
        digest: String,
    },
}

impl Laned for Input {
    fn lane(&self) -> Lane {
        match self {
            Input::LinkOpened { .. }
            | Input::LinkMessage { .. }
            | Input::LinkClosed { .. }
            | Input::PluginAnswered(_)
            | Input::PluginLoaded { .. }
            | Input::Persisted(_)
            | Input::NotPersisted { .. }
            | Input::StreamClosed { .. }
            | Input::Wake => Lane::Liveness,
            Input::Call(_) | Input::Roles(_) | Input::Plugins { .. } => Lane::Calls,
            Input::Watch { .. } | Input::Read { .. } => Lane::Reads,
        }
    }
}

impl Input {
    /// What it is, in one word, for the log of slow turns and for traces.
    pub fn name(&self) -> &'static str {
        match self {
            Input::LinkOpened { .. } => "link-opened",
            Input::LinkMessage { body, .. } => match body {
                from_agent::Body::Hello(_) => "hello",
                from_agent::Body::State(_) => "state",
                from_agent::Body::Ping(_) => "ping",
                from_agent::Body::Pong(_) => "pong",
                from_agent::Body::Update(_) => "update",
                from_agent::Body::ExecutorExited(_) => "executor-exited",
                from_agent::Body::Message(_) => "executor-message",
                from_agent::Body::Goodbye(_) => "goodbye",
                from_agent::Body::OperationUpdate(_) => "operation-update",
            },
            Input::LinkClosed { .. } => "link-closed",
            Input::PluginAnswered(_) => "plugin-answered",
            Input::PluginLoaded { .. } => "plugin-loaded",
            Input::Plugins { command: PluginsCommand::Swap { .. }, .. } => "plugin-swap",
            Input::Plugins { command: PluginsCommand::RollBack, .. } => "plugin-rollback",
            Input::Plugins { command: PluginsCommand::Release { .. }, .. } => "plugin-release",
            Input::Persisted(_) => "persisted",
            Input::NotPersisted { .. } => "not-persisted",
            Input::StreamClosed { .. } => "stream-closed",
            Input::Wake => "wake",
            Input::Call(request) => request.call.name(),
            Input::Roles(request) => request.call.name(),
            Input::Watch { .. } => "watch",
            Input::Read { .. } => "read",
        }
    }
}
