//! What the API sees of the agent: requests in, answers out.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use bytes::Bytes;
use mezzo_api::{AgentBackend, Attached};
use mezzo_core_agent::Input;
use mezzo_model::{
    RequestId,
    calls::{AgentRead, Encoding, Principal, Refusal},
};
use tokio::sync::oneshot;

use crate::{
    Inbox,
    waiting::{Waiter, Waiting},
};

const TOO_BUSY: &str = "The agent had no room for this request for 5 s; ask again later.";
const ENDED: &str = "The agent ended before it answered.";

/// The API's way to the core.
pub(crate) struct Backend {
    pub(crate) inbox: Arc<Inbox>,
    pub(crate) waiting: Arc<Waiting>,
    pub(crate) next_number: AtomicU64,
}

impl Backend {
    /// Asks the core and waits.
    async fn ask<T>(
        &self,
        principal: Principal,
        read: AgentRead,
        waiter: impl FnOnce(oneshot::Sender<T>) -> Waiter,
    ) -> Result<T, Refusal> {
        let request = RequestId(self.next_number.fetch_add(1, Ordering::Relaxed));
        let (answer, answered) = oneshot::channel();
        let _seat = self.waiting.sit(request, waiter(answer));
        let input = Input::Read { request, principal, read };
        self.inbox.push(input).await.map_err(|_| Refusal::unavailable(TOO_BUSY))?;
        answered.await.map_err(|_| Refusal::unavailable(ENDED))
    }
}

impl AgentBackend for Backend {
    async fn read(
        &self,
        principal: Principal,
        read: AgentRead,
        encoding: Encoding,
    ) -> Result<Bytes, Refusal> {
        self.ask(principal, read, |waiter| Waiter::Read(waiter, encoding)).await?
    }

    async fn attached(&self, path: &str) -> Result<Option<Attached>, Refusal> {
        self.ask(Principal::ANONYMOUS, AgentRead::ResolvePath(path.to_owned()), Waiter::Path).await?
    }
}
