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

/// A duration as Mesos writes it: in the largest unit that keeps it whole, a minute and a half is `90secs`.
pub fn duration_text(duration: std::time::Duration) -> String {
    const UNITS: [(&str, u128); 7] = [
        ("weeks", 604_800_000_000_000),
        ("days", 86_400_000_000_000),
        ("hrs", 3_600_000_000_000),
        ("mins", 60_000_000_000),
        ("secs", 1_000_000_000),
        ("ms", 1_000_000),
        ("us", 1_000),
    ];
    let total = duration.as_nanos();
    if total == 0 {
        return "0secs".to_owned();
    }
    match UNITS.iter().find(|(_, unit)| total.is_multiple_of(*unit)) {
        Some((name, unit)) => format!("{}{name}", total / unit),
        None => format!("{total}ns"),
    }
}
