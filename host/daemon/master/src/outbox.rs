//! What a turn wants of the outside, carried out in order on a thread of its own.
//!
//! Nothing here waits for a client, a disk or a plugin: sends go into bounded queues, and
//! writes and questions to other threads. So the queue in front of this thread is short,
//! and where it is not, the turn waits: that is the bound.

use std::{io, sync::Arc, thread};

use mezzo_core_master::{Effects, Envelope, Input, views};
use mezzo_model::{
    RequestId, Ticket,
    calls::{MasterRead, Refusal},
    outbox::{Outbox, Outcome, Step, Turn},
};
use mezzo_registry::Write;
use mezzo_slots::{Ask, Order};
use mezzo_telemetry::Metrics;

use crate::{
    Inbox,
    allocator::AllocatorHost,
    links::Links,
    registry::{Registry, Writer},
    renderer::Renderer,
    streams::Streams,
    turn::Ended,
    waiting::{Waiter, Waiting},
    watches::Watches,
};

/// Turns that may wait to be carried out.
const TURNS_MAX: usize = 1_024;

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

/// What is carried out next.
pub(crate) enum Job {
    /// The effects of one turn.
    Turn(Box<TurnEffects>),
    /// What became of a write.
    Written(Ticket, Result<(), String>),
    /// Carry out what waits, and end.
    Stop,
}

/// The part of the effects that leaves the turn.
pub(crate) struct TurnEffects {
    persist: Vec<(Ticket, Write)>,
    send: Vec<Envelope>,
    ask: Vec<Ask>,
    slots: Vec<Order>,
}

impl TurnEffects {
    /// Takes what leaves; `None` if nothing does.
    pub(crate) fn of(effects: &mut Effects) -> Option<Box<Self>> {
        let turn = Self {
            persist: std::mem::take(&mut effects.persist),
            send: std::mem::take(&mut effects.send),
            ask: std::mem::take(&mut effects.ask),
            slots: std::mem::take(&mut effects.slots),
        };
        let is_empty =
            turn.persist.is_empty() && turn.send.is_empty() && turn.ask.is_empty() && turn.slots.is_empty();
        (!is_empty).then(|| Box::new(turn))
    }
}

/// The way to the thread. Sending waits when too many turns wait.
pub(crate) type Jobs = std::sync::mpsc::SyncSender<Job>;

/// The thread's own.
struct Carrier {
    outside: Outside,
    outbox: Outbox<Write, Envelope>,
    writer: Writer,
    allocator: AllocatorHost,
    renderer: Renderer,
}

/// Starts the thread.
pub(crate) fn spawn(
    outside: Outside,
    registry: Registry,
    allocator: AllocatorHost,
    ended: Ended,
) -> io::Result<(Jobs, thread::JoinHandle<()>)> {
    let (jobs, waiting) = std::sync::mpsc::sync_channel(TURNS_MAX);
    // Writes come back by a way of their own: through `jobs` they would wait for room that only
    // this thread makes.
    let (written, outcomes) = std::sync::mpsc::channel();
    let wake = jobs.clone();
    let writer = Writer::spawn(registry, &outside.metrics, move |ticket, outcome| {
        let _ = written.send(Job::Written(ticket, outcome));
        // If the queue is full the thread is awake anyway.
        let _ = wake.try_send(Job::Turn(Box::new(TurnEffects::nothing())));
    })?;
    let carrier = Carrier {
        renderer: Renderer::spawn(&outside.metrics)?,
        outbox: Outbox::new(TURNS_MAX),
        outside,
        writer,
        allocator,
    };
    let thread = thread::Builder::new().name("outbox".to_owned()).spawn(move || {
        let _ended = ended;
        carrier.run(&waiting, &outcomes);
    })?;
    Ok((jobs, thread))
}

impl TurnEffects {
    fn nothing() -> Self {
        Self { persist: Vec::new(), send: Vec::new(), ask: Vec::new(), slots: Vec::new() }
    }
}

impl Carrier {
    fn run(mut self, jobs: &std::sync::mpsc::Receiver<Job>, outcomes: &std::sync::mpsc::Receiver<Job>) {
        while let Ok(job) = jobs.recv() {
            let is_last = matches!(job, Job::Stop);
            self.take(job);
            while let Ok(outcome) = outcomes.try_recv() {
                self.take(outcome);
            }
            if is_last {
                return;
            }
        }
    }

    fn take(&mut self, job: Job) {
        match job {
            Job::Turn(turn) => {
                let TurnEffects { persist, send, ask, slots } = *turn;
                self.outbox.push(Turn { checkpoints: Vec::new(), registry: persist, sends: send });
                self.go_on();
                slots.into_iter().for_each(|order| self.allocator.carry_out(order));
                ask.into_iter().for_each(|ask| self.allocator.ask(ask));
            }
            Job::Written(ticket, outcome) => {
                self.outbox.written(ticket, outcome);
                self.go_on();
            }
            Job::Stop => {}
        }
    }

    fn go_on(&mut self) {
        while let Some(step) = self.outbox.next_step() {
            match step {
                Step::Write(ticket, write) => self.writer.write(ticket, write),
                Step::Send(envelope) => self.send(envelope),
                Step::Report(Outcome::Persisted(ticket)) => {
                    self.outside.inbox.push_now(Input::Persisted(ticket))
                }
                Step::Report(Outcome::NotPersisted(ticket, why)) => {
                    tracing::error!(why, "the registry could not be written");
                    self.outside.inbox.push_now(Input::NotPersisted { ticket, why });
                }
            }
        }
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
