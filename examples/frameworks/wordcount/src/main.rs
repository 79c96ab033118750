//! Counts the words of a text on a cluster: a whole scheduler, small enough to read.
//!
//! It speaks the Mesos v1 scheduler API in JSON, as any scheduler in any language
//! may, and uses nothing else of the project. The text is cut at line ends, each
//! piece becomes one task that fetches it, counts it with the shell's own tools
//! and leaves `counts.txt` in its sandbox; the counts are read back through the
//! agent's files API and added up. In the end the same shell pipeline runs here,
//! over the whole text, and the two must be equal.
//!
//! Start with [`job`]: what is to be done, without any network. [`scheduler`]
//! is the conversation with the master, [`mesos`] its wire.
#![forbid(unsafe_code)]

mod counts;
mod http;
mod job;
mod mesos;
mod results;
mod scheduler;
mod serve;
mod show;
mod text;

use std::{path::PathBuf, process::ExitCode};

use clap::Parser;

/// Counts the words of a text on a cluster, and checks the sum against a plain shell pipeline.
#[derive(Parser)]
struct Args {
    /// The master to subscribe with.
    #[arg(long, value_name = "HOST:PORT", env = "MEZZO_MASTER", default_value = "127.0.0.1:5050")]
    master: String,

    /// The text: files, taken as one after the other.
    #[arg(long, value_name = "FILE", num_args = 1.., required = true)]
    text: Vec<PathBuf>,

    /// Into how many pieces to cut it, at most.
    #[arg(long, value_name = "N", default_value_t = 32, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pieces: u32,

    /// Cores for each task.
    #[arg(long, default_value_t = 0.5)]
    cpus: f64,

    /// MiB of memory for each task.
    #[arg(long, default_value_t = 64.0)]
    mem: f64,

    /// Let each task sleep so many seconds before it counts: to watch, or to pull plugs meanwhile.
    #[arg(long, value_name = "SECONDS", default_value_t = 0.0)]
    linger: f64,

    /// How often one piece may fail before the whole is given up.
    #[arg(long, value_name = "N", default_value_t = 5)]
    attempts: u32,

    /// Keep what is done and who we are in this file, and go on from it when started again.
    #[arg(long, value_name = "FILE")]
    state: Option<PathBuf>,

    /// The address under which agents reach the pieces.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1")]
    ip: std::net::IpAddr,

    /// How many words to show.
    #[arg(long, value_name = "N", default_value_t = 10)]
    top: usize,

    /// Print the result as one JSON object.
    #[arg(long)]
    json: bool,
}

#[tokio::main]
async fn main() -> ExitCode {
    match count(Args::parse()).await {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("wordcount: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Runs the whole job; says whether the cluster counted right.
async fn count(args: Args) -> anyhow::Result<bool> {
    anyhow::ensure!(args.cpus > 0.0 && args.mem > 0.0, "--cpus and --mem must be more than zero");
    anyhow::ensure!((0.0..=3600.0).contains(&args.linger), "--linger must be between 0 and 3600 seconds");
    let show = show::Show::new();
    let text = text::Text::read(&args.text, args.pieces as usize)?;
    show.line(&format!("{} bytes of text in {} pieces", text.len(), text.pieces()));

    let job = job::Job::load_or_new(args.state.as_deref(), &text)?;
    let begun = std::time::Instant::now();
    let cluster = scheduler::run(&args, job, &text, &show).await?;
    let cluster_took = begun.elapsed();

    show.line("Counting the same text here, with one plain pipeline");
    let begun = std::time::Instant::now();
    let plain = scheduler::unless_interrupted(counts::of_pipeline(&text)).await??;
    let report = show::Report { cluster, cluster_took, plain, plain_took: begun.elapsed() };
    if let Some(path) = &args.state {
        job::forget(path)?;
    }
    report.print(args.top, args.json)?;
    Ok(report.is_right())
}
