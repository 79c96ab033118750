//! What a short task costs everybody: master, agent, launcher, supervisor and the task itself.
//!
//! A real Mesos runs 9.4 of them a second on one agent, and its cost for each grows with the tasks
//! that are alive. Below 200 a second of processor time, short tasks would not be worth their cluster.

use std::collections::BTreeSet;

use anyhow::{Result, bail, ensure};
use mezzo_proto::mesos::v1::{self, TaskState};

use crate::{
    account::cpu_of,
    clock::Samples,
    cluster::Cluster,
    rows::Row,
    scheduler::{Scheduler, fit, is_bad, task},
};

/// Tasks of a second that a Mesos of the 1.12 line runs on one agent.
const MESOS_A_SECOND: f64 = 9.4;
/// Tasks for each second of processor time.
const TARGET_A_SECOND: f64 = 200.0;
/// How much more a task may cost beside many that sleep: what the noise of a few batches needs.
const GROWTH_MAX: f64 = 1.1;
const CPUS: f64 = 0.1;
const MEM: f64 = 32.0;
const SLEEPER_CPUS: f64 = 0.01;
/// Short tasks that are alive at once.
const ALIVE_MAX: usize = 32;

/// Measures.
pub fn run(is_quick: bool, tell: &mut dyn FnMut(Row)) -> Result<()> {
    if !e2e_tests::is_root() {
        tell(Row::new("short tasks, not measured: they need root", 0.0, "tasks"));
        return Ok(());
    }
    let (batches, batch, sleepers) = if is_quick { (2, 25, 50) } else { (4, 250, 500) };
    let mut cluster = Cluster::new(1)?;
    cluster.daemons.resources = "cpus:8.2;mem:65536;disk:65536".to_owned();
    cluster.start()?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let mut bench = Bench {
        scheduler: runtime.block_on(Scheduler::subscribe(&cluster.master(), "short"))?,
        cluster,
        runtime,
        launched: 0,
        offers: Vec::new(),
    };
    bench.tasks(batch / 5)?;
    let alone = bench.batches(batches, batch)?;
    bench.sleep(sleepers)?;
    let beside = bench.batches(batches, batch)?;
    let again = bench.batches(1, batch)?;

    let count = batches * batch;
    let a_second = 1e6 / (alone.total_us / count as f64);
    tell(
        Row::new(format!("short tasks: {count} of /bin/true through one agent"), a_second, "tasks/CPU s")
            .beside(MESOS_A_SECOND, "Mesos 1.12, tasks a second of wall clock")
            .at_least(TARGET_A_SECOND, alone.each.is_noisy()),
    );
    tell(Row::new("short tasks: one after another and side by side", alone.a_second, "tasks/s"));
    for (part, us) in [
        ("the master", alone.master_us),
        ("the agent", alone.agent_us),
        ("launcher, supervisor and task", alone.total_us - alone.master_us - alone.agent_us),
    ] {
        tell(Row::new(format!("short tasks: of each, {part}"), us / count as f64, "us"));
    }
    let least = beside.each.min().min(again.each.min());
    let is_noisy = alone.each.is_noisy() || beside.each.is_noisy();
    tell(
        Row::new(format!("short tasks: one beside {sleepers} that sleep"), least, "us")
            .beside(alone.each.min(), "alone")
            .at_most(alone.each.min() * GROWTH_MAX, is_noisy),
    );
    Ok(())
}

struct Bench {
    cluster: Cluster,
    scheduler: Scheduler,
    runtime: tokio::runtime::Runtime,
    launched: usize,
    /// Not used yet.
    offers: Vec<v1::Offer>,
}

/// What some batches cost, in microseconds.
struct Costs {
    /// Of one task, batch by batch.
    each: Samples,
    total_us: f64,
    master_us: f64,
    agent_us: f64,
    a_second: f64,
}

