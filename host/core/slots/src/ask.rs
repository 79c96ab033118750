//! A question to a plugin and what came of it.

use std::fmt;

use crate::batch::{Batch, Proposal};

/// The place in the master that a plugin fills.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SlotName {
    /// Who is offered what.
    Allocator,
}

impl fmt::Display for SlotName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Allocator => f.write_str("allocator"),
        }
    }
}

/// One batch on its way to a plugin.
#[derive(Clone, Debug, PartialEq)]
pub struct Ask {
    /// Which slot asks.
    pub slot: SlotName,
    /// Which instance is meant: an answer of an older one is void.
    pub generation: u64,
    /// The question.
    pub batch: Batch,
}

/// What came of an [`Ask`].
#[derive(Clone, Debug, PartialEq)]
pub struct Answer {
    /// The slot of the ask.
    pub slot: SlotName,
    /// The generation of the ask.
    pub generation: u64,
    /// The round of the ask.
    pub round: u64,
    /// A proposal that nobody has checked yet, or why there is none.
    pub outcome: Result<Proposal, Failure>,
    /// Processor time of the call, in microseconds.
    pub cpu_us: u64,
}

/// Why a plugin gave no proposal. After any of these its instance is not used again.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Failure {
    /// The bytes cannot be run as a plugin of this slot; trying again will not help.
    #[error("cannot be loaded: {0}")]
    Refused(String),

    /// The guest trapped: it panicked, aborted, overflowed its stack or read what is not there.
    #[error("trapped: {0}")]
    Trap(String),

    /// The guest used more processor time than one call may.
    #[error("no answer after {cpu_ms} ms of processor time; {limit_ms} ms are allowed")]
    Deadline {
        /// Processor time it had used when it was stopped.
        cpu_ms: u64,
        /// What one call may use.
        limit_ms: u64,
    },

    /// The guest wanted more memory than it may have.
    #[error("wanted more than its {limit_bytes} bytes of memory")]
    Memory {
        /// What it may have.
        limit_bytes: u64,
    },

    /// The answer is bigger than anything the question could call for.
    #[error("answered with more than {limit_bytes} bytes")]
    TooLarge {
        /// What an answer may weigh.
        limit_bytes: u64,
    },

    /// The answer has not the shape that the world prescribes.
    #[error("malformed answer: {0}")]
    Malformed(String),

    /// The plugin itself says that it cannot answer.
    #[error("gave up: {0}")]
    Gave(String),

    /// Nobody answered in many times the time a call may take.
    #[error("no answer within {0} ms")]
    Silent(u64),

    /// The thread or process that ran the plugin is gone.
    #[error("its runner ended")]
    Gone,
}

impl Failure {
    /// One word for counting and for labels of metrics.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Refused(_) => "refused",
            Self::Trap(_) => "trap",
            Self::Deadline { .. } => "deadline",
            Self::Memory { .. } => "memory",
            Self::TooLarge { .. } => "too_large",
            Self::Malformed(_) => "malformed",
            Self::Gave(_) => "gave_up",
            Self::Silent(_) => "silent",
            Self::Gone => "gone",
        }
    }
}
