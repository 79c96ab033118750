//! Who fills a slot, from its first instance to the embedded default.
//!
//! ```text
//!              loaded                 ask
//!  Starting ──────────▶ Idle ◀──────────────▶ Asked
//!     ▲  │ refused        │    proposal          │
//!     │  ▼                │ fault                │ trap, deadline…
//!     │ next candidate ◀──┴──────────────────────┤
//!     │        │ third fault within a minute     │
//!     └────────┴──────────◀──────────────────────┘ same candidate, new generation
//!
//!  Resting: the last candidate failed too; it is tried again after a pause.
//! ```
//!
//! A new generation knows nothing, so its first question is the whole cluster (a
//! resync): a proposal has no effect before the ledger has applied it, hence a plugin
//! that dies in the middle of a round loses nothing.

use std::{collections::VecDeque, fmt, time::Duration};

use mezzo_model::Mono;

use crate::{
    ask::{Answer, Ask, Failure, SlotName},
    batch::{Batch, Proposal},
};

/// The SHA-256 of a plugin's bytes: what a plugin *is*.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Digest(pub [u8; 32]);

impl fmt::Display for Digest {
    /// The first twelve hexadecimal digits, enough to tell plugins apart in a log.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0[..6].iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// How patient a slot is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SlotConfig {
    /// So many faults within `fault_window` and the candidate before takes over. Three: one may
    /// be chance and two a coincidence.
    pub faults_max: usize,
    /// How long a fault is held against a plugin.
    pub fault_window: Duration,
    /// Whoever has not answered after this much time on the clock never will. Far more than the
    /// processor time a call may use, since a busy machine is not the plugin's fault.
    pub silence_max: Duration,
    /// Pause before the last candidate is tried again; doubles up to `rest_max`.
    pub rest_min: Duration,
    /// The longest pause.
    pub rest_max: Duration,
}

impl Default for SlotConfig {
    fn default() -> Self {
        Self {
            faults_max: 3,
            fault_window: Duration::from_secs(60),
            silence_max: Duration::from_secs(10),
            rest_min: Duration::from_secs(1),
            rest_max: Duration::from_secs(60),
        }
    }
}

/// What the slot wants done outside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum Order {
    /// Drop the instance there is, if any, and make a new one of `plugin`. Report with
    /// [`Slot::loaded`].
    Start {
        /// Which bytes.
        plugin: Digest,
        /// What the instance is called in asks and answers.
        generation: u64,
    },
    /// Drop the instance; the slot asks for another one at [`Slot::wake_at`].
    Rest,
}

/// What became of an answer.
#[derive(Debug, PartialEq)]
#[must_use]
pub enum Verdict {
    /// A proposal for the ledger to check; report back with [`Slot::checked`].
    Check(Proposal),
    /// The round is lost: tell the ledger to abandon it, and carry out the order.
    Lost(Order),
    /// From an instance that is no longer in use, or to a question nobody asked.
    Stale,
}

/// Something for the log: which plugin did what in which round.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Incident {
    /// The slot.
    pub slot: SlotName,
    /// The plugin.
    pub plugin: Digest,
    /// Its instance.
    pub generation: u64,
    /// The round, 0 before the first.
    pub round: u64,
    /// What happened.
    pub what: Happened,
}

/// The kinds of [`Incident`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Happened {
    /// An instance is ready.
    Started,
    /// No proposal came.
    Failed(Failure),
    /// Rows of a proposal that nothing was left for when they were applied. No blame: the
    /// cluster moved on.
    Dropped {
        /// How many.
        rows: u64,
        /// The first of them, in words.
        first: String,
    },
    /// Rows of a proposal that no correct plugin sends.
    Faulty {
        /// How many.
        rows: u64,
        /// The first of them, in words.
        first: String,
    },
    /// Too many faults: another plugin takes over.
    FellBack {
        /// Who takes over.
        to: Digest,
    },
    /// The last candidate failed too often: nothing is offered before it is tried again.
    Rests {
        /// For how long.
        pause: Duration,
    },
}

impl fmt::Display for Incident {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} plugin `{}` (generation {}, round {}) ",
            self.slot, self.plugin, self.generation, self.round
        )?;
        match &self.what {
            Happened::Started => f.write_str("is ready"),
            Happened::Failed(failure) => write!(f, "failed: {failure}"),
            Happened::Dropped { rows, first } => write!(f, "had {rows} row(s) dropped, the first: {first}"),
            Happened::Faulty { rows, first } => write!(f, "sent {rows} faulty row(s), the first: {first}"),
            Happened::FellBack { to } => write!(f, "failed too often: `{to}` takes over"),
            Happened::Rests { pause } => {
                write!(
                    f,
                    "failed too often and nothing is left to take over: pause of {} ms",
                    pause.as_millis()
                )
            }
        }
    }
}

