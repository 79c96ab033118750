//! The older `/state`, key for key as Mesos writes it.

use mezzo_model::build::Fact;
use mezzo_proto::mesos::v1;
use mezzo_resources::Resources;
use serde_json::{Map, Value, json};

use super::{
    View, executor_name,
    resources::{full, json_of, model, named},
};
use crate::{
    agent::Framework,
    executor::Executor,
    identity::CAPABILITIES,
    task::{Phase, Task},
};

/// The body of `/state`.
pub fn state(view: &View) -> Value {
    let config = &view.config;
    let mut out = Map::new();
    let mut put = |key: &str, value: Value| out.insert(key.to_owned(), value);
    config.build.facts().for_each(|(key, fact)| match fact {
        Fact::Text(text) => drop(put(key, json!(text))),
        Fact::Time(seconds) => drop(put(key, json!(seconds))),
    });
    put("start_time", json!(view.started.seconds()));
    put("id", json!(view.agent_id.as_ref().map_or("", |id| id.as_str())));
    put("pid", json!(format!("slave(1)@{}:{}", host(&config.ip), config.port)));
    put("hostname", json!(config.hostname));
    put("capabilities", CAPABILITIES.iter().map(|has| has.as_str_name()).collect());
    put_resources(&mut put, view);
    put("resource_providers", json!([]));
    put("attributes", named(mezzo_resources::attributes::legacy(&config.attributes)));
    let master = config.flags.iter().find(|(name, _)| name == "master").filter(|_| view.is_registered);
    if let Some((_, address)) = master {
        put("master_hostname", json!(address.rsplit_once(':').map_or(address.as_str(), |(host, _)| host)));
    }
    put("flags", config.flags.iter().map(|(name, value)| (name.clone(), json!(value))).collect());
    let active = view.frameworks.values().map(|framework| active_framework(view, framework));
    put("frameworks", active.collect());
    let completed = view.completed_frameworks.iter().map(|info| framework(view, info, Vec::new()));
    put("completed_frameworks", completed.collect());
    Value::Object(out)
}

fn optional<T: serde::Serialize, R>(put: &mut impl FnMut(&str, Value) -> R, key: &str, value: &Option<T>) {
    if let Some(value) = value {
        put(key, json!(value));
    }
}

fn put_resources<R>(put: &mut impl FnMut(&str, Value) -> R, view: &View) {
    let total = &view.total;
    let by_role = |bag: &Resources, show: &dyn Fn(&Resources) -> Value| -> Value {
        bag.reservations().into_iter().map(|(role, reserved)| (role, show(&reserved))).collect()
    };
    let wire = |bag: &Resources| Value::Array(full(bag).iter().map(json_of).collect());
    put("resources", model(total));
    put("reserved_resources", by_role(total, &model));
    put("unreserved_resources", model(&total.unreserved()));
    put("reserved_resources_full", by_role(total, &wire));
    put("unreserved_resources_full", wire(&total.unreserved()));
    put("reserved_resources_allocated", by_role(&view.used, &model));
    put("unreserved_resources_allocated", model(&view.used.unreserved()));
}

fn active_framework(view: &View, known: &Framework) -> Value {
    let id = known.info.id.as_ref().map_or("", |id| id.value.as_str());
    let id = mezzo_model::FrameworkId::new(id);
    let commands = view.tasks_of(&id).filter(|task| task.executor.is_none()).map(executor);
    let custom = view.executors_of(&id).map(|known| custom_executor(view, known));
    framework(view, &known.info, custom.chain(commands).collect())
}

fn framework(view: &View, info: &v1::FrameworkInfo, executors: Vec<Value>) -> Value {
    let id = info.id.as_ref().map_or("", |id| id.value.as_str());
    let mut out = Map::new();
    let mut put = |key: &str, value: Value| out.insert(key.to_owned(), value);
    put("id", json!(id));
    put("name", json!(info.name));
    put("user", json!(info.user));
    put("failover_timeout", json!(info.failover_timeout()));
    put("checkpoint", json!(info.checkpoint()));
    put("hostname", json!(info.hostname()));
    optional(&mut put, "principal", &info.principal);
    put("roles", json!(info.roles));
    put("executors", Value::Array(executors));
    let commands = view.completed_of(id).filter(|task| task.executor.is_none()).map(executor);
    let custom = view.completed_executors_of(id).map(|known| custom_executor(view, known));
    put("completed_executors", custom.chain(commands).collect());
    Value::Object(out)
}

