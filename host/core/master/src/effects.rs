//! Everything a master can want of the outside.

use std::sync::Arc;

use mezzo_acl::Approver;
use mezzo_model::{
    AgentId, FrameworkId, LinkId, Mono, RequestId, StreamId, TaskId, Ticket,
    calls::{Answer, Encoding, MasterRead},
};
use mezzo_proto::{
    mesos::v1::{master, scheduler::Event},
    mezzo::link::v1::from_master,
};
use mezzo_registry::Write;

use crate::{views::View, watchers::Audience};

/// What is wanted after one turn.
///
/// The outbox carries it out in this order: `persist` is handed to the store, `send` goes out in
/// its own order, then `slots` and `ask`. A registry fact takes two turns, so nothing in `send`
/// ever relies on a write of the same turn.
#[derive(Debug, Default)]
#[must_use]
pub struct Effects {
    /// Registry facts to make durable; each comes back as `Persisted` or `NotPersisted`.
    pub persist: Vec<(Ticket, Write)>,
    /// Messages, answers and events, in the order they must leave.
    pub send: Vec<Envelope>,
    /// Questions to plugins; each is answered by one `PluginAnswered`.
    pub ask: Vec<mezzo_slots::Ask>,
    /// What to do with plugins' instances, before `ask`; a `Start` is answered by `PluginLoaded`.
    pub slots: Vec<mezzo_slots::Order>,
    /// What happened, for the log and the counters of the daemon.
    pub observations: Vec<Observation>,
    /// When to come back with `Wake` if nothing else happens first; replaces the moment of the
    /// turn before.
    pub wake_at: Option<Mono>,
    /// Come back with `Wake` at once, after the inputs that wait already: long work goes on.
    pub again: bool,
}

/// One message to one destination. Messages to one destination never overtake each other.
#[derive(Debug)]
#[expect(
    clippy::large_enum_variant,
    reason = "each is made and taken apart once; a box would be one more allocation"
)]
pub enum Envelope {
    /// To an agent.
    ToAgent {
        /// Over this link; one that has closed meanwhile swallows it.
        link: LinkId,
        /// The message; the edge numbers it.
        body: from_master::Body,
    },
    /// Close a link, after what was sent over it before.
    CloseLink {
        /// The link.
        link: LinkId,
        /// For the log.
        why: String,
    },
    /// The answer to a call. A SUBSCRIBE that succeeds gets `OpenStream` instead.
    Answer {
        /// The request.
        request: RequestId,
        /// The answer.
        answer: Answer,
    },
    /// Answer a SUBSCRIBE with 200, the `Mesos-Stream-Id` header and an endless body.
    OpenStream {
        /// The SUBSCRIBE.
        request: RequestId,
        /// The stream that events will name.
        stream: StreamId,
        /// Value of the `Mesos-Stream-Id` header.
        stream_id: String,
        /// How to write the events.
        encoding: Encoding,
    },
    /// One record on a stream.
    Event {
        /// The stream.
        stream: StreamId,
        /// The event; encoded once for each encoding.
        event: Arc<Event>,
    },
    /// End a stream, after what was sent on it before.
    CloseStream {
        /// The stream.
        stream: StreamId,
        /// For the log.
        why: String,
    },
    /// The answer to a read: to be rendered off the loop by `views::render`.
    Snapshot {
        /// The read's request.
        request: RequestId,
        /// What was wanted.
        read: MasterRead,
        /// The facts of this moment.
        view: Arc<View>,
    },
    /// Open the event streams of operators, each with the snapshot of this moment first: what
    /// was sent as a `WatchEvent` before is in it, and what is sent afterwards is not.
    OpenWatch {
        /// The request.
        request: RequestId,
        /// The streams; a `CloseStream` ends one.
        streams: Vec<StreamId>,
        /// Which events they may hear.
        approver: Approver,
        /// The facts of this moment.
        view: Arc<View>,
    },
    /// One event for every open watch that belongs to the audience.
    WatchEvent {
        /// Whose eyes it is for.
        audience: Audience,
        /// The event; encoded once for each encoding.
        event: Box<master::Event>,
    },
}

/// Something a person may want to know of: the daemon logs and counts it.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Observation {
    /// Something went on as it should.
    Info(String),
    /// Something went on, but a person should look at it.
    Warning(String),
    /// A framework has subscribed, for the first time or again.
    FrameworkSubscribed(FrameworkId),
    /// A framework was removed.
    FrameworkRemoved(FrameworkId),
    /// An agent was admitted or came back with its whole state.
    AgentReady(AgentId),
    /// An agent's link is gone.
    AgentDisconnected(AgentId),
    /// An agent was marked unreachable.
    AgentUnreachable(AgentId),
    /// A task was refused before it reached an agent.
    TaskRefused {
        /// Whose.
        framework: FrameworkId,
        /// Which.
        task: TaskId,
        /// Why.
        why: String,
    },
    /// What a plugin did: rows dropped, faults, falls.
    Plugin(mezzo_slots::Incident),
}

impl Effects {
    pub(crate) fn info(&mut self, text: impl Into<String>) {
        self.observations.push(Observation::Info(text.into()));
    }

    pub(crate) fn warn(&mut self, text: impl Into<String>) {
        self.observations.push(Observation::Warning(text.into()));
    }

    pub(crate) fn tell_agent(&mut self, link: LinkId, body: from_master::Body) {
        self.send.push(Envelope::ToAgent { link, body });
    }

    pub(crate) fn answer(&mut self, request: RequestId, answer: Answer) {
        self.send.push(Envelope::Answer { request, answer });
    }

    pub(crate) fn event(&mut self, stream: StreamId, event: Event) {
        self.send.push(Envelope::Event { stream, event: Arc::new(event) });
    }

    pub(crate) fn close_stream(&mut self, stream: StreamId, why: impl Into<String>) {
        self.send.push(Envelope::CloseStream { stream, why: why.into() });
    }

    pub(crate) fn close_link(&mut self, link: LinkId, why: impl Into<String>) {
        self.send.push(Envelope::CloseLink { link, why: why.into() });
    }
}
