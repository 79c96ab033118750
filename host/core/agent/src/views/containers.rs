//! Containers with what they use: GET_CONTAINERS, `/containers` and `/monitor/statistics`.
//!
//! What a container uses is measured outside, when the rows are made; what it may use is known here.

use mezzo_model::{ContainerId, FrameworkId};
use mezzo_proto::mesos::v1::{
    self, ContainerStatus, ResourceStatistics,
    agent::{
        Response,
        response::{self, get_containers::Container},
    },
};
use mezzo_resources::{Amount, Resources};
use serde_json::{Map, Value, json};

use super::{View, executor_name, resources::json_of};
use crate::{
    executor::Executor,
    task::{Phase, Task},
};

const MEGABYTE: f64 = 1024.0 * 1024.0;

/// A container as it is shown.
#[derive(Clone, Debug)]
pub struct Shown {
    /// As GET_CONTAINERS has it.
    pub container: Container,
    /// What the older endpoints have besides: of a command task it is the task's id.
    pub source: String,
}

/// Every container that has not ended. `measure` is asked for what one uses; its second argument is the
/// first process of the container's command.
pub fn containers(
    view: &View,
    measure: impl Fn(&ContainerId, Option<i32>) -> Option<ResourceStatistics>,
) -> Vec<Shown> {
    let commands = view.tasks.values().filter(|task| task.executor.is_none() && has_container(task));
    let executors = view.executors.values().map(|executor| of_executor(view, executor));
    let owners = commands.map(of_task).chain(executors);
    owners
        .map(|owner| Shown {
            container: Container {
                framework_id: Some(owner.framework.into()),
                executor_id: Some(v1::ExecutorId { value: owner.executor }),
                executor_name: Some(owner.name),
                container_id: owner.container.into(),
                container_status: Some(status(view, owner.container, owner.pid)),
                resource_statistics: measure(owner.container, owner.pid)
                    .map(|used| allowed(view, &owner.resources, owner.limits, used)),
            },
            source: owner.source,
        })
        .collect()
}

/// Whose a container is.
struct Owner<'view> {
    framework: &'view FrameworkId,
    executor: String,
    name: String,
    source: String,
    container: &'view ContainerId,
    pid: Option<i32>,
    resources: Resources,
    /// Those of a command task; other tasks' are their executor's to keep.
    limits: Option<&'view Task>,
}

fn has_container(task: &Task) -> bool {
    match task.phase {
        Phase::Launching | Phase::Running | Phase::Ending { .. } => true,
        Phase::Waiting | Phase::Ended { .. } => false,
    }
}

fn of_task(task: &Task) -> Owner<'_> {
    Owner {
        framework: &task.key.framework,
        executor: task.key.task.as_str().to_owned(),
        name: executor_name(task),
        source: task.key.task.as_str().to_owned(),
        container: &task.container,
        pid: task.pid,
        resources: task.resources.clone(),
        limits: Some(task),
    }
}

fn of_executor<'view>(view: &'view View, executor: &'view Executor) -> Owner<'view> {
    let mut resources = executor.resources.clone();
    for task in view.tasks.values().filter(|task| executor.tasks.contains(&task.key)) {
        resources += task.resources.clone();
    }
    Owner {
        framework: &executor.key.framework,
        executor: executor.key.executor.as_str().to_owned(),
        name: executor.info.name().to_owned(),
        source: executor.info.source().to_owned(),
        container: &executor.container,
        pid: executor.pid,
        resources,
        limits: None,
    }
}

/// GET_CONTAINERS. Without containers there is no part of the same name, as Mesos has it.
pub fn get_containers(shown: Vec<Shown>) -> Response {
    let containers: Vec<Container> = shown.into_iter().map(|shown| shown.container).collect();
    let has_some = !containers.is_empty();
    Response {
        r#type: Some(response::Type::GetContainers.into()),
        get_containers: has_some.then_some(response::GetContainers { containers }),
        ..Default::default()
    }
}

/// `/containers`: all of them, or the one that was asked for.
pub fn containers_json(shown: &[Shown], wanted: Option<&str>) -> Value {
    let is_wanted = |shown: &&Shown| wanted.is_none_or(|id| shown.container.container_id.value == id);
    let rows = shown.iter().filter(is_wanted).map(|shown| {
        let mut row = row(shown);
        row.insert("container_id".into(), json!(shown.container.container_id.value));
        if let Some(status) = &shown.container.container_status {
            row.insert("status".into(), sorted(json_of(status)));
        }
        sorted(Value::Object(row))
    });
    rows.collect()
}

/// `/monitor/statistics`: those whose use could be measured.
pub fn monitor_statistics(shown: &[Shown]) -> Value {
    let measured = shown.iter().filter(|shown| shown.container.resource_statistics.is_some());
    measured.map(|shown| sorted(Value::Object(row(shown)))).collect()
}

/// What both of the older endpoints say of a container.
fn row(shown: &Shown) -> Map<String, Value> {
    let container = &shown.container;
    let executor = container.executor_id.as_ref().map_or("", |id| &id.value);
    let mut row = Map::new();
    row.insert("executor_id".into(), json!(executor));
    row.insert("executor_name".into(), json!(container.executor_name()));
    row.insert("framework_id".into(), json!(container.framework_id.as_ref().map_or("", |id| &id.value)));
    row.insert("source".into(), json!(shown.source));
    if let Some(statistics) = &container.resource_statistics {
        row.insert("statistics".into(), sorted(json_of(statistics)));
    }
    row
}

fn status(view: &View, container: &ContainerId, pid: Option<i32>) -> ContainerStatus {
    let address = v1::network_info::IpAddress {
        protocol: Some(v1::network_info::Protocol::IPv4.into()),
        ip_address: Some(view.config.ip.clone()),
    };
    let network = v1::NetworkInfo { ip_addresses: vec![address], ..Default::default() };
    ContainerStatus {
        container_id: Some(container.into()),
        network_infos: vec![network],
        executor_pid: pid.and_then(|pid| u32::try_from(pid).ok()),
        ..Default::default()
    }
}

/// Adds what the container may use: what it was given is the soft limit, and the hard one too where it
/// is enforced and the task sets none of its own.
fn allowed(
    view: &View,
    resources: &Resources,
    task: Option<&Task>,
    used: ResourceStatistics,
) -> ResourceStatistics {
    let given = |name: &str| resources.scalar(name);
    let limit = |name: &str, is_enforced: bool| match task.and_then(|task| task.info.limits.get(name)) {
        Some(limit) if limit.value.is_finite() && limit.value >= 0.0 => Some(limit.value),
        Some(_) => None,
        None => Some(given(name).to_f64()).filter(|_| is_enforced),
    };
    let isolation = &view.config.isolation;
    let bytes = |megabytes: f64| (megabytes * MEGABYTE) as u64;
    let has = |amount: Amount| Some(amount.to_f64()).filter(|amount| *amount > 0.0);
    ResourceStatistics {
        cpus_soft_limit: has(given("cpus")),
        cpus_limit: limit("cpus", isolation.cpu && isolation.cfs),
        mem_soft_limit_bytes: has(given("mem")).map(bytes),
        mem_limit_bytes: limit("mem", true).map(bytes),
        ..used
    }
}

/// The keys of an object in the order of the alphabet, as the older endpoints write these.
fn sorted(value: Value) -> Value {
    let Value::Object(map) = value else { return value };
    let mut pairs: Vec<(String, Value)> = map.into_iter().collect();
    pairs.sort_by(|a, b| a.0.cmp(&b.0));
    Value::Object(pairs.into_iter().collect())
}
