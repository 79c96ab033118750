//! How a plugin comes to serve, and how it goes again.

use mezzo_model::Mono;

use super::{
    Happened, Order, Report, Slot, State, Tally, Verdict,
    companion::{Cause, Companion, Stage},
    rehearsal::Rehearsal,
};
use crate::{
    ask::{Answer, Ask, Failure},
    batch::{Batch, Proposal},
    choice::{Choice, Digest, Plan},
};

/// Plugins that stand in for each other, the embedded default among them.
const CANDIDATES_MAX: usize = 5;

/// Plugins that are remembered for what they did, good or bad.
const REMEMBERED_MAX: usize = 64;

/// How long making an instance may take on the clock. Its processor time is limited at the edge.
const LOAD_MAX: std::time::Duration = std::time::Duration::from_secs(60);

/// Why a slot stays as it is.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SwapRefused {
    /// One at a time.
    #[error(
        "plugin `{candidate}` is on its way in ({state}): wait for it, or send it away with a rollback first"
    )]
    Busy {
        /// Which.
        candidate: Digest,
        /// How far it is.
        state: &'static str,
    },
    /// There is nothing to do.
    #[error("plugin `{plugin}` serves already with these parameters")]
    Serves {
        /// Which.
        plugin: Digest,
    },
    /// It was out too often.
    #[error("plugin `{plugin}` is in quarantine: {why}; repair it, or take it out with a release")]
    Quarantined {
        /// Which.
        plugin: Digest,
        /// What it did.
        why: String,
    },
    /// Nobody is before the embedded default.
    #[error("plugin `{plugin}` is the embedded default, and there is none to go back to")]
    NothingBefore {
        /// Which.
        plugin: Digest,
    },
    /// There is nothing to release.
    #[error("plugin `{plugin}` is not in quarantine")]
    NotQuarantined {
        /// Which.
        plugin: Digest,
    },
}

/// What a master that starts again has to know of a slot.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Record {
    /// Who is to serve, and who stands in for it, without the embedded default.
    pub chosen: Vec<Choice>,
    /// Who is not taken, and why.
    pub quarantined: Vec<(Digest, String)>,
}

/// The companion, for those who look.
#[derive(Debug)]
pub struct CompanionShown<'slot> {
    /// Which plugin.
    pub choice: &'slot Choice,
    /// Its instance.
    pub generation: u64,
    /// One word.
    pub state: &'static str,
    /// What it did as a companion.
    pub tally: &'slot Tally,
    /// When it is let go, if it stands by.
    pub until: Option<Mono>,
}

impl Slot {
    /// Has a plugin serve, by this plan. Its bytes have to be there already.
    ///
    /// # Errors
    ///
    /// When it serves, is in quarantine, or another one is on its way in.
    pub fn swap(&mut self, now: Mono, choice: Choice, plan: Plan) -> Result<(), SwapRefused> {
        let plugin = choice.plugin;
        if let Some((_, why)) = self.quarantined.iter().find(|(digest, _)| *digest == plugin) {
            return Err(SwapRefused::Quarantined { plugin, why: why.clone() });
        }
        self.is_free()?;
        if self.candidates[0] == choice {
            return Err(SwapRefused::Serves { plugin });
        }
        self.warm(now, choice, plan, Cause::Swap);
        Ok(())
    }

