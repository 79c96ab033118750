//! Benchmarks with the floor in the same run.
//!
//! Machines that measure are shared, so what is compared is processor time, the least of many
//! repetitions, and ours beside a floor or a twin that ran in between. A wrong answer fails the run;
//! a missed target is shown and left to whoever reads the rows.
#![forbid(unsafe_code)]

mod account;
mod agents;
mod allocation;
mod clock;
mod cluster;
mod container;
mod fleet;
mod footprint;
mod rows;
mod scheduler;
mod short_tasks;
mod state;
mod submit;

use anyhow::{Result, bail};
use clap::Parser;
use rustix::process::{Resource, getrlimit, setrlimit};

use fleet::Fleet;
use rows::Row;

/// Measures Mezzo
#[derive(Parser)]
struct Load {
    /// Which benchmark; all of them if none is named
    name: Option<String>,

    /// Fewer repetitions and smaller sizes: to see that it works, not to judge
    #[arg(long)]
    quick: bool,

    /// One JSON object a row
    #[arg(long)]
    json: bool,

    #[command(flatten)]
    fleet: Fleet,
}

/// A benchmark: tells its rows as they come.
type Bench = fn(is_quick: bool, tell: &mut dyn FnMut(Row)) -> Result<()>;

const BENCHES: &[(&str, Bench)] = &[
    ("allocation", allocation::run),
    ("container", container::run),
    ("submit", submit::run),
    ("short-tasks", short_tasks::run),
    ("agents", agents::run),
    ("state", state::run),
    ("footprint", footprint::run),
];

fn main() -> Result<()> {
    let load = Load::parse();
    if let Some(master) = &load.fleet.master {
        return fleet::be(&load.fleet, master);
    }
    allow_open_files();
    let chosen: Vec<_> =
        BENCHES.iter().filter(|(name, _)| load.name.as_ref().is_none_or(|wanted| wanted == name)).collect();
    if chosen.is_empty() {
        let names: Vec<&str> = BENCHES.iter().map(|(name, _)| *name).collect();
        bail!("no benchmark is called `{}`: there are {}", load.name.unwrap_or_default(), names.join(", "));
    }
    for (_, bench) in chosen {
        bench(load.quick, &mut |row| {
            let row = if load.quick { row.not_judged() } else { row };
            row.print(load.json);
        })?;
    }
    Ok(())
}

/// As many open files as this process and its children may have: each simulated agent is one on
/// either side. Where that does not help, the benchmark says what it lacks.
fn allow_open_files() {
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    let _ = setrlimit(Resource::Nofile, limit);
}
