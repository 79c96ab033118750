//! How a long answer ends: from outside, and told to one who waits for it.

use std::sync::{
    Arc, Mutex, OnceLock, PoisonError,
    atomic::{AtomicBool, Ordering},
};

use tokio::sync::Notify;

/// Why a stream ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CloseReason {
    /// The client went away, or the connection broke.
    Gone,
    /// The client was behind by more than the bound and was disconnected.
    TooSlow {
        /// How many bytes waited for it.
        bytes_queued: usize,
        /// How many are allowed to.
        bytes_max: usize,
    },
    /// The sender has ended it and everything that was sent was delivered.
    Finished,
}

/// The end of one stream, shared by whoever sends and whoever reads.
pub(crate) struct Exit {
    is_given_up: AtomicBool,
    /// Ends the connection: a client that does not read is not polled either.
    disconnect: OnceLock<Arc<Notify>>,
    #[allow(clippy::type_complexity, reason = "one field, used once")]
    on_close: Mutex<Option<Box<dyn FnOnce(CloseReason) + Send>>>,
}

impl Exit {
    /// `on_close` is called once, when nothing can reach the client any more.
    pub(crate) fn new(on_close: impl FnOnce(CloseReason) + Send + 'static) -> Self {
        Self {
            is_given_up: AtomicBool::new(false),
            disconnect: OnceLock::new(),
            on_close: Mutex::new(Some(Box::new(on_close))),
        }
    }

    /// Says once that the stream has ended.
    pub(crate) fn close(&self, reason: CloseReason) {
        let on_close = self.on_close.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(on_close) = on_close {
            on_close(reason);
        }
    }

    /// Marks the client as too slow. Says whether it was not marked before.
    pub(crate) fn mark(&self) -> bool {
        !self.is_given_up.swap(true, Ordering::AcqRel)
    }

    /// Whether the client was too slow.
    pub(crate) fn is_given_up(&self) -> bool {
        self.is_given_up.load(Ordering::Acquire)
    }

    /// Cuts the connection, if its stream has begun.
    pub(crate) fn disconnect(&self) {
        if let Some(disconnect) = self.disconnect.get() {
            disconnect.notify_one();
        }
    }

    /// Names what cuts the connection.
    pub(crate) fn disconnect_by(&self, disconnect: Arc<Notify>) {
        let _ = self.disconnect.set(disconnect);
    }
}
