//! What a turn wants of the outside, carried out in order, by the loop itself.
//!
//! Nothing here waits for a client, a disk or a plugin: sends go into bounded queues, and writes and
//! questions to other threads. So a thread of its own would only cost the way to it; nothing of a
//! turn waits for a write of the registry, which comes back as an input.

use std::{io, sync::Arc};

use mezzo_core_master::{Effects, Envelope, Input, views};
use mezzo_model::{
    RequestId,
    calls::{MasterRead, Refusal},
};
use mezzo_telemetry::Metrics;

use crate::{
    Inbox,
    allocator::AllocatorHost,
    links::Links,
    registry::{Registry, Writer},
    renderer::Renderer,
    streams::Streams,
    waiting::{Waiter, Waiting},
    watches::Watches,
};

/// Everything that sends go to.
pub(crate) struct Outside {
    pub(crate) inbox: Arc<Inbox>,
    pub(crate) waiting: Arc<Waiting>,
    pub(crate) streams: Arc<Streams>,
    pub(crate) watches: Arc<Watches>,
    pub(crate) links: Arc<Links>,
    pub(crate) metrics: Metrics,
    pub(crate) runtime: tokio::runtime::Handle,
}

/// Carries turns out.
pub(crate) struct Outbox {
    outside: Outside,
    writer: Writer,
    allocator: AllocatorHost,
    renderer: Renderer,
}

impl Outbox {
    /// Starts the threads of the registry and of the reads.
    pub(crate) fn new(outside: Outside, registry: Registry, allocator: AllocatorHost) -> io::Result<Self> {
        let inbox = Arc::clone(&outside.inbox);
        let writer = Writer::spawn(registry, &outside.metrics, move |ticket, outcome| {
            inbox.push_now(match outcome {
                Ok(()) => Input::Persisted(ticket),
                Err(why) => {
                    tracing::error!(why, "the registry could not be written");
                    Input::NotPersisted { ticket, why }
                }
            });
        })?;
        Ok(Self { renderer: Renderer::spawn(&outside.metrics)?, outside, writer, allocator })
    }

    /// Does what the turn wants done.
    pub(crate) fn carry_out(&mut self, effects: &mut Effects) {
        effects.send.drain(..).for_each(|envelope| self.send(envelope));
        effects.persist.drain(..).for_each(|(ticket, write)| self.writer.write(ticket, write));
        effects.slots.drain(..).for_each(|order| self.allocator.carry_out(order));
        effects.ask.drain(..).for_each(|ask| self.allocator.ask(ask));
    }

    fn send(&self, envelope: Envelope) {
        let Outside { inbox, waiting, streams, watches, links, .. } = &self.outside;
        match envelope {
            Envelope::ToAgent { link, body } => links.send(link, body),
            Envelope::CloseLink { link, why } => {
                tracing::info!(link = link.0, why, "closing a link");
                links.close(link, &why);
            }
            Envelope::Answer { request, answer } => waiting.answer(request, answer),
            Envelope::OpenStream { request, stream, .. } => {
                let is_heard = match waiting.take(request) {
                    Some(Waiter::Subscribe(waiter)) => waiter.send(Ok(())).is_ok(),
                    Some(_) | None => false,
                };
                // The client left while its SUBSCRIBE waited; the core thinks that it is there.
                if !is_heard {
                    streams.close(stream);
                    inbox.push_now(Input::StreamClosed { stream });
                }
            }
            Envelope::Event { stream, event } => streams.send(stream, &event),
            Envelope::CloseStream { stream, why } => {
                tracing::info!(stream = stream.0, why, "closing a stream");
                streams.close(stream);
                watches.close(stream);
            }
            Envelope::OpenWatch { request, streams, approver, view } => match waiting.take(request) {
                Some(Waiter::Watch(waiter, encoding)) => {
                    // Dropped readers say themselves that they are gone.
                    drop(waiter.send(Ok(watches.open(streams, &approver, view, encoding))));
                }
                Some(_) | None => {
                    streams.into_iter().for_each(|stream| inbox.push_now(Input::StreamClosed { stream }));
                }
            },
            Envelope::WatchEvent { audience, event } => watches.tell(&audience, &event),
            Envelope::Snapshot { request, read, view } => self.render(request, read, view),
        }
    }

    /// Has a view rendered, beside this thread and the loop.
    fn render(&self, request: RequestId, read: MasterRead, view: Arc<views::View>) {
        let (waiting, renderer) = (Arc::clone(&self.outside.waiting), self.renderer.clone());
        self.outside.runtime.spawn(async move {
            // Whoever has left in the meantime needs no view.
            match waiting.take(request) {
                Some(Waiter::Read(waiter, encoding)) => {
                    let reading = renderer.begin(read, encoding, view).await;
                    let ended = || Refusal::unavailable("The master ended before it answered.");
                    drop(waiter.send(reading.ok_or_else(ended)));
                }
                Some(Waiter::Figures(waiter)) => {
                    let work = move || drop(waiter.send(Ok(views::figures(&view))));
                    // Whoever waits hears of the end by itself.
                    let _ = tokio::task::spawn_blocking(work).await;
                }
                Some(_) | None => {}
            }
        });
    }
}
