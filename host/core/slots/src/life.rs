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
//!
//! Beside the instance that serves there is at most one more, its *companion*:
//!
//! ```text
//!  swap ──▶ Warming ──▶ Shadowing ──▶ Ready ──▶ serves, and the one before is
//!              │  loaded    │  rounds   │ durable, between two rounds
//!              ▼            ▼           ▼                    Warm ──▶ let go
//!           dismissed: who served before goes on              │  probation over
//!                                                             ▼
//!                                 the first fault: serves again in the same round
//! ```
//!
//! A companion is told what the serving one is told and answers for itself; a round never
//! waits for it.

mod companion;
mod incident;
mod rehearsal;
mod swap;
mod tally;

pub use incident::{Happened, Incident};
pub use rehearsal::{Report, Rows, Share};
pub use swap::{CompanionShown, Record, SwapRefused};
pub use tally::{Counters, Tally};

use std::{
    collections::{BTreeMap, VecDeque},
    time::Duration,
};

use mezzo_model::Mono;

use crate::{
    ask::{Answer, Ask, Failure, SlotName},
    batch::{Batch, Proposal},
    choice::{Choice, Digest},
};
use companion::Companion;

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
    /// So many rounds in a row without a grant, where the one before would have granted something,
    /// and a plugin in its probation is out.
    pub silent_rounds_max: u32,
    /// So many faults altogether and a plugin is not taken again.
    pub offences_max: u32,
}

impl Default for SlotConfig {
    fn default() -> Self {
        Self {
            faults_max: 3,
            fault_window: Duration::from_secs(60),
            silence_max: Duration::from_secs(10),
            rest_min: Duration::from_secs(1),
            rest_max: Duration::from_secs(60),
            silent_rounds_max: 20,
            offences_max: 3,
        }
    }
}

/// What the slot wants done outside.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
pub enum Order {
    /// Make an instance. Report with [`Slot::loaded`].
    Start {
        /// Of what.
        choice: Choice,
        /// What the instance is called in asks and answers.
        generation: u64,
    },
    /// Let an instance go.
    Drop {
        /// Which.
        generation: u64,
    },
    /// Nobody will want these bytes again.
    Forget {
        /// Which.
        plugin: Digest,
    },
}

/// What became of an answer.
#[derive(Debug, PartialEq)]
#[must_use]
pub enum Verdict {
    /// A proposal for the ledger to check; report back with [`Slot::checked`].
    Check(Proposal),
    /// The round is lost: tell the ledger to abandon it.
    Lost,
    /// The plugin is out, and the one before it will answer this round in its place.
    Waits,
    /// From an instance that is no longer in use, or to a question nobody asked.
    Stale,
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
    /// The one that serves, those before it, the embedded default; without repetitions.
    candidates: Vec<Choice>,
    generation: u64,
    generation_last: u64,
    state: State,
    needs_resync: bool,
    round_last: u64,
    faults: VecDeque<Mono>,
    rest: Duration,
    companion: Option<Companion>,
    /// What the rehearsal before came to.
    report: Option<Report>,
    /// What plugins have been guilty of so far.
    offences: BTreeMap<Digest, u32>,
    /// Who is not taken again, and why; the oldest first.
    quarantined: VecDeque<(Digest, String)>,
    counters: Counters,
    tally: Tally,
    orders: Vec<Order>,
    incidents: Vec<Incident>,
    /// What should be durable has changed.
    is_dirty: bool,
}

impl Slot {
    /// A slot to be filled with the first of `candidates`; each of the others stands in for those
    /// before it, the last being the embedded default. Repetitions count once.
    ///
    /// Carry out the [orders](Self::take_orders), which name the first instance.
    pub fn new(name: SlotName, candidates: Vec<Choice>, config: SlotConfig) -> Self {
        assert!(!candidates.is_empty(), "a slot has at least the embedded default");
        let mut distinct: Vec<Choice> = Vec::with_capacity(candidates.len());
        for candidate in candidates {
            if !distinct.contains(&candidate) {
                distinct.push(candidate);
            }
        }
        let mut slot = Self {
            name,
            config,
            candidates: distinct,
            generation: 0,
            generation_last: 0,
            state: State::Starting,
            needs_resync: true,
            round_last: 0,
            faults: VecDeque::new(),
            rest: config.rest_min,
            companion: None,
            report: None,
            offences: BTreeMap::new(),
            quarantined: VecDeque::new(),
            counters: Counters::default(),
            tally: Tally::default(),
            orders: Vec::new(),
            incidents: Vec::new(),
            is_dirty: false,
        };
        slot.start();
        slot
    }

