//! The link between an agent and its master: how its messages travel.
//!
//! The agent [`dial`]s the master and holds one HTTP/2 connection with one bidirectional
//! stream: the request's body carries what the agent says, the answer's body what the
//! master says. The master hands requests of [`PATH`] to [`Acceptor::handle`]. Either way
//! a [`Link`] comes out: a [`Sender`] and a [`Receiver`].
//!
//! Messages are numbered from 1 on each side, and a number that is not the next one ends
//! the link; so a core may rely on order without gaps or repetitions. Nothing of a link
//! outlives it. Pings are the cores' own.
//!
//! Deliberately absent: what the messages mean, when to dial again.
#![forbid(unsafe_code)]

mod accept;
mod dial;
mod framing;
mod link;
mod outgoing;

pub use accept::{Acceptor, BoxError};
pub use dial::{DialError, dial};
pub use framing::{Decoder, Fault, Message};
pub use link::{Closed, Link, Receiver, Sender};

use std::time::Duration;

/// Where a master takes links.
pub const PATH: &str = "/link/v1/control";

/// The limits of a link.
#[derive(Clone, Debug)]
pub struct Config {
    /// The longest message, either way: an agent's whole state with thousands of tasks fits.
    pub message_bytes_max: usize,
    /// What may wait to be sent; a peer that falls further behind is cut off.
    pub queue_bytes_max: usize,
    /// For reaching the master and for its answer, each.
    pub connect_timeout: Duration,
    /// How long a closed link may take to hand over what was sent before.
    pub close_timeout: Duration,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            message_bytes_max: 64 << 20,
            queue_bytes_max: 128 << 20,
            connect_timeout: Duration::from_secs(10),
            close_timeout: Duration::from_secs(5),
        }
    }
}
