//! What the API sees of the master: requests in, answers out.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use bytes::Bytes;
use mezzo_api::{
    Attached, CloseReason, EventSender, Figures, Leader, MasterBackend, PluginChange, PluginUpload, Reading,
};
use mezzo_core_master::{Input, PluginsCommand};
use mezzo_http::Body;
use mezzo_model::{
    RequestId, StreamId,
    calls::{
        Answer, Encoding, MasterRead, Principal, Refusal, RolesRequest, SchedulerCall, SchedulerRequest,
    },
};
use mezzo_slots::SlotName;
use tokio::sync::oneshot;

use crate::{
    Inbox,
    plugins::{self, Desk},
    streams::Streams,
    waiting::{Waiter, Waiting},
    watches::{Joiner, Line, Watches, refuse},
};

const TOO_BUSY: &str = "The master had no room for this request for 5 s; ask again later.";
const ENDED: &str = "The master ended before it answered.";

/// The virtual path of the log.
const LOG: &str = "/master/log";

/// How many of what waits for the core are shown.
const NAMES_MAX: usize = 100;

/// The API's way to the core.
pub(crate) struct Backend {
    pub(crate) inbox: Arc<Inbox>,
    pub(crate) waiting: Arc<Waiting>,
    pub(crate) streams: Arc<Streams>,
    pub(crate) watches: Arc<Watches>,
    pub(crate) address: String,
    pub(crate) log_path: Option<String>,
    pub(crate) stream_bytes_max: usize,
    pub(crate) next_number: AtomicU64,
    pub(crate) desk: Desk,
}

impl Backend {
    fn number(&self) -> u64 {
        self.next_number.fetch_add(1, Ordering::Relaxed)
    }

    /// Asks the core and waits.
    async fn ask<T>(
        &self,
        request: RequestId,
        input: Input,
        waiter: impl FnOnce(oneshot::Sender<T>) -> Waiter,
    ) -> Result<T, Refusal> {
        let (answer, answered) = oneshot::channel();
        let _seat = self.waiting.sit(request, waiter(answer));
        self.inbox.push(input).await.map_err(|_| Refusal::unavailable(TOO_BUSY))?;
        answered.await.map_err(|_| Refusal::unavailable(ENDED))
    }

    /// Has the core change who serves.
    async fn change(&self, principal: Principal, command: PluginsCommand) -> Answer {
        let request = self.next_request();
        let input = Input::Plugins { request, principal, slot: SlotName::Allocator, command };
        self.ask(request, input, Waiter::Call).await.unwrap_or_else(Answer::Refused)
    }

    /// Asks the core for the next snapshot of a line until nobody waits in it.
    async fn serve(&self, line: Line) {
        while let Some(joiners) = self.watches.next_batch(&line) {
            let request = self.next_request();
            let streams = joiners.iter().map(|joiner| joiner.stream).collect();
            let input = Input::Watch { request, principal: line.principal.clone(), streams };
            let opened = self.ask(request, input, |waiter| Waiter::Watch(waiter, line.encoding)).await;
            match opened.and_then(|opened| opened) {
                Ok(opened) => self.watches.begin(opened, joiners).await,
                Err(refusal) => refuse(joiners, &refusal),
            }
        }
    }
}

impl MasterBackend for Backend {
    fn next_request(&self) -> RequestId {
        RequestId(self.number())
    }

    fn next_stream(&self) -> StreamId {
        StreamId(self.number())
    }

    fn leader(&self) -> Leader {
        Leader::Here(self.address.clone())
    }

    fn stream_bytes_max(&self) -> usize {
        self.stream_bytes_max
    }

    async fn call(&self, call: SchedulerRequest) -> Answer {
        let answer = self.ask(call.request, Input::Call(call), Waiter::Call).await;
        answer.unwrap_or_else(Answer::Refused)
    }

    async fn set_roles(&self, call: RolesRequest) -> Answer {
        let answer = self.ask(call.request, Input::Roles(call), Waiter::Call).await;
        answer.unwrap_or_else(Answer::Refused)
    }

