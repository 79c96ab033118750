//! A link as its user sees it: a sender and a receiver.

use std::{fmt, marker::PhantomData, sync::Arc};

use http_body_util::BodyExt;
use hyper::body::Incoming;
use tokio::{sync::watch, task::AbortHandle, time::Instant};

use crate::{
    Config, Decoder, Message,
    outgoing::{Phase, Shared},
};

/// One side of a link: it says `Out` and hears `In`.
#[derive(Debug)]
pub struct Link<Out, In> {
    /// Says things.
    pub sender: Sender<Out>,
    /// Hears things.
    pub receiver: Receiver<In>,
}

/// The link is closed; the text says why.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the link is closed: {why}")]
pub struct Closed {
    /// The first cause.
    pub why: String,
}

/// The sending half; any number of clones share one queue.
pub struct Sender<Out> {
    shared: Arc<Shared>,
    queue_bytes_max: usize,
    message_bytes_max: usize,
    kind: PhantomData<fn(Out)>,
}

impl<Out: Message> Sender<Out> {
    /// Queues a message. It is numbered here, so the order of calls is the order of arrival.
    ///
    /// # Errors
    ///
    /// When the link has closed, or closes now because too much waits or the message is longer
    /// than the peer would take.
    pub fn send(&self, body: Out) -> Result<(), Closed> {
        let mut too_long = None;
        let pushed = self.shared.push(self.queue_bytes_max, |number| {
            let bytes = body.encode(number);
            too_long = (bytes.len() > self.message_bytes_max).then_some(bytes.len());
            bytes
        });
        if let Some(length) = too_long {
            let limit = self.message_bytes_max;
            self.shared.cut(&format!("a message of {length} bytes is longer than the {limit} allowed"));
            return Err(Closed { why: self.shared.reason() });
        }
        pushed.map_err(|why| Closed { why })
    }

    /// Closes the link once what was sent before has left. The receiver goes on until the peer
    /// has closed too, or the close time-out is over: keep reading it until then.
    pub fn close(&self, why: &str) {
        self.shared.close(why);
    }

    /// Bytes that wait to be sent.
    pub fn queued_bytes(&self) -> usize {
        self.shared.queued_bytes()
    }
}

impl<Out> Clone for Sender<Out> {
    fn clone(&self) -> Self {
        Self { shared: Arc::clone(&self.shared), kind: PhantomData, ..*self }
    }
}

impl<Out> fmt::Debug for Sender<Out> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sender").field("queued_bytes", &self.shared.queued_bytes()).finish_non_exhaustive()
    }
}

/// The receiving half. Dropping it ends the link at once.
pub struct Receiver<In> {
    shared: Arc<Shared>,
    body: Incoming,
    decoder: Decoder<In>,
    phases: watch::Receiver<Phase>,
    config: Config,
    /// Set once we have closed and wait for the peer.
    deadline: Option<Instant>,
    is_over: bool,
    /// The task that drives the connection, where it is ours.
    connection: Option<AbortHandle>,
}

impl<In: Message> Receiver<In> {
    /// The next message; `None` once the link is over, for whatever cause: [`why`](Self::why) says.
    ///
    /// May be cancelled and called again without losing anything.
    pub async fn recv(&mut self) -> Option<In> {
        while !self.is_over {
            match self.decoder.next_message() {
                Ok(Some(body)) => return Some(body),
                Ok(None) => self.read().await,
                Err(fault) => self.cut(&fault.to_string()),
            }
        }
        None
    }

    /// Why the link is over.
    pub fn why(&self) -> String {
        self.shared.reason()
    }

    /// Takes in some bytes, or learns that there are no more.
    async fn read(&mut self) {
        let phase = *self.phases.borrow_and_update();
        match phase {
            Phase::Open => {}
            Phase::Closing => {
                self.deadline.get_or_insert_with(|| Instant::now() + self.config.close_timeout);
            }
            Phase::Cut => return self.cut("the link was cut"),
        }
        let deadline = self.deadline.unwrap_or_else(Instant::now);
        tokio::select! {
            biased;
            _ = self.phases.changed() => {}
            frame = self.body.frame() => match frame {
                Some(Ok(frame)) => {
                    if let Ok(data) = frame.into_data() {
                        self.decoder.push(&data);
                    }
                }
                Some(Err(error)) => self.cut(&format!("the connection was lost: {error}")),
                None => match self.decoder.finish() {
                    Ok(()) => self.close(),
                    Err(fault) => self.cut(&fault.to_string()),
                },
            },
            () = tokio::time::sleep_until(deadline), if self.deadline.is_some() => {
                self.cut("the other side did not close the link in time");
            }
        }
    }

    /// The peer has closed in order; what waits in our half goes out if anybody reads.
    fn close(&mut self) {
        self.is_over = true;
        self.shared.close("the other side closed the link");
    }

    /// Ends both directions at once.
    fn cut(&mut self, why: &str) {
        self.is_over = true;
        self.shared.cut(why);
    }
}

impl<In> Drop for Receiver<In> {
    fn drop(&mut self) {
        if self.is_over {
            self.shared.close("the link is over");
        } else {
            self.shared.cut("the link was dropped");
        }
        if let Some(connection) = &self.connection {
            connection.abort();
        }
    }
}

impl<In> fmt::Debug for Receiver<In> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Receiver").field("is_over", &self.is_over).finish_non_exhaustive()
    }
}

/// Joins the parts of one side.
pub(crate) fn join<Out: Message, In: Message>(
    shared: Arc<Shared>,
    body: Incoming,
    config: &Config,
    connection: Option<AbortHandle>,
) -> Link<Out, In> {
    let sender = Sender {
        shared: Arc::clone(&shared),
        queue_bytes_max: config.queue_bytes_max,
        message_bytes_max: config.message_bytes_max,
        kind: PhantomData,
    };
    let receiver = Receiver {
        phases: shared.phases(),
        shared,
        body,
        decoder: Decoder::new(config.message_bytes_max),
        config: config.clone(),
        deadline: None,
        is_over: false,
        connection,
    };
    Link { sender, receiver }
}
