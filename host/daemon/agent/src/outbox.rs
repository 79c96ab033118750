//! What a turn wants of the outside, carried out in order on a thread of its own.
//!
//! A checkpoint is one append to the page cache, and only the agent's id waits for the disk
//! itself. But a disk may stand still for minutes, and the loop has pings to answer meanwhile.

use std::{io, sync::Arc, thread};

use mezzo_core_agent::{Change, Input, Leaving, Write};
use mezzo_disk::Checkpoints;
use mezzo_model::outbox::{self, Outcome, Step, Turn};
use mezzo_telemetry::Timer;

use crate::{Inbox, outside::Outside};

/// Turns that may wait to be carried out; then the loop waits too.
const TURNS_MAX: usize = 1_024;

type Effects = Turn<Vec<Write>, Leaving>;

/// The thread has ended by itself.
#[derive(Debug)]
pub(crate) struct Ended;

/// The way to the thread.
pub(crate) struct Outbox {
    /// Absent once the thread is to end.
    turns: Option<std::sync::mpsc::SyncSender<Effects>>,
    thread: Option<thread::JoinHandle<()>>,
}

/// The thread's own.
struct Carrier {
    checkpoints: Checkpoints,
    outside: Arc<Outside>,
    inbox: Arc<Inbox>,
    write_time: Timer,
}

impl Outbox {
    /// Starts the thread.
    pub(crate) fn spawn(
        checkpoints: Checkpoints,
        outside: Arc<Outside>,
        inbox: Arc<Inbox>,
    ) -> io::Result<Self> {
        let (turns, waiting) = std::sync::mpsc::sync_channel(TURNS_MAX);
        let write_time = outside.metrics.timer("mezzo/agent/checkpoint_ms");
        let mut carrier = Carrier { checkpoints, outside, inbox, write_time };
        let thread = thread::Builder::new()
            .name("outbox".to_owned())
            .spawn(move || waiting.into_iter().for_each(|turn| carrier.carry_out(turn)))?;
        Ok(Self { turns: Some(turns), thread: Some(thread) })
    }

    /// Hands the turn on.
    ///
    /// # Errors
    ///
    /// When the thread has ended, which is a bug.
    pub(crate) fn push(&self, turn: Effects) -> Result<(), Ended> {
        match self.turns.as_ref().filter(|_| !turn.is_empty()) {
            Some(turns) => turns.send(turn).map_err(|_| Ended),
            None => Ok(()),
        }
    }

    /// Waits until everything is written and sent.
    pub(crate) fn finish(&mut self) {
        self.turns = None;
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("the outbox has met a bug; its last words are on standard error");
        }
    }
}

impl Carrier {
    fn carry_out(&mut self, turn: Effects) {
        let mut outbox = outbox::Outbox::new(1);
        outbox.push(turn);
        while let Some(step) = outbox.next_step() {
            match step {
                Step::Write(ticket, writes) => {
                    let writes: Vec<_> = writes.into_iter().map(disk_write).collect();
                    let result = self.write_time.time(|| self.checkpoints.apply(&writes));
                    outbox.written(ticket, result.map_err(|error| error.sentence()));
                }
                Step::Send(Leaving::Kept(ticket)) => self.inbox.push_now(Input::Persisted(ticket)),
                Step::Send(Leaving::Envelope(envelope)) => self.outside.send(envelope),
                Step::Report(Outcome::Persisted(ticket)) => self.inbox.push_now(Input::Persisted(ticket)),
                Step::Report(Outcome::NotPersisted(ticket, why)) => {
                    self.inbox.push_now(Input::NotPersisted { ticket, why });
                }
            }
        }
    }
}

fn disk_write(write: Write) -> mezzo_disk::Write {
    mezzo_disk::Write {
        key: write.key,
        change: match write.change {
            Change::Replace(bytes) => mezzo_disk::Change::Replace(bytes),
            Change::Append(bytes) => mezzo_disk::Change::Append(bytes),
            Change::Remove => mezzo_disk::Change::Remove,
        },
        is_durable: write.is_durable,
    }
}
