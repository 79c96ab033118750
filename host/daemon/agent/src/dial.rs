//! Keeps a link to the master: dials, waits, dials again.

use std::{
    path::Path,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use mezzo_core_agent::Input;
use mezzo_link::{DialError, Sender};
use mezzo_model::LinkId;
use mezzo_proto::mezzo::link::v1::{from_agent, from_master};

use mezzo_process::part_of;

use crate::{
    Inbox,
    config::{MasterAddress, address_of},
};

/// The longest wait between two attempts. Nobody tells us that the master is back, so it is shorter
/// than Mesos's minute: well within the time after which an agent counts as unreachable.
const BACKOFF_MOST: Duration = Duration::from_secs(15);
/// A link that lasted this long was a good one: the waits begin anew.
const GOOD_LINK: Duration = Duration::from_secs(30);
/// A master that says where the leader is is followed at most this often in a row.
const REDIRECTS_MAX: usize = 3;

type Link = mezzo_link::Link<from_agent::Body, from_master::Body>;

/// The link of the moment, for whoever has something to say over it.
#[derive(Default)]
pub(crate) struct Links {
    current: Mutex<Option<(LinkId, Sender<from_agent::Body>)>>,
    next: AtomicU64,
}

impl Links {
    /// Says something to the master; nothing happens if the link has closed meanwhile.
    pub(crate) fn send(&self, link: LinkId, body: from_agent::Body) {
        if let Some((_, sender)) = self.lock().as_ref().filter(|(current, _)| *current == link)
            && let Err(closed) = sender.send(body)
        {
            tracing::debug!(%closed, "nothing can be said to the master any more");
        }
    }

    /// Closes a link once what was sent before has left.
    pub(crate) fn close(&self, link: LinkId, why: &str) {
        if let Some((_, sender)) = self.lock().as_ref().filter(|(current, _)| *current == link) {
            sender.close(why);
        }
    }

    /// Closes the link of the moment once what was sent before has left.
    pub(crate) fn close_current(&self, why: &str) {
        if let Some((_, sender)) = self.lock().as_ref() {
            sender.close(why);
        }
    }

    /// Bytes that wait to be sent.
    pub(crate) fn queued_bytes(&self) -> usize {
        self.lock().as_ref().map_or(0, |(_, sender)| sender.queued_bytes())
    }

    fn open(&self, sender: Sender<from_agent::Body>) -> LinkId {
        let id = LinkId(self.next.fetch_add(1, Ordering::Relaxed) + 1);
        *self.lock() = Some((id, sender));
        id
    }

    fn lock(&self) -> MutexGuard<'_, Option<(LinkId, Sender<from_agent::Body>)>> {
        self.current.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Dials for ever; ends when it is dropped.
pub(crate) async fn keep_dialing(
    master: MasterAddress,
    config: mezzo_link::Config,
    backoff: Duration,
    links: Arc<Links>,
    inbox: Arc<Inbox>,
) {
    let mut wait = backoff;
    loop {
        let begun = Instant::now();
        match reach(&master, &config).await {
            Ok((address, link)) => {
                tracing::info!(%address, "linked to the master");
                let why = hold(link, &links, &inbox).await;
                tracing::warn!(%address, %why, "the link to the master is gone");
            }
            Err(why) => tracing::warn!(%why, "no link to the master; trying again"),
        }
        if begun.elapsed() > GOOD_LINK {
            wait = backoff;
        }
        tokio::time::sleep(part_of(wait)).await;
        wait = (wait * 2).min(BACKOFF_MOST);
    }
}

/// Dials the master, and the leader it names if it does not lead.
async fn reach(master: &MasterAddress, config: &mezzo_link::Config) -> Result<(String, Link), String> {
    let mut address = match master {
        MasterAddress::Fixed(address) => address.clone(),
        MasterAddress::File(path) => address_in(path).await?,
    };
    for _ in 0..REDIRECTS_MAX {
        match mezzo_link::dial(&address, config).await {
            Ok(link) => return Ok((address, link)),
            Err(DialError::Elsewhere { leader, .. }) => address = leader,
            Err(error) => return Err(in_one_line(&error)),
        }
    }
    Err(format!("the masters name each other as leader, the last one `{address}`"))
}

async fn address_in(path: &Path) -> Result<String, String> {
    let text = tokio::fs::read_to_string(path).await;
    let text = text.map_err(|error| format!("cannot read `{}`: {error}", path.display()))?;
    address_of(text.trim()).map_err(|why| format!("in `{}`: {why}", path.display()))
}

/// Hands over what comes until the link is over. Returns why it is.
async fn hold(link: Link, links: &Links, inbox: &Inbox) -> String {
    let Link { sender, mut receiver } = link;
    let id = links.open(sender);
    inbox.push_patiently(Input::LinkOpened { link: id }).await;
    while let Some(body) = receiver.recv().await {
        inbox.push_patiently(Input::LinkMessage { link: id, body }).await;
    }
    inbox.push_patiently(Input::LinkClosed { link: id }).await;
    receiver.why()
}

fn in_one_line(error: &dyn std::error::Error) -> String {
    let mut line = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        line.push_str(": ");
        line.push_str(&cause.to_string());
        next = cause.source();
    }
    line
}
