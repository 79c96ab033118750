//! Event streams to schedulers and executors, by their numbers.

use std::{
    collections::HashMap,
    marker::PhantomData,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use bytes::Bytes;
use mezzo_http::EventSender;
use mezzo_model::{StreamId, calls::Encoding};
use mezzo_proto::{json, recordio};
use prost::Name;

/// Every open stream of one kind of event.
pub struct Streams<E> {
    open: Mutex<HashMap<StreamId, Stream>>,
    events: PhantomData<fn(&E)>,
}

#[derive(Clone)]
struct Stream {
    events: Arc<EventSender>,
    encoding: Encoding,
}

impl<E> Default for Streams<E> {
    fn default() -> Self {
        Self { open: Mutex::default(), events: PhantomData }
    }
}

impl<E: Name> Streams<E> {
    /// Keeps a stream open until it is closed or its client is gone.
    pub fn open(&self, stream: StreamId, events: EventSender, encoding: Encoding) {
        self.lock().insert(stream, Stream { events: Arc::new(events), encoding });
    }

    /// Sends one record; a client that is gone, or given up now, misses it.
    pub fn send(&self, stream: StreamId, event: &E) {
        // Sent outside the lock: giving a client up calls back.
        let stream = self.lock().get(&stream).cloned();
        if let Some(stream) = stream {
            let _ = stream.events.send(encoded(event, stream.encoding));
        }
    }

    /// Ends a stream after what was sent before.
    pub fn close(&self, stream: StreamId) {
        // Dropped outside the lock: the end of a stream may call back.
        let closed = self.lock().remove(&stream);
        drop(closed);
    }

    /// Ends every stream.
    pub fn clear(&self) {
        let closed = std::mem::take(&mut *self.lock());
        drop(closed);
    }

    /// How many are open.
    pub fn len(&self) -> usize {
        self.lock().len()
    }

    /// Whether none is.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<StreamId, Stream>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn encoded(event: &impl Name, encoding: Encoding) -> Bytes {
    match encoding {
        Encoding::Json => recordio::encode(&json::to_json(event)),
        Encoding::Protobuf => recordio::encode(&event.encode_to_vec()),
    }
}