/// A command task's executor: the agent itself, shown under the task's name.
fn executor(task: &Task) -> Value {
    let (mut queued, mut running, mut completed) = (Vec::new(), Vec::new(), Vec::new());
    match task.phase {
        Phase::Waiting | Phase::Launching => queued.push(wire_task(task)),
        Phase::Running | Phase::Ending { .. } => running.push(wire_task(task)),
        Phase::Ended { .. } => completed.push(wire_task(task)),
    }
    json!({
        "id": task.key.task.as_str(),
        "name": executor_name(task),
        "source": task.key.task.as_str(),
        "container": task.container.as_str(),
        "directory": task.sandbox,
        "resources": model(&task.resources),
        "role": task.role(),
        "tasks": running,
        "queued_tasks": queued,
        "completed_tasks": completed,
    })
}

/// A custom executor with the tasks that it has and had.
fn custom_executor(view: &View, executor: &Executor) -> Value {
    let key = &executor.key;
    let is_own = |task: &&Task| task.executor.as_ref().is_some_and(|part| part.key == *key);
    let (mut queued, mut running, mut completed) = (Vec::new(), Vec::new(), Vec::new());
    let mut held = executor.resources.clone();
    for task in view.tasks_of(&key.framework).filter(is_own) {
        let list = match task.phase {
            Phase::Waiting | Phase::Launching => &mut queued,
            Phase::Running | Phase::Ending { .. } => &mut running,
            Phase::Ended { .. } => &mut completed,
        };
        list.push(wire_task(task));
        if !task.is_ended() {
            held += &task.resources;
        }
    }
    completed.extend(view.completed_of(key.framework.as_str()).filter(is_own).map(wire_task));
    let info = &executor.info;
    json!({
        "id": key.executor.as_str(),
        "name": info.name(),
        "source": info.source(),
        "container": executor.container.as_str(),
        "directory": executor.sandbox,
        "resources": model(&held),
        "role": executor.role(),
        "type": "CUSTOM",
        "tasks": running,
        "queued_tasks": queued,
        "completed_tasks": completed,
    })
}

fn wire_task(task: &Task) -> Value {
    let mut out = Map::new();
    let mut put = |key: &str, value: Value| out.insert(key.to_owned(), value);
    put("id", json!(task.key.task.as_str()));
    put("name", json!(task.info.name));
    put("framework_id", json!(task.key.framework.as_str()));
    let executor = task.executor.as_ref().map_or("", |part| part.key.executor.as_str());
    put("executor_id", json!(executor));
    put("slave_id", json!(task.info.agent_id.value));
    put("state", json!(task.latest_state().as_str_name()));
    put("resources", model(&task.resources));
    put("role", json!(task.role()));
    put("statuses", task.history.iter().map(status).collect());
    if let Some(labels) = &task.info.labels {
        put("labels", labels.labels.iter().map(json_of).collect());
    }
    if let Some(discovery) = &task.info.discovery {
        put("discovery", json_of(discovery));
    }
    Value::Object(out)
}

fn status(status: &v1::TaskStatus) -> Value {
    let mut out = Map::new();
    out.insert("state".into(), json!(status.state().as_str_name()));
    out.insert("timestamp".into(), json!(status.timestamp()));
    if let Some(container) = &status.container_status {
        let shown = v1::ContainerStatus { executor_pid: None, ..container.clone() };
        out.insert("container_status".into(), json_of(&shown));
    }
    Value::Object(out)
}

fn host(ip: &str) -> String {
    if ip.contains(':') { format!("[{ip}]") } else { ip.to_owned() }
}