    /// Has the plugin before serve again; a candidate on its way in is sent away instead.
    ///
    /// Gives the plugin that serves from now on, or as soon as it is loaded.
    ///
    /// # Errors
    ///
    /// When there is none before.
    pub fn roll_back(&mut self, now: Mono) -> Result<Digest, SwapRefused> {
        match self.companion.as_ref().map(|companion| &companion.stage) {
            Some(Stage::Warming { .. } | Stage::Shadowing { .. } | Stage::Ready { .. }) => {
                self.dismiss("an operator sent it away");
                return Ok(self.plugin());
            }
            Some(Stage::Warm { .. }) | None => {}
        }
        let before = self.candidates.get(1).cloned();
        let before = before.ok_or(SwapRefused::NothingBefore { plugin: self.plugin() })?;
        let to = before.plugin;
        let is_warm = self.companion.take().map(|companion| match companion.stage {
            Stage::Warm { .. } if companion.choice == before => Companion {
                stage: Stage::Ready {
                    plan: Plan { probation: std::time::Duration::ZERO, ..Plan::default() },
                    cause: Cause::Rollback,
                    was_told: true,
                    is_kept: false,
                },
                ..companion
            },
            _ => companion,
        });
        match is_warm {
            Some(ready) => {
                self.companion = Some(ready);
                self.is_dirty = true;
            }
            None => {
                let plan = Plan { probation: std::time::Duration::ZERO, ..Plan::default() };
                self.warm(now, before, plan, Cause::Rollback);
            }
        }
        Ok(to)
    }

    /// Takes a plugin out of quarantine.
    ///
    /// # Errors
    ///
    /// When it is not in it.
    pub fn release(&mut self, plugin: Digest) -> Result<(), SwapRefused> {
        let at = self.quarantined.iter().position(|(digest, _)| *digest == plugin);
        let at = at.ok_or(SwapRefused::NotQuarantined { plugin })?;
        self.quarantined.remove(at);
        self.offences.remove(&plugin);
        self.is_dirty = true;
        self.note_of(plugin, 0, Happened::Released);
        Ok(())
    }

    /// Puts those in quarantine that were so before a restart.
    pub fn remember_quarantined(&mut self, quarantined: impl IntoIterator<Item = (Digest, String)>) {
        self.quarantined.extend(quarantined.into_iter().take(REMEMBERED_MAX));
    }

    /// Whether an instance is the one beside the one that serves.
    pub fn is_companion(&self, generation: u64) -> bool {
        self.companion.as_ref().is_some_and(|companion| companion.generation == generation)
    }

    /// Hears an answer of the companion, and which faults the ledger would have found in it.
    pub fn companion_answered(&mut self, now: Mono, answer: Answer, faults: &[String]) {
        let Some(companion) = &mut self.companion else { return };
        if companion.open.pop_front().is_none_or(|(round, _)| round != answer.round) {
            self.counters.stale += 1;
            return;
        }
        companion.tally.answered(answer.cpu_us);
        match answer.outcome {
            Err(failure) => {
                companion.tally.counters.failed(&failure);
                self.companion_failed(&format!("it failed: {failure}"));
            }
            Ok(_) if !faults.is_empty() => {
                let (rows, first) = (faults.len() as u64, &faults[0]);
                companion.tally.counters.rows_faulty += rows;
                self.companion_failed(&format!("it sent {rows} faulty row(s), the first: {first}"));
            }
            Ok(proposal) => {
                companion.tally.counters.proposals += 1;
                companion.tally.counters.rows += proposal.grants.agent.len() as u64;
                match &mut companion.stage {
                    Stage::Shadowing { rehearsal, .. } => rehearsal.candidate(proposal, answer.cpu_us),
                    Stage::Warm { proposal: kept, .. } => *kept = Some(proposal),
                    Stage::Warming { .. } | Stage::Ready { .. } => {}
                }
                self.end_rehearsal_if_over();
                self.look_for_silence(now);
            }
        }
        self.switch_if_due(now);
    }

    /// Whether what should be durable has changed since the last call.
    pub fn take_dirty(&mut self) -> bool {
        std::mem::take(&mut self.is_dirty)
    }

    /// What should be durable could not be made so, and is to be tried again.
    pub fn set_dirty(&mut self) {
        self.is_dirty = true;
    }

    /// What should be durable now.
    pub fn record(&self) -> Record {
        let mut chosen = match &self.companion {
            Some(companion) if matches!(companion.stage, Stage::Ready { .. }) => {
                self.candidates_with(companion)
            }
            Some(_) | None => self.candidates.clone(),
        };
        chosen.pop();
        Record { chosen, quarantined: self.quarantined.iter().cloned().collect() }
    }

