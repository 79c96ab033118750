//! What the plugins of a slot have done, in numbers.

use std::collections::VecDeque;

use crate::ask::Failure;

/// Counts since the slot was made, or since one plugin came to it; they only grow.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Questions asked.
    pub rounds: u64,
    /// Proposals that came.
    pub proposals: u64,
    /// Rows of them.
    pub rows: u64,
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

impl Counters {
    pub(crate) fn answered(&mut self, cpu_us: u64) {
        self.cpu_us += cpu_us;
        self.cpu_us_last = cpu_us;
    }

    pub(crate) fn failed(&mut self, failure: &Failure) {
        match failure {
            Failure::Trap(_) => self.traps += 1,
            Failure::Deadline { .. } | Failure::Silent(_) => self.deadlines += 1,
            Failure::Memory { .. } | Failure::TooLarge { .. } => self.memory += 1,
            Failure::Refused(_) | Failure::Malformed(_) | Failure::Gave(_) | Failure::Gone => {
                self.other_failures += 1;
            }
        }
    }
}

/// Calls whose processor time is kept, for quantiles.
const RECENT_MAX: usize = 256;

/// What one plugin did since it came to the slot.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// The counts.
    pub counters: Counters,
    /// Processor time of the last calls in microseconds, the latest last.
    recent_us: VecDeque<u64>,
}

impl Tally {
    pub(crate) fn answered(&mut self, cpu_us: u64) {
        self.counters.answered(cpu_us);
        if self.recent_us.len() == RECENT_MAX {
            self.recent_us.pop_front();
        }
        self.recent_us.push_back(cpu_us);
    }

    /// The processor time that so many hundredths of the last 256 calls stayed within, in
    /// microseconds; nothing before the first.
    pub fn quantile_us(&self, hundredths: usize) -> Option<u64> {
        let mut sorted: Vec<u64> = self.recent_us.iter().copied().collect();
        sorted.sort_unstable();
        let last = sorted.len().checked_sub(1)?;
        sorted.get((sorted.len() * hundredths).div_ceil(100).saturating_sub(1).min(last)).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_of_the_last_calls_only() {
        let mut tally = Tally::default();
        assert_eq!(tally.quantile_us(50), None);
        (1..=1_000).for_each(|cpu_us| tally.answered(cpu_us));
        assert_eq!(tally.quantile_us(0), Some(745));
        assert_eq!(tally.quantile_us(50), Some(872));
        assert_eq!(tally.quantile_us(100), Some(1_000));
        assert_eq!(tally.counters.cpu_us, 500_500);
    }
}
