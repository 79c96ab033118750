//! Everything that sends go to.

use std::sync::Arc;

use mezzo_api::Attached;
use mezzo_containers::Node;
use mezzo_core_agent::{
    Envelope, Input,
    views::{self, View},
};
use mezzo_disk::WorkDir;
use mezzo_model::{RequestId, StreamId, calls::AgentRead, container::Ask};
use mezzo_telemetry::Metrics;

use crate::{
    Inbox,
    dial::Links,
    render, sandboxes,
    streams::Streams,
    waiting::{Waiter, Waiting},
};

/// The ways out, for the turn and the outbox.
pub(crate) struct Outside {
    pub(crate) work_dir: Arc<WorkDir>,
    pub(crate) node: Node,
    pub(crate) links: Arc<Links>,
    pub(crate) waiting: Arc<Waiting>,
    pub(crate) streams: Arc<Streams>,
    pub(crate) inbox: Arc<Inbox>,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) runtime: tokio::runtime::Handle,
    /// Begins to keep a link to the master.
    pub(crate) dial: Box<dyn Fn() + Send + Sync>,
}

impl Outside {
    /// Delivers one envelope. Waits for nobody.
    pub(crate) fn send(&self, envelope: Envelope) {
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
            Some(Waiter::Call(_) | Waiter::Read(..) | Waiter::Path(_) | Waiter::Figures(_)) | None => false,
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
        let waiter = self.waiting.take(request);
        let meter = self.node.meter();
        self.runtime.spawn_blocking(move || match waiter {
            // Whoever has gone meanwhile does not mind.
            Some(Waiter::Read(waiter, encoding)) => {
                drop(waiter.send(render::rendered(&read, &view, encoding, &meter)));
            }
            Some(Waiter::Figures(waiter)) => drop(waiter.send(Ok(views::metrics(&view)))),
            Some(Waiter::Path(_) | Waiter::Call(_) | Waiter::Subscribe(_)) | None => {}
        });
    }
}
