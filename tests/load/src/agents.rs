//! What a launch costs the master of a large cluster, from the offer to the acknowledged TASK_RUNNING,
//! and what it remembers of agents and tasks.
//!
//! A real Mesos takes 820 us of its master for a task, on four agents. Above 100 us one core would
//! carry fewer than ten thousand launches a second; above the memory bounds a large cluster's master
//! would not fit a small machine.

use anyhow::{Context as _, Result, ensure};
use mezzo_client::Client;
use mezzo_proto::mesos::v1::{self, TaskState};

use crate::{
    account::{cpu_of, kilobytes},
    cluster::Cluster,
    fleet::{Fleet, Running, TASK},
    rows::Row,
    scheduler::{Caller, Scheduler, scalar},
};

const FRAMEWORKS: usize = 100;
/// Tasks of an ACCEPT, which uses the whole agent.
const TASKS_AN_AGENT: usize = 10;
/// Microseconds of a Mesos master of the 1.12 line for a task.
const MESOS_US: f64 = 820.0;
const TARGET_US: f64 = 100.0;
const TURN_MS: f64 = 10.0;
const AGENT_KB: f64 = 50.0;
const TASK_KB: f64 = 1.5;

/// Measures.
pub fn run(is_quick: bool, tell: &mut dyn FnMut(Row)) -> Result<()> {
    let agents = if is_quick { 500 } else { 10_000 };
    let mut cluster = Cluster::new(0)?;
    cluster.start()?;
    let master = cluster.master_pid()?;
    let idle_kb = kilobytes(master, "status", "VmRSS")?;
    let before = cpu_of(master)?;
    let mut fleet = Running::start(&Fleet { master: Some(cluster.master()), agents, tasks: 0 })?;
    fleet.wait("every agent is registered", |progress| progress.registered == agents as u64)?;
    cluster.daemons.wait_for_agents(agents)?;
    let registered_kb = kilobytes(master, "status", "VmRSS")?;
    tell(Row::new(
        format!("agents: registration of one of {agents}"),
        (cpu_of(master)? - before) / agents as f64,
        "us",
    ));

    let tasks = agents * TASKS_AN_AGENT;
    let began = std::time::Instant::now();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
    let client = Client::new(&cluster.master())?;
    let first = runtime.block_on(Turns::of(&client))?;
    let before = cpu_of(master)?;
    let frameworks = runtime.block_on(subscribed(&cluster.master()))?;
    for framework in frameworks {
        runtime.spawn(async move {
            if let Err(error) = launch_all(framework).await {
                eprintln!("a framework has ended: {error:#}");
            }
        });
    }
    fleet.wait("every task is acknowledged", |progress| progress.acknowledged == tasks as u64)?;
    let cost = (cpu_of(master)? - before) / tasks as f64;
    let a_second = tasks as f64 / began.elapsed().as_secs_f64();
    let full_kb = kilobytes(master, "status", "VmRSS")?;
    let last = runtime.block_on(Turns::of(&client))?;
    let slow_share = (last.slow - first.slow) / (last.all - first.all);

    tell(
        Row::new(
            format!("agents: launch to acknowledged TASK_RUNNING, {agents} agents, {tasks} tasks"),
            cost,
            "us",
        )
        .beside(MESOS_US, "Mesos 1.12 on 4 agents")
        .at_most(TARGET_US, false),
    );
    tell(Row::new("agents: launches on this machine, load included", a_second, "tasks/s"));
    tell(
        Row::new("agents: turns of the master that took longer than 10 ms", slow_share * 100.0, "%")
            .at_most(1.0, false),
    );
    tell(Row::new("agents: p99 of a turn, of the last thousand", last.p99_ms, "ms").at_most(TURN_MS, false));
    let bound = idle_kb + agents as f64 * AGENT_KB + tasks as f64 * TASK_KB;
    tell(
        Row::new(
            format!(
                "agents: memory of a master with all of them, above {:.0} MB when idle",
                idle_kb / 1024.0
            ),
            (full_kb - idle_kb) / 1024.0,
            "MiB",
        )
        .at_most((bound - idle_kb) / 1024.0, false),
    );
    tell(
        Row::new("agents: memory of an agent", (registered_kb - idle_kb) / agents as f64, "kB")
            .at_most(AGENT_KB, false),
    );
    tell(
        Row::new(
            "agents: memory of a task, its framework included",
            (full_kb - registered_kb) / tasks as f64,
            "kB",
        )
        .at_most(TASK_KB, false),
    );
    Ok(())
}

async fn subscribed(master: &str) -> Result<Vec<Scheduler>> {
    let mut frameworks = Vec::new();
    for number in 0..FRAMEWORKS {
        frameworks.push(Scheduler::subscribe(master, &format!("role-{number}")).await?);
    }
    Ok(frameworks)
}

/// Uses every offer whole, and acknowledges what runs.
async fn launch_all(mut scheduler: Scheduler) -> Result<()> {
    let caller = scheduler.caller();
    let mut launched = 0;
    loop {
        let event = scheduler.next().await?;
        for offer in event.offers.map(|offers| offers.offers).unwrap_or_default() {
            use_up(&caller, &offer, &mut launched).await?;
        }
        if let Some(update) = event.update {
            let state = update.status.state();
            ensure!(state == TaskState::TaskRunning, "a task came to {}", state.as_str_name());
            caller.acknowledge(&update.status).await?;
        }
    }
}

async fn use_up(caller: &Caller, offer: &v1::Offer, launched: &mut usize) -> Result<()> {
    let tasks = (0..TASKS_AN_AGENT).map(|_| {
        *launched += 1;
        v1::TaskInfo {
            name: format!("task-{launched}"),
            task_id: v1::TaskId { value: format!("task-{launched}-of-{}", offer.framework_id.value) },
            agent_id: offer.agent_id.clone(),
            resources: TASK.iter().map(|(name, value)| scalar(name, *value)).collect(),
            command: Some(v1::CommandInfo { value: Some("sleep 100000".to_owned()), ..Default::default() }),
            ..Default::default()
        }
    });
    caller.launch(std::slice::from_ref(offer), tasks.collect()).await
}

/// What the master says of its turns. Asking costs it a walk over everything, so it is asked twice.
#[derive(Clone, Copy, Debug)]
struct Turns {
    all: f64,
    slow: f64,
    /// Of the newest thousand.
    p99_ms: f64,
}

impl Turns {
    async fn of(client: &Client) -> Result<Self> {
        let metrics = client.get_json("/metrics/snapshot").await?;
        let number = |name: &str| metrics[name].as_f64().with_context(|| format!("no metric `{name}`"));
        Ok(Self {
            all: number("mezzo/master/turns")?,
            slow: number("mezzo/master/turns_slow")?,
            p99_ms: number("mezzo/master/turn_ms/p99")?,
        })
    }
}
