//! Agents' links: taken off the port, read into the inbox, written from the outbox.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use mezzo_core_master::Input;
use mezzo_link::{Link, Sender};
use mezzo_model::{LinkId, calls::Principal};
use mezzo_proto::mezzo::link::v1::{from_agent, from_master};
use tokio::sync::mpsc;

use crate::Inbox;

/// A link as the master holds it.
pub(crate) type MasterLink = Link<from_master::Body, from_agent::Body>;

/// Every open link.
pub(crate) struct Links {
    open: Mutex<HashMap<LinkId, Sender<from_master::Body>>>,
    next: AtomicU64,
    inbox: Arc<Inbox>,
}

impl Links {
    pub(crate) fn new(inbox: Arc<Inbox>) -> Arc<Self> {
        Arc::new(Self { open: Mutex::default(), next: AtomicU64::new(1), inbox })
    }

    /// Serves every link that comes out of `opened`, until that ends.
    pub(crate) async fn serve(self: Arc<Self>, mut opened: mpsc::Receiver<MasterLink>) {
        while let Some(link) = opened.recv().await {
            tokio::spawn(Arc::clone(&self).read(link));
        }
    }

    /// Sends a message; a link that has closed swallows it.
    pub(crate) fn send(&self, link: LinkId, body: from_master::Body) {
        let sender = self.lock().get(&link).cloned();
        if let Some(sender) = sender
            && let Err(closed) = sender.send(body)
        {
            tracing::debug!(link = link.0, why = closed.why, "a message was lost with its link");
        }
    }

    /// Closes a link after what was sent before.
    pub(crate) fn close(&self, link: LinkId, why: &str) {
        let sender = self.lock().remove(&link);
        if let Some(sender) = sender {
            sender.close(why);
        }
    }

    /// Closes every link.
    pub(crate) fn clear(&self, why: &str) {
        let senders = std::mem::take(&mut *self.lock());
        senders.values().for_each(|sender| sender.close(why));
    }

    /// How many are open.
    pub(crate) fn len(&self) -> usize {
        self.lock().len()
    }

    async fn read(self: Arc<Self>, link: MasterLink) {
        let Link { sender, mut receiver } = link;
        let id = LinkId(self.next.fetch_add(1, Ordering::Relaxed));
        self.lock().insert(id, sender);
        self.inbox.push_patiently(Input::LinkOpened { link: id, principal: Principal::ANONYMOUS }).await;
        while let Some(body) = receiver.recv().await {
            self.inbox.push_patiently(Input::LinkMessage { link: id, body }).await;
        }
        tracing::info!(link = id.0, why = receiver.why(), "a link is over");
        self.lock().remove(&id);
        self.inbox.push_now(Input::LinkClosed { link: id });
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<LinkId, Sender<from_master::Body>>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
