//! Measures: the programs are in `tests/load`.
//!
//! Our own crates are built as a package would ship them, everything else as the tests have it (which
//! is nearly as fast, and there already): a profile of its own would first compile cranelift for a
//! quarter of an hour, and cranelift only compiles a plugin once.

use std::process::Command;

use anyhow::Result;
use cargo_metadata::MetadataCommand;

use crate::{needs, shell};

/// How our crates are built here.
const SHIPPED: [(&str, &str); 4] =
    [("opt-level", "3"), ("codegen-units", "4"), ("debug-assertions", "false"), ("overflow-checks", "false")];

#[derive(clap::Args)]
pub struct Args {
    /// Which benchmark; all of them if none is named.
    name: Option<String>,

    /// Fewer repetitions and smaller sizes: to see that it works, not to judge.
    #[arg(long)]
    quick: bool,

    /// One JSON object a row.
    #[arg(long)]
    json: bool,
}

pub fn run(args: Args) -> Result<()> {
    needs::install()?;
    // The example makes cargo select features as for the tests, so that nothing is built twice.
    let mut build = shell::cargo(&["build", "--quiet", "--workspace", "--bin", "load", "--bin", "mezzo"]);
    build.args(["--example", "rounds"]);
    for package in MetadataCommand::new().current_dir(shell::top()).no_deps().exec()?.packages {
        for (setting, value) in SHIPPED {
            build.arg("--config").arg(format!("profile.dev.package.{}.{setting}={value}", package.name));
        }
    }
    shell::run(&mut build)?;
    let mut command = Command::new(shell::target().join("debug/load"));
    command.current_dir(shell::top()).args(&args.name);
    command.args(args.quick.then_some("--quick"));
    command.args(args.json.then_some("--json"));
    shell::run(&mut command)
}