impl Bench {
    fn batches(&mut self, batches: usize, batch: usize) -> Result<Costs> {
        let master = self.cluster.master_pid()?;
        let agent = self.cluster.daemons.agent_pid(0).unwrap_or_default();
        let (master_before, agent_before) = (cpu_of(master)?, cpu_of(agent)?);
        let began = std::time::Instant::now();
        let mut each = Samples::default();
        let mut total_us = 0.0;
        for _ in 0..batches {
            let before = self.cluster.account.used()?;
            self.tasks(batch)?;
            let took = self.cluster.account.used()? - before;
            each.push(took / batch as f64);
            total_us += took;
        }
        Ok(Costs {
            each,
            total_us,
            master_us: cpu_of(master)? - master_before,
            agent_us: cpu_of(agent)? - agent_before,
            a_second: (batches * batch) as f64 / began.elapsed().as_secs_f64(),
        })
    }

    /// Runs so many, as many at once as fit.
    fn tasks(&mut self, count: usize) -> Result<()> {
        let mut left = count;
        let mut alive: BTreeSet<String> = BTreeSet::new();
        let (scheduler, launched, kept) = (&mut self.scheduler, &mut self.launched, &mut self.offers);
        self.runtime.block_on(async {
            let caller = scheduler.caller();
            while left > 0 || !alive.is_empty() {
                let room = fit(kept, CPUS, MEM).min(left).min(ALIVE_MAX - alive.len());
                if room > 0 {
                    let offers = std::mem::take(kept);
                    let tasks: Vec<_> = (0..room)
                        .map(|_| {
                            *launched += 1;
                            task(&offers[0], &format!("short-{launched}"), &["/bin/true"], CPUS, MEM)
                        })
                        .collect();
                    left -= tasks.len();
                    alive.extend(tasks.iter().map(|task| task.task_id.value.clone()));
                    caller.launch(&offers, tasks).await?;
                }
                if left == 0 && alive.is_empty() {
                    break;
                }
                let event = scheduler.next().await?;
                kept.extend(event.offers.map(|offers| offers.offers).unwrap_or_default());
                if let Some(gone) = event.rescind {
                    kept.retain(|offer| offer.id != gone.offer_id);
                }
                let Some(update) = event.update else { continue };
                let status = update.status;
                let (id, state) = (status.task_id.value.clone(), status.state());
                ensure!(!is_bad(state), "task `{id}` came to {}: {}", state.as_str_name(), status.message());
                caller.acknowledge(&status).await?;
                if state == TaskState::TaskFinished {
                    alive.remove(&id);
                }
            }
            anyhow::Ok(())
        })
    }

    /// Has so many tasks sleep from now on.
    fn sleep(&mut self, count: usize) -> Result<()> {
        let (scheduler, kept) = (&mut self.scheduler, &mut self.offers);
        self.runtime.block_on(async {
            let caller = scheduler.caller();
            let (mut launched, mut running) = (0, 0);
            while running < count {
                let room = fit(kept, SLEEPER_CPUS, MEM).min(count - launched).min(ALIVE_MAX);
                if room > 0 {
                    let offers = std::mem::take(kept);
                    let asleep = |number| {
                        let id = format!("sleep-{number}");
                        task(&offers[0], &id, &["/bin/sleep", "100000"], SLEEPER_CPUS, MEM)
                    };
                    caller.launch(&offers, (launched..launched + room).map(asleep).collect()).await?;
                    launched += room;
                }
                let event = scheduler.next().await?;
                kept.extend(event.offers.map(|offers| offers.offers).unwrap_or_default());
                let Some(update) = event.update else { continue };
                caller.acknowledge(&update.status).await?;
                match update.status.state() {
                    TaskState::TaskStarting => {}
                    TaskState::TaskRunning => running += 1,
                    state => {
                        bail!("a sleeping task came to {}: {}", state.as_str_name(), update.status.message())
                    }
                }
            }
            Ok(())
        })
    }
}
