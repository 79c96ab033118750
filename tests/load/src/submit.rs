//! How long a framework waits on an idle cluster, from its wish to the running task.
//!
//! A real Mesos takes 152 ms from the ACCEPT alone, and up to its allocation interval for the offer
//! before. Here the interval is an hour: whatever waits for it never ends.

use std::time::Instant;

use anyhow::{Context as _, Result};
use mezzo_proto::mesos::v1::TaskState;

use crate::{
    clock::Samples,
    cluster::Cluster,
    rows::Row,
    scheduler::{Scheduler, task},
};

/// The median of ACCEPT to RUNNING of a Mesos of the 1.12 line, in milliseconds.
const MESOS_MS: f64 = 152.0;
/// What the median may be.
const TARGET_MS: f64 = 15.0;

/// Measures.
pub fn run(is_quick: bool, tell: &mut dyn FnMut(Row)) -> Result<()> {
    if !e2e_tests::is_root() {
        tell(Row::new("submit, not measured: it needs root", 0.0, "ms"));
        return Ok(());
    }
    let mut cluster = Cluster::new(1)?;
    cluster.daemons.master_flags = vec!["--allocation_interval=1hrs".to_owned()];
    cluster.start()?;
    let rounds = if is_quick { 5 } else { 100 };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let times = runtime.block_on(measured(&cluster.master(), rounds))?;
    for (what, samples, beside) in [
        ("REVIVE to TASK_RUNNING on an idle cluster", &times.revive, None),
        ("ACCEPT to TASK_RUNNING on an idle cluster", &times.accept, Some(MESOS_MS)),
        ("SUBSCRIBE of a new framework to TASK_RUNNING", &times.subscribe, None),
    ] {
        let row = Row::new(format!("submit: {what}, median"), samples.median(), "ms");
        let row = match beside {
            Some(mesos) => row.beside(mesos, "Mesos 1.12, measured on a quiet machine"),
            None => row.beside(MESOS_MS, "Mesos 1.12 from ACCEPT, without the wait for an offer"),
        };
        tell(row.at_most(TARGET_MS, samples.is_noisy()));
        tell(Row::new(format!("submit: {what}, least"), samples.min(), "ms"));
    }
    Ok(())
}

/// Milliseconds.
#[derive(Default)]
struct Times {
    revive: Samples,
    accept: Samples,
    subscribe: Samples,
}

async fn measured(master: &str, rounds: usize) -> Result<Times> {
    let mut times = Times::default();
    let mut scheduler = Scheduler::subscribe(master, "idle").await?;
    let offers = scheduler.offers().await?;
    scheduler.caller().suppress().await?;
    scheduler.caller().decline(offers).await?;
    for round in 0..rounds {
        let began = Instant::now();
        scheduler.caller().revive().await?;
        let accepted = ran(&mut scheduler, &format!("revived-{round}")).await?;
        times.revive.push(accepted.running.duration_since(began).as_secs_f64() * 1e3);
        times.accept.push(accepted.running.duration_since(accepted.accept).as_secs_f64() * 1e3);
    }
    for round in 0..rounds {
        let began = Instant::now();
        let mut newcomer = Scheduler::subscribe(master, &format!("new-{round}")).await?;
        let accepted = ran(&mut newcomer, &format!("new-{round}")).await?;
        times.subscribe.push(accepted.running.duration_since(began).as_secs_f64() * 1e3);
    }
    Ok(times)
}

struct Moments {
    accept: Instant,
    running: Instant,
}

/// Runs one task on the next offer, and waits until all of it is over and forgotten.
async fn ran(scheduler: &mut Scheduler, id: &str) -> Result<Moments> {
    let caller = scheduler.caller();
    let offers = scheduler.offers().await?;
    let offer = offers.first().context("an offer")?;
    let accept = Instant::now();
    caller.launch(&offers, vec![task(offer, id, &["/bin/true"], 1.0, 64.0)]).await?;
    let status = scheduler.reached(id, TaskState::TaskRunning).await?;
    let running = Instant::now();
    caller.suppress().await?;
    caller.acknowledge(&status).await?;
    let end = scheduler.reached(id, TaskState::TaskFinished).await?;
    caller.acknowledge(&end).await?;
    Ok(Moments { accept, running })
}
