//! A container as the node sees it.

use std::time::{Duration, Instant};

use mezzo_cgroups::Group;
use mezzo_linux::{eventfd::EventFd, pidfd::PidFd};
use mezzo_model::container::{Limitation, Plan, Stage};

use crate::fetching::Fetching;

/// One container, from its plan to the end of its removal.
#[derive(Debug)]
pub(crate) struct Container {
    pub(crate) phase: Phase,
    /// Its control groups, once they are made.
    pub(crate) group: Option<Group>,
    /// Counts when memory runs out, and the watch that reports it.
    pub(crate) out_of_memory: Option<(EventFd, u64)>,
    /// Process 1 of it; `None` before it exists and after it has ended.
    pub(crate) supervisor: Option<Supervisor>,
    /// A limit that was hit; said when the command has ended of it.
    pub(crate) limitation: Option<Limitation>,
    /// Set when it is to be removed.
    pub(crate) doom: Option<Doom>,
    /// When to look at it again if nothing happens.
    pub(crate) due: Option<Instant>,
}

/// How far a container is.
#[derive(Debug)]
pub(crate) enum Phase {
    /// Its sandbox is there; its files are being brought.
    Prepared {
        plan: Box<Plan>,
        account: Option<mezzo_linux::account::Account>,
        /// `None` once there is nothing more to bring.
        task: Option<Fetching>,
    },
    /// The launcher has its plan.
    Launching {
        /// Of which launcher; another is started when one is killed.
        launcher: u64,
        /// To be sent again if that one was killed before it began.
        packet: Vec<u8>,
        /// Signals that wait for the command.
        signals: Vec<(i32, bool)>,
        /// Whether the end of process 1 is the end of all.
        has_own_pids: bool,
    },
    /// The command runs.
    Running { pid: i32 },
    /// The command has ended and this was said, or it never ran.
    Ended { pid: i32 },
}

/// Process 1 of a container.
#[derive(Debug)]
pub(crate) struct Supervisor {
    pub(crate) process: PidFd,
    /// The watch that reports its end.
    pub(crate) token: u64,
}

/// That a container is to be removed, and what is said when it is.
#[derive(Debug)]
pub(crate) struct Doom {
    pub(crate) then: Vec<Then>,
    pub(crate) since: Instant,
    /// Processes were told to end; they are killed from outside after this.
    pub(crate) patience_until: Option<Instant>,
    /// Times that the kernel still had something in the groups.
    pub(crate) rounds: u32,
    /// Whether its taking too long was complained about.
    pub(crate) is_late: bool,
}

/// What is said once nothing is left.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Then {
    /// It was destroyed, as asked.
    Destroyed,
    /// It could not be launched.
    LaunchFailed(Stage, String),
    /// Nobody knew it.
    Orphan,
}

impl Container {
    pub(crate) fn new(phase: Phase) -> Self {
        Self {
            phase,
            group: None,
            out_of_memory: None,
            supervisor: None,
            limitation: None,
            doom: None,
            due: None,
        }
    }
}

impl Doom {
    pub(crate) fn new(then: Then) -> Self {
        Self { then: vec![then], since: Instant::now(), patience_until: None, rounds: 0, is_late: false }
    }

    /// Whether it is because it could not be launched.
    pub(crate) fn has_failed(&self) -> bool {
        self.then.iter().any(|then| matches!(then, Then::LaunchFailed(..)))
    }

    /// How long to wait before the groups are looked at again: soon at first, since a killed process takes
    /// less than a millisecond to leave; then once a second for one that hangs in the kernel.
    pub(crate) fn pause(&mut self) -> Duration {
        self.rounds = self.rounds.saturating_add(1);
        match self.rounds {
            0..=10 => Duration::from_millis(1),
            11..=60 => Duration::from_millis(20),
            _ => Duration::from_secs(1),
        }
    }
}
