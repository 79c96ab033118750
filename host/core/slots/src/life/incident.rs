//! What happens in a slot, for the log, the history and people.

use std::{fmt, time::Duration};

use crate::{
    ask::{Failure, SlotName},
    choice::Digest,
};

/// Which plugin did what in which round.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Incident {
    /// The slot.
    pub slot: SlotName,
    /// The plugin.
    pub plugin: Digest,
    /// Its instance; 0 where none is meant.
    pub generation: u64,
    /// The round, 0 before the first.
    pub round: u64,
    /// What happened.
    pub what: Happened,
}

/// The kinds of [`Incident`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Happened {
    /// An instance is ready.
    Started,
    /// No proposal came.
    Failed(Failure),
    /// Rows of a proposal that nothing was left for when they were applied. No blame: the
    /// cluster moved on.
    Dropped {
        /// How many.
        rows: u64,
        /// The first of them, in words.
        first: String,
    },
    /// Rows of a proposal that no correct plugin sends.
    Faulty {
        /// How many.
        rows: u64,
        /// The first of them, in words.
        first: String,
    },
    /// Too many faults: another plugin takes over.
    FellBack {
        /// Who takes over.
        to: Digest,
    },
    /// The last candidate failed too often: nothing is offered before it is tried again.
    Rests {
        /// For how long.
        pause: Duration,
    },
    /// An operator wants it to serve: an instance is being made.
    Wanted,
    /// It is asked beside the one that serves, and not used.
    Rehearses {
        /// In how many rounds.
        rounds: u32,
    },
    /// The rehearsal is over.
    Rehearsed {
        /// What came of it, in one line.
        report: String,
    },
    /// It does not come to serve after all.
    Dismissed {
        /// Why.
        why: String,
    },
    /// It serves.
    Swapped {
        /// Who served before.
        from: Digest,
    },
    /// Its probation is over: the one before is let go.
    Settled,
    /// The one before serves again, by itself.
    WentBack {
        /// Who serves again.
        to: Digest,
        /// What the plugin did.
        why: String,
    },
    /// The one before serves again, because an operator wants it.
    RolledBack {
        /// Who serves again.
        to: Digest,
    },
    /// The one before cannot be kept ready any more.
    StandInLost {
        /// Why.
        why: String,
    },
    /// It is not taken again before an operator says so.
    Quarantined {
        /// Why.
        why: String,
    },
    /// An operator has ended its quarantine.
    Released,
}

impl Happened {
    /// One word, for histories that programs read.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Started => "started",
            Self::Failed(_) => "failed",
            Self::Dropped { .. } => "dropped",
            Self::Faulty { .. } => "faulty",
            Self::FellBack { .. } => "fell-back",
            Self::Rests { .. } => "rests",
            Self::Wanted => "wanted",
            Self::Rehearses { .. } => "rehearses",
            Self::Rehearsed { .. } => "rehearsed",
            Self::Dismissed { .. } => "dismissed",
            Self::Swapped { .. } => "swapped",
            Self::Settled => "settled",
            Self::WentBack { .. } => "went-back",
            Self::RolledBack { .. } => "rolled-back",
            Self::StandInLost { .. } => "stand-in-lost",
            Self::Quarantined { .. } => "quarantined",
            Self::Released => "released",
        }
    }

    /// Whether a history should still tell it after a restart.
    pub fn is_lasting(&self) -> bool {
        match self {
            Self::FellBack { .. }
            | Self::Rehearsed { .. }
            | Self::Dismissed { .. }
            | Self::Swapped { .. }
            | Self::Settled
            | Self::WentBack { .. }
            | Self::RolledBack { .. }
            | Self::Quarantined { .. }
            | Self::Released => true,
            Self::Started
            | Self::Failed(_)
            | Self::Dropped { .. }
            | Self::Faulty { .. }
            | Self::Rests { .. }
            | Self::Wanted
            | Self::Rehearses { .. }
            | Self::StandInLost { .. } => false,
        }
    }

    /// Whether a person should look at it.
    pub fn is_trouble(&self) -> bool {
        match self {
            Self::Failed(_)
            | Self::Faulty { .. }
            | Self::FellBack { .. }
            | Self::Rests { .. }
            | Self::Dismissed { .. }
            | Self::WentBack { .. }
            | Self::StandInLost { .. }
            | Self::Quarantined { .. } => true,
            Self::Started
            | Self::Dropped { .. }
            | Self::Wanted
            | Self::Rehearses { .. }
            | Self::Rehearsed { .. }
            | Self::Swapped { .. }
            | Self::Settled
            | Self::RolledBack { .. }
            | Self::Released => false,
        }
    }
}

impl fmt::Display for Incident {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} plugin `{}` (generation {}, round {}) {}",
            self.slot, self.plugin, self.generation, self.round, self.what
        )
    }
}

impl fmt::Display for Happened {
    /// What comes after the plugin's name.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Started => f.write_str("is ready"),
            Self::Failed(failure) => write!(f, "failed: {failure}"),
            Self::Dropped { rows, first } => write!(f, "had {rows} row(s) dropped, the first: {first}"),
            Self::Faulty { rows, first } => write!(f, "sent {rows} faulty row(s), the first: {first}"),
            Self::FellBack { to } => write!(f, "failed too often: `{to}` takes over"),
            Self::Rests { pause } => write!(
                f,
                "failed too often and nothing is left to take over: pause of {} ms",
                pause.as_millis()
            ),
            Self::Wanted => f.write_str("is to serve: an instance is being made"),
            Self::Rehearses { rounds } => write!(f, "is asked too for {rounds} round(s), and not used"),
            Self::Rehearsed { report } => write!(f, "has rehearsed: {report}"),
            Self::Dismissed { why } => write!(f, "does not come to serve: {why}"),
            Self::Swapped { from } => write!(f, "serves in place of `{from}`"),
            Self::Settled => f.write_str("has passed its probation"),
            Self::WentBack { to, why } => write!(f, "is out, `{to}` serves again: {why}"),
            Self::RolledBack { to } => write!(f, "was taken back, `{to}` serves again"),
            Self::StandInLost { why } => write!(f, "does not stand by any more: {why}"),
            Self::Quarantined { why } => write!(f, "is in quarantine: {why}"),
            Self::Released => f.write_str("is out of quarantine"),
        }
    }
}