    async fn subscribe(&self, call: SchedulerRequest, events: EventSender) -> Result<(), Refusal> {
        let SchedulerCall::Subscribe(subscribe) = &call.call else {
            return Err(Refusal::bad_request("Only SUBSCRIBE opens a stream."));
        };
        let stream = subscribe.stream;
        self.streams.open(stream, events, subscribe.encoding);
        let opened = self.ask(call.request, Input::Call(call), Waiter::Subscribe).await;
        let opened = opened.and_then(|opened| opened);
        if opened.is_err() {
            self.streams.close(stream);
        }
        opened
    }

    fn stream_closed(&self, stream: StreamId, reason: CloseReason) {
        match reason {
            // The core closed it.
            CloseReason::Finished => {}
            CloseReason::Gone | CloseReason::TooSlow { .. } => {
                self.streams.close(stream);
                self.inbox.push_now(Input::StreamClosed { stream });
            }
        }
    }

    async fn watch(self: &Arc<Self>, principal: Principal, encoding: Encoding) -> Result<Body, Refusal> {
        let (opened, is_open) = oneshot::channel();
        let line = Line { principal, encoding };
        if self.watches.join(&line, Joiner { stream: self.next_stream(), opened }) {
            // Not with this client's request: others wait in the line when it leaves.
            let backend = Arc::clone(self);
            tokio::spawn(async move { backend.serve(line).await });
        }
        is_open.await.map_err(|_| Refusal::unavailable(ENDED))?
    }

    async fn read(
        &self,
        principal: Principal,
        read: MasterRead,
        encoding: Encoding,
    ) -> Result<Reading, Refusal> {
        let request = self.next_request();
        let input = Input::Read { request, principal, read };
        self.ask(request, input, |waiter| Waiter::Read(waiter, encoding)).await?
    }

    async fn figures(&self) -> Result<Figures, Refusal> {
        let request = self.next_request();
        let input = Input::Read { request, principal: Principal::ANONYMOUS, read: MasterRead::Metrics };
        self.ask(request, input, Waiter::Figures).await?
    }

    async fn check_plugin(&self, upload: PluginUpload) -> Result<Bytes, Refusal> {
        Ok(self.desk.check(&upload, false).await?.report())
    }

    async fn swap_plugin(&self, principal: Principal, upload: PluginUpload) -> Result<Bytes, Refusal> {
        let _turn = self.desk.swapping.lock().await;
        let handed_in = self.desk.check(&upload, true).await?;
        let is_new = self.desk.keep(&handed_in).await?;
        let (choice, identity) = (handed_in.choice.clone(), handed_in.vetted.identity.clone());
        let command = PluginsCommand::Swap { choice, identity, plan: plugins::plan(&upload) };
        match self.change(principal, command).await {
            Answer::Ok | Answer::Accepted => Ok(handed_in.report()),
            Answer::Refused(refusal) => {
                if is_new {
                    self.desk.take_back(&handed_in);
                }
                Err(refusal)
            }
        }
    }

    async fn change_plugin(&self, principal: Principal, change: PluginChange) -> Answer {
        let command = match change {
            PluginChange::RollBack => PluginsCommand::RollBack,
            PluginChange::Release(digest) => PluginsCommand::Release { digest },
        };
        self.change(principal, command).await
    }

    fn waiting(&self) -> Vec<&'static str> {
        self.inbox.list(NAMES_MAX, Input::name)
    }

    fn attached_paths(&self) -> Vec<(String, String)> {
        self.log_path.iter().map(|place| (LOG.to_owned(), place.clone())).collect()
    }

    async fn attached(&self, path: &str) -> Result<Option<Attached>, Refusal> {
        let is_log = path.trim_end_matches('/') == LOG;
        let root = self.log_path.clone().filter(|_| is_log);
        Ok(root.map(|root| Attached { root, rest: String::new() }))
    }
}
