//! The newest of many measurements.

use std::collections::VecDeque;

/// How many are kept: what Mesos keeps of each timer.
const KEPT: usize = 1000;

/// A window over the newest measurements.
#[derive(Debug, Default)]
pub(crate) struct Samples {
    newest: VecDeque<f64>,
    /// All there ever were, and their sum: what the window has forgotten too.
    ever: (u64, f64),
}

/// What a window says.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Summary {
    pub(crate) last: f64,
    pub(crate) count: usize,
    pub(crate) min: f64,
    pub(crate) max: f64,
    /// p50, p90, p95, p99, p999, p9999.
    pub(crate) percentiles: [f64; 6],
    /// How many there ever were.
    pub(crate) count_ever: u64,
    /// The sum of all there ever were.
    pub(crate) sum_ever: f64,
}

/// The shares that [`Summary::percentiles`] holds, with their names.
pub(crate) const PERCENTILES: [(&str, f64); 6] =
    [("p50", 0.5), ("p90", 0.9), ("p95", 0.95), ("p99", 0.99), ("p999", 0.999), ("p9999", 0.9999)];

impl Samples {
    /// Adds a measurement, and forgets the oldest if there are too many.
    pub(crate) fn add(&mut self, value: f64) {
        if self.newest.len() == KEPT {
            self.newest.pop_front();
        }
        self.newest.push_back(value);
        self.ever = (self.ever.0 + 1, self.ever.1 + value);
    }

    /// Nothing was measured yet: `None`.
    pub(crate) fn summary(&self) -> Option<Summary> {
        let last = *self.newest.back()?;
        let mut sorted: Vec<f64> = self.newest.iter().copied().collect();
        sorted.sort_by(f64::total_cmp);
        Some(Summary {
            last,
            count: sorted.len(),
            min: sorted[0],
            max: sorted[sorted.len() - 1],
            percentiles: PERCENTILES.map(|(_, share)| percentile(&sorted, share)),
            count_ever: self.ever.0,
            sum_ever: self.ever.1,
        })
    }
}

/// Between two neighbours in proportion, as Mesos does it.
fn percentile(sorted: &[f64], share: f64) -> f64 {
    let position = share * (sorted.len() - 1) as f64;
    let below = position.floor() as usize;
    let above = (below + 1).min(sorted.len() - 1);
    sorted[below] + (position - below as f64) * (sorted[above] - sorted[below])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_lie_between_neighbours() {
        let mut samples = Samples::default();
        assert_eq!(samples.summary(), None);
        for value in [4.0, 1.0, 3.0, 2.0, 5.0] {
            samples.add(value);
        }
        let summary = samples.summary().expect("five of them");
        assert_eq!((summary.last, summary.count, summary.min, summary.max), (5.0, 5, 1.0, 5.0));
        assert_eq!(summary.percentiles[0], 3.0);
        assert!((summary.percentiles[1] - 4.6).abs() < 1e-9);
    }

    #[test]
    fn only_the_newest_are_kept() {
        let mut samples = Samples::default();
        (0..2000).for_each(|value| samples.add(f64::from(value)));
        let summary = samples.summary().expect("many");
        assert_eq!((summary.count, summary.min), (1000, 1000.0));
        assert_eq!((summary.count_ever, summary.sum_ever), (2000, 1_999_000.0));
    }
}