/// Counts since the slot was made; they only grow.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Questions asked.
    pub rounds: u64,
    /// Proposals that came.
    pub proposals: u64,
    /// Rows dropped without blame.
    pub rows_dropped: u64,
    /// Rows that no correct plugin sends.
    pub rows_faulty: u64,
    /// Traps, including those while loading.
    pub traps: u64,
    /// Calls that used too much processor time or never answered.
    pub deadlines: u64,
    /// Calls stopped for memory or an oversized answer.
    pub memory: u64,
    /// Other failures: malformed answers, refusals to answer, bytes that cannot be loaded.
    pub other_failures: u64,
    /// Instances made.
    pub starts: u64,
    /// Times another plugin took over.
    pub fallbacks: u64,
    /// Answers of instances no longer in use.
    pub stale: u64,
    /// Processor time of all calls, in microseconds.
    pub cpu_us: u64,
    /// Processor time of the last call, in microseconds.
    pub cpu_us_last: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// An instance is being made.
    Starting,
    /// Ready to be asked.
    Idle,
    /// A question is open since `since`.
    Asked { round: u64, since: Mono },
    /// The proposal is with the ledger.
    Checking { round: u64 },
    /// Nobody serves until `until`.
    Resting { until: Mono },
}

/// Incidents kept until somebody takes them; older ones go first. The counters miss nothing.
const INCIDENTS_MAX: usize = 256;

/// A place for a plugin: decides who is asked and what follows when it fails.
#[derive(Debug)]
pub struct Slot {
    name: SlotName,
    config: SlotConfig,
    /// The one wanted, the one before it, the embedded default; without repetitions.
    candidates: Vec<Digest>,
    serving: usize,
    generation: u64,
    state: State,
    needs_resync: bool,
    round_last: u64,
    faults: VecDeque<Mono>,
    rest: Duration,
    counters: Counters,
    incidents: Vec<Incident>,
}

impl Slot {
    /// A slot to be filled with the first of `candidates`; each of the others stands in for those
    /// before it, the last being the embedded default. Repetitions count once.
    ///
    /// Carry out the order, which names the first instance.
    pub fn new(name: SlotName, candidates: &[Digest], config: SlotConfig) -> (Self, Order) {
        assert!(!candidates.is_empty(), "a slot has at least the embedded default");
        let mut distinct: Vec<Digest> = Vec::with_capacity(candidates.len());
        for candidate in candidates {
            if !distinct.contains(candidate) {
                distinct.push(*candidate);
            }
        }
        let mut slot = Self {
            name,
            config,
            candidates: distinct,
            serving: 0,
            generation: 0,
            state: State::Starting,
            needs_resync: true,
            round_last: 0,
            faults: VecDeque::new(),
            rest: config.rest_min,
            counters: Counters::default(),
            incidents: Vec::new(),
        };
        let order = slot.start();
        (slot, order)
    }

    /// Hears whether the instance of the last [`Order::Start`] could be made.
    ///
    /// What cannot be loaded will not load the next time either, so its stand-in is tried at
    /// once; other failures count like a fault.
    pub fn loaded(&mut self, now: Mono, generation: u64, outcome: Result<(), Failure>) -> Option<Order> {
        if generation != self.generation || self.state != State::Starting {
            self.counters.stale += 1;
            return None;
        }
        match outcome {
            Ok(()) => {
                self.state = State::Idle;
                self.needs_resync = true;
                self.note(Happened::Started);
                None
            }
            Err(failure) => Some(self.failed(now, failure)),
        }
    }

    /// Whether a question may be asked now.
    pub fn is_ready(&self) -> bool {
        self.state == State::Idle
    }

    /// Whether the next batch must be the whole cluster.
    pub fn needs_resync(&self) -> bool {
        self.needs_resync
    }

    /// Wraps `batch` for the instance that serves. Only when [`is_ready`](Self::is_ready).
    pub fn ask(&mut self, now: Mono, batch: Batch) -> Ask {
        assert!(self.is_ready(), "only an idle plugin is asked");
        assert!(batch.resync || !self.needs_resync, "a new instance is told everything first");
        self.needs_resync = false;
        self.round_last = batch.round;
        self.counters.rounds += 1;
        self.state = State::Asked { round: batch.round, since: now };
        Ask { slot: self.name, generation: self.generation, batch }
    }

    /// Hears an answer.
    pub fn answered(&mut self, now: Mono, answer: Answer) -> Verdict {
        let State::Asked { round, .. } = self.state else {
            self.counters.stale += 1;
            return Verdict::Stale;
        };
        if answer.generation != self.generation || answer.round != round {
            self.counters.stale += 1;
            return Verdict::Stale;
        }
        self.counters.cpu_us += answer.cpu_us;
        self.counters.cpu_us_last = answer.cpu_us;
        match answer.outcome {
            Ok(proposal) => {
                self.counters.proposals += 1;
                self.needs_resync = proposal.wants_resync;
                self.state = State::Checking { round };
                Verdict::Check(proposal)
            }
            Err(failure) => Verdict::Lost(self.failed(now, failure)),
        }
    }

