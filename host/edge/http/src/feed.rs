//! Records told to many clients at once: kept once, and read by each at its own pace.
//!
//! A [`Feed`] is a list of the last records, and every client a place in it. What a slow client
//! costs is a place, not a queue: the list is bounded, and a client whose place has left it is
//! told so with a last record, if it reads at all, and is disconnected.

mod log;
mod reader;

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use bytes::Bytes;
use tokio::{runtime::Handle, sync::Notify, task::AbortHandle};

use crate::exit::CloseReason;
use log::Log;
use reader::Client;

pub use reader::{FeedBody, FeedHandle, FeedReader};

/// How long a client that is too far behind has to read its last record.
const GRACE: Duration = Duration::from_secs(5);

/// Records of one kind for many clients; `T` says which of them a record is for.
pub struct Feed<T> {
    shared: Arc<Shared<T>>,
    runtime: Handle,
    waking: AbortHandle,
}

struct Shared<T> {
    log: Mutex<Log<T>>,
    /// There are new records.
    news: Notify,
    /// The last record of a client that is too far behind.
    farewell: Bytes,
}

impl<T> Shared<T> {
    fn lock(&self) -> MutexGuard<'_, Log<T>> {
        self.log.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T: Send + 'static> Feed<T> {
    /// A feed that keeps at most `bytes_max` bytes of records for those that are behind. Needs a
    /// runtime, which wakes the clients.
    pub fn new(bytes_max: usize, farewell: Bytes) -> Self {
        let shared = Arc::new(Shared { log: Mutex::new(Log::new(bytes_max)), news: Notify::new(), farewell });
        let runtime = Handle::current();
        let waking = runtime.spawn(wake_clients(Arc::clone(&shared))).abort_handle();
        Self { shared, runtime, waking }
    }

    /// Tells everybody. Waits for nobody.
    pub fn publish(&self, tag: T, record: Bytes) {
        let lost = self.shared.lock().push(tag, record);
        for (client, reason) in lost {
            self.give_up(client, reason);
        }
        self.shared.news.notify_one();
    }

    /// A new client, which reads what is published from now on and `shows` lets through.
    ///
    /// `on_close` is called once, when nothing can reach it any more.
    pub fn reader(
        &self,
        shows: impl Fn(&T) -> bool + Send + 'static,
        on_close: impl FnOnce(CloseReason) + Send + 'static,
    ) -> FeedReader<T> {
        let client = Arc::new(Client::new(on_close));
        self.shared.lock().add(&client);
        FeedReader::new(Arc::clone(&self.shared), client, Box::new(shows))
    }

    /// Ends every client's stream.
    pub fn end(&self) {
        let clients = self.shared.lock().all();
        clients.into_iter().for_each(|client| FeedHandle::of(client).end());
    }

    /// How many clients there are.
    pub fn clients(&self) -> usize {
        self.shared.lock().clients()
    }

    /// How many bytes of records are kept.
    pub fn bytes(&self) -> usize {
        self.shared.lock().bytes()
    }

    fn give_up(&self, client: Arc<Client>, reason: CloseReason) {
        client.give_up(reason);
        // Whoever reads again within the grace finds the farewell, and the stream ends in order.
        self.runtime.spawn(async move {
            tokio::time::sleep(GRACE).await;
            client.disconnect();
        });
    }
}

impl<T> Drop for Feed<T> {
    fn drop(&mut self) {
        self.waking.abort();
    }
}

/// Wakes whoever waits for news, so that `publish` need not.
async fn wake_clients<T>(shared: Arc<Shared<T>>) {
    loop {
        shared.news.notified().await;
        let clients = shared.lock().all();
        clients.iter().for_each(|client| client.wake());
    }
}

#[cfg(test)]
mod tests;
