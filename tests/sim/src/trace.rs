//! What happened, as one number and, when asked for, as text.

use std::{collections::VecDeque, fmt::Write};

/// Longer lines are cut where they are shown.
const SHOWN_MAX: usize = 700;

/// A running hash (FNV-1a) of everything that happened, and the newest lines of it in words.
#[derive(Debug)]
pub struct Trace {
    hash: u64,
    lines: VecDeque<String>,
    keep: usize,
    scratch: String,
}

impl Trace {
    /// Remembers the newest `keep` lines.
    pub fn new(keep: usize) -> Self {
        Self { hash: 0xcbf2_9ce4_8422_2325, lines: VecDeque::new(), keep, scratch: String::new() }
    }

    /// One more thing that happened: `what` and `which` name it well enough to tell two worlds
    /// apart, `text` says it in full and is only made where somebody reads it.
    pub fn line(&mut self, at_ms: u64, what: &str, which: u64, text: std::fmt::Arguments<'_>) {
        for byte in at_ms.to_le_bytes().into_iter().chain(which.to_le_bytes()).chain(what.bytes()) {
            self.hash = (self.hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        }
        if self.keep == 0 {
            return;
        }
        self.scratch.clear();
        // Writing to a string cannot fail.
        let _ = write!(self.scratch, "{at_ms:>7} {text}");
        if self.lines.len() == self.keep {
            self.lines.pop_front();
        }
        self.lines.push_back(self.scratch.chars().take(SHOWN_MAX).collect());
    }

    /// The hash so far.
    pub fn hash(&self) -> u64 {
        self.hash
    }

    /// The newest lines.
    pub fn tail(&self) -> Vec<String> {
        self.lines.iter().cloned().collect()
    }
}
