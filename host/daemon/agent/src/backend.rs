//! What the API sees of the agent: requests in, answers out.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use bytes::Bytes;
use mezzo_api::{AgentBackend, Attached, CloseReason, EventSender, Figures};
use mezzo_core_agent::Input;
use mezzo_model::{
    RequestId, StreamId,
    calls::{AgentRead, Answer, Encoding, ExecutorCall, ExecutorRequest, Principal, Refusal},
};
use tokio::sync::oneshot;

use crate::{
    Inbox,
    streams::Streams,
    waiting::{Waiter, Waiting},
};

const TOO_BUSY: &str = "The agent had no room for this request for 5 s; ask again later.";
const ENDED: &str = "The agent ended before it answered.";

/// How many of what waits for the core are shown.
const NAMES_MAX: usize = 100;

/// The API's way to the core.
pub(crate) struct Backend {
    pub(crate) inbox: Arc<Inbox>,
    pub(crate) waiting: Arc<Waiting>,
    pub(crate) streams: Arc<Streams>,
    pub(crate) stream_bytes_max: usize,
    pub(crate) next_number: AtomicU64,
}

impl Backend {
    fn number(&self) -> u64 {
        self.next_number.fetch_add(1, Ordering::Relaxed)
    }

    /// Asks the core for a read and waits.
    async fn ask<T>(
        &self,
        principal: Principal,
        read: AgentRead,
        waiter: impl FnOnce(oneshot::Sender<T>) -> Waiter,
    ) -> Result<T, Refusal> {
        let request = self.next_request();
        self.put(request, Input::Read { request, principal, read }, waiter).await
    }

    /// Puts something before the core and waits for what becomes of it.
    async fn put<T>(
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
}

impl AgentBackend for Backend {
    fn next_request(&self) -> RequestId {
        RequestId(self.number())
    }

    fn next_stream(&self) -> StreamId {
        StreamId(self.number())
    }

    fn stream_bytes_max(&self) -> usize {
        self.stream_bytes_max
    }

    async fn executor_call(&self, call: ExecutorRequest) -> Answer {
        let answer = self.put(call.request, Input::Call(Box::new(call)), Waiter::Call).await;
        answer.unwrap_or_else(Answer::Refused)
    }

    async fn executor_subscribe(&self, call: ExecutorRequest, events: EventSender) -> Result<(), Refusal> {
        let ExecutorCall::Subscribe(subscribe) = &call.call else {
            return Err(Refusal::bad_request("Only SUBSCRIBE opens a stream."));
        };
        let stream = subscribe.stream;
        self.streams.open(stream, events, subscribe.encoding);
        let opened = self.put(call.request, Input::Call(Box::new(call)), Waiter::Subscribe).await;
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

    async fn read(
        &self,
        principal: Principal,
        read: AgentRead,
        encoding: Encoding,
    ) -> Result<Bytes, Refusal> {
        self.ask(principal, read, |waiter| Waiter::Read(waiter, encoding)).await?
    }

    async fn figures(&self) -> Result<Figures, Refusal> {
        self.ask(Principal::ANONYMOUS, AgentRead::Metrics, Waiter::Figures).await?
    }

    async fn attached(&self, path: &str) -> Result<Option<Attached>, Refusal> {
        self.ask(Principal::ANONYMOUS, AgentRead::ResolvePath(path.to_owned()), Waiter::Path).await?
    }

    fn waiting(&self) -> Vec<&'static str> {
        self.inbox.list(NAMES_MAX, Input::name)
    }
}
