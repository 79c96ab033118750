//! Answers that go on: one record is one HTTP chunk.

use std::{
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Context, Poll},
};

use bytes::Bytes;
use http_body::Frame;
use tokio::sync::{Notify, mpsc};

use crate::{
    exit::{CloseReason, Exit},
    response::{Body, BoxError},
};

/// Opens a stream: what is sent into the first half comes out of the second, a record a frame.
///
/// `on_close` is called once, when nothing can reach the client any more. `bytes_max` is how
/// far the client may be behind.
pub fn event_stream(
    bytes_max: usize,
    on_close: impl FnOnce(CloseReason) + Send + 'static,
) -> (EventSender, Body) {
    let (records, receiver) = mpsc::unbounded_channel();
    let shared = Arc::new(Shared { bytes_queued: AtomicUsize::new(0), bytes_max, exit: Exit::new(on_close) });
    let sender = EventSender { records, shared: Arc::clone(&shared) };
    (sender, Body::Events(EventBody { receiver, shared, is_finished: false }))
}

/// The client of a stream is too far behind or gone; nothing more can be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the client of this stream is gone or too far behind")]
pub struct Overflow;

/// The writing half of an event stream. Dropping it ends the stream after what was sent.
pub struct EventSender {
    records: mpsc::UnboundedSender<Bytes>,
    shared: Arc<Shared>,
}

struct Shared {
    bytes_queued: AtomicUsize,
    bytes_max: usize,
    exit: Exit,
}

impl Shared {
    fn give_up(&self, bytes_queued: usize) {
        if self.exit.mark() {
            let bytes_max = self.bytes_max;
            tracing::warn!(
                bytes_queued,
                bytes_max,
                "disconnecting the client of a stream: it is too far behind"
            );
            self.exit.disconnect();
            self.exit.close(CloseReason::TooSlow { bytes_queued, bytes_max });
        }
    }
}

impl EventSender {
    /// Queues one record, which becomes one chunk.
    ///
    /// # Errors
    ///
    /// When the client is gone, or when this record would put it behind by more than the
    /// bound; it is then disconnected, and what was queued is thrown away.
    pub fn send(&self, record: Bytes) -> Result<(), Overflow> {
        if self.shared.exit.is_given_up() {
            return Err(Overflow);
        }
        let length = record.len();
        let bytes_queued = self.shared.bytes_queued.fetch_add(length, Ordering::AcqRel) + length;
        // A record of any size may go to a client that is not behind at all.
        if bytes_queued > self.shared.bytes_max && bytes_queued != length {
            self.shared.give_up(bytes_queued);
            return Err(Overflow);
        }
        self.records.send(record).map_err(|_| Overflow)
    }

    /// How many bytes wait for the client.
    pub fn bytes_queued(&self) -> usize {
        self.shared.bytes_queued.load(Ordering::Acquire)
    }
}

/// The reading half, polled by the connection.
pub struct EventBody {
    receiver: mpsc::UnboundedReceiver<Bytes>,
    shared: Arc<Shared>,
    is_finished: bool,
}

impl EventBody {
    /// Names what ends the connection when this stream's client is given up.
    pub(crate) fn disconnect_by(&self, disconnect: Arc<Notify>) {
        self.shared.exit.disconnect_by(disconnect);
        if self.shared.exit.is_given_up() {
            self.shared.exit.disconnect();
        }
    }
}

impl http_body::Body for EventBody {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        if self.shared.exit.is_given_up() {
            return Poll::Ready(Some(Err(Overflow.into())));
        }
        loop {
            let Poll::Ready(record) = self.receiver.poll_recv(cx) else { return Poll::Pending };
            let Some(record) = record else {
                self.is_finished = true;
                return Poll::Ready(None);
            };
            // An empty chunk would end the answer.
            if record.is_empty() {
                continue;
            }
            self.shared.bytes_queued.fetch_sub(record.len(), Ordering::AcqRel);
            return Poll::Ready(Some(Ok(Frame::data(record))));
        }
    }
}

impl Drop for EventBody {
    fn drop(&mut self) {
        self.shared.exit.close(if self.is_finished { CloseReason::Finished } else { CloseReason::Gone });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http_body::Body as _;
    use std::{future::poll_fn, sync::Mutex};

    fn stream(bytes_max: usize) -> (EventSender, EventBody, Arc<Mutex<Vec<CloseReason>>>) {
        let reasons = Arc::new(Mutex::new(Vec::new()));
        let seen = Arc::clone(&reasons);
        let (sender, body) = event_stream(bytes_max, move |reason| {
            seen.lock().expect("no panic").push(reason);
        });
        let Body::Events(body) = body else { panic!("an event stream has an event body") };
        (sender, body, reasons)
    }

    async fn next(body: &mut EventBody) -> Option<Result<Bytes, BoxError>> {
        let frame = poll_fn(|cx| Pin::new(&mut *body).poll_frame(cx)).await?;
        Some(frame.map(|frame| frame.into_data().expect("only data")))
    }

    #[tokio::test]
    async fn a_record_is_a_frame_and_dropping_the_sender_ends_the_stream() {
        let (sender, mut body, reasons) = stream(100);
        sender.send("one".into()).expect("room");
        sender.send("two".into()).expect("room");
        drop(sender);
        assert_eq!(next(&mut body).await.expect("a frame").expect("data"), "one");
        assert_eq!(next(&mut body).await.expect("a frame").expect("data"), "two");
        assert!(next(&mut body).await.is_none());
        drop(body);
        assert_eq!(*reasons.lock().expect("no panic"), [CloseReason::Finished]);
    }

    /// Without the bound one sleeping scheduler takes the master's memory.
    #[tokio::test]
    async fn a_client_too_far_behind_is_given_up() {
        let (sender, mut body, reasons) = stream(10);
        sender.send("123456".into()).expect("room");
        assert_eq!(sender.send("123456".into()), Err(Overflow));
        assert_eq!(sender.send("1".into()), Err(Overflow));
        assert!(next(&mut body).await.expect("an end").is_err());
        drop(body);
        assert_eq!(
            *reasons.lock().expect("no panic"),
            [CloseReason::TooSlow { bytes_queued: 12, bytes_max: 10 }]
        );
    }

    /// A first event may hold the whole cluster.
    #[tokio::test]
    async fn one_large_record_goes_to_a_client_that_is_not_behind() {
        let (sender, mut body, _) = stream(10);
        sender.send(vec![b'x'; 100].into()).expect("alone");
        assert_eq!(next(&mut body).await.expect("a frame").expect("data").len(), 100);
        assert_eq!(sender.bytes_queued(), 0);
    }

    #[tokio::test]
    async fn a_client_that_leaves_is_told_once() {
        let (sender, body, reasons) = stream(10);
        drop(body);
        assert_eq!(sender.send("1".into()), Err(Overflow));
        drop(sender);
        assert_eq!(*reasons.lock().expect("no panic"), [CloseReason::Gone]);
    }
}
