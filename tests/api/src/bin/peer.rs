//! Asks a running Mesos and a running Mezzo the same, and accounts for every difference.
#![forbid(unsafe_code)]

use std::{
    collections::BTreeMap,
    io::{BufRead, BufReader, Read},
    net::{Ipv4Addr, SocketAddr},
    path::{Path, PathBuf},
    process::{Child, ChildStdin, Command, ExitCode, Stdio},
};

use anyhow::{Context, bail};
use api_tests::{Accounted, Call, Outcome, Side, Verdict, compare, read_calls, required};
use clap::Parser;
use e2e_tests::{Daemons, free_port};

/// Asks a running Mesos and a running Mezzo the same, and accounts for every difference.
#[derive(Parser)]
struct Args {
    /// Only calls whose name contains this; entries that explain nothing are no failure then.
    name: Option<String>,

    /// One JSON object a difference, and one for the sum.
    #[arg(long)]
    json: bool,

    /// Shows both answers of every call that differs, as JSON.
    #[arg(long)]
    answers: bool,

    /// Where the package of Mesos is kept between runs.
    #[arg(long)]
    home: PathBuf,
}

fn main() -> ExitCode {
    match run(&Args::parse()) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("peer: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(args: &Args) -> anyhow::Result<bool> {
    let calls = calls(args.name.as_deref())?;
    let mesos = Mesos::start(&args.home)?;
    let mut daemons = Daemons::new(1);
    daemons.agent_flags.push("--attributes=rack:r1;zone:z-a;level:3".into());
    daemons.start_all()?;
    let mut theirs = Side::prepare(local(mesos.master_port), local(mesos.agent_port)).context("Mesos")?;
    let mut ours =
        Side::prepare(local(daemons.master_port), local(daemons.agent_ports[0])).context("Mezzo")?;
    let mut accounted = Accounted::read("peer")?;
    let mut table = Table { args, differing: 0, verdicts: Vec::new() };
    for call in &calls {
        let (theirs, ours) = (theirs.ask(call), ours.ask(call));
        let differences = compare(&call.name, &theirs, &ours);
        let verdicts: Vec<Verdict> = differences.into_iter().map(|one| accounted.judge(one)).collect();
        table.add(call, &theirs, &ours, verdicts);
    }
    let stale = if args.name.is_some() { Vec::new() } else { accounted.stale() };
    Ok(table.close(calls.len(), &stale))
}

/// The last of them changes what the others would see.
const FILES: [&str; 5] =
    ["reads.toml", "methods.toml", "bad_inputs.toml", "bad_executor_inputs.toml", "calls.toml"];

/// Every call: those that lack a field, then those of the files.
fn calls(name: Option<&str>) -> anyhow::Result<Vec<Call>> {
    let mut calls = Vec::new();
    for api in required::APIS {
        calls.extend(required::calls(api)?);
    }
    for file in FILES {
        calls.extend(read_calls(file)?);
    }
    calls.retain(|call| call.not_peer.is_none() && name.is_none_or(|name| call.name.contains(name)));
    Ok(calls)
}

fn local(port: u16) -> SocketAddr {
    SocketAddr::from((Ipv4Addr::LOCALHOST, port))
}

/// A real Mesos, which ends with the value.
struct Mesos {
    master_port: u16,
    agent_port: u16,
    child: Child,
    stdin: Option<ChildStdin>,
}

impl Mesos {
    fn start(home: &Path) -> anyhow::Result<Self> {
        std::fs::create_dir_all(home).with_context(|| home.display().to_string())?;
        let (master_port, agent_port) = (free_port(), free_port());
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("peer/run.py");
        let mut child = Command::new("python3")
            .arg(script)
            .args([master_port.to_string(), agent_port.to_string(), "--home".into()])
            .arg(home)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .context("cannot run python3")?;
        let stdin = child.stdin.take();
        let mut stdout = BufReader::new(child.stdout.take().context("no output")?);
        let mesos = Self { master_port, agent_port, child, stdin };
        let mut line = String::new();
        stdout.read_line(&mut line)?;
        if line.trim() != "ready" {
            stdout.read_to_string(&mut line)?;
            bail!("a real Mesos cannot run here: see above {line}");
        }
        Ok(mesos)
    }
}

impl Drop for Mesos {
    fn drop(&mut self) {
        // The end of its input is its sign to end.
        drop(self.stdin.take());
        let _ = self.child.wait();
    }
}

/// What is printed.
struct Table<'a> {
    args: &'a Args,
    differing: usize,
    verdicts: Vec<Verdict>,
}

impl Table<'_> {
    fn add(&mut self, call: &Call, theirs: &Outcome, ours: &Outcome, verdicts: Vec<Verdict>) {
        if verdicts.is_empty() {
            return;
        }
        self.differing += 1;
        if self.args.answers {
            println!("{}", serde_json::json!({"call": call.name, "mesos": theirs, "mezzo": ours}));
        }
        for verdict in &verdicts {
            if self.args.json {
                println!("{}", serde_json::json!(verdict));
            } else if verdict.reason.is_none() {
                let difference = &verdict.difference;
                println!("{} · {}", difference.call, difference.at);
                println!("    Mesos  {}", shortened(&difference.mesos));
                println!("    Mezzo  {}", shortened(&difference.mezzo));
            }
        }
        self.verdicts.extend(verdicts);
    }

    /// Prints the sums, and says whether everything is accounted for.
    fn close(self, calls: usize, stale: &[String]) -> bool {
        let unaccounted = self.verdicts.iter().filter(|verdict| verdict.reason.is_none()).count();
        if self.args.json {
            let sum = serde_json::json!({
                "calls": calls, "calls_that_differ": self.differing, "differences": self.verdicts.len(),
                "unaccounted": unaccounted, "stale": stale,
            });
            println!("{sum}");
        } else {
            self.people(calls, unaccounted, stale);
        }
        unaccounted == 0 && stale.is_empty()
    }

    fn people(&self, calls: usize, unaccounted: usize, stale: &[String]) {
        let mut reasons: BTreeMap<&str, usize> = BTreeMap::new();
        for verdict in &self.verdicts {
            *reasons.entry(verdict.reason.as_deref().unwrap_or("NOT ACCOUNTED FOR")).or_default() += 1;
        }
        let mut reasons: Vec<(&str, usize)> = reasons.into_iter().collect();
        reasons.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
        println!("\n{:>6}  why", "places");
        reasons.iter().for_each(|(reason, count)| println!("{count:>6}  {reason}"));
        stale.iter().for_each(|entry| println!("\nNothing differs any more as this entry says: {entry}"));
        println!(
            "\n{calls} calls; {} answered alike, {} differ in {} places; {unaccounted} not accounted for, {} entries stale.",
            calls - self.differing,
            self.differing,
            self.verdicts.len(),
            stale.len()
        );
    }
}

fn shortened(text: &str) -> String {
    const SHOWN_MAX: usize = 300;
    match text.char_indices().nth(SHOWN_MAX) {
        Some((at, _)) => format!("{}…", &text[..at]),
        None => text.to_owned(),
    }
}
