//! Which plugin is to run, and how it is brought in.

use std::{fmt, sync::Arc, time::Duration};

/// The SHA-256 of a plugin's bytes: what a plugin *is*.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Digest(pub [u8; 32]);

impl Digest {
    /// All 64 hexadecimal digits.
    pub fn hex(&self) -> String {
        format!("{self:?}")
    }
}

impl fmt::Display for Digest {
    /// The first twelve hexadecimal digits, enough to tell plugins apart in a log.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0[..6].iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// Who a plugin says it is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Identity {
    /// Short name.
    pub name: String,
    /// Its own version.
    pub version: String,
}

/// A plugin and what it is told: the same bytes with other settings are another choice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Choice {
    /// Which bytes.
    pub plugin: Digest,
    /// A JSON document for the plugin; empty stands for `{}`.
    pub settings: Arc<str>,
}

impl From<Digest> for Choice {
    fn from(plugin: Digest) -> Self {
        Self { plugin, settings: Arc::from("") }
    }
}

/// How a candidate is brought in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Plan {
    /// In so many rounds it is asked beside the one that serves, compared and not used; 0 switches
    /// at once.
    pub shadow_rounds: u32,
    /// A candidate that proposes anything else than the one that serves is dismissed.
    pub must_be_equal: bool,
    /// For so long the one before stays ready, and the first fault brings it back.
    pub probation: Duration,
}

impl Plan {
    /// A minute: as long as a fault is held against a plugin in any case.
    pub const PROBATION: Duration = Duration::from_secs(60);
    /// An hour, so that two instances do not hold their memory for ever.
    pub const PROBATION_MAX: Duration = Duration::from_secs(3600);
    /// More rounds than this is no rehearsal but a second allocator.
    pub const SHADOW_ROUNDS_MAX: u32 = 100_000;
}

impl Default for Plan {
    fn default() -> Self {
        Self { shadow_rounds: 0, must_be_equal: false, probation: Self::PROBATION }
    }
}
