//! A task as the node is told to run it.

use mezzo_model::{
    AgentId,
    container::{Fetch, Isolation, Limits, Plan},
};
use mezzo_proto::mesos::v1;
use mezzo_resources::{Amount, Resources};

use super::environment::{Of, environment};
use crate::{
    config::{AgentConfig, IsolationConfig, MEMORY_BYTES_MIN},
    executor::Executor,
    task::Task,
    volumes,
};

/// `cpu.shares` of one cpu, and the least there is.
const SHARES_PER_CPU: u64 = 1024;
const SHARES_MIN: u64 = 2;
/// CFS: for each period of 100 ms, at least 1 ms.
const PERIOD_US: u64 = 100_000;
const QUOTA_US_MIN: u64 = 1_000;
const MEGABYTE: u64 = 1024 * 1024;

/// Decides everything that the node needs to know.
///
/// # Errors
///
/// Why the task cannot be run, as one sentence.
pub(crate) fn plan(
    config: &AgentConfig,
    agent: Option<&AgentId>,
    task: &Task,
    framework: &v1::FrameworkInfo,
) -> Result<Plan, String> {
    let command = task.info.command.as_ref().ok_or("the task has no command")?;
    let (program, argv) = program(command);
    let of = Of {
        framework: task.key.framework.as_str(),
        executor: task.key.task.as_str(),
        task: Some(task.key.task.as_str()),
        sandbox: &task.sandbox,
        role: task.role(),
        is_checkpointed: true,
    };
    Ok(Plan {
        container: task.container.clone(),
        sandbox: task.sandbox.clone(),
        user: user(config, command, framework),
        program,
        argv,
        environment: environment(config, agent, &of, command),
        fetch: fetch(config, command)?,
        isolation: isolation(&config.isolation),
        limits: limits(&config.isolation, &task.resources, |name| limit(task, name)),
        volumes: volumes::mounts(&config.work_dir, &task.resources)?,
    })
}

/// The same for a custom executor that is launched for `tasks`.
///
/// # Errors
///
/// Why it cannot be run, as one sentence.
pub(crate) fn executor_plan(
    config: &AgentConfig,
    agent: Option<&AgentId>,
    executor: &Executor,
    tasks: &[&Task],
    framework: &v1::FrameworkInfo,
) -> Result<Plan, String> {
    let command = executor.info.command.as_ref().ok_or("the executor has no command")?;
    let (program, argv) = program(command);
    let of = Of {
        framework: executor.key.framework.as_str(),
        executor: executor.key.executor.as_str(),
        task: None,
        sandbox: &executor.sandbox,
        role: executor.role(),
        is_checkpointed: framework.checkpoint(),
    };
    Ok(Plan {
        container: executor.container.clone(),
        sandbox: executor.sandbox.clone(),
        user: user(config, command, framework),
        program,
        argv,
        environment: environment(config, agent, &of, command),
        fetch: fetch(config, command)?,
        isolation: isolation(&config.isolation),
        limits: executor_limits(&config.isolation, executor, tasks),
        volumes: volumes::mounts(&config.work_dir, &executor.resources)?,
    })
}

/// What the container of an executor with these tasks may use: the sum of all. A limit that one
/// task has above its request adds to the requests of the others.
pub(crate) fn executor_limits(config: &IsolationConfig, executor: &Executor, tasks: &[&Task]) -> Limits {
    let mut resources = executor.resources.clone();
    for task in tasks {
        resources += &task.resources;
    }
    let limit_of_all = |name: &str| {
        let mut sum = executor.resources.scalar(name);
        let mut is_limited = false;
        for task in tasks {
            sum = sum.plus(match limit(task, name) {
                Limit::Infinite => return Limit::Infinite,
                Limit::Absent => task.resources.scalar(name),
                Limit::Finite(amount) => {
                    is_limited = true;
                    amount
                }
            });
        }
        if is_limited { Limit::Finite(sum) } else { Limit::Absent }
    };
    limits(config, &resources, limit_of_all)
}

