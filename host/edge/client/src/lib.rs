//! A client of the v1 API, as the command line and the tests use it.
//!
//! A [`Client`] knows one address, a master's or an agent's, and keeps connections to it
//! between calls. It follows a redirect to the leading master with the body intact, bounds
//! every wait and every answer, and its errors say which address did not do what, and what
//! helps. A scheduler's events come out of a [`Subscription`].
//!
//! Deliberately absent: subscribing again after a loss, and every decision of a scheduler.
#![forbid(unsafe_code)]

mod address;
mod client;
mod error;
mod events;
mod http;

pub use crate::{
    client::Client,
    error::{ClientError, Peer},
    events::{Event, Events, Subscription},
};

use std::time::Duration;

/// The limits of a client.
#[derive(Clone, Debug)]
pub struct Config {
    /// For a connection to be made.
    pub connect_timeout: Duration,
    /// For an answer to be whole; of an event stream, for its head.
    pub answer_timeout: Duration,
    /// The longest answer: the state of a large cluster fits.
    pub answer_bytes_max: usize,
    /// The longest event.
    pub event_bytes_max: usize,
    /// How many heartbeats may be missed before a stream counts as lost.
    pub heartbeats_missed_max: u32,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            connect_timeout: Duration::from_secs(5),
            answer_timeout: Duration::from_secs(30),
            answer_bytes_max: 512 << 20,
            event_bytes_max: 64 << 20,
            heartbeats_missed_max: 5,
        }
    }
}
