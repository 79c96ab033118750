//! What an agent and its supervisors keep in memory while tasks run.
//!
//! They are there for the tasks' sake: what they take, no task can have. Files that are mapped are
//! not counted, since every process that uses them shares one copy and the kernel can drop it.

use anyhow::{Context as _, Result, ensure};
use mezzo_proto::mesos::v1::TaskState;

use crate::{
    account::kilobytes,
    cluster::Cluster,
    rows::Row,
    scheduler::{Scheduler, task},
};

/// Anonymous memory of a Mesos agent of the 1.12 line with 1,000 tasks, and of each executor.
const MESOS_AGENT_MB: f64 = 130.0;
const MESOS_EXECUTOR_KB: f64 = 8_192.0;
const AGENT_MB: f64 = 60.0;
const SUPERVISOR_KB: f64 = 1_024.0;

/// Measures.
pub fn run(is_quick: bool, tell: &mut dyn FnMut(Row)) -> Result<()> {
    if !e2e_tests::is_root() {
        tell(Row::new("footprint, not measured: it needs root", 0.0, "MB"));
        return Ok(());
    }
    let tasks = if is_quick { 10 } else { 100 };
    let mut cluster = Cluster::new(1)?;
    cluster.daemons.resources = "cpus:16;mem:65536;disk:65536".to_owned();
    cluster.start()?;
    let agent = cluster.daemons.agent_pid(0).context("the agent runs")?;
    let own = |pid| -> Result<f64> {
        Ok(kilobytes(pid, "status", "VmRSS")? - kilobytes(pid, "status", "RssFile")?)
    };
    let idle = own(agent)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let scheduler = runtime.block_on(with_tasks(&cluster.master(), tasks))?;
    let supervisors = cluster.daemons.supervisors(0);
    ensure!(supervisors.len() == tasks, "{} supervisors for {tasks} tasks", supervisors.len());
    let private = |pid: &u32| kilobytes(*pid, "smaps_rollup", "Private_Dirty");
    let private = supervisors.iter().map(private).collect::<Result<Vec<f64>>>()?;
    let most = private.iter().copied().fold(0.0, f64::max);
    tell(
        Row::new(
            format!("footprint: agent with {tasks} tasks, less file mappings"),
            own(agent)? / 1024.0,
            "MiB",
        )
        .beside(MESOS_AGENT_MB, "Mesos 1.12 with 1,000 tasks")
        .at_most(AGENT_MB, false),
    );
    tell(Row::new("footprint: agent without tasks, less file mappings", idle / 1024.0, "MiB"));
    tell(
        Row::new("footprint: the largest of the supervisors, Private_Dirty", most, "kB")
            .beside(MESOS_EXECUTOR_KB, "an executor of Mesos 1.12")
            .at_most(SUPERVISOR_KB, false),
    );
    drop(scheduler);
    Ok(())
}

/// A framework with so many running tasks.
async fn with_tasks(master: &str, tasks: usize) -> Result<Scheduler> {
    let mut scheduler = Scheduler::subscribe(master, "footprint").await?;
    let offers = scheduler.offers().await?;
    let offer = offers.first().context("an offer")?;
    let sleeping = |number| task(offer, &format!("sleep-{number}"), &["/bin/sleep", "100000"], 0.01, 32.0);
    let caller = scheduler.caller();
    caller.suppress().await?;
    caller.launch(&offers, (0..tasks).map(sleeping).collect()).await?;
    let mut running = 0;
    while running < tasks {
        let Some(update) = scheduler.next().await?.update else { continue };
        caller.acknowledge(&update.status).await?;
        match update.status.state() {
            TaskState::TaskStarting => {}
            TaskState::TaskRunning => running += 1,
            state => anyhow::bail!("a task came to {}: {}", state.as_str_name(), update.status.message()),
        }
    }
    Ok(scheduler)
}
