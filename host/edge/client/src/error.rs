//! What can come instead of an answer.

use std::{fmt, time::Duration};

use ::http::StatusCode;
use mezzo_proto::{json::JsonError, recordio::RecordError, required::DecodeError};

/// Whom a call is meant for; decides what an error advises.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Peer {
    /// A master.
    Master,
    /// An agent.
    Agent,
    /// Either.
    Server,
}

impl fmt::Display for Peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Peer::Master => "master",
            Peer::Agent => "agent",
            Peer::Server => "server",
        })
    }
}

/// Why a call has no answer.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ClientError {
    /// The address cannot be one.
    #[error("`{address}` is not an address: {why}")]
    Address {
        /// As it was given.
        address: String,
        /// What is wrong with it.
        why: &'static str,
    },
    /// Nobody answers.
    #[error("no {peer} answers at {address}{}", advice(*peer))]
    Unreachable {
        /// Who was expected there.
        peer: Peer,
        /// Where.
        address: String,
        /// What the system said.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// It takes too long.
    #[error("the {peer} at {address} did not answer within {} s", waited.as_secs_f32())]
    Timeout {
        /// Who.
        peer: Peer,
        /// Where.
        address: String,
        /// How long was waited.
        waited: Duration,
    },
    /// The connection broke before the answer was whole.
    #[error("the connection to the {peer} at {address} was lost")]
    Lost {
        /// Who.
        peer: Peer,
        /// Where.
        address: String,
        /// What the connection said.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The call was turned down.
    #[error("the {peer} at {address} refused with {status}: {text}")]
    Refused {
        /// Who.
        peer: Peer,
        /// Where.
        address: String,
        /// The status line.
        status: StatusCode,
        /// The sentence that came with it.
        text: String,
    },
    /// Masters point at each other.
    #[error("the master at {address} sends the call on, again and again: no master leads just now")]
    Redirects {
        /// The last one asked.
        address: String,
    },
    /// The answer is larger than a client keeps.
    #[error("the answer of the {peer} at {address} is larger than {limit} bytes")]
    TooLarge {
        /// Who.
        peer: Peer,
        /// Where.
        address: String,
        /// The limit.
        limit: usize,
    },
    /// The answer is not what was asked for: another program, or another version.
    #[error("the answer of the {peer} at {address} cannot be read: {why}")]
    Answer {
        /// Who.
        peer: Peer,
        /// Where.
        address: String,
        /// What is wrong with it.
        why: String,
    },
    /// An event stream has gone silent.
    #[error("nothing came from the {peer} at {address} for {} s: the stream counts as lost", waited.as_secs_f32())]
    Silent {
        /// Who.
        peer: Peer,
        /// Where.
        address: String,
        /// How long.
        waited: Duration,
    },
}

impl ClientError {
    /// The status of a refusal.
    pub fn status(&self) -> Option<StatusCode> {
        match self {
            ClientError::Refused { status, .. } => Some(*status),
            _ => None,
        }
    }
}

fn advice(peer: Peer) -> &'static str {
    match peer {
        Peer::Master => ": start one with `mezzo dev`, or name another with --master",
        Peer::Agent => "; `mezzo agent list` shows where agents are",
        Peer::Server => "",
    }
}

/// Why bytes of an answer are no message.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Unreadable {
    #[error(transparent)]
    Json(#[from] JsonError),
    #[error(transparent)]
    Protobuf(#[from] DecodeError),
    #[error(transparent)]
    Record(#[from] RecordError),
    #[error("{0}")]
    Other(&'static str),
}
