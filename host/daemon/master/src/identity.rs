//! What makes one run of a master different from every other.

use std::time::{Instant, SystemTime, UNIX_EPOCH};

use mezzo_model::{Mono, Now, Wall};

/// A random UUID as text.
///
/// # Errors
///
/// When the system has no random bytes to give.
pub(crate) fn unique_id() -> Result<String, getrandom::Error> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes)?;
    bytes[6] = bytes[6] & 0x0f | 0x40;
    bytes[8] = bytes[8] & 0x3f | 0x80;
    let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    Ok(format!("{}-{}-{}-{}-{}", &hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]))
}

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
        Now { mono: Mono(mono), wall: wall() }
    }

    /// When the steady clock will show `moment`.
    pub(crate) fn instant(&self, moment: Mono) -> Option<Instant> {
        self.started.checked_add(std::time::Duration::from_nanos(moment.0))
    }
}

/// The clock on the wall; a clock before 1970 shows 1970.
pub(crate) fn wall() -> Wall {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Wall(u64::try_from(since.as_nanos()).unwrap_or(u64::MAX))
}
