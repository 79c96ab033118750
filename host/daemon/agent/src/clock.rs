//! The two clocks, and chance: what the core must be given.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use mezzo_model::{Mono, Now, Wall};

/// The two clocks, read together.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Clock {
    started: Instant,
}

impl Clock {
    pub(crate) fn start() -> Self {
        Self { started: Instant::now() }
    }

    pub(crate) fn now(&self) -> Now {
        let mono = u64::try_from(self.started.elapsed().as_nanos()).unwrap_or(u64::MAX);
        Now { mono: Mono(mono), wall: wall(SystemTime::now()) }
    }

    /// When the steady clock will show `moment`.
    pub(crate) fn instant(&self, moment: Mono) -> Option<Instant> {
        self.started.checked_add(Duration::from_nanos(moment.0))
    }
}

/// A moment on the wall; one before 1970 is 1970.
pub(crate) fn wall(time: SystemTime) -> Wall {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    Wall(u64::try_from(since.as_nanos()).unwrap_or(u64::MAX))
}

/// 128 bits that nobody can guess.
pub(crate) fn seed() -> Result<u128, getrandom::Error> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes)?;
    Ok(u128::from_le_bytes(bytes))
}

/// Some part of a wait, from a tenth of it to all: so that not all agents come at once.
pub(crate) fn part_of(wait: Duration) -> Duration {
    let mut bytes = [0; 2];
    let share = getrandom::fill(&mut bytes).map_or(1.0, |()| f64::from(u16::from_le_bytes(bytes)) / 65_536.0);
    wait.mul_f64(0.1 + 0.9 * share)
}