    /// Hears what the ledger made of the proposal that [`answered`](Self::answered) handed out:
    /// the rows it dropped and the rows that are faults, in words.
    ///
    /// A fault costs the instance its place: what it believes about the cluster is wrong.
    pub fn checked(&mut self, now: Mono, dropped: &[String], faults: &[String]) -> Option<Order> {
        let State::Checking { .. } = self.state else { return None };
        if let Some(first) = dropped.first() {
            self.counters.rows_dropped += dropped.len() as u64;
            self.note(Happened::Dropped { rows: dropped.len() as u64, first: first.clone() });
        }
        let Some(first) = faults.first() else {
            self.state = State::Idle;
            self.rest = self.config.rest_min;
            return None;
        };
        self.counters.rows_faulty += faults.len() as u64;
        self.note(Happened::Faulty { rows: faults.len() as u64, first: first.clone() });
        Some(self.strike(now))
    }

    /// What is due by now: an answer that never came, or the end of a pause.
    ///
    /// After an order from here the round, if one was open, is lost: tell the ledger to abandon
    /// it ([`is_asking`](Self::is_asking) says so beforehand).
    pub fn expire(&mut self, now: Mono) -> Option<Order> {
        match self.state {
            State::Asked { since, .. } if now >= since + self.config.silence_max => {
                let silence_ms = self.config.silence_max.as_millis() as u64;
                Some(self.failed(now, Failure::Silent(silence_ms)))
            }
            State::Resting { until } if now >= until => Some(self.start()),
            State::Starting
            | State::Idle
            | State::Asked { .. }
            | State::Checking { .. }
            | State::Resting { .. } => None,
        }
    }

    /// When [`expire`](Self::expire) has something to do if nothing else happens first.
    pub fn wake_at(&self) -> Option<Mono> {
        match self.state {
            State::Asked { since, .. } => Some(since + self.config.silence_max),
            State::Resting { until } => Some(until),
            State::Starting | State::Idle | State::Checking { .. } => None,
        }
    }

    /// Whether a question is open or its proposal not yet checked.
    pub fn is_asking(&self) -> bool {
        matches!(self.state, State::Asked { .. } | State::Checking { .. })
    }

    /// The plugin that serves, or is being started.
    pub fn plugin(&self) -> Digest {
        self.candidates[self.serving]
    }

    /// The instance in use.
    pub fn generation(&self) -> u64 {
        self.generation
    }

    /// The counts so far.
    pub fn counters(&self) -> Counters {
        self.counters
    }

    /// Takes what has happened since the last call, oldest first, for the log.
    pub fn take_incidents(&mut self) -> Vec<Incident> {
        std::mem::take(&mut self.incidents)
    }

    fn start(&mut self) -> Order {
        self.generation += 1;
        self.counters.starts += 1;
        self.state = State::Starting;
        self.needs_resync = true;
        Order::Start { plugin: self.plugin(), generation: self.generation }
    }

    fn failed(&mut self, now: Mono, failure: Failure) -> Order {
        match &failure {
            Failure::Trap(_) => self.counters.traps += 1,
            Failure::Deadline { .. } | Failure::Silent(_) => self.counters.deadlines += 1,
            Failure::Memory { .. } | Failure::TooLarge { .. } => self.counters.memory += 1,
            Failure::Refused(_) | Failure::Malformed(_) | Failure::Gave(_) | Failure::Gone => {
                self.counters.other_failures += 1;
            }
        }
        let is_hopeless = matches!(failure, Failure::Refused(_));
        self.note(Happened::Failed(failure));
        if is_hopeless { self.fall_back(now) } else { self.strike(now) }
    }

    /// Counts a fault against the plugin that serves: a new instance of it, or its stand-in.
    fn strike(&mut self, now: Mono) -> Order {
        self.faults.retain(|at| now.since(*at) < self.config.fault_window);
        self.faults.push_back(now);
        if self.faults.len() >= self.config.faults_max { self.fall_back(now) } else { self.start() }
    }

    fn fall_back(&mut self, now: Mono) -> Order {
        self.faults.clear();
        if let Some(next) = self.candidates.get(self.serving + 1) {
            self.counters.fallbacks += 1;
            self.note(Happened::FellBack { to: *next });
            self.serving += 1;
            self.rest = self.config.rest_min;
            return self.start();
        }
        let pause = self.rest;
        self.rest = (pause * 2).min(self.config.rest_max);
        self.state = State::Resting { until: now + pause };
        self.note(Happened::Rests { pause });
        Order::Rest
    }

    fn note(&mut self, what: Happened) {
        if self.incidents.len() == INCIDENTS_MAX {
            self.incidents.remove(0);
        }
        self.incidents.push(Incident {
            slot: self.name,
            plugin: self.plugin(),
            generation: self.generation,
            round: self.round_last,
            what,
        });
    }
}

#[cfg(test)]
mod tests;
