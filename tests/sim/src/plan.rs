//! What a world is made of, drawn from its seed.

use std::time::Duration;

use crate::{plugin::MakePolicy, rng::Rng};

/// The shape of a world.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The seed itself.
    pub seed: u64,
    /// How many agents there are.
    pub agents: usize,
    /// How many schedulers there are.
    pub schedulers: usize,
    /// Faults stop here …
    pub trouble: Duration,
    /// … and by here everything must have come to rest.
    pub rest: Duration,
    /// Chance in a thousand that a link message, a call or a write meets a fault.
    pub permille: u64,
    /// Mean time between the killings of something.
    pub kill_every: Duration,
    /// Makes the allocator: the shipped policy natively, or as the compiled component.
    pub policy: MakePolicy,
    /// How many of the newest lines of its trace a failure shows.
    pub trace_lines: usize,
    /// A bug put in on purpose.
    pub planted: Option<Planted>,
}

/// Bugs of a kind that people make, to see that the checks notice them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Planted {
    /// The agent's outbox sends before it writes.
    SendBeforeWrite,
    /// The agent's disk forgets the newest append when the agent is killed.
    ForgetAppends,
    /// The registry says "kept" and keeps nothing.
    ForgetRegistry,
    /// An agent's acknowledgements never reach it.
    LoseAcknowledgements,
    /// The steady clock follows the one on the wall.
    WallClockDrives,
    /// An agent that starts again leaves containers alone that it does not know.
    OrphansLeft,
    /// A container is said to be destroyed and goes on.
    DestroyLies,
    /// Every life of an agent draws the same names.
    NamesRepeat,
    /// An executor's connection brings it each task twice.
    LaunchedTwice,
}

impl Planted {
    /// Every planted bug.
    pub const ALL: &'static [Planted] = &[
        Planted::SendBeforeWrite,
        Planted::ForgetAppends,
        Planted::ForgetRegistry,
        Planted::LoseAcknowledgements,
        Planted::WallClockDrives,
        Planted::OrphansLeft,
        Planted::DestroyLies,
        Planted::NamesRepeat,
        Planted::LaunchedTwice,
    ];
}

/// One world in so many is a large one.
pub const LARGE_EVERY: u64 = 5;

impl Plan {
    /// The world of `seed`: 120 seconds of trouble and the time to come to rest after it. Four of
    /// five worlds are small, with as many kills in half the time: most bugs need no more.
    pub fn of(seed: u64) -> Self {
        let mut rng = Rng::new(seed);
        let is_large = seed.is_multiple_of(LARGE_EVERY);
        let (few, seconds) = if is_large { (1, 120) } else { (0, 60) };
        Self {
            seed,
            agents: 2 + few + rng.index(2 + few),
            schedulers: 1 + few + rng.index(2 + few),
            trouble: Duration::from_secs(seconds),
            rest: Duration::from_secs(1500),
            permille: rng.between(2, 25),
            kill_every: Duration::from_millis(seconds * rng.between(25, 166)),
            policy: crate::plugin::native,
            trace_lines: 0,
            planted: None,
        }
    }
}
