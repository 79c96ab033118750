//! Time as an argument: the core never asks for it.

use std::{fmt, ops::Add, time::Duration};

/// What the clocks said when an input was taken from the inbox.
///
/// Deadlines use `mono`, which never jumps; what is shown or stored uses `wall`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Now {
    /// The steady clock.
    pub mono: Mono,
    /// The clock on the wall.
    pub wall: Wall,
}

/// Nanoseconds since some fixed moment before the process started; never goes back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Mono(pub u64);

impl Mono {
    /// How long after `earlier` this is; zero if it is not after it.
    pub fn since(self, earlier: Mono) -> Duration {
        Duration::from_nanos(self.0.saturating_sub(earlier.0))
    }
}

impl Add<Duration> for Mono {
    type Output = Mono;

    /// The moment `wait` later; a wait that fits no clock means "never".
    fn add(self, wait: Duration) -> Mono {
        Mono(self.0.saturating_add(u64::try_from(wait.as_nanos()).unwrap_or(u64::MAX)))
    }
}

/// Nanoseconds since 1970 by the clock on the wall; may jump either way.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Wall(pub u64);

impl Wall {
    /// Seconds since 1970, as `TaskStatus.timestamp` and `/state` have it.
    pub fn seconds(self) -> f64 {
        self.0 as f64 / 1e9
    }
}

impl fmt::Debug for Wall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Wall({:.3})", self.seconds())
    }
}
