//! The network between an agent and the master, as bad as a network can be.
//!
//! The edge counts messages and closes a link whose numbers do not fit; so does this one.
//! What the cores see is therefore always a prefix of what was sent.

use std::time::Duration;

use crate::{
    faults::{Counts, Fault},
    rng::Rng,
};

/// One direction of one link.
#[derive(Clone, Debug)]
pub struct Channel {
    sent: u64,
    received: u64,
    last_arrival_ms: u64,
    /// Until then everything vanishes.
    pub mute_until_ms: u64,
    /// Closed messages are neither sent nor delivered any more.
    pub is_open: bool,
}

/// What to do with a message that arrived.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Arrival {
    /// Hand it to the core.
    Deliver,
    /// Seen before.
    Drop,
    /// One is missing: the link is broken.
    Break,
}

impl Default for Channel {
    fn default() -> Self {
        Self { sent: 0, received: 0, last_arrival_ms: 0, mute_until_ms: 0, is_open: true }
    }
}

impl Channel {
    /// Numbers a message and says when copies of it arrive.
    pub fn send(
        &mut self,
        now_ms: u64,
        permille: u64,
        rng: &mut Rng,
        counts: &mut Counts,
    ) -> (u64, Vec<u64>) {
        self.sent += 1;
        let plain = (now_ms + rng.between(1, 6)).max(self.last_arrival_ms);
        let mut arrivals = vec![plain];
        if rng.between(0, 1000) < permille {
            match rng.between(0, 4) {
                0 => {
                    counts.add(Fault::LinkLoss);
                    arrivals.clear();
                }
                1 => {
                    counts.add(Fault::LinkDuplicate);
                    arrivals.push(plain + rng.between(1, 500));
                }
                2 => {
                    counts.add(Fault::LinkReorder);
                    return (self.sent, vec![plain + rng.between(5, 50)]);
                }
                _ => {
                    counts.add(Fault::LinkDelay);
                    arrivals = vec![plain + rng.between(500, 6_000)];
                }
            }
        }
        if now_ms < self.mute_until_ms {
            counts.add(Fault::LinkOneWay);
            arrivals.clear();
        }
        if let Some(first) = arrivals.first() {
            self.last_arrival_ms = *first;
        }
        (self.sent, arrivals)
    }

    /// Judges an arriving message by its number.
    pub fn arrive(&mut self, number: u64) -> Arrival {
        match number.cmp(&(self.received + 1)) {
            std::cmp::Ordering::Equal => {
                self.received = number;
                Arrival::Deliver
            }
            std::cmp::Ordering::Less => Arrival::Drop,
            std::cmp::Ordering::Greater => Arrival::Break,
        }
    }
}

/// One link: up is from the agent.
#[derive(Clone, Debug)]
pub struct Link {
    /// Which agent dialled.
    pub agent: usize,
    /// Its process at that time.
    pub agent_epoch: u64,
    /// The master's process at that time.
    pub master_epoch: u64,
    /// Agent to master.
    pub up: Channel,
    /// Master to agent.
    pub down: Channel,
}

/// How long an agent waits before it dials again.
pub fn back_off(rng: &mut Rng) -> Duration {
    Duration::from_millis(rng.between(50, 1_000))
}