    /// Hears whether the instance of an [`Order::Start`] could be made.
    ///
    /// What cannot be loaded will not load the next time either, so its stand-in is tried at
    /// once; other failures count like a fault.
    pub fn loaded(&mut self, now: Mono, generation: u64, outcome: Result<(), Failure>) {
        if self.is_companion(generation) {
            return self.companion_loaded(now, outcome);
        }
        if generation != self.generation || self.state != State::Starting {
            self.counters.stale += 1;
            return;
        }
        match outcome {
            Ok(()) => {
                self.state = State::Idle;
                self.needs_resync = true;
                self.note(Happened::Started);
            }
            Err(failure) => {
                let verdict = self.failed(now, failure);
                debug_assert_eq!(verdict, Verdict::Lost, "who is in probation was loaded before");
            }
        }
        self.switch_if_due(now);
    }

    /// Whether a question may be asked now.
    pub fn is_ready(&self) -> bool {
        self.state == State::Idle
    }

    /// Whether the next batch must be the whole cluster.
    pub fn needs_resync(&self) -> bool {
        self.needs_resync
    }

    /// Wraps `batch` for the instance that serves, and for its companion if that is to be asked
    /// too. Only when [`is_ready`](Self::is_ready).
    pub fn ask(&mut self, now: Mono, batch: Batch) -> Vec<Ask> {
        assert!(self.is_ready(), "only an idle plugin is asked");
        assert!(batch.resync || !self.needs_resync, "a new instance is told everything first");
        self.needs_resync = false;
        self.round_last = batch.round;
        self.counters.rounds += 1;
        self.tally.counters.rounds += 1;
        self.state = State::Asked { round: batch.round, since: now };
        let beside = self.ask_companion(now, &batch);
        let ask = Ask { slot: self.name, generation: self.generation, batch };
        std::iter::once(ask).chain(beside).collect()
    }

    /// Hears an answer of the instance that serves; a companion's goes to
    /// [`companion_answered`](Self::companion_answered).
    pub fn answered(&mut self, now: Mono, answer: Answer) -> Verdict {
        let State::Asked { round, .. } = self.state else {
            self.counters.stale += 1;
            return Verdict::Stale;
        };
        if answer.generation != self.generation || answer.round != round {
            self.counters.stale += 1;
            return Verdict::Stale;
        }
        self.counters.answered(answer.cpu_us);
        self.tally.answered(answer.cpu_us);
        match answer.outcome {
            Ok(proposal) => {
                self.tell_rehearsal(&proposal, answer.cpu_us);
                self.proposed(round, proposal)
            }
            Err(failure) => self.failed(now, failure),
        }
    }

    /// Hears what the ledger made of the proposal that [`answered`](Self::answered) handed out:
    /// the rows it dropped and the rows that are faults, in words.
    ///
    /// A fault costs the instance its place: what it believes about the cluster is wrong.
    pub fn checked(&mut self, now: Mono, dropped: &[String], faults: &[String]) {
        let State::Checking { .. } = self.state else { return };
        if let Some(first) = dropped.first() {
            let rows = dropped.len() as u64;
            self.count(|counters| counters.rows_dropped += rows);
            self.note(Happened::Dropped { rows, first: first.clone() });
        }
        self.state = State::Idle;
        match faults.first() {
            None => {
                self.rest = self.config.rest_min;
                self.look_for_silence(now);
            }
            Some(first) => {
                let rows = faults.len() as u64;
                self.count(|counters| counters.rows_faulty += rows);
                self.note(Happened::Faulty { rows, first: first.clone() });
                let why = format!("it sent {rows} faulty row(s), the first: {first}");
                if !self.is_on_probation() {
                    self.strike(now, &why);
                } else {
                    let verdict = self.go_back(now, &why, None);
                    debug_assert_eq!(verdict, Verdict::Lost, "no round is open");
                }
            }
        }
        self.switch_if_due(now);
    }

    /// What is due by now: an answer that never came, the end of a pause or of a probation. A
    /// verdict is about the round that was open.
    pub fn expire(&mut self, now: Mono) -> Option<Verdict> {
        self.expire_companion(now);
        let verdict = match self.state {
            State::Asked { since, .. } if now >= since + self.config.silence_max => {
                let silence_ms = self.config.silence_max.as_millis() as u64;
                Some(self.failed(now, Failure::Silent(silence_ms)))
            }
            State::Resting { until } if now >= until => {
                self.start();
                None
            }
            State::Starting
            | State::Idle
            | State::Asked { .. }
            | State::Checking { .. }
            | State::Resting { .. } => None,
        };
        self.switch_if_due(now);
        verdict
    }

    /// When [`expire`](Self::expire) has something to do if nothing else happens first.
    pub fn wake_at(&self) -> Option<Mono> {
        let own = match self.state {
            State::Asked { since, .. } => Some(since + self.config.silence_max),
            State::Resting { until } => Some(until),
            State::Starting | State::Idle | State::Checking { .. } => None,
        };
        own.into_iter().chain(self.companion_wakes_at()).min()
    }

