//! Operators' event streams: one feed for each encoding, and a snapshot before it.
//!
//! Those of the same rights and encoding who come while a snapshot is being made share the next
//! one, so a thousand at once cost two renderings and not a thousand.

mod snapshot;

use std::{
    collections::{HashMap, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
};

use mezzo_acl::Approver;
use mezzo_core_master::{
    Input,
    views::View,
    watchers::{Audience, heartbeat},
};
use mezzo_http::{Body, CloseReason, Feed, FeedHandle, FeedReader};
use mezzo_model::{
    StreamId,
    calls::{Encoding, Principal, Refusal},
};
use mezzo_proto::mesos::v1::master::Event;
use mezzo_telemetry::{Counter, Metrics};
use tokio::sync::{Semaphore, oneshot};

use crate::Inbox;
use snapshot::{encoded, farewell};

/// Bytes of snapshots that may wait for their readers to take them, beside the newest one.
const SNAPSHOTS_BYTES_MAX: usize = 32 << 20;

/// Every operator that watches.
pub(crate) struct Watches {
    json: Feed<Audience>,
    protobuf: Feed<Audience>,
    state: Mutex<State>,
    inbox: Arc<Inbox>,
    dropped: Counter,
    /// One snapshot is made at a time.
    renders: Semaphore,
}

#[derive(Default)]
struct State {
    /// Who waits for the next snapshot. There is an entry for as long as its line is served.
    lines: HashMap<Line, Vec<Joiner>>,
    open: HashMap<StreamId, FeedHandle>,
    held: VecDeque<Held>,
}

/// Those who can share a snapshot.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Line {
    /// As whom they watch.
    pub(crate) principal: Principal,
    /// How they read.
    pub(crate) encoding: Encoding,
}

/// One who waits for a snapshot.
pub(crate) struct Joiner {
    /// What its stream will be called.
    pub(crate) stream: StreamId,
    /// Where its answer goes.
    pub(crate) opened: oneshot::Sender<Result<Body, Refusal>>,
}

/// Streams that the core has opened: their places are kept, and they wait for their snapshot.
pub(crate) struct Opened {
    readers: Vec<FeedReader<Audience>>,
    view: Arc<View>,
    encoding: Encoding,
}

/// A snapshot that some have not taken yet.
struct Held {
    bytes: usize,
    readers: Vec<(Weak<()>, FeedHandle)>,
}

impl Watches {
    /// Nobody watches yet. `backlog_bytes_max` is how far those who do may be behind.
    pub(crate) fn new(inbox: Arc<Inbox>, metrics: &Metrics, backlog_bytes_max: usize) -> Arc<Self> {
        let feed = |encoding| Feed::new(backlog_bytes_max, farewell(encoding, backlog_bytes_max));
        Arc::new(Self {
            json: feed(Encoding::Json),
            protobuf: feed(Encoding::Protobuf),
            state: Mutex::default(),
            inbox,
            dropped: metrics.counter("mezzo/master/operator_event_stream_subscribers_dropped"),
            renders: Semaphore::new(1),
        })
    }

    /// Puts `joiner` in its line. Says whether the line is new: then somebody must serve it.
    pub(crate) fn join(&self, line: &Line, joiner: Joiner) -> bool {
        let mut state = self.lock();
        if let Some(waiting) = state.lines.get_mut(line) {
            waiting.push(joiner);
            return false;
        }
        state.lines.insert(line.clone(), vec![joiner]);
        true
    }

    /// Takes everybody who waits in `line`; `None` ends the line.
    pub(crate) fn next_batch(&self, line: &Line) -> Option<Vec<Joiner>> {
        let mut state = self.lock();
        let mut batch = std::mem::take(state.lines.get_mut(line)?);
        batch.retain(|joiner| !joiner.opened.is_closed());
        if batch.is_empty() {
            state.lines.remove(line);
            return None;
        }
        Some(batch)
    }

    /// Keeps a place for each of `streams`: what is told from now on is theirs to hear.
    pub(crate) fn open(
        self: &Arc<Self>,
        streams: Vec<StreamId>,
        approver: &Approver,
        view: Arc<View>,
        encoding: Encoding,
    ) -> Opened {
        let reader = |stream: StreamId| {
            let approver = approver.clone();
            let watches = Arc::downgrade(self);
            let reader = self.feed(encoding).reader(
                move |audience: &Audience| audience.includes(&approver),
                move |reason| {
                    if let Some(watches) = watches.upgrade() {
                        watches.closed(stream, reason);
                    }
                },
            );
            self.lock().open.insert(stream, reader.handle());
            reader
        };
        Opened { readers: streams.into_iter().map(reader).collect(), view, encoding }
    }

