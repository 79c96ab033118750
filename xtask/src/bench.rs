//! Measures: the programs are in `tests/load`, built as a package would ship them.

use anyhow::Result;

use crate::{needs, shell};

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
    let mut command = shell::cargo(&["run", "--quiet", "--profile", "bench", "--package", "load", "--"]);
    command.args(&args.name);
    command.args(args.quick.then_some("--quick"));
    command.args(args.json.then_some("--json"));
    shell::run(&mut command)
}