    /// The plugin that serves, or is being started.
    pub fn plugin(&self) -> Digest {
        self.candidates[0].plugin
    }

    /// The instance in use.
    pub fn generation(&self) -> u64 {
        self.generation
    }

    /// The counts so far, of all plugins together.
    pub fn counters(&self) -> Counters {
        self.counters
    }

    /// Takes what is wanted outside, in the order in which it is to be done.
    pub fn take_orders(&mut self) -> Vec<Order> {
        std::mem::take(&mut self.orders)
    }

    /// Takes what has happened since the last call, oldest first, for the log.
    pub fn take_incidents(&mut self) -> Vec<Incident> {
        std::mem::take(&mut self.incidents)
    }

    /// One word for what the serving instance does.
    pub fn state(&self) -> &'static str {
        match self.state {
            State::Starting => "starting",
            State::Resting { .. } => "resting",
            State::Idle | State::Asked { .. } | State::Checking { .. } if self.is_on_probation() => {
                "probation"
            }
            State::Idle | State::Asked { .. } | State::Checking { .. } => "serving",
        }
    }

    fn proposed(&mut self, round: u64, proposal: Proposal) -> Verdict {
        let rows = proposal.grants.agent.len() as u64;
        self.count(|counters| {
            counters.proposals += 1;
            counters.rows += rows;
        });
        self.needs_resync |= proposal.wants_resync;
        self.remember_whether_silent(round, rows);
        self.state = State::Checking { round };
        Verdict::Check(proposal)
    }

    fn start(&mut self) {
        self.generation = self.next_generation();
        self.count(|counters| counters.starts += 1);
        self.state = State::Starting;
        self.needs_resync = true;
        let choice = self.candidates[0].clone();
        self.orders.push(Order::Start { choice, generation: self.generation });
    }

    fn failed(&mut self, now: Mono, failure: Failure) -> Verdict {
        self.count(|counters| counters.failed(&failure));
        let open = match self.state {
            State::Asked { round, .. } => Some(round),
            State::Starting | State::Idle | State::Checking { .. } | State::Resting { .. } => None,
        };
        if let Some(round) = open {
            self.lose_in_rehearsal(round);
        }
        let is_hopeless = matches!(failure, Failure::Refused(_));
        let why = format!("it failed: {failure}");
        self.note(Happened::Failed(failure));
        if self.is_on_probation() {
            return self.go_back(now, &why, open);
        }
        if is_hopeless {
            self.let_go();
            self.fall_back(now, &why);
        } else {
            self.strike(now, &why);
        }
        Verdict::Lost
    }

    /// Counts a fault against the plugin that serves: a new instance of it, or its stand-in.
    fn strike(&mut self, now: Mono, why: &str) {
        self.let_go();
        self.faults.retain(|at| now.since(*at) < self.config.fault_window);
        self.faults.push_back(now);
        if self.faults.len() >= self.config.faults_max {
            let (times, within) = (self.faults.len(), self.config.fault_window.as_secs());
            self.fall_back(now, &format!("{times} faults within {within} s, in the last {why}"));
        } else {
            self.start();
        }
    }

    /// The instance that served is of no use any more.
    fn let_go(&mut self) {
        self.orders.push(Order::Drop { generation: self.generation });
    }

    fn fall_back(&mut self, now: Mono, why: &str) {
        self.faults.clear();
        if let Some(next) = self.candidates.get(1) {
            let to = next.plugin;
            self.counters.fallbacks += 1;
            self.note(Happened::FellBack { to });
            let out = self.candidates.remove(0);
            self.quarantine(out.plugin, why);
            self.forget(out.plugin);
            self.is_dirty = true;
            self.tally = Tally::default();
            self.rest = self.config.rest_min;
            return self.start();
        }
        let pause = self.rest;
        self.rest = (pause * 2).min(self.config.rest_max);
        self.state = State::Resting { until: now + pause };
        self.note(Happened::Rests { pause });
    }

    fn next_generation(&mut self) -> u64 {
        self.generation_last += 1;
        self.generation_last
    }

    fn count(&mut self, count: impl Fn(&mut Counters)) {
        count(&mut self.counters);
        count(&mut self.tally.counters);
    }

    fn note(&mut self, what: Happened) {
        self.note_of(self.plugin(), self.generation, what);
    }

    fn note_of(&mut self, plugin: Digest, generation: u64, what: Happened) {
        if self.incidents.len() == INCIDENTS_MAX {
            self.incidents.remove(0);
        }
        self.incidents.push(Incident { slot: self.name, plugin, generation, round: self.round_last, what });
    }
}

#[cfg(test)]
mod tests;
