//! A thousand worlds, and the bugs that they must find.

mod component;

use sim::{Counts, Plan, Planted, World, live_all, plan::LARGE_EVERY};

/// CI lives this many worlds; each has at least this many inputs, a large one ten times as many.
const SEEDS: u64 = 1_000;
const INPUTS_MIN: u64 = 250;
/// A planted bug is to be found within so many worlds.
const SEEDS_PLANTED: u64 = 40;
/// One world in so many is lived with the compiled component too.
const COMPILED_EVERY: u64 = 250;

/// Every seed comes to rest with nothing lost, and together they bring every kind of fault about.
#[test]
fn a_thousand_worlds_come_to_rest() {
    let mut counts = Counts::default();
    let mut failures = Vec::new();
    for (seed, lived) in live_all(0..SEEDS, Plan::of) {
        match lived {
            Ok(outcome) => {
                let least = if seed % LARGE_EVERY == 0 { 10 * INPUTS_MIN } else { INPUTS_MIN };
                assert!(outcome.inputs >= least, "seed {seed} had only {} inputs", outcome.inputs);
                counts.merge(&outcome.counts);
            }
            Err(failure) => failures.push(failure),
        }
    }
    for (fault, count) in &counts.0 {
        println!("{count:>8} {fault:?}");
    }
    if let Some(first) = failures.iter().min_by_key(|f| f.inputs) {
        panic!("{} of {SEEDS} worlds failed; the shortest:\n{first}", failures.len());
    }
    assert_eq!(counts.missing(), [], "these kinds of fault never happened");
}

/// The same seed is the same world, to the last line of its trace.
#[test]
fn a_seed_is_a_world() {
    let hash = |seed| World::new(Plan::of(seed)).run().expect("comes to rest").hash;
    assert_eq!(hash(3), hash(3));
    assert_ne!(hash(3), hash(4));
}

/// A checker that finds nothing is worth nothing: each planted bug is found by some seed.
#[test]
fn planted_bugs_are_found() {
    for planted in Planted::ALL {
        let found = (0..SEEDS_PLANTED).find(|seed| {
            let plan = Plan { planted: Some(*planted), ..Plan::of(*seed) };
            World::new(plan).run().is_err()
        });
        assert!(found.is_some(), "{planted:?} was not found in {SEEDS_PLANTED} worlds");
        println!("{planted:?} found by seed {}", found.unwrap_or_default());
    }
}

/// Some worlds are lived with the compiled component, and are the same worlds.
#[test]
fn the_component_makes_the_same_world() {
    for seed in (0..SEEDS).step_by(COMPILED_EVERY as usize) {
        let native = World::live(Plan::of(seed)).expect("comes to rest").hash;
        let compiled =
            World::live(Plan { policy: component::new, ..Plan::of(seed) }).expect("comes to rest").hash;
        assert_eq!(native, compiled, "seed {seed}");
    }
}
