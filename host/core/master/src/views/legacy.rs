//! `/state`, key for key as Mesos writes it.

use std::collections::BTreeMap;

use mezzo_model::{FrameworkId, agent::Agent, framework::Framework, offer::Offer, task::Task};
use mezzo_proto::{Message, json, mesos::v1};
use mezzo_resources::{LegacyValue, Resources, attributes, legacy};
use serde_json::{Map, Value, json};

use super::{View, sums::Sums};

/// The tasks and offers of one framework.
#[derive(Default)]
struct Lists<'a> {
    tasks: Vec<&'a Task>,
    unreachable: Vec<&'a Task>,
    completed: Vec<&'a Task>,
    offers: Vec<&'a Offer>,
}

/// `/state`.
pub(super) fn state(view: &View) -> Value {
    let sums = Sums::of(view);
    let nobody = Sums::default();
    let lists = lists(view);
    let nothing = Lists::default();
    let lists = |id: &FrameworkId| lists.get(id).unwrap_or(&nothing);
    let mut state = about(view);
    state.insert("slaves".to_owned(), view.agents.values().map(|known| agent(known, &sums)).collect());
    state.insert(
        "recovered_slaves".to_owned(),
        view.recovered_agents.values().map(|known| recovered(&known.info)).collect(),
    );
    state.insert(
        "frameworks".to_owned(),
        view.frameworks().map(|known| framework(known, &sums, lists(&known.id))).collect(),
    );
    state.insert(
        "completed_frameworks".to_owned(),
        view.completed_frameworks().map(|known| framework(known, &nobody, lists(&known.id))).collect(),
    );
    state.insert("orphan_tasks".to_owned(), json!([]));
    state.insert("unregistered_frameworks".to_owned(), json!([]));
    Value::Object(state)
}

/// The master itself.
fn about(view: &View) -> Map<String, Value> {
    let config = &view.config;
    let active = view.agents.values().filter(|agent| agent.is_active()).count();
    let mut about = Map::new();
    let mut put = |key: &str, value: Value| {
        about.insert(key.to_owned(), value);
    };
    put("version", json!(config.version));
    put("start_time", json!(config.start_time_seconds));
    put("elected_time", json!(config.start_time_seconds));
    put("id", json!(config.master_id));
    put("pid", json!(config.pid()));
    put("hostname", json!(config.hostname));
    put("capabilities", json!(["AGENT_UPDATE"]));
    put("activated_slaves", json!(active as f64));
    put("deactivated_slaves", json!((view.agents.len() - active) as f64));
    put("unreachable_slaves", json!(view.unreachable_agents as f64));
    if let Some(cluster) = &config.cluster {
        put("cluster", json!(cluster));
    }
    put("leader", json!(config.pid()));
    put(
        "leader_info",
        json!({
            "id": config.master_id,
            "pid": config.pid(),
            "port": config.port,
            "hostname": config.hostname,
        }),
    );
    put("flags", config.flags.iter().map(|(name, value)| (name.clone(), json!(value))).collect());
    about
}

/// Sorts tasks and offers by framework.
fn lists(view: &View) -> BTreeMap<FrameworkId, Lists<'_>> {
    let mut lists: BTreeMap<FrameworkId, Lists<'_>> = BTreeMap::new();
    for (key, task) in view.tasks.iter() {
        lists.entry(key.0.clone()).or_default().tasks.push(task);
    }
    for (key, task) in view.unreachable_tasks.iter() {
        lists.entry(key.0.clone()).or_default().unreachable.push(task);
    }
    for (framework, tasks) in view.completed_tasks.iter() {
        lists.entry(framework.clone()).or_default().completed.extend(tasks.iter().map(|task| &**task));
    }
    for offer in view.offers.values() {
        lists.entry(offer.framework.clone()).or_default().offers.push(offer);
    }
    lists
}

fn agent(agent: &Agent, sums: &Sums) -> Value {
    let sum = sums.agent(&agent.id);
    let reserved: Map<String, Value> =
        agent.total.reservations().iter().map(|(role, held)| (role.clone(), resources(held))).collect();
    let names = agent.capabilities.iter().filter_map(|number| {
        v1::agent_info::capability::Type::try_from(*number).ok().map(|capability| capability.as_str_name())
    });
    let mut shown = Map::new();
    let mut put = |key: &str, value: Value| {
        shown.insert(key.to_owned(), value);
    };
    put("id", json!(agent.id.as_str()));
    put("hostname", json!(agent.info.hostname));
    put("port", json!(agent.port()));
    put("attributes", values(attributes::legacy(&agent.info.attributes)));
    put("pid", json!(agent.pid()));
    put("registered_time", json!(agent.registered_at.seconds()));
    if let Some(at) = agent.reregistered_at {
        put("reregistered_time", json!(at.seconds()));
    }
    put("resources", resources(&agent.total));
    put("used_resources", resources(&sum.used));
    put("offered_resources", resources(&sum.offered));
    put("reserved_resources", Value::Object(reserved));
    put("unreserved_resources", resources(&agent.total.unreserved()));
    put("active", json!(agent.is_active()));
    put("deactivated", json!(false));
    put("version", json!(&*agent.version));
    put("capabilities", names.map(|name| json!(name)).collect());
    Value::Object(shown)
}

/// An agent that is awaited.
fn recovered(info: &v1::AgentInfo) -> Value {
    let total = Resources::from_wire(&info.resources).unwrap_or_default();
    json!({
        "id": info.id.as_ref().map(|id| &id.value),
        "hostname": info.hostname,
        "port": info.port.unwrap_or(5051),
        "attributes": values(attributes::legacy(&info.attributes)),
        "resources": resources(&total),
    })
}

