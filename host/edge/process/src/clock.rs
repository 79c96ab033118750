//! The two clocks, and chance: what the core must be given.

use std::{
    path::PathBuf,
    sync::Arc,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use mezzo_model::{Mono, Now, Wall};

/// The two clocks, read together.
#[derive(Clone, Debug)]
pub struct Clock {
    started: Instant,
    /// For tests: see [`Clock::with_offset_file`].
    offset_file: Option<Arc<PathBuf>>,
}

impl Clock {
    /// A steady clock that shows zero now.
    pub fn start() -> Self {
        Self { started: Instant::now(), offset_file: None }
    }

    /// The same, with a wall clock that is off by as many seconds as stand in `file` at the moment;
    /// a minus sets it back, and without the file it is right. So a test can let the wall clock of
    /// one process jump while the machine's is left alone. The steady clock is never touched.
    #[must_use]
    pub fn with_offset_file(mut self, file: Option<PathBuf>) -> Self {
        self.offset_file = file.map(Arc::new);
        self
    }

    /// Both clocks' moment.
    pub fn now(&self) -> Now {
        let mono = u64::try_from(self.started.elapsed().as_nanos()).unwrap_or(u64::MAX);
        Now { mono: Mono(mono), wall: self.wall() }
    }

    fn wall(&self) -> Wall {
        let right = wall(SystemTime::now());
        let offset = self.offset_file.as_deref().and_then(|file| std::fs::read_to_string(file).ok());
        let seconds: i64 = offset.and_then(|text| text.trim().parse().ok()).unwrap_or(0);
        Wall(right.0.saturating_add_signed(seconds.saturating_mul(1_000_000_000)))
    }

    /// When the steady clock will show `moment`.
    pub fn instant(&self, moment: Mono) -> Option<Instant> {
        self.started.checked_add(Duration::from_nanos(moment.0))
    }
}

/// A moment on the wall; one before 1970 is 1970.
pub fn wall(time: SystemTime) -> Wall {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    Wall(u64::try_from(since.as_nanos()).unwrap_or(u64::MAX))
}

/// 128 bits that nobody can guess.
///
/// # Errors
///
/// When the system has no random bytes to give.
pub fn seed() -> Result<u128, getrandom::Error> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes)?;
    Ok(u128::from_le_bytes(bytes))
}

/// A random UUID as text.
///
/// # Errors
///
/// When the system has no random bytes to give.
pub fn unique_id() -> Result<String, getrandom::Error> {
    let mut bytes = seed()?.to_le_bytes();
    bytes[6] = bytes[6] & 0x0f | 0x40;
    bytes[8] = bytes[8] & 0x3f | 0x80;
    let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    Ok(format!("{}-{}-{}-{}-{}", &hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]))
}

/// Some part of a wait, from a tenth of it to all: so that not all agents come at once.
pub fn part_of(wait: Duration) -> Duration {
    let mut bytes = [0; 2];
    let share = getrandom::fill(&mut bytes).map_or(1.0, |()| f64::from(u16::from_le_bytes(bytes)) / 65_536.0);
    wait.mul_f64(0.1 + 0.9 * share)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_offset_moves_the_wall_clock_alone() {
        let file = tempfile::NamedTempFile::new().expect("a file");
        let clock = Clock::start().with_offset_file(Some(file.path().to_owned()));
        let hour = Wall(3_600_000_000_000);
        let right = clock.now();
        for (text, is_off) in [("3600\n", true), ("nonsense", false), ("-3600", true)] {
            std::fs::write(file.path(), text).expect("written");
            let now = clock.now();
            assert_eq!(now.wall.0.abs_diff(right.wall.0) >= hour.0 / 2, is_off, "{text}");
            assert!(now.mono.0 - right.mono.0 < hour.0 / 2, "{text}");
        }
    }
}
