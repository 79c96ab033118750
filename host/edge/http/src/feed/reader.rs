//! One client of a feed.

use std::{
    collections::VecDeque,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    task::{Context, Poll},
};

use bytes::Bytes;
use futures_util::task::AtomicWaker;
use http_body::Frame;
use http_body_util::{BodyExt, combinators::UnsyncBoxBody};
use tokio::sync::Notify;

use super::{Shared, log::Found};
use crate::{
    exit::{CloseReason, Exit},
    response::{Body, BoxError},
};

/// A client's place in the list, and its end.
pub(super) struct Client {
    place: AtomicU64,
    waker: AtomicWaker,
    is_ended: AtomicBool,
    exit: Exit,
}

/// Ends a client's stream from outside.
#[derive(Clone)]
pub struct FeedHandle(Arc<Client>);

/// A client that has not begun to read; its place is kept.
pub struct FeedReader<T> {
    shared: Arc<Shared<T>>,
    client: Arc<Client>,
    shows: Box<dyn Fn(&T) -> bool + Send>,
    first: VecDeque<Bytes>,
    /// Held for as long as `first` may be in memory.
    pledge: Option<Box<dyn Send>>,
    progress: Progress,
}

/// The reading half, polled by the connection.
pub struct FeedBody {
    client: Arc<Client>,
    pub(crate) records: UnsyncBoxBody<Bytes, BoxError>,
}

enum Progress {
    Reading,
    /// The farewell was sent, or the stream was ended.
    Over,
}

impl Client {
    pub(super) fn new(on_close: impl FnOnce(CloseReason) + Send + 'static) -> Self {
        Self {
            place: AtomicU64::new(0),
            waker: AtomicWaker::new(),
            is_ended: AtomicBool::new(false),
            exit: Exit::new(on_close),
        }
    }

    pub(super) fn place(&self) -> u64 {
        self.place.load(Ordering::Acquire)
    }

    pub(super) fn go_to(&self, place: u64) {
        self.place.store(place, Ordering::Release);
    }

    pub(super) fn wake(&self) {
        self.waker.wake();
    }

    pub(super) fn give_up(&self, reason: CloseReason) {
        if self.exit.mark() {
            self.exit.close(reason);
            self.waker.wake();
        }
    }

    pub(super) fn disconnect(&self) {
        self.exit.disconnect();
    }
}

impl FeedHandle {
    pub(super) fn of(client: Arc<Client>) -> Self {
        Self(client)
    }

    /// Ends the stream; what the client has not read is not sent.
    pub fn end(&self) {
        self.0.is_ended.store(true, Ordering::Release);
        self.0.waker.wake();
    }

    /// Cuts a client off that is too slow to be waited for.
    pub fn give_up(&self, reason: CloseReason) {
        self.0.give_up(reason);
        self.0.disconnect();
    }
}

impl<T: Send + 'static> FeedReader<T> {
    pub(super) fn new(
        shared: Arc<Shared<T>>,
        client: Arc<Client>,
        shows: Box<dyn Fn(&T) -> bool + Send>,
    ) -> Self {
        Self { shared, client, shows, first: VecDeque::new(), pledge: None, progress: Progress::Reading }
    }

    /// What ends this client's stream.
    pub fn handle(&self) -> FeedHandle {
        FeedHandle::of(Arc::clone(&self.client))
    }

    /// Begins the stream with `first`. `pledge` is dropped when those records have left.
    pub fn begin(mut self, first: Vec<Bytes>, pledge: impl Send + 'static) -> Body {
        self.first = first.into();
        self.pledge = Some(Box::new(pledge));
        let client = Arc::clone(&self.client);
        Body::Feed(FeedBody { client, records: self.boxed_unsync() })
    }

    fn next(&mut self, cx: &mut Context<'_>) -> Poll<Option<Bytes>> {
        if self.client.exit.is_given_up() {
            self.progress = Progress::Over;
            return Poll::Ready(Some(self.shared.farewell.clone()));
        }
        if let Some(record) = self.first.pop_front() {
            return Poll::Ready(Some(record));
        }
        // The connection asks for more only when most of what it had has left.
        self.pledge = None;
        // Registered before looking, so that nothing published in between is missed.
        self.client.waker.register(cx.waker());
        if self.client.is_ended.load(Ordering::Acquire) {
            self.progress = Progress::Over;
            return Poll::Ready(None);
        }
        let found = self.shared.lock().find(self.client.place(), &*self.shows);
        match found {
            Found::Record(record, next) => {
                self.client.go_to(next);
                Poll::Ready(Some(record))
            }
            Found::Nothing(end) => {
                self.client.go_to(end);
                Poll::Pending
            }
            Found::Lost => {
                self.progress = Progress::Over;
                Poll::Ready(Some(self.shared.farewell.clone()))
            }
        }
    }
}

impl<T: Send + 'static> http_body::Body for FeedReader<T> {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let this = self.get_mut();
        match this.progress {
            Progress::Over => Poll::Ready(None),
            Progress::Reading => this.next(cx).map(|record| record.map(|record| Ok(Frame::data(record)))),
        }
    }
}

impl<T> Drop for FeedReader<T> {
    fn drop(&mut self) {
        self.shared.lock().remove(&self.client);
        let is_ended = self.client.is_ended.load(Ordering::Acquire);
        self.client.exit.close(if is_ended { CloseReason::Finished } else { CloseReason::Gone });
    }
}

impl FeedBody {
    /// Names what ends the connection when this stream's client is given up.
    pub(crate) fn disconnect_by(&self, disconnect: Arc<Notify>) {
        self.client.exit.disconnect_by(disconnect);
    }
}
