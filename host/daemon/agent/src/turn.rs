//! The loop: one input, one turn of the core, its writes, its sends.
//!
//! Writes are made here and not on a thread of their own: a checkpoint is one append to the
//! page cache, and only the agent's id, once in its life, waits for the disk itself.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use bytes::Bytes;
use mezzo_api::Attached;
use mezzo_containers::Node;
use mezzo_core_agent::{
    Agent, AtOnce, Change, Envelope, Exit, Input, Leaving, Observation, Write,
    views::{self, View},
};
use mezzo_disk::{Checkpoints, WorkDir};
use mezzo_model::{
    Mono, RequestId, StreamId,
    calls::{AgentRead, Encoding, Refusal},
    container::Ask,
    outbox::{Outbox, Outcome, Step},
};
use mezzo_proto::Message;
use mezzo_telemetry::{Metrics, Timer};

use mezzo_process::{Clock, Next};

use crate::{
    Inbox,
    dial::Links,
    sandboxes,
    streams::Streams,
    waiting::{Waiter, Waiting},
};

/// A turn that takes longer is logged with its input.
const SLOW_TURN: Duration = Duration::from_millis(10);
/// Turns that may wait in the outbox: here each is emptied before the next.
const TURNS_MAX: usize = 1;

/// Everything that a turn touches.
pub(crate) struct Turns {
    pub(crate) agent: Agent,
    pub(crate) clock: Clock,
    pub(crate) inbox: Arc<Inbox>,
    pub(crate) checkpoints: Checkpoints,
    pub(crate) work_dir: Arc<WorkDir>,
    pub(crate) node: Node,
    pub(crate) links: Arc<Links>,
    pub(crate) waiting: Arc<Waiting>,
    pub(crate) streams: Arc<Streams>,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) runtime: tokio::runtime::Handle,
    /// Begins to keep a link to the master.
    pub(crate) dial: Box<dyn FnMut() + Send>,
}

impl Turns {
    /// Takes turns until the core says that the process may end.
    pub(crate) fn run(mut self) -> Exit {
        let (turn_time, write_time) =
            (self.metrics.timer("mezzo/agent/turn_ms"), self.metrics.timer("mezzo/agent/checkpoint_ms"));
        let mut wake_at = None;
        let mut again = false;
        loop {
            let until = wake_at.and_then(|moment: Mono| self.clock.instant(moment));
            let input = match self.inbox.next(if again { Some(Instant::now()) } else { until }) {
                Next::Input(input) => input,
                Next::Wake => Input::Wake,
                Next::Stop => return Exit::Stopped,
            };
            let rest = self.turn(input, &turn_time, &write_time);
            (wake_at, again) = (rest.wake_at, rest.again);
            if let Some(exit) = rest.exit {
                return exit;
            }
        }
    }

    fn turn(&mut self, input: Input, turn_time: &Timer, write_time: &Timer) -> AtOnce {
        let (name, begun) = (input.name(), Instant::now());
        let effects = self.agent.handle(self.clock.now(), input);
        let took = begun.elapsed();
        turn_time.record(took);
        if took > SLOW_TURN {
            tracing::warn!(input = name, ?took, "a slow turn");
        }
        let (turn, rest) = effects.into_turn();
        for observation in &rest.observations {
            match observation {
                Observation::Info(text) => tracing::info!("{text}"),
                Observation::Warning(text) => tracing::warn!("{text}"),
            }
        }
        let mut outbox = Outbox::new(TURNS_MAX);
        outbox.push(turn);
        self.drive(&mut outbox, write_time);
        rest
    }

    fn drive(&mut self, outbox: &mut Outbox<Vec<Write>, Leaving>, write_time: &Timer) {
        while let Some(step) = outbox.next_step() {
            match step {
                Step::Write(ticket, writes) => {
                    let result = write_time.time(|| self.write(writes));
                    outbox.written(ticket, result);
                }
                Step::Send(Leaving::Kept(ticket)) => self.inbox.push_now(Input::Persisted(ticket)),
                Step::Send(Leaving::Envelope(envelope)) => self.send(envelope),
                Step::Report(Outcome::Persisted(ticket)) => self.inbox.push_now(Input::Persisted(ticket)),
                Step::Report(Outcome::NotPersisted(ticket, why)) => {
                    self.inbox.push_now(Input::NotPersisted { ticket, why });
                }
            }
        }
    }