    /// Begins the streams of a batch with its snapshot.
    pub(crate) async fn begin(&self, opened: Opened, joiners: Vec<Joiner>) {
        let Opened { readers, view, encoding } = opened;
        let Ok(_turn) = self.renders.acquire().await else { return };
        let snapshot = tokio::task::spawn_blocking(move || snapshot::record(view, encoding)).await;
        let snapshot = match snapshot {
            Ok(Ok(snapshot)) => snapshot,
            Ok(Err(refusal)) => return refuse(joiners, &refusal),
            Err(error) => return refuse(joiners, &Refusal::unavailable(error.to_string())),
        };
        self.make_room(snapshot.len());
        let first = vec![snapshot.clone(), encoded(&heartbeat(), encoding)];
        let mut held = Held { bytes: snapshot.len(), readers: Vec::new() };
        for (joiner, reader) in joiners.into_iter().zip(readers) {
            let pledge = Arc::new(());
            held.readers.push((Arc::downgrade(&pledge), reader.handle()));
            // Whoever has left meanwhile drops the body, and that closes the stream.
            let _ = joiner.opened.send(Ok(reader.begin(first.clone(), pledge)));
        }
        self.lock().held.push_back(held);
    }

    /// Tells everybody who may hear of it.
    pub(crate) fn tell(&self, audience: &Audience, event: &Event) {
        for encoding in [Encoding::Json, Encoding::Protobuf] {
            let feed = self.feed(encoding);
            if feed.clients() > 0 {
                feed.publish(audience.clone(), encoded(event, encoding));
            }
        }
    }

    /// Ends a stream in order, if it is an operator's.
    pub(crate) fn close(&self, stream: StreamId) {
        let closed = self.lock().open.remove(&stream);
        if let Some(handle) = closed {
            handle.end();
        }
    }

    /// Ends every stream.
    pub(crate) fn clear(&self) {
        self.json.end();
        self.protobuf.end();
        let waiting = std::mem::take(&mut self.lock().lines);
        drop(waiting);
    }

    /// How many watch.
    pub(crate) fn len(&self) -> usize {
        self.lock().open.len()
    }

    /// A client is gone, was given up, or its stream has ended.
    fn closed(&self, stream: StreamId, reason: CloseReason) {
        drop(self.lock().open.remove(&stream));
        if let CloseReason::TooSlow { bytes_queued, bytes_max } = reason {
            self.dropped.increment();
            tracing::warn!(
                stream = stream.0,
                bytes_queued,
                bytes_max,
                "an operator that watches is too far behind (--max_event_stream_backlog)"
            );
        }
        if reason != CloseReason::Finished {
            self.inbox.push_now(Input::StreamClosed { stream });
        }
    }

    /// Cuts off those who have not taken a snapshot, the oldest first, until there is room.
    fn make_room(&self, bytes: usize) {
        let mut state = self.lock();
        state.held.retain(|held| held.readers.iter().any(|(pledge, _)| pledge.strong_count() > 0));
        let mut total: usize = bytes + state.held.iter().map(|held| held.bytes).sum::<usize>();
        let mut late = Vec::new();
        while total > SNAPSHOTS_BYTES_MAX
            && let Some(oldest) = state.held.pop_front()
        {
            total -= oldest.bytes;
            late.push(oldest);
        }
        drop(state);
        for held in late {
            let reason = CloseReason::TooSlow { bytes_queued: held.bytes, bytes_max: SNAPSHOTS_BYTES_MAX };
            let untaken = held.readers.iter().filter(|(pledge, _)| pledge.strong_count() > 0);
            untaken.for_each(|(_, handle)| handle.give_up(reason));
        }
    }

    fn feed(&self, encoding: Encoding) -> &Feed<Audience> {
        match encoding {
            Encoding::Json => &self.json,
            Encoding::Protobuf => &self.protobuf,
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Answers everybody in a batch with the same refusal.
pub(crate) fn refuse(joiners: Vec<Joiner>, refusal: &Refusal) {
    for joiner in joiners {
        let _ = joiner.opened.send(Err(refusal.clone()));
    }
}