fn framework(framework: &Framework, sums: &Sums, lists: &Lists<'_>) -> Value {
    let info = &framework.info;
    let sum = sums.framework(&framework.id);
    let is_completed = framework.unregistered_at.is_some();
    let is_connected = framework.is_connected() && !is_completed;
    let names = info.capabilities.iter().map(|capability| capability.r#type().as_str_name());
    let all = sum.used.clone() + &sum.offered;
    let mut shown = Map::new();
    let mut put = |key: &str, value: Value| {
        shown.insert(key.to_owned(), value);
    };
    put("id", json!(framework.id.as_str()));
    put("name", json!(info.name));
    put("used_resources", resources(&sum.used));
    put("offered_resources", resources(&sum.offered));
    put("capabilities", names.map(|name| json!(name)).collect());
    put("hostname", json!(info.hostname()));
    put("webui_url", json!(info.webui_url()));
    put("active", json!(is_connected));
    put("connected", json!(is_connected));
    put("recovered", json!(framework.is_recovered() && !is_completed));
    if let Some(principal) = &info.principal {
        put("principal", json!(principal));
    }
    put("user", json!(info.user));
    put("failover_timeout", json!(info.failover_timeout.unwrap_or(0.0)));
    put("checkpoint", json!(info.checkpoint.unwrap_or(false)));
    put("registered_time", json!(framework.registered_at.seconds()));
    put("unregistered_time", json!(framework.unregistered_at.unwrap_or_default().seconds()));
    if let Some(at) = framework.reregistered_at {
        put("reregistered_time", json!(at.seconds()));
    }
    put("resources", resources(&all));
    match framework.capabilities().is_multi_role() {
        true => put("roles", json!(*framework.roles)),
        false => put("role", json!(framework.roles.first().map_or("*", |role| role.as_str()))),
    }
    put("tasks", lists.tasks.iter().map(|known| task(known)).collect());
    put("unreachable_tasks", lists.unreachable.iter().map(|known| task(known)).collect());
    put("completed_tasks", lists.completed.iter().map(|known| task(known)).collect());
    put("offers", lists.offers.iter().map(|known| offer(known)).collect());
    put("executors", json!([]));
    put("offer_constraints", json!({}));
    if let Some(labels) = &info.labels {
        put("labels", message(labels).get_mut("labels").map_or(json!([]), Value::take));
    }
    Value::Object(shown)
}

fn offer(offer: &Offer) -> Value {
    json!({
        "id": offer.id.as_str(),
        "framework_id": offer.framework.as_str(),
        "allocation_info": {"role": offer.role},
        "slave_id": offer.agent.as_str(),
        "resources": resources(&offer.resources),
    })
}

fn task(task: &Task) -> Value {
    let facts = &task.facts;
    let info = &facts.info;
    let held = Resources::from_wire(&info.resources).unwrap_or_default();
    let mut shown = Map::new();
    let mut put = |key: &str, value: Value| {
        shown.insert(key.to_owned(), value);
    };
    put("id", json!(facts.id.as_str()));
    put("name", json!(info.name));
    put("framework_id", json!(facts.framework.as_str()));
    put("executor_id", json!(info.executor.as_ref().map_or("", |known| known.executor_id.value.as_str())));
    put("slave_id", json!(facts.agent.as_str()));
    put("state", json!(task.state.name()));
    put("resources", resources(&held));
    if let Some(role) = held.allocation_roles().first() {
        put("role", json!(&**role));
    }
    put("statuses", task.statuses.iter().map(|known| status(known)).collect());
    if let Some(user) = &facts.user {
        put("user", json!(user));
    }
    if let Some(labels) = &info.labels {
        put("labels", message(labels).get_mut("labels").map_or(json!([]), Value::take));
    }
    if let Some(discovery) = &info.discovery {
        put("discovery", message(discovery));
    }
    if let Some(container) = &info.container {
        put("container", message(container));
    }
    if let Some(check) = &info.health_check {
        put("health_check", message(check));
    }
    Value::Object(shown)
}

fn status(status: &v1::TaskStatus) -> Value {
    let state = v1::TaskState::try_from(status.state).map_or("", |state| state.as_str_name());
    let mut shown = Map::new();
    shown.insert("state".to_owned(), json!(state));
    shown.insert("timestamp".to_owned(), json!(status.timestamp.unwrap_or(0.0)));
    if let Some(labels) = &status.labels {
        let labels = message(labels).get_mut("labels").map_or(json!([]), Value::take);
        shown.insert("labels".to_owned(), labels);
    }
    if let Some(container) = &status.container_status {
        // The process id is left out, as Mesos leaves it out here.
        let container = v1::ContainerStatus { executor_pid: None, ..container.clone() };
        shown.insert("container_status".to_owned(), message(&container));
    }
    if let Some(healthy) = status.healthy {
        shown.insert("healthy".to_owned(), json!(healthy));
    }
    Value::Object(shown)
}

/// A message in the general JSON mapping.
fn message<M: Message + mezzo_proto::Name>(message: &M) -> Value {
    serde_json::from_slice(&json::to_json(message)).unwrap_or(Value::Null)
}

fn resources(resources: &Resources) -> Value {
    values(legacy(resources))
}

fn values(values: Vec<(String, LegacyValue)>) -> Value {
    let value = |value| match value {
        LegacyValue::Number(number) => json!(number),
        LegacyValue::Text(text) => json!(text),
    };
    values.into_iter().map(|(name, found)| (name, value(found))).collect()
}
