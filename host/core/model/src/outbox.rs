//! The order of writes and sends: nothing leaves before what it relies on is kept.
//!
//! A core's turn ends in *checkpoints* that its sends rely on, *registry* writes that
//! nothing of this turn relies on, and the *sends*. The outbox is one FIFO of such turns:
//!
//! ```text
//!  turn 1: checkpoints ─▶ sends ─▶ turn 2: checkpoints ─▶ sends ─▶ …
//!          registry ──────────────────────▶ persisted, as an input of a later turn
//! ```
//!
//! - A turn's sends wait for that turn's checkpoints, and for everything before them; so two
//!   messages to one destination never overtake each other.
//! - When a checkpoint fails, the turn's sends are dropped, the turn's later checkpoints are
//!   not begun, and each of them comes back as [`Outcome::NotPersisted`].
//! - Registry writes are begun in their order too, but nobody waits for them here.
//!
//! The type is pure: whoever drives it (a daemon, the simulator) asks [`Outbox::next_step`] what
//! to do, does it, and tells the result of each write with [`Outbox::written`].

use std::collections::{BTreeMap, VecDeque};

use crate::ids::Ticket;

/// What one turn of a core wants done.
#[derive(Clone, Debug)]
pub struct Turn<W, S> {
    /// Kept before this turn's sends go out.
    pub checkpoints: Vec<(Ticket, W)>,
    /// Kept whenever it is done; the ticket comes back either way.
    pub registry: Vec<(Ticket, W)>,
    /// Sent once the checkpoints are kept, in this order.
    pub sends: Vec<S>,
}

impl<W, S> Default for Turn<W, S> {
    fn default() -> Self {
        Self { checkpoints: Vec::new(), registry: Vec::new(), sends: Vec::new() }
    }
}

impl<W, S> Turn<W, S> {
    /// Whether there is nothing to do.
    pub fn is_empty(&self) -> bool {
        self.checkpoints.is_empty() && self.registry.is_empty() && self.sends.is_empty()
    }
}

/// What the driver of an outbox does next.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
pub enum Step<W, S> {
    /// Keep this, and call [`Outbox::written`] with the same ticket.
    Write(Ticket, W),
    /// Send this.
    Send(S),
    /// Hand this to the core as an input.
    Report(Outcome),
}

/// What became of a write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// A registry write is kept. A checkpoint that is kept is not reported: its sends go out.
    Persisted(Ticket),
    /// It is not kept, and why. Of a checkpoint: the sends of its turn were dropped.
    NotPersisted(Ticket, String),
}

/// Turns on their way out.
#[derive(Debug)]
pub struct Outbox<W, S> {
    turns_max: usize,
    turns: VecDeque<Pending<W, S>>,
    reports: VecDeque<Outcome>,
    /// What is being written: the number of the turn that waits for it, if one does.
    writing: BTreeMap<Ticket, Option<u64>>,
    /// The number of the first turn in `turns`.
    first: u64,
    /// Every write of the turns before this one was begun.
    begun: u64,
}

#[derive(Debug)]
struct Pending<W, S> {
    /// Not begun yet; checkpoints (`true`) before registry writes.
    writes: VecDeque<(bool, Ticket, W)>,
    /// Checkpoints begun and not told of.
    waiting: usize,
    /// Why a checkpoint failed; then no send goes out.
    failed: Option<String>,
    sends: VecDeque<S>,
}

impl<W, S> Outbox<W, S> {
    /// An outbox that says it is full at `turns_max` turns.
    pub fn new(turns_max: usize) -> Self {
        Self {
            turns_max,
            turns: VecDeque::new(),
            reports: VecDeque::new(),
            writing: BTreeMap::new(),
            first: 0,
            begun: 0,
        }
    }

    /// Whether another turn may be taken: if not, the driver leaves the inbox alone until
    /// writes have come back, which is how a slow disk slows down those who ask.
    pub fn has_room(&self) -> bool {
        self.turns.len() < self.turns_max
    }

