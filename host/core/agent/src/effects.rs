//! Everything an agent can want of the outside.

use std::sync::Arc;

use mezzo_model::{
    LinkId, Mono, RequestId, StreamId, Ticket,
    calls::{AgentRead, Answer},
    container, outbox,
};
use mezzo_proto::{mesos::v1::executor::Event, mezzo::link::v1::from_agent};

use crate::views::View;

/// What is wanted after one turn.
///
/// The outbox makes `persist` first, in its order, and then `send`. If a write fails, the rest
/// of the writes and all of `send` are dropped and the ticket comes back as `NotPersisted`; the
/// core then does what is right without them. [`Effects::into_turn`] is the form that the
/// outbox takes.
#[derive(Debug, Default)]
#[must_use]
pub struct Effects {
    /// Set when `persist` is not empty; comes back as `Persisted` or `NotPersisted`.
    pub ticket: Option<Ticket>,
    /// Checkpoints, below the work directory's `meta`.
    pub persist: Vec<Write>,
    /// Messages, asks and answers, in the order they must leave.
    pub send: Vec<Envelope>,
    /// What happened, for the log of the daemon. Never dropped.
    pub observations: Vec<Observation>,
    /// When to come back with `Wake` if nothing else happens first; replaces the moment of the
    /// turn before.
    pub wake_at: Option<Mono>,
    /// Come back with `Wake` at once, after the inputs that wait already: long work goes on.
    pub again: bool,
    /// The process may end, once what was sent before has left.
    pub exit: Option<Exit>,
}

/// One change of one checkpoint file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Write {
    /// Path below `meta`: segments of letters, digits and `.`, `_`, `-`, with `/` between.
    pub key: String,
    /// What is done to it.
    pub change: Change,
    /// Must survive the machine (fdatasync), not only this process.
    pub is_durable: bool,
}

/// What is done to a checkpoint file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// The whole file, at once: a reader sees the old or the new.
    Replace(Vec<u8>),
    /// More at its end; made if there is none. A crash may tear what was appended last.
    Append(Vec<u8>),
    /// Gone; nothing happens if it was not there.
    Remove,
}

/// One message to one destination. Messages to one destination never overtake each other.
#[allow(
    clippy::large_enum_variant,
    reason = "they are moved a few times in their life, and never kept in numbers"
)]
#[derive(Debug)]
pub enum Envelope {
    /// Recovery is over: keep a link to the master from now on, with back-off between attempts.
    Dial,
    /// To the master.
    ToMaster {
        /// Over this link; one that has closed meanwhile swallows it.
        link: LinkId,
        /// The message; the edge numbers it.
        body: from_agent::Body,
    },
    /// Close a link, after what was sent over it before.
    CloseLink {
        /// The link.
        link: LinkId,
        /// For the log.
        why: String,
    },
    /// To the node.
    Node(container::Ask),
    /// The answer to a read that gets no snapshot, or to an executor's call. A SUBSCRIBE that
    /// succeeds gets `OpenStream` instead.
    Answer {
        /// The request.
        request: RequestId,
        /// The answer.
        answer: Answer,
    },
    /// Answer an executor's SUBSCRIBE with 200 and an endless body.
    OpenStream {
        /// The SUBSCRIBE.
        request: RequestId,
        /// The stream that events will name.
        stream: StreamId,
    },
    /// One record on an executor's stream; one that has closed meanwhile swallows it.
    Event {
        /// The stream.
        stream: StreamId,
        /// The event.
        event: Box<Event>,
    },
    /// End a stream, after what was sent on it before.
    CloseStream {
        /// The stream.
        stream: StreamId,
        /// For the log.
        why: String,
    },
    /// The answer to a read: to be rendered off the loop by `views`.
    Snapshot {
        /// The read's request.
        request: RequestId,
        /// What was wanted.
        read: AgentRead,
        /// The facts of this moment.
        view: Arc<View>,
    },
    /// The answer to [`AgentRead::ResolvePath`].
    Path {
        /// The read's request.
        request: RequestId,
        /// Where the virtual path leads.
        path: ResolvedPath,
    },
}

