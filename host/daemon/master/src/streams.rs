//! Event streams to schedulers, by their numbers.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use bytes::Bytes;
use mezzo_api::EventSender;
use mezzo_model::{StreamId, calls::Encoding};
use mezzo_proto::{Message, json, mesos::v1::scheduler::Event, recordio};

/// Every open stream.
#[derive(Default)]
pub(crate) struct Streams {
    open: Mutex<HashMap<StreamId, Stream>>,
}

#[derive(Clone)]
struct Stream {
    events: Arc<EventSender>,
    encoding: Encoding,
}

impl Streams {
    /// Keeps a stream open until it is closed or its client is gone.
    pub(crate) fn open(&self, stream: StreamId, events: EventSender, encoding: Encoding) {
        self.lock().insert(stream, Stream { events: Arc::new(events), encoding });
    }

    /// Sends one record; a client that is gone, or given up now, misses it.
    pub(crate) fn send(&self, stream: StreamId, event: &Event) {
        // Sent outside the lock: giving a client up calls back.
        let stream = self.lock().get(&stream).cloned();
        if let Some(stream) = stream {
            let _ = stream.events.send(encoded(event, stream.encoding));
        }
    }

    /// Ends a stream after what was sent before.
    pub(crate) fn close(&self, stream: StreamId) {
        // Dropped outside the lock: the end of a stream may call back.
        let closed = self.lock().remove(&stream);
        drop(closed);
    }

    /// Ends every stream.
    pub(crate) fn clear(&self) {
        let closed = std::mem::take(&mut *self.lock());
        drop(closed);
    }

    /// How many are open.
    pub(crate) fn len(&self) -> usize {
        self.lock().len()
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<StreamId, Stream>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn encoded(event: &Event, encoding: Encoding) -> Bytes {
    match encoding {
        Encoding::Json => recordio::encode(&json::to_json(event)),
        Encoding::Protobuf => recordio::encode(&event.encode_to_vec()),
    }
}