/// What is started, and with which arguments.
fn program(command: &v1::CommandInfo) -> (String, Vec<String>) {
    let value = command.value().to_owned();
    if command.shell() {
        ("/bin/sh".to_owned(), vec!["sh".to_owned(), "-c".to_owned(), value])
    } else if command.arguments.is_empty() {
        (value.clone(), vec![value])
    } else {
        (value, command.arguments.clone())
    }
}

/// Whom the command runs as; absent when that is the agent's own account.
pub(crate) fn user(
    config: &AgentConfig,
    command: &v1::CommandInfo,
    framework: &v1::FrameworkInfo,
) -> Option<String> {
    if !config.switch_user {
        return None;
    }
    let user = command.user.as_deref().unwrap_or(&framework.user);
    Some(user.to_owned()).filter(|user| !user.is_empty() && config.agent_user.as_ref() != Some(user))
}

fn fetch(config: &AgentConfig, command: &v1::CommandInfo) -> Result<Vec<Fetch>, String> {
    let mut wanted = Vec::new();
    for uri in &command.uris {
        let is_relative = !uri.value.starts_with('/') && !uri.value.contains("://");
        let full = match (&config.frameworks_home, is_relative) {
            (_, false) => uri.value.clone(),
            (Some(home), true) => format!("{}/{}", home.trim_end_matches('/'), uri.value),
            (None, true) => {
                return Err(format!(
                    "A relative path was passed for the resource '{}', but the agent has no --frameworks_home; either \
                     start it with one or use an absolute path",
                    uri.value
                ));
            }
        };
        wanted.push(Fetch {
            uri: full,
            is_executable: uri.executable(),
            unpack: uri.extract() && !uri.executable(),
            is_cached: uri.cache(),
            output_file: uri.output_file.clone(),
        });
    }
    Ok(wanted)
}

fn isolation(config: &IsolationConfig) -> Isolation {
    if !config.is_linux {
        return Isolation::None;
    }
    Isolation::Linux {
        mount: config.filesystem,
        pid: config.pid_namespace,
        ipc: config.ipc_namespace,
        uts: config.filesystem,
        cgroup: config.filesystem,
    }
}

fn limits(config: &IsolationConfig, resources: &Resources, limit: impl Fn(&str) -> Limit) -> Limits {
    let cpus = resources.scalar("cpus");
    let memory = bytes(resources.scalar("mem"));
    let mut limits = Limits { pids_max: config.pids_max, ..Limits::default() };
    if config.cpu {
        limits.cpu_shares = Some((milli(cpus) * SHARES_PER_CPU / 1000).max(SHARES_MIN));
        limits.cpu_quota_us = match limit("cpus") {
            Limit::Finite(cpus) => Some(quota(cpus)),
            Limit::Infinite => None,
            Limit::Absent => config.cfs.then(|| quota(cpus)),
        };
    }
    if config.memory {
        limits.memory_soft_bytes = Some(memory.max(MEMORY_BYTES_MIN));
        limits.memory_hard_bytes = match limit("mem") {
            Limit::Finite(megabytes) => Some(bytes(megabytes).max(MEMORY_BYTES_MIN)),
            Limit::Infinite => None,
            Limit::Absent => Some(memory.max(MEMORY_BYTES_MIN)),
        };
    }
    limits
}

/// `TaskInfo.limits` of one name.
enum Limit {
    Absent,
    Finite(Amount),
    Infinite,
}

fn limit(task: &Task, name: &str) -> Limit {
    match task.info.limits.get(name) {
        None => Limit::Absent,
        Some(scalar) => match Amount::from_f64(scalar.value) {
            Ok(amount) => Limit::Finite(amount),
            Err(_) if scalar.value.is_nan() || scalar.value < 0.0 => Limit::Absent,
            Err(_) => Limit::Infinite,
        },
    }
}

fn quota(cpus: Amount) -> u64 {
    (milli(cpus) * PERIOD_US / 1000).max(QUOTA_US_MIN)
}

fn bytes(megabytes: Amount) -> u64 {
    milli(megabytes).saturating_mul(MEGABYTE) / 1000
}

/// Amounts are at most a trillion, so products with the factors here fit.
fn milli(amount: Amount) -> u64 {
    u64::try_from(amount.milli()).unwrap_or(0).min(u64::MAX / (1000 * MEGABYTE))
}
