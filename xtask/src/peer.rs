//! Asks a running Mesos and a running Mezzo the same: `tests/api` has the program, here is what it needs.

use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::{needs, shell};

#[derive(clap::Args)]
pub struct Args {
    /// Only calls whose name contains this.
    name: Option<String>,

    /// One JSON object a difference, and one for the sum.
    #[arg(long)]
    json: bool,

    /// Shows both answers of every call that differs, as JSON.
    #[arg(long)]
    answers: bool,
}

pub fn run(args: Args) -> Result<()> {
    needs::install_for_peer().context("what a real Mesos needs cannot be installed")?;
    // The selection of `cargo xtask test`: another would resolve other features and build everything twice.
    shell::run(&mut shell::cargo(&["build", "--quiet", "--workspace", "--all-targets"]))?;
    let mut command = Command::new(shell::target().join("debug/peer"));
    command.arg("--home").arg(shell::target().join("peer")).args(&args.name);
    command.args(args.json.then_some("--json")).args(args.answers.then_some("--answers"));
    command.env("MEZZO_PROGRAMS_BUILT", "1");
    let status = command.status().context("cannot run the program that asks")?;
    if !status.success() {
        bail!("not every difference is accounted for, or one side did not run: see above");
    }
    Ok(())
}
