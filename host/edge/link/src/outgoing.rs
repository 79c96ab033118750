//! The queue of one side, and the body that empties it.

use std::{
    pin::Pin,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Context, Poll},
};

use bytes::Bytes;
use http_body::{Body, Frame};
use tokio::sync::{mpsc, watch};

/// How far a link is from its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Phase {
    Open,
    /// Closed by us; what was sent before still goes out.
    Closing,
    /// Over, whatever waits.
    Cut,
}

/// What both halves of one side of a link share.
#[derive(Debug)]
pub(crate) struct Shared {
    queue: Mutex<Queue>,
    queued_bytes: AtomicUsize,
    reason: Mutex<Option<String>>,
    phase: watch::Sender<Phase>,
}

#[derive(Debug)]
struct Queue {
    /// The number of the next message.
    next: u64,
    messages: Option<mpsc::UnboundedSender<Bytes>>,
}

impl Shared {
    pub(crate) fn new() -> (Arc<Self>, Outgoing) {
        let (messages, waiting) = mpsc::unbounded_channel();
        let shared = Arc::new(Self {
            queue: Mutex::new(Queue { next: 1, messages: Some(messages) }),
            queued_bytes: AtomicUsize::new(0),
            reason: Mutex::new(None),
            phase: watch::Sender::new(Phase::Open),
        });
        let outgoing = Outgoing { shared: Arc::clone(&shared), waiting };
        (shared, outgoing)
    }

    /// Puts a message at the end, numbered; `encode` is not called when the link has closed.
    pub(crate) fn push(
        &self,
        queue_bytes_max: usize,
        encode: impl FnOnce(u64) -> Bytes,
    ) -> Result<(), String> {
        let mut queue = lock(&self.queue);
        let Some(messages) = &queue.messages else { return Err(self.reason()) };
        let bytes = encode(queue.next);
        let queued = self.queued_bytes.fetch_add(bytes.len(), Ordering::Relaxed) + bytes.len();
        if queued > queue_bytes_max || messages.send(bytes).is_err() {
            drop(queue);
            self.cut(&format!(
                "{queued} bytes wait to be sent, which is more than the {queue_bytes_max} allowed"
            ));
            return Err(self.reason());
        }
        queue.next += 1;
        Ok(())
    }

    pub(crate) fn queued_bytes(&self) -> usize {
        self.queued_bytes.load(Ordering::Relaxed)
    }

    /// No more messages; those that wait are sent.
    pub(crate) fn close(&self, why: &str) {
        self.end(why, Phase::Closing);
    }

    /// No more of anything.
    pub(crate) fn cut(&self, why: &str) {
        self.end(why, Phase::Cut);
    }

    /// Why the link is closed: the first cause counts.
    pub(crate) fn reason(&self) -> String {
        lock(&self.reason).clone().unwrap_or_else(|| "the link is open".to_owned())
    }

    pub(crate) fn phases(&self) -> watch::Receiver<Phase> {
        self.phase.subscribe()
    }

    fn end(&self, why: &str, phase: Phase) {
        lock(&self.reason).get_or_insert_with(|| why.to_owned());
        self.phase.send_if_modified(|now| {
            let is_later = *now < phase;
            *now = (*now).max(phase);
            is_later
        });
        lock(&self.queue).messages = None;
    }
}

/// The bytes of one side's messages, as the body of its request or answer.
#[derive(Debug)]
pub(crate) struct Outgoing {
    shared: Arc<Shared>,
    waiting: mpsc::UnboundedReceiver<Bytes>,
}

/// The stream is reset: what waited is lost.
#[derive(Debug, thiserror::Error)]
#[error("the link was cut: {0}")]
pub(crate) struct WasCut(String);

impl Body for Outgoing {
    type Data = Bytes;
    type Error = WasCut;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, WasCut>>> {
        let message = self.waiting.poll_recv(cx);
        if *self.shared.phase.borrow() == Phase::Cut {
            return Poll::Ready(Some(Err(WasCut(self.shared.reason()))));
        }
        message.map(|message| {
            let bytes = message?;
            self.shared.queued_bytes.fetch_sub(bytes.len(), Ordering::Relaxed);
            Some(Ok(Frame::data(bytes)))
        })
    }
}

impl Drop for Outgoing {
    /// The connection is gone, or the stream has ended as it should; then a reason is there already.
    fn drop(&mut self) {
        if *self.shared.phase.borrow() == Phase::Open {
            self.shared.cut("the connection was lost");
        }
    }
}

/// Nothing that runs under these locks can panic half way.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
