//! A candidate beside the plugin that serves: what each would have granted, round by round.

use std::collections::{BTreeMap, VecDeque};

use crate::batch::{Batch, Proposal};

/// What came of comparing a candidate with the plugin that serves.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// Rounds to compare.
    pub rounds_wanted: u32,
    /// Rounds compared.
    pub rounds: u32,
    /// Rounds in which both proposed the same, row by row.
    pub rounds_equal: u32,
    /// What the serving plugin proposed in them.
    pub serving: Share,
    /// What the candidate proposed in them.
    pub candidate: Share,
    /// Rows for each framework.
    pub frameworks: BTreeMap<String, Rows>,
    /// The first difference, in words.
    pub first_difference: Option<String>,
}

/// One side of a [`Report`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Share {
    /// Rows proposed.
    pub rows: u64,
    /// Rounds without a row.
    pub rounds_empty: u64,
    /// Processor time, in microseconds.
    pub cpu_us: u64,
    /// The longest call, in microseconds.
    pub cpu_us_max: u64,
}

/// Rows that one framework would have been granted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rows {
    /// By the plugin that serves.
    pub serving: u64,
    /// By the candidate.
    pub candidate: u64,
}

/// A comparison under way.
#[derive(Debug)]
pub(super) struct Rehearsal {
    report: Report,
    /// Frameworks by the slots of their seekers; whole, since a rehearsal begins with everything.
    frameworks: BTreeMap<u32, String>,
    /// Rounds that one side has not answered yet. No more than a companion may be behind.
    open: VecDeque<Round>,
}

#[derive(Debug)]
struct Round {
    number: u64,
    serving: Option<(Proposal, u64)>,
    candidate: Option<(Proposal, u64)>,
}

impl Rehearsal {
    pub(super) fn new(rounds_wanted: u32) -> Self {
        let report = Report { rounds_wanted, ..Report::default() };
        Self { report, frameworks: BTreeMap::new(), open: VecDeque::new() }
    }

    /// A round begins, of which both are told the same.
    pub(super) fn begin(&mut self, batch: &Batch) {
        if batch.resync {
            self.frameworks.clear();
        }
        for row in &batch.seekers {
            self.frameworks.insert(row.seeker, row.framework_id.clone());
        }
        self.open.push_back(Round { number: batch.round, serving: None, candidate: None });
    }

    /// The one that serves proposed this.
    pub(super) fn serving(&mut self, proposal: &Proposal, cpu_us: u64) {
        if let Some(round) = self.round(proposal.round) {
            round.serving = Some((proposal.clone(), cpu_us));
        }
        self.compare();
    }

    /// The candidate proposed this.
    pub(super) fn candidate(&mut self, proposal: Proposal, cpu_us: u64) {
        if let Some(round) = self.round(proposal.round) {
            round.candidate = Some((proposal, cpu_us));
        }
        self.compare();
    }

    /// The one that serves did not answer: there is nothing to compare with.
    pub(super) fn lost(&mut self, number: u64) {
        self.open.retain(|round| round.number != number);
    }

    /// Whether enough rounds were compared.
    pub(super) fn is_over(&self) -> bool {
        self.report.rounds >= self.report.rounds_wanted
    }

    pub(super) fn report(&self) -> &Report {
        &self.report
    }

    fn round(&mut self, number: u64) -> Option<&mut Round> {
        self.open.iter_mut().find(|round| round.number == number)
    }

    fn compare(&mut self) {
        let is_done = |round: &Round| round.serving.is_some() && round.candidate.is_some();
        while let Some(at) = self.open.iter().position(is_done) {
            let Some(Round { number, serving: Some(serving), candidate: Some(candidate) }) =
                self.open.remove(at)
            else {
                return;
            };
            if !self.is_over() {
                self.count(number, &serving, &candidate);
            }
        }
    }

    fn count(&mut self, number: u64, serving: &(Proposal, u64), candidate: &(Proposal, u64)) {
        self.report.rounds += 1;
        self.report.serving.add(serving);
        self.report.candidate.add(candidate);
        for seeker in &serving.0.grants.seeker {
            self.rows_of(*seeker).serving += 1;
        }
        for seeker in &candidate.0.grants.seeker {
            self.rows_of(*seeker).candidate += 1;
        }
        match difference(&serving.0, &candidate.0) {
            None => self.report.rounds_equal += 1,
            Some(difference) => {
                let text = || format!("round {number}: {difference}");
                self.report.first_difference.get_or_insert_with(text);
            }
        }
    }

    fn rows_of(&mut self, seeker: u32) -> &mut Rows {
        let name = self.frameworks.get(&seeker).cloned().unwrap_or_else(|| format!("seeker slot {seeker}"));
        self.report.frameworks.entry(name).or_default()
    }
}

impl Share {
    fn add(&mut self, (proposal, cpu_us): &(Proposal, u64)) {
        self.rows += proposal.grants.agent.len() as u64;
        self.rounds_empty += u64::from(proposal.grants.agent.is_empty());
        self.cpu_us += cpu_us;
        self.cpu_us_max = self.cpu_us_max.max(*cpu_us);
    }
}

impl Report {
    /// The report in one line.
    pub fn line(&self) -> String {
        let Self { rounds, rounds_equal, serving, candidate, .. } = self;
        let (rows, rows_serving) = (candidate.rows, serving.rows);
        let line = format!(
            "equal in {rounds_equal} of {rounds} round(s), {rows} row(s) where the one that serves had {rows_serving}"
        );
        match &self.first_difference {
            Some(first) => format!("{line}; first difference in {first}"),
            None => line,
        }
    }
}

/// The first difference of two proposals, in words.
fn difference(serving: &Proposal, candidate: &Proposal) -> Option<String> {
    let (one, other) = (&serving.grants, &candidate.grants);
    if one == other {
        return None;
    }
    let pairs = |grants: &crate::Grants| -> Vec<(u32, u32)> {
        grants.agent.iter().copied().zip(grants.seeker.iter().copied()).collect()
    };
    let (one_pairs, other_pairs) = (pairs(one), pairs(other));
    let at = one_pairs.iter().zip(&other_pairs).position(|(one, other)| one != other);
    let word = |pair: Option<&(u32, u32)>| match pair {
        Some((agent, seeker)) => format!("agent slot {agent} to seeker slot {seeker}"),
        None => "nothing".to_owned(),
    };
    let at = match at {
        Some(at) => at,
        None if one_pairs.len() == other_pairs.len() => return Some("the caps differ".to_owned()),
        None => one_pairs.len().min(other_pairs.len()),
    };
    let (one, other) = (word(one_pairs.get(at)), word(other_pairs.get(at)));
    Some(format!("row {at} is {other} where the one that serves has {one}"))
}
