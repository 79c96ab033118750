//! Every target over its seeds, and over a few thousand mutations of them: the same ones in every run.

use std::{fs, path::Path};

use fuzz_tests::TARGETS;

/// How many mutations each target is given.
const MUTATIONS: usize = 4000;
/// A mutation is never longer.
const BYTES_MAX: usize = 1 << 14;

fn seeds(target: &str) -> Vec<Vec<u8>> {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("seeds").join(target);
    let mut paths: Vec<_> = fs::read_dir(&dir)
        .unwrap_or_else(|error| panic!("{}: {error}", dir.display()))
        .map(|entry| entry.expect("an entry").path())
        .collect();
    paths.sort();
    paths.iter().map(|path| fs::read(path).expect("a seed")).collect()
}

/// xorshift64*: a sequence that is the same everywhere.
struct Dice(u64);

impl Dice {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33) as usize % limit.max(1)
    }
}

/// Numbers at which something turns over.
const EDGES: [&[u8]; 10] = [
    b"\x00",
    b"\xff",
    b"\x7f",
    b"\x80",
    b"\xff\xff\xff\xff\x0f",
    b"1e308",
    b"-1",
    b"18446744073709551615",
    b"\"",
    b"\n",
];

fn mutated(seeds: &[Vec<u8>], dice: &mut Dice) -> Vec<u8> {
    let mut bytes = seeds[dice.below(seeds.len())].clone();
    for _ in 0..=dice.below(4) {
        let at = dice.below(bytes.len() + 1);
        let end = (at + 1 + dice.below(16)).min(bytes.len());
        match dice.below(6) {
            0 if at < bytes.len() => bytes[at] ^= 1 << dice.below(8),
            1 if at < bytes.len() => bytes[at] = dice.below(256) as u8,
            2 if at < end => drop(bytes.drain(at..end)),
            3 if at < end => bytes.extend_from_within(at..end),
            4 => drop(bytes.splice(at..at, EDGES[dice.below(EDGES.len())].iter().copied())),
            _ => {
                let other = &seeds[dice.below(seeds.len())];
                let from = dice.below(other.len() + 1);
                bytes.truncate(at);
                bytes.extend_from_slice(&other[from..]);
            }
        }
    }
    bytes.truncate(BYTES_MAX);
    bytes
}

fn run(name: &str) {
    let (_, target) = TARGETS.iter().find(|(this, _)| *this == name).expect("a target");
    let seeds = seeds(name);
    assert!(seeds.len() >= 5, "{name} has seeds");
    seeds.iter().for_each(|seed| target(seed));
    let mut dice = Dice(0x4d65_7a7a_6f21);
    for number in 0..MUTATIONS {
        let bytes = mutated(&seeds, &mut dice);
        let outcome = std::panic::catch_unwind(|| target(&bytes));
        assert!(outcome.is_ok(), "{name}: mutation {number}: {}", bytes.escape_ascii());
    }
}

#[test]
fn json_of_strangers_is_read_or_refused() {
    run("json");
}

#[test]
fn protobuf_of_strangers_is_read_or_refused() {
    run("protobuf");
}

#[test]
fn streams_of_records_are_the_same_however_they_are_cut() {
    run("recordio");
}

#[test]
fn resources_of_strangers_add_up() {
    run("resources");
}

#[test]
fn an_agent_may_say_anything_and_the_ledger_adds_up() {
    run("link");
}