    /// The instance that serves once [`record`](Self::record) is durable, if one waits for that.
    pub fn waits_for_record(&self) -> Option<u64> {
        let companion = self.companion.as_ref()?;
        matches!(companion.stage, Stage::Ready { is_kept: false, .. }).then_some(companion.generation)
    }

    /// The record is durable that the candidate `generation` waited for.
    pub fn kept(&mut self, now: Mono, generation: u64) {
        if let Some(companion) = &mut self.companion
            && companion.generation == generation
            && let Stage::Ready { is_kept, .. } = &mut companion.stage
        {
            *is_kept = true;
        }
        self.switch_if_due(now);
    }

    /// The record could not be made durable that the candidate `generation` waited for.
    pub fn not_kept(&mut self, generation: u64, why: &str) {
        if self.is_companion(generation) {
            self.dismiss(&format!("the choice could not be made durable: {why}"));
        }
    }

    /// The companion, if there is one.
    pub fn companion(&self) -> Option<CompanionShown<'_>> {
        let companion = self.companion.as_ref()?;
        let until = match &companion.stage {
            Stage::Warm { until, .. } => Some(*until),
            Stage::Warming { .. } | Stage::Shadowing { .. } | Stage::Ready { .. } => None,
        };
        Some(CompanionShown {
            choice: &companion.choice,
            generation: companion.generation,
            state: companion.state(),
            tally: &companion.tally,
            until,
        })
    }

    /// What the plugin that serves did since it came.
    pub fn tally(&self) -> &Tally {
        &self.tally
    }

    /// The rehearsal under way, or what the last one came to.
    pub fn report(&self) -> Option<&Report> {
        match self.companion.as_ref().map(|companion| &companion.stage) {
            Some(Stage::Shadowing { rehearsal, .. }) => Some(rehearsal.report()),
            Some(Stage::Warming { .. } | Stage::Ready { .. } | Stage::Warm { .. }) | None => {
                self.report.as_ref()
            }
        }
    }

    /// Whether rounds are wanted although nothing changed: somebody is to be compared in them.
    pub fn is_rehearsing(&self) -> bool {
        self.companion.as_ref().is_some_and(|companion| matches!(companion.stage, Stage::Shadowing { .. }))
    }

    /// The one that serves, then those that stand in for it in their order.
    pub fn candidates(&self) -> &[Choice] {
        &self.candidates
    }

    /// Who is not taken, and why.
    pub fn quarantined(&self) -> impl Iterator<Item = &(Digest, String)> {
        self.quarantined.iter()
    }

    fn is_free(&self) -> Result<(), SwapRefused> {
        match &self.companion {
            Some(companion) => match companion.stage {
                Stage::Warming { .. } | Stage::Shadowing { .. } | Stage::Ready { .. } => {
                    let (candidate, state) = (companion.choice.plugin, companion.state());
                    Err(SwapRefused::Busy { candidate, state })
                }
                Stage::Warm { .. } => Ok(()),
            },
            None => Ok(()),
        }
    }

    /// Has an instance made beside the one that serves. Whoever stood by makes room for it.
    fn warm(&mut self, now: Mono, choice: Choice, plan: Plan, cause: Cause) {
        if let Some(warm) = self.companion.take() {
            self.orders.push(Order::Drop { generation: warm.generation });
            self.note(Happened::Settled);
        }
        let generation = self.next_generation();
        self.counters.starts += 1;
        self.note_of(choice.plugin, generation, Happened::Wanted);
        self.orders.push(Order::Start { choice: choice.clone(), generation });
        self.companion = Some(Companion {
            choice,
            generation,
            stage: Stage::Warming { since: now, plan, cause },
            tally: Tally::default(),
            open: Default::default(),
        });
    }

    pub(super) fn companion_loaded(&mut self, now: Mono, outcome: Result<(), Failure>) {
        let Some(companion) = &mut self.companion else { return };
        let Stage::Warming { plan, cause, .. } = companion.stage else { return };
        if let Err(failure) = outcome {
            companion.tally.counters.failed(&failure);
            return self.companion_failed(&format!("it failed: {failure}"));
        }
        let (plugin, generation) = (companion.choice.plugin, companion.generation);
        // Where nobody serves there is nothing to compare with.
        let has_other = !matches!(self.state, State::Resting { .. });
        if plan.shadow_rounds > 0 && has_other {
            companion.stage =
                Stage::Shadowing { plan, rehearsal: Box::new(Rehearsal::new(plan.shadow_rounds)) };
            // Both are told everything in the next round, and the same from then on.
            self.needs_resync = true;
            self.note_of(plugin, generation, Happened::Rehearses { rounds: plan.shadow_rounds });
        } else {
            companion.stage = Stage::Ready { plan, cause, was_told: false, is_kept: false };
            self.is_dirty = true;
        }
        self.switch_if_due(now);
    }

    pub(super) fn ask_companion(&mut self, now: Mono, batch: &Batch) -> Option<Ask> {
        let companion = self.companion.as_mut()?;
        match companion.asked(now, batch) {
            Ok(batch) => Some(Ask { slot: self.name, generation: companion.generation, batch: batch? }),
            Err(why) => {
                self.companion_failed(&why);
                None
            }
        }
    }

    pub(super) fn tell_rehearsal(&mut self, proposal: &Proposal, cpu_us: u64) {
        if let Some(Companion { stage: Stage::Shadowing { rehearsal, .. }, .. }) = &mut self.companion {
            rehearsal.serving(proposal, cpu_us);
            self.end_rehearsal_if_over();
        }
    }

    pub(super) fn lose_in_rehearsal(&mut self, round: u64) {
        if let Some(Companion { stage: Stage::Shadowing { rehearsal, .. }, .. }) = &mut self.companion {
            rehearsal.lost(round);
        }
    }

    fn end_rehearsal_if_over(&mut self) {
        let Some(companion) = &mut self.companion else { return };
        let Stage::Shadowing { plan, rehearsal } = &companion.stage else { return };
        if !rehearsal.is_over() {
            return;
        }
        let (plan, report) = (*plan, rehearsal.report().clone());
        let (plugin, generation) = (companion.choice.plugin, companion.generation);
        companion.stage = Stage::Ready { plan, cause: Cause::Swap, was_told: true, is_kept: false };
        self.note_of(plugin, generation, Happened::Rehearsed { report: report.line() });
        let (rounds, equal) = (report.rounds, report.rounds_equal);
        let first = report.first_difference.clone().unwrap_or_default();
        self.report = Some(report);
        if plan.must_be_equal && equal < rounds {
            let differ = rounds - equal;
            return self.dismiss(&format!(
                "it was to propose the same as the one that serves, and did not in {differ} of {rounds} round(s): {first}"
            ));
        }
        self.is_dirty = true;
    }

    /// The companion is of no use any more, by its own fault.
    fn companion_failed(&mut self, why: &str) {
        let Some(companion) = &self.companion else { return };
        let plugin = companion.choice.plugin;
        if matches!(companion.stage, Stage::Warm { .. }) {
            let generation = companion.generation;
            self.companion = None;
            self.orders.push(Order::Drop { generation });
            return self.note_of(plugin, generation, Happened::StandInLost { why: why.to_owned() });
        }
        self.dismiss(why);
        self.offend(plugin, why);
    }

    /// A candidate does not come to serve.
    fn dismiss(&mut self, why: &str) {
        let Some(companion) = self.companion.take() else { return };
        // The choice may be durable by now, and must not be.
        self.is_dirty |= matches!(companion.stage, Stage::Ready { .. });
        if let Stage::Shadowing { rehearsal, .. } = &companion.stage {
            self.report = Some(rehearsal.report().clone());
        }
        let (plugin, generation) = (companion.choice.plugin, companion.generation);
        self.orders.push(Order::Drop { generation });
        self.note_of(plugin, generation, Happened::Dismissed { why: why.to_owned() });
        self.forget(plugin);
    }

    /// The candidates once this companion serves.
    fn candidates_with(&self, companion: &Companion) -> Vec<Choice> {
        let mut candidates = self.candidates.clone();
        let is_rollback = matches!(companion.stage, Stage::Ready { cause: Cause::Rollback, .. });
        if is_rollback && candidates.len() > 1 {
            candidates.remove(0);
        }
        let default = candidates.pop();
        candidates.retain(|choice| *choice != companion.choice);
        if default.as_ref() != Some(&companion.choice) {
            candidates.insert(0, companion.choice.clone());
        }
        candidates.truncate(CANDIDATES_MAX - 1);
        if default.as_ref() == Some(&companion.choice) {
            // The embedded one serves, and nobody has to stand in for it.
            candidates.clear();
        }
        candidates.extend(default);
        candidates
    }

    /// Lets a candidate serve that may, unless a round is open.
    pub(super) fn switch_if_due(&mut self, now: Mono) {
        let is_between_rounds = match self.state {
            State::Idle | State::Starting | State::Resting { .. } => true,
            State::Asked { .. } | State::Checking { .. } => false,
        };
        if !is_between_rounds || !self.companion.as_ref().is_some_and(Companion::may_serve) {
            return;
        }
        let Some(next) = self.companion.take() else { return };
        let candidates = self.candidates_with(&next);
        let Stage::Ready { plan, cause, was_told, .. } = next.stage else { return };
        let before = std::mem::replace(&mut self.candidates, candidates);
        let old = before[0].clone();
        let was_serving = self.state == State::Idle;
        let was_resting = matches!(self.state, State::Resting { .. });
        let (generation, tally) = (self.generation, std::mem::replace(&mut self.tally, next.tally));
        if cause == Cause::Rollback {
            self.note(Happened::RolledBack { to: next.choice.plugin });
        }
        self.generation = next.generation;
        self.state = State::Idle;
        self.needs_resync |= !was_told;
        self.faults.clear();
        self.rest = self.config.rest_min;
        if cause == Cause::Swap && was_serving && !plan.probation.is_zero() {
            let until = now + plan.probation;
            let stage = Stage::Warm { until, proposal: None, empty_round: None, silent_rounds: 0 };
            let open = Default::default();
            self.companion = Some(Companion { choice: old.clone(), generation, stage, tally, open });
        } else if !was_resting {
            self.orders.push(Order::Drop { generation });
        }
        self.note(Happened::Swapped { from: old.plugin });
        before.iter().for_each(|choice| self.forget(choice.plugin));
    }

    pub(super) fn is_on_probation(&self) -> bool {
        self.companion.as_ref().is_some_and(|companion| matches!(companion.stage, Stage::Warm { .. }))
    }

    /// The one before serves again, and answers the open round if there is one.
    pub(super) fn go_back(&mut self, now: Mono, why: &str, open: Option<u64>) -> Verdict {
        let Some(before) = self.companion.take() else { return Verdict::Lost };
        let Stage::Warm { proposal, .. } = before.stage else { return Verdict::Lost };
        let bad = self.plugin();
        self.note(Happened::WentBack { to: before.choice.plugin, why: why.to_owned() });
        self.let_go();
        // Where the embedded default was swapped in, it stays behind whoever served before.
        if self.candidates.len() > 1 {
            self.candidates.remove(0);
        }
        if self.candidates.first() != Some(&before.choice) {
            self.candidates.insert(0, before.choice);
        }
        self.generation = before.generation;
        self.tally = before.tally;
        self.faults.clear();
        self.is_dirty = true;
        self.offend(bad, why);
        self.forget(bad);
        let Some(round) = open else {
            self.state = State::Idle;
            return Verdict::Lost;
        };
        self.state = State::Asked { round, since: now };
        match proposal.filter(|proposal| proposal.round == round) {
            Some(proposal) => self.proposed(round, proposal),
            None => Verdict::Waits,
        }
    }

    /// Notes whether the serving plugin gave anything away in a round.
    pub(super) fn remember_whether_silent(&mut self, round: u64, rows: u64) {
        if let Some(Companion { stage: Stage::Warm { empty_round, silent_rounds, .. }, .. }) =
            &mut self.companion
        {
            *empty_round = (rows == 0).then_some(round);
            if rows > 0 {
                *silent_rounds = 0;
            }
        }
    }

    /// Sends a plugin in its probation back that gives nothing where the one before would. Whoever
    /// of the two answers last makes the round count.
    pub(super) fn look_for_silence(&mut self, now: Mono) {
        let Some(Companion { stage: Stage::Warm { empty_round, silent_rounds, proposal, .. }, .. }) =
            &mut self.companion
        else {
            return;
        };
        let would_grant = proposal.as_ref().filter(|proposal| !proposal.grants.agent.is_empty());
        if would_grant.is_some_and(|proposal| Some(proposal.round) == *empty_round) {
            *empty_round = None;
            *silent_rounds += 1;
        }
        if *silent_rounds < self.config.silent_rounds_max || self.state != State::Idle {
            return;
        }
        let why = format!(
            "it granted nothing in {silent_rounds} rounds in a row in which the one before would have"
        );
        let verdict = self.go_back(now, &why, None);
        debug_assert_eq!(verdict, Verdict::Lost, "no round is open");
    }

    pub(super) fn expire_companion(&mut self, now: Mono) {
        let Some(companion) = &self.companion else { return };
        let late = companion.open.front().is_some_and(|(_, since)| now >= *since + self.config.silence_max);
        match companion.stage {
            Stage::Warming { since, .. } if now >= since + LOAD_MAX => {
                self.dismiss(&format!("it was not loaded within {} s", LOAD_MAX.as_secs()));
            }
            Stage::Warm { until, .. } if now >= until => {
                let generation = companion.generation;
                self.companion = None;
                self.orders.push(Order::Drop { generation });
                self.note(Happened::Settled);
            }
            _ if late => {
                let silence_ms = self.config.silence_max.as_millis();
                self.companion_failed(&format!("it gave no answer within {silence_ms} ms"));
            }
            Stage::Warming { .. } | Stage::Shadowing { .. } | Stage::Ready { .. } | Stage::Warm { .. } => {}
        }
    }

    pub(super) fn companion_wakes_at(&self) -> Option<Mono> {
        let companion = self.companion.as_ref()?;
        let late = companion.open.front().map(|(_, since)| *since + self.config.silence_max);
        let own = match companion.stage {
            Stage::Warming { since, .. } => Some(since + LOAD_MAX),
            Stage::Warm { until, .. } => Some(until),
            Stage::Shadowing { .. } | Stage::Ready { .. } => None,
        };
        late.into_iter().chain(own).min()
    }

    /// Counts against a plugin; too often, and it is not taken again.
    fn offend(&mut self, plugin: Digest, why: &str) {
        if self.offences.len() == REMEMBERED_MAX && !self.offences.contains_key(&plugin) {
            self.offences.pop_first();
        }
        let count = self.offences.entry(plugin).or_insert(0);
        *count += 1;
        let count = *count;
        if count >= self.config.offences_max {
            self.quarantine(plugin, &format!("it was out {count} times, the last time because {why}"));
        }
    }

    pub(super) fn quarantine(&mut self, plugin: Digest, why: &str) {
        let is_default = self.candidates.last().is_some_and(|default| default.plugin == plugin);
        if is_default || self.quarantined.iter().any(|(digest, _)| *digest == plugin) {
            return;
        }
        if self.quarantined.len() == REMEMBERED_MAX {
            self.quarantined.pop_front();
        }
        self.quarantined.push_back((plugin, why.to_owned()));
        self.is_dirty = true;
        self.note_of(plugin, 0, Happened::Quarantined { why: why.to_owned() });
    }

    /// Says that bytes are not needed any more, unless somebody still needs them.
    pub(super) fn forget(&mut self, plugin: Digest) {
        let is_needed = self.candidates.iter().any(|choice| choice.plugin == plugin)
            || self.companion.as_ref().is_some_and(|companion| companion.choice.plugin == plugin);
        if !is_needed {
            self.orders.push(Order::Forget { plugin });
        }
    }
}
