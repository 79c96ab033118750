//! Processor time of this thread, and repeating until it no longer falls.

use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

/// Processor time of the calling thread.
pub fn cpu() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(time.tv_sec.unsigned_abs(), time.tv_nsec.unsigned_abs() as u32)
}

/// Runs `work` and says how much processor time it took, in microseconds.
pub fn timed<T>(work: impl FnOnce() -> T) -> (T, f64) {
    let began = cpu();
    let done = work();
    (done, (cpu() - began).as_secs_f64() * 1e6)
}

/// Repetitions of one thing.
#[derive(Clone, Debug, Default)]
pub struct Samples(Vec<f64>);

impl Samples {
    /// Adds one.
    pub fn push(&mut self, figure: f64) {
        self.0.push(figure);
    }

    /// The least.
    pub fn min(&self) -> f64 {
        self.0.iter().copied().fold(f64::INFINITY, f64::min)
    }

    /// Adds what another has.
    pub fn extend(&mut self, other: &Self) {
        self.0.extend_from_slice(&other.0);
    }

    /// The middle one.
    pub fn median(&self) -> f64 {
        self.percentile(0.5)
    }

    /// The one that this share of all does not exceed.
    pub fn percentile(&self, share: f64) -> f64 {
        let mut sorted = self.0.clone();
        sorted.sort_by(f64::total_cmp);
        let last = sorted.len().saturating_sub(1);
        sorted.get((last as f64 * share).round() as usize).copied().unwrap_or(f64::NAN)
    }

    /// Whether the last third brought the least down by no more than one part in a hundred.
    pub fn is_steady(&self) -> bool {
        let early = &self.0[..self.0.len() - self.0.len() / 3];
        early.iter().copied().fold(f64::INFINITY, f64::min) <= self.min() * 1.01
    }

    /// Whether repetitions differ so much that the least may be luck: the median is half more.
    pub fn is_noisy(&self) -> bool {
        let mut sorted = self.0.clone();
        sorted.sort_by(f64::total_cmp);
        sorted.get(sorted.len() / 2).is_none_or(|median| *median > self.min() * 1.5)
    }
}

/// Calls `once` at least `least` times and until `is_steady`, at most four times as often.
pub fn repeat<S>(
    least: usize,
    mut samples: S,
    mut once: impl FnMut(&mut S) -> anyhow::Result<()>,
    is_steady: impl Fn(&S) -> bool,
) -> anyhow::Result<S> {
    for turn in 0..4 * least {
        if turn >= least && is_steady(&samples) {
            break;
        }
        once(&mut samples)?;
    }
    Ok(samples)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn samples(figures: &[f64]) -> Samples {
        Samples(figures.to_vec())
    }

    #[test]
    fn steady_means_that_the_least_came_early() {
        assert!(samples(&[9.0, 5.0, 6.0, 7.0, 5.0, 5.0]).is_steady());
        assert!(!samples(&[9.0, 8.0, 8.0, 7.0, 5.0, 4.0]).is_steady());
    }

    #[test]
    fn noisy_means_that_most_were_far_from_the_least() {
        assert!(samples(&[1.0, 2.0, 2.0]).is_noisy());
        assert!(!samples(&[1.0, 1.1, 1.2]).is_noisy());
    }
}
