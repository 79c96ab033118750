//! Lives one world again, or many: `cargo run -p sim -- --seed 7741`, `-- --seeds 0..200`;
//! `--plant BUG` puts one of `Planted` in; `--trace` shows everything that led to a failure.
#![forbid(unsafe_code)]

use std::process::ExitCode;

use sim::{Counts, Plan, Planted};

fn main() -> ExitCode {
    let mut args: Vec<_> = std::env::args().skip(1).collect();
    let trace_lines = if args.last().is_some_and(|word| word == "--trace") { usize::MAX } else { 60 };
    args.retain(|word| word != "--trace");
    let planted = match args.iter().position(|word| word == "--plant") {
        Some(at) => match args.drain(at..).nth(1).as_deref().and_then(planted_named) {
            Some(planted) => Some(planted),
            None => {
                eprintln!("--plant takes one of {:?}", Planted::ALL);
                return ExitCode::from(2);
            }
        },
        None => None,
    };
    let range = match args.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["--seed", seed] => seed.parse().ok().map(|s: u64| s..s + 1),
        ["--seeds", range] => {
            range.split_once("..").and_then(|(a, b)| Some(a.parse::<u64>().ok()?..b.parse::<u64>().ok()?))
        }
        _ => None,
    };
    let Some(range) = range else {
        eprintln!("usage: sim (--seed N | --seeds FROM..TO) [--plant BUG] [--trace]");
        return ExitCode::from(2);
    };
    let mut counts = Counts::default();
    for (seed, lived) in sim::live_all(range, |seed| Plan { trace_lines, planted, ..Plan::of(seed) }) {
        match lived {
            Ok(outcome) => {
                println!(
                    "seed {seed}: {} inputs, {} tasks ({} in executors), rest after {} s, trace {:016x}",
                    outcome.inputs,
                    outcome.tasks,
                    outcome.handed_over,
                    outcome.rested_at_ms / 1000,
                    outcome.hash
                );
                counts.merge(&outcome.counts);
            }
            Err(failure) => {
                eprintln!("{failure}");
                return ExitCode::from(1);
            }
        }
    }
    for (fault, count) in &counts.0 {
        println!("{count:>8} {fault:?}");
    }
    ExitCode::SUCCESS
}

fn planted_named(name: &str) -> Option<Planted> {
    Planted::ALL.iter().copied().find(|planted| format!("{planted:?}") == name)
}