impl Envelope {
    /// Whether it may overtake what waits for a checkpoint.
    fn relies_on_nothing(&self) -> bool {
        match self {
            Self::ToMaster { body, .. } => matches!(body, from_agent::Body::Pong(_)),
            Self::Snapshot { .. } | Self::Path { .. } => true,
            Self::Dial
            | Self::CloseLink { .. }
            | Self::Node(_)
            | Self::Answer { .. }
            | Self::OpenStream { .. }
            | Self::Event { .. }
            | Self::CloseStream { .. } => false,
        }
    }
}

/// Where a virtual path of the files API leads on the host.
///
/// `root` is opened as a directory handle and `rest` only through it, so that nothing that a
/// task plants in its sandbox leads out of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResolvedPath {
    /// Absolute path of the directory (or, for a log, the file) that was attached.
    pub root: String,
    /// Path below it; empty for the root itself.
    pub rest: String,
}

/// Something a person may want to know of: the daemon logs it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Observation {
    /// Something went on as it should.
    Info(String),
    /// Something went on, but a person should look at it.
    Warning(String),
}

/// Why the process may end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Exit {
    /// As it was asked to.
    Stopped,
    /// The master ended this agent: its id is void.
    ShutDown {
        /// The master's words.
        reason: String,
    },
    /// It cannot go on without a person: what is wrong, and what to do about it.
    Failed {
        /// What is wrong.
        reason: String,
        /// What to do.
        remedy: String,
    },
}

/// What leaves the outbox of an agent.
#[allow(
    clippy::large_enum_variant,
    reason = "they are moved a few times in their life, and never kept in numbers"
)]
#[derive(Debug)]
pub enum Leaving {
    /// Deliver it.
    Envelope(Envelope),
    /// The checkpoints of this turn are kept: give [`crate::Input::Persisted`] to the core.
    Kept(Ticket),
}

/// What of a turn does not wait in the outbox.
#[derive(Debug, Default)]
pub struct AtOnce {
    /// Signs of life and what reads have asked for. They rely on nothing durable, so a disk that
    /// stands still must not hold them up: an agent that answers no pings loses its tasks.
    pub send: Vec<Envelope>,
    /// For the log.
    pub observations: Vec<Observation>,
    /// See [`Effects::wake_at`].
    pub wake_at: Option<Mono>,
    /// See [`Effects::again`].
    pub again: bool,
    /// See [`Effects::exit`]: end once the outbox is empty.
    pub exit: Option<Exit>,
}

impl Effects {
    /// Splits the turn into what goes through the outbox, in order, and the rest.
    ///
    /// All writes of a turn are one checkpoint of the outbox, to be made in their order.
    pub fn into_turn(self) -> (outbox::Turn<Vec<Write>, Leaving>, AtOnce) {
        let mut turn = outbox::Turn::default();
        if let Some(ticket) = self.ticket {
            turn.checkpoints.push((ticket, self.persist));
            turn.sends.push(Leaving::Kept(ticket));
        }
        let (at_once, in_order): (Vec<_>, Vec<_>) =
            self.send.into_iter().partition(Envelope::relies_on_nothing);
        turn.sends.extend(in_order.into_iter().map(Leaving::Envelope));
        let rest = AtOnce {
            send: at_once,
            observations: self.observations,
            wake_at: self.wake_at,
            again: self.again,
            exit: self.exit,
        };
        (turn, rest)
    }

    pub(crate) fn info(&mut self, text: impl Into<String>) {
        self.observations.push(Observation::Info(text.into()));
    }

    pub(crate) fn warn(&mut self, text: impl Into<String>) {
        self.observations.push(Observation::Warning(text.into()));
    }

    pub(crate) fn tell_master(&mut self, link: LinkId, body: from_agent::Body) {
        self.send.push(Envelope::ToMaster { link, body });
    }

    pub(crate) fn node(&mut self, ask: container::Ask) {
        self.send.push(Envelope::Node(ask));
    }

    pub(crate) fn answer(&mut self, request: RequestId, answer: Answer) {
        self.send.push(Envelope::Answer { request, answer });
    }

    pub(crate) fn event(&mut self, stream: StreamId, event: Event) {
        self.send.push(Envelope::Event { stream, event: Box::new(event) });
    }

    pub(crate) fn close_stream(&mut self, stream: StreamId, why: impl Into<String>) {
        self.send.push(Envelope::CloseStream { stream, why: why.into() });
    }

    pub(crate) fn write(&mut self, key: impl Into<String>, change: Change, is_durable: bool) {
        self.persist.push(Write { key: key.into(), change, is_durable });
    }
}
