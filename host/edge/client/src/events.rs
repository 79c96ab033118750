//! Event streams.

use std::{fmt, marker::PhantomData, time::Duration};

use http::Response;
use http_body_util::BodyExt;
use hyper::body::Incoming;
use mezzo_model::calls::Encoding;
use mezzo_proto::{
    Name,
    mesos::v1::{master, scheduler},
    recordio::Decoder,
};
use tokio::time::timeout;

use crate::{
    ClientError, Config,
    client::{encoding_of, read},
    error::{Peer, Unreadable},
};

/// Until a stream has said how often its heart beats.
const HEARTBEAT_INTERVAL: Duration = Duration::from_secs(15);

/// How long a stream that counts as silent is looked at once more.
const LAST_LOOK: Duration = Duration::from_secs(1);

/// An event of a stream that beats.
pub trait Event: Name + Default {
    /// The interval of heartbeats that this event announces.
    fn heartbeat_interval_s(&self) -> Option<f64>;
}

impl Event for scheduler::Event {
    fn heartbeat_interval_s(&self) -> Option<f64> {
        self.subscribed.as_ref()?.heartbeat_interval_seconds
    }
}

impl Event for master::Event {
    fn heartbeat_interval_s(&self) -> Option<f64> {
        self.subscribed.as_ref()?.heartbeat_interval_seconds
    }
}

/// The events of one long answer.
pub struct Events<E> {
    address: String,
    body: Incoming,
    decoder: Decoder,
    encoding: Encoding,
    interval: Duration,
    missed_max: u32,
    kind: PhantomData<fn() -> E>,
}

impl<E: Event> Events<E> {
    pub(crate) fn new(response: Response<Incoming>, address: String, config: &Config) -> Self {
        Self {
            address,
            encoding: encoding_of(response.headers()),
            body: response.into_body(),
            decoder: Decoder::new(config.event_bytes_max),
            interval: HEARTBEAT_INTERVAL,
            missed_max: config.heartbeats_missed_max,
            kind: PhantomData,
        }
    }

    /// The next event, heartbeats included; `None` when the server has ended the stream.
    ///
    /// May be cancelled and called again without losing anything.
    ///
    /// # Errors
    ///
    /// When the stream breaks, cannot be read, or misses too many heartbeats.
    pub async fn next(&mut self) -> Result<Option<E>, ClientError> {
        loop {
            if let Some(record) =
                self.decoder.next_record().map_err(|error| self.unreadable(&error.into()))?
            {
                let event: E = read(self.encoding, &record).map_err(|why| self.unreadable(&why))?;
                if let Some(seconds) = event.heartbeat_interval_s() {
                    self.interval = Duration::try_from_secs_f64(seconds).unwrap_or(HEARTBEAT_INTERVAL);
                }
                return Ok(Some(event));
            }
            let waited = self.interval.saturating_mul(self.missed_max);
            let mut frame = timeout(waited, self.body.frame()).await;
            if frame.is_err() {
                // Perhaps it was this process that stood still: what has come meanwhile is read first.
                frame = timeout(LAST_LOOK, self.body.frame()).await;
            }
            let (peer, address) = (Peer::Master, self.address.clone());
            match frame.map_err(|_| ClientError::Silent { peer, address: address.clone(), waited })? {
                Some(Ok(frame)) => {
                    if let Ok(data) = frame.into_data() {
                        self.decoder.push(&data);
                    }
                }
                Some(Err(error)) => return Err(ClientError::Lost { peer, address, source: error.into() }),
                None => {
                    self.decoder.finish().map_err(|error| self.unreadable(&error.into()))?;
                    return Ok(None);
                }
            }
        }
    }

    fn unreadable(&self, why: &Unreadable) -> ClientError {
        ClientError::Answer { peer: Peer::Master, address: self.address.clone(), why: why.to_string() }
    }
}

impl<E> fmt::Debug for Events<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Events").field("address", &self.address).finish_non_exhaustive()
    }
}

/// A scheduler's subscription: its events, and the id that its calls carry.
///
/// The stream ends when this is dropped; the master then waits for the framework to come back.
#[derive(Debug)]
pub struct Subscription {
    stream_id: String,
    events: Events<scheduler::Event>,
}

impl Subscription {
    pub(crate) fn new(stream_id: String, events: Events<scheduler::Event>) -> Self {
        Self { stream_id, events }
    }

    /// What every further call of this scheduler carries.
    pub fn stream_id(&self) -> &str {
        &self.stream_id
    }

    /// The next event; see [`Events::next`].
    ///
    /// # Errors
    ///
    /// As [`Events::next`].
    pub async fn next(&mut self) -> Result<Option<scheduler::Event>, ClientError> {
        self.events.next().await
    }
}