    /// Whether everything was sent, written and reported.
    pub fn is_empty(&self) -> bool {
        self.turns.is_empty() && self.writing.is_empty() && self.reports.is_empty()
    }

    /// How many writes were handed out and not told of.
    pub fn writes_open(&self) -> usize {
        self.writing.len()
    }

    /// Takes a turn in. Tickets must be new: one that is still being written is a bug.
    pub fn push(&mut self, turn: Turn<W, S>) {
        if turn.is_empty() {
            return;
        }
        let checkpoints = turn.checkpoints.into_iter().map(|(ticket, write)| (true, ticket, write));
        let registry = turn.registry.into_iter().map(|(ticket, write)| (false, ticket, write));
        self.turns.push_back(Pending {
            writes: checkpoints.chain(registry).collect(),
            waiting: 0,
            failed: None,
            sends: turn.sends.into(),
        });
    }

    /// What to do next; `None` when nothing can be done before a write is told of.
    ///
    /// All writes may be begun before the first is told of, so a driver that wants one
    /// fdatasync for many collects them until `None`.
    pub fn next_step(&mut self) -> Option<Step<W, S>> {
        if let Some(outcome) = self.reports.pop_front() {
            return Some(Step::Report(outcome));
        }
        if let Some(send) = self.next_send() {
            return Some(Step::Send(send));
        }
        self.next_write()
    }

    /// Tells what became of a write: `Err` with one sentence when it is not kept.
    pub fn written(&mut self, ticket: Ticket, result: Result<(), String>) {
        let Some(turn) = self.writing.remove(&ticket) else { return };
        let pending = turn.and_then(|turn| self.turns.get_mut(usize::try_from(turn - self.first).ok()?));
        match (pending, result) {
            (Some(pending), Ok(())) => pending.waiting -= 1,
            (Some(pending), Err(why)) => {
                pending.waiting -= 1;
                pending.failed.get_or_insert_with(|| why.clone());
                self.reports.push_back(Outcome::NotPersisted(ticket, why));
            }
            (None, Ok(())) => self.reports.push_back(Outcome::Persisted(ticket)),
            (None, Err(why)) => self.reports.push_back(Outcome::NotPersisted(ticket, why)),
        }
    }

    /// The next send of the first turn, once all its checkpoints are kept.
    fn next_send(&mut self) -> Option<S> {
        loop {
            let turn = self.turns.front_mut()?;
            give_up_after_failure(turn, &mut self.reports);
            let is_gated = turn.waiting > 0 || turn.writes.front().is_some_and(|(gates, ..)| *gates);
            if is_gated {
                return None;
            }
            if let Some(send) = turn.sends.pop_front() {
                return Some(send);
            }
            if !turn.writes.is_empty() {
                return None;
            }
            self.turns.pop_front();
            self.first += 1;
        }
    }

    /// The first write that was not begun, of whichever turn.
    fn next_write(&mut self) -> Option<Step<W, S>> {
        self.begun = self.begun.max(self.first);
        while let Some(turn) = self.turns.get_mut(usize::try_from(self.begun - self.first).ok()?) {
            let number = self.begun;
            give_up_after_failure(turn, &mut self.reports);
            if let Some((gates, ticket, write)) = turn.writes.pop_front() {
                turn.waiting += usize::from(gates);
                let twice = self.writing.insert(ticket, gates.then_some(number));
                assert!(twice.is_none(), "ticket {} names two writes at a time", ticket.0);
                return Some(Step::Write(ticket, write));
            }
            self.begun += 1;
        }
        self.reports.pop_front().map(Step::Report)
    }
}

/// After a failed checkpoint: no further checkpoint of the turn is begun, no send goes out.
fn give_up_after_failure<W, S>(turn: &mut Pending<W, S>, reports: &mut VecDeque<Outcome>) {
    let Some(why) = &turn.failed else { return };
    turn.sends.clear();
    while let Some((true, ticket, _)) = turn.writes.front() {
        reports.push_back(Outcome::NotPersisted(*ticket, why.clone()));
        turn.writes.pop_front();
    }
}

#[cfg(test)]
mod tests;
