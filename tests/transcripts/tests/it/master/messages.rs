//! Tasks, executors and frameworks as the words of a command describe them.

use mezzo_model::{AgentId, FrameworkId};
use mezzo_proto::mesos::v1;
use mezzo_resources::Resources;

use super::words::Words;

/// What a task has beside the usual: `user=… executor=… health=… image=…`
pub(super) fn change_task(info: &mut v1::TaskInfo, words: &Words) {
    if let (Some(user), Some(command)) = (words.get("user"), info.command.as_mut()) {
        command.user = Some(user.to_owned());
    }
    if let Some(name) = words.get("executor") {
        info.command = None;
        info.executor = Some(executor_info(name, words));
    }
    if words.get("health").is_some() {
        info.health_check = Some(v1::HealthCheck::default());
    }
    if let Some(role) = words.get("role") {
        for resource in &mut info.resources {
            resource.allocation_info = Some(v1::resource::AllocationInfo { role: Some(role.to_owned()) });
        }
    }
}

/// The executor that a task brings along or joins: `executor=e1 uses=… ecommand=… etype=… eframework=…`
pub(super) fn executor_info(name: &str, words: &Words) -> v1::ExecutorInfo {
    let uses = words.get("uses").unwrap_or("cpus:0.1;mem:32");
    let command = words.get("ecommand").unwrap_or("true");
    v1::ExecutorInfo {
        executor_id: v1::ExecutorId { value: name.to_owned() },
        r#type: words
            .get("etype")
            .map(|name| v1::executor_info::Type::from_str_name(name).expect("a type of executor").into()),
        framework_id: words.get("eframework").map(|id| v1::FrameworkId { value: id.to_owned() }),
        command: (command != "none")
            .then(|| v1::CommandInfo { value: Some(command.to_owned()), ..Default::default() }),
        resources: Resources::parse(uses, "*").expect("resources").to_wire(),
        ..Default::default()
    }
}

pub(super) fn task_info(id: &str, agent: &AgentId, resources: &str) -> v1::TaskInfo {
    let resources = match resources {
        "none" => Vec::new(),
        text => Resources::parse(text, "*").expect("resources").to_wire(),
    };
    v1::TaskInfo {
        name: id.to_owned(),
        task_id: v1::TaskId { value: id.to_owned() },
        agent_id: agent.into(),
        resources,
        command: Some(v1::CommandInfo { value: Some("true".to_owned()), ..Default::default() }),
        ..Default::default()
    }
}

#[allow(deprecated, reason = "frameworks in the field still set `role`")]
pub(super) fn framework_info(name: &str, id: Option<&FrameworkId>, words: &Words) -> v1::FrameworkInfo {
    use v1::framework_info::{Capability, capability::Type};
    let mut capabilities: Vec<Type> = match words.get("caps") {
        Some(_) => {
            words.list("caps").iter().map(|name| Type::from_str_name(name).expect("a capability")).collect()
        }
        None => vec![Type::PartitionAware],
    };
    if words.get("roles").is_some() && words.get("multi") != Some("no") {
        capabilities.push(Type::MultiRole);
    }
    v1::FrameworkInfo {
        user: words.get("user").unwrap_or("nobody").to_owned(),
        name: words.get("name").unwrap_or(name).to_owned(),
        id: id.map(v1::FrameworkId::from),
        failover_timeout: words.get("timeout").map(|seconds| seconds.parse().expect("a number")),
        role: words.get("role").map(str::to_owned),
        roles: words.list("roles"),
        principal: words.get("principal").map(str::to_owned),
        checkpoint: words.get("checkpoint").map(|value| value == "yes"),
        capabilities: capabilities.iter().map(|kind| Capability { r#type: Some(*kind as i32) }).collect(),
        ..Default::default()
    }
}