    fn write(&mut self, writes: Vec<Write>) -> Result<(), String> {
        let writes: Vec<_> = writes.into_iter().map(disk_write).collect();
        self.checkpoints.apply(&writes).map_err(|error| error.sentence())
    }

    fn send(&mut self, envelope: Envelope) {
        match envelope {
            Envelope::Dial => (self.dial)(),
            Envelope::ToMaster { link, body } => self.links.send(link, body),
            Envelope::CloseLink { link, why } => self.links.close(link, &why),
            Envelope::Node(ask) => self.ask(ask),
            Envelope::Answer { request, answer } => self.waiting.answer(request, answer),
            Envelope::OpenStream { request, stream } => self.open_stream(request, stream),
            Envelope::Event { stream, event } => self.streams.send(stream, &event),
            Envelope::CloseStream { stream, why } => {
                tracing::info!(stream = stream.0, why, "closing an executor's stream");
                self.streams.close(stream);
            }
            Envelope::Snapshot { request, read, view } => self.render(request, read, view),
            Envelope::Path { request, path } => {
                if let Some(Waiter::Path(waiter)) = self.waiting.take(request) {
                    // Whoever has gone meanwhile does not mind.
                    drop(waiter.send(Ok(Some(Attached { root: path.root, rest: path.rest }))));
                }
            }
        }
    }

    fn open_stream(&self, request: RequestId, stream: StreamId) {
        let is_heard = match self.waiting.take(request) {
            Some(Waiter::Subscribe(waiter)) => waiter.send(Ok(())).is_ok(),
            Some(Waiter::Call(_) | Waiter::Read(..) | Waiter::Path(_)) | None => false,
        };
        // The executor left while its SUBSCRIBE waited; the core thinks that it is there.
        if !is_heard {
            self.streams.close(stream);
            self.inbox.push_now(Input::StreamClosed { stream });
        }
    }

    fn ask(&self, ask: Ask) {
        if let Ask::Launch(plan) = &ask
            && let Err(error) = sandboxes::link_latest(&self.work_dir, &plan.sandbox)
        {
            tracing::warn!(sandbox = plan.sandbox, %error, "cannot link `latest` to the sandbox");
        }
        self.node.ask(ask);
    }

    /// Writes a view on a thread that may be slow.
    fn render(&self, request: RequestId, read: AgentRead, view: Arc<View>) {
        let Some(Waiter::Read(waiter, encoding)) = self.waiting.take(request) else { return };
        let metrics = Arc::clone(&self.metrics);
        self.runtime.spawn_blocking(move || drop(waiter.send(rendered(&read, &view, encoding, &metrics))));
    }
}

fn rendered(read: &AgentRead, view: &View, encoding: Encoding, metrics: &Metrics) -> Result<Bytes, Refusal> {
    match read {
        AgentRead::GetState => {
            let response = views::get_state(view);
            Ok(match encoding {
                Encoding::Json => mezzo_proto::json::to_json(&response).into(),
                Encoding::Protobuf => response.encode_to_vec().into(),
            })
        }
        AgentRead::State => Ok(views::state(view).to_string().into()),
        AgentRead::Metrics => Ok(metrics.to_json(views::metrics(view)).into()),
        _ => Err(Refusal::not_implemented("This read has no view")),
    }
}

fn disk_write(write: Write) -> mezzo_disk::Write {
    mezzo_disk::Write {
        key: write.key,
        change: match write.change {
            Change::Replace(bytes) => mezzo_disk::Change::Replace(bytes),
            Change::Append(bytes) => mezzo_disk::Change::Append(bytes),
            Change::Remove => mezzo_disk::Change::Remove,
        },
        is_durable: write.is_durable,
    }
}
