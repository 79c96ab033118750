//! Many worlds at a time, one on each processor.

use std::{
    ops::Range,
    sync::atomic::{AtomicU64, Ordering},
    thread,
};

use crate::{Failure, Outcome, Plan, World};

/// What became of a world.
pub type Lived = Result<Outcome, Box<Failure>>;

/// Lives the world of every seed and gives what became of each, in the order of the seeds.
pub fn live_all(seeds: Range<u64>, plan_of: impl Fn(u64) -> Plan + Sync) -> Vec<(u64, Lived)> {
    let next = AtomicU64::new(seeds.start);
    let work = || {
        let mut lived = Vec::new();
        loop {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if !seeds.contains(&seed) {
                return lived;
            }
            lived.push((seed, World::live(plan_of(seed))));
        }
    };
    let threads = thread::available_parallelism().map_or(1, usize::from);
    let mut all: Vec<_> = thread::scope(|scope| {
        let workers: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        workers.into_iter().flat_map(|worker| worker.join().expect("worlds catch their panics")).collect()
    });
    all.sort_by_key(|(seed, _)| *seed);
    all
}
