//! Runs every test, and says which were slow and which did not run.
//!
//! Test programs are built by cargo and then run one after the other by us, so
//! that each test's time and each skip can be read. A test that cannot run here
//! prints a line `SKIPPED: reason`; `tests/skips.toml` lists the reasons that are
//! accepted, and any other fails the run: a skip must never pass for a success.
//!
//! A test of real processes that failed among others is run once more alone. If it passes then, the
//! run may go on, and the test is named at the end as unsteady: a thing to mend, not to get used to.

mod programs;
mod report;

use std::process::Command;

use anyhow::{Result, bail};

use crate::{needs, shell};
use programs::Program;
use report::{Report, Skips};

#[derive(clap::Args)]
pub struct Args {
    /// Only the tests of these packages.
    #[arg(long, short, value_name = "NAME")]
    package: Vec<String>,

    /// Only tests whose name contains this.
    name: Option<String>,
}

pub fn run(args: Args) -> Result<()> {
    needs::install_for_tests()?;
    let skips = Skips::read(&std::fs::read_to_string(shell::top().join("tests/skips.toml"))?)?;
    if args.package.is_empty() {
        // The end-to-end tests run the programs themselves. One selection of targets for both builds:
        // another would resolve other features and build the dependencies twice.
        shell::run(&mut shell::cargo(&["build", "--workspace", "--all-targets"]))?;
    }

    let mut report = Report::new(skips);
    for program in programs::build(&args.package)? {
        report.begin(&program.title);
        run_program(&program, args.name.as_deref(), args.package.is_empty(), &mut report)?;
    }
    if args.name.is_none() {
        doc_tests(&args.package, &mut report)?;
    }
    report.print();
    match report.is_good() {
        true => Ok(()),
        false => bail!("not every test passed"),
    }
}

/// Rooms whose tests start processes of their own, and so depend on what else the machine does.
const OF_PROCESSES: [&str; 3] = ["tests/e2e", "tests/node", "tests/clients"];
/// More failures than this are no chance.
const SECOND_TRIES_MOST: usize = 3;

fn run_program(program: &Program, name: Option<&str>, is_workspace: bool, report: &mut Report) -> Result<()> {
    let mut command = test_command(program, is_workspace);
    command.args(name);
    if report.listen(&mut command)?.success() {
        return Ok(());
    }
    let failed = report.take_failed();
    let may_try = OF_PROCESSES.iter().any(|room| program.title.starts_with(room));
    if !may_try || failed.is_empty() || failed.len() > SECOND_TRIES_MOST {
        report.failed(&program.title);
        return Ok(());
    }
    for test in failed {
        println!("{test} failed among others; once more, alone:");
        let mut command = test_command(program, is_workspace);
        command.args(["--exact", &test]);
        match report.listen(&mut command)?.success() && report.take_failed().is_empty() {
            true => report.unsteady(&test),
            false => report.failed(&program.title),
        }
    }
    Ok(())
}

fn test_command(program: &Program, is_workspace: bool) -> Command {
    let mut command = Command::new(&program.executable);
    command.args(["-Z", "unstable-options", "--report-time", "--show-output"]);
    // Only this makes the stable test runner tell the time of each test.
    command.env("RUSTC_BOOTSTRAP", "1").env("CARGO_MANIFEST_DIR", &program.dir).current_dir(&program.dir);
    if is_workspace {
        command.env("MEZZO_PROGRAMS_BUILT", "1");
    }
    command
}

fn doc_tests(packages: &[String], report: &mut Report) -> Result<()> {
    let mut command = shell::cargo(&["test", "--quiet", "--doc"]);
    match packages {
        [] => command.arg("--workspace"),
        packages => command.args(packages.iter().flat_map(|package| ["--package", package])),
    };
    report.begin("examples in the documentation");
    let status = report.listen(&mut command)?;
    if !status.success() {
        report.failed("examples in the documentation");
    }
    Ok(())
}
