//! Chores of the workspace: `cargo xtask dev`, `test`, `peer`, `bench`, `tidy`.
//!
//! Each chore is one file and calls the ordinary tools (cargo, rustup, apt-get,
//! git); [`needs`] installs what they need first. Start with [`dev`] to see what
//! a newcomer's first command does, or with [`tidy`] for the rules of the house.
#![forbid(unsafe_code)]

mod bench;
mod corpus;
mod dev;
mod needs;
mod peer;
mod shell;
mod test;
mod tidy;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Chores of the workspace.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct Cli {
    #[command(subcommand)]
    chore: Chore,
}

#[derive(Subcommand)]
enum Chore {
    /// Builds everything, starts a cluster and runs a real workload on it.
    Dev(dev::Args),
    /// Installs what is missing and runs every test.
    Test(test::Args),
    /// Asks a real Mesos and Mezzo the same, and accounts for every difference.
    Peer(peer::Args),
    /// Measures, in rows of JSON or for people.
    Bench(bench::Args),
    /// Checks the rules of the house that no compiler checks.
    Tidy,
    /// Declares the files of wit/v1 released: from then on none of them may change.
    WitFreeze,
}

fn main() -> ExitCode {
    let outcome = match Cli::parse().chore {
        Chore::Dev(args) => dev::run(args),
        Chore::Test(args) => test::run(args),
        Chore::Peer(args) => peer::run(args),
        Chore::Bench(args) => bench::run(args),
        Chore::Tidy => tidy::run(),
        Chore::WitFreeze => tidy::freeze(),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("xtask: {error:#}");
            ExitCode::FAILURE
        }
    }
}
