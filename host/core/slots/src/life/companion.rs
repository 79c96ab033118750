//! The instance beside the one that serves: a candidate on its way in, or the one before it.

use std::collections::VecDeque;

use mezzo_model::Mono;

use super::{rehearsal::Rehearsal, tally::Tally};
use crate::{
    batch::{Batch, Proposal},
    choice::{Choice, Plan},
};

/// Rounds that a companion may be behind. It never holds a round up, so what it has not answered
/// waits; one that is further behind than this is too slow to serve.
const BEHIND_MAX: usize = 64;

/// Why a plugin is brought in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Cause {
    /// An operator swapped it in.
    Swap,
    /// An operator wants the one before.
    Rollback,
}

/// An instance that is asked what the serving one is asked, and whose answers are not used.
#[derive(Debug)]
pub(super) struct Companion {
    pub(super) choice: Choice,
    pub(super) generation: u64,
    pub(super) stage: Stage,
    pub(super) tally: Tally,
    /// The rounds it was asked in and has not answered, with when.
    pub(super) open: VecDeque<(u64, Mono)>,
}

/// How far it is.
#[derive(Debug)]
pub(super) enum Stage {
    /// A candidate whose instance is being made since `since`.
    Warming { since: Mono, plan: Plan, cause: Cause },
    /// A candidate that is compared with the one that serves.
    Shadowing { plan: Plan, rehearsal: Box<Rehearsal> },
    /// A candidate that serves as soon as the choice is durable and no round is open.
    Ready { plan: Plan, cause: Cause, was_told: bool, is_kept: bool },
    /// The one that served before, until the probation of the one that serves is over.
    Warm {
        until: Mono,
        /// Its proposal for this round, should it be needed.
        proposal: Option<Proposal>,
        /// The last round, if the one that serves granted nothing in it.
        empty_round: Option<u64>,
        /// Rounds in a row in which it granted something and the one that serves nothing.
        silent_rounds: u32,
    },
}

impl Companion {
    /// Whether it is asked what the serving one is asked.
    fn is_asked(&self) -> bool {
        match &self.stage {
            Stage::Shadowing { .. } | Stage::Warm { .. } => true,
            Stage::Ready { was_told, .. } => *was_told,
            Stage::Warming { .. } => false,
        }
    }

    /// A round begins: the batch for it, if it is asked, or why it cannot go on.
    pub(super) fn asked(&mut self, now: Mono, batch: &Batch) -> Result<Option<Batch>, String> {
        if !self.is_asked() {
            return Ok(None);
        }
        if self.open.len() == BEHIND_MAX {
            return Err(format!("it is {BEHIND_MAX} rounds behind"));
        }
        self.open.push_back((batch.round, now));
        self.tally.counters.rounds += 1;
        match &mut self.stage {
            Stage::Shadowing { rehearsal, .. } => rehearsal.begin(batch),
            Stage::Warm { proposal, .. } => *proposal = None,
            Stage::Warming { .. } | Stage::Ready { .. } => {}
        }
        Ok(Some(batch.clone()))
    }

    /// Whether it may take over between two rounds.
    pub(super) fn may_serve(&self) -> bool {
        match self.stage {
            Stage::Ready { is_kept, .. } => is_kept && self.open.is_empty(),
            Stage::Warming { .. } | Stage::Shadowing { .. } | Stage::Warm { .. } => false,
        }
    }

    /// One word for its stage.
    pub(super) fn state(&self) -> &'static str {
        match self.stage {
            Stage::Warming { .. } => "warming",
            Stage::Shadowing { .. } => "shadowing",
            Stage::Ready { .. } => "ready",
            Stage::Warm { .. } => "standing-by",
        }
    }
}
