//! A fetch, running beside.

use mezzo_model::ids::ContainerId;
use tokio::task::AbortHandle;

use crate::{
    config::{FetchRequest, NodeConfig},
    node::{Inbox, Note},
};

/// A fetch on its way. Its end comes in as [`Note::Fetched`].
#[derive(Debug)]
pub(crate) struct Fetching(AbortHandle);

impl Fetching {
    pub(crate) fn start(config: &NodeConfig, request: FetchRequest, inbox: &Inbox) -> Self {
        let container: ContainerId = request.container.clone();
        let work = config.runtime.spawn((config.fetch)(request));
        let stop = work.abort_handle();
        let inbox = inbox.clone();
        config.runtime.spawn(async move {
            let result = match work.await {
                Ok(result) => result,
                Err(error) if error.is_cancelled() => Err("Fetching was stopped".to_owned()),
                Err(error) => Err(format!("The fetcher failed: {error}")),
            };
            inbox.put(Note::Fetched { container, result });
        });
        Self(stop)
    }

    /// Stops it; the note of its end still comes.
    pub(crate) fn stop(&self) {
        self.0.abort();
    }
}

/// A fetch that nobody waits for any more is stopped.
impl Drop for Fetching {
    fn drop(&mut self) {
        self.stop();
    }
}
