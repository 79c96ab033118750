//! What the transcript's words mean as messages, and what bytes on disk say in words.

use mezzo_core_agent::checkpoint;
use mezzo_model::container::{End, Limitation};
use mezzo_proto::{
    mesos::v1,
    mezzo::store::v1::{AgentCheckpoint, ResourcesCheckpoint, TaskRecord, task_record::Record},
};
use mezzo_resources::Resources;
use prost::Message;

use super::words::Words;

/// What a checkpoint's bytes say.
pub(super) fn contents(key: &str, mut bytes: &[u8]) -> String {
    let mut said = Vec::new();
    while let Some((head, rest)) = bytes.split_at_checked(8) {
        let length = u32::from_le_bytes(head[..4].try_into().expect("four bytes")) as usize;
        let Some((payload, rest)) = rest.split_at_checked(length) else { break };
        bytes = rest;
        said.push(match key {
            checkpoint::AGENT_KEY => {
                let own = AgentCheckpoint::decode(payload).expect("a checkpoint");
                format!("id `{}` incarnation {}", own.agent_id, own.incarnation)
            }
            checkpoint::RESOURCES_KEY => {
                let own = ResourcesCheckpoint::decode(payload).expect("a checkpoint");
                format!("{} resources, {} operations", own.total.len(), own.operations.len())
            }
            key if key.starts_with(checkpoint::TASKS) => {
                match TaskRecord::decode(payload).expect("a record").record {
                    Some(Record::Launch(_)) => "launch".to_owned(),
                    Some(Record::Update(status)) => status.state().as_str_name().to_owned(),
                    Some(Record::Acknowledged(_)) => "acknowledged".to_owned(),
                    Some(Record::Delivered(_)) => "delivered".to_owned(),
                    Some(Record::Kill(kill)) => format!("kill {}", kill.cause().as_str_name()),
                    None => "nothing".to_owned(),
                }
            }
            key if key.starts_with(checkpoint::EXECUTORS) => "executor".to_owned(),
            _ => "framework".to_owned(),
        });
    }
    if key == checkpoint::FORMAT_KEY {
        return String::from_utf8_lossy(bytes).into_owned();
    }
    said.join(", ")
}

pub(super) fn state_name(state: i32) -> &'static str {
    v1::TaskState::try_from(state).map_or("?", |state| state.as_str_name())
}

pub(super) fn end(words: &Words) -> End {
    let status = words.get("status").map(|status| status.parse::<i32>().expect("a status") << 8);
    let signal = words.get("signal").map(|signal| signal.parse::<i32>().expect("a signal"));
    let limitation = words.get("oom").map(|message| Limitation {
        reason: v1::task_status::Reason::ContainerLimitationMemory,
        message: message.into(),
        resources: Resources::parse("mem:32", "*").expect("right").to_wire(),
    });
    End { wait_status: status.or(signal), limitation }
}

pub(super) fn task(words: &Words) -> v1::TaskInfo {
    let mut resources =
        Resources::parse(words.at(2), "*").expect("resources are right").allocated_to("dev").to_wire();
    if let Some(number) = words.get("raw-cpus") {
        resources[0].scalar = Some(v1::value::Scalar { value: number.parse().expect("a number") });
    }
    let argv: Vec<String> = words.all("arg").map(str::to_owned).collect();
    let mut command = v1::CommandInfo {
        value: words.get("no-command").is_none().then(|| words.at(3).to_owned()),
        ..Default::default()
    };
    if words.get("argv").is_some() {
        command.shell = Some(false);
        command.arguments = argv;
    }
    command.user = words.get("user").map(str::to_owned);
    command.uris = words
        .all("uri")
        .map(|uri| v1::command_info::Uri { value: uri.into(), ..Default::default() })
        .collect();
    if let Some(uri) = words.get("xuri") {
        command.uris.push(v1::command_info::Uri {
            value: uri.into(),
            executable: Some(true),
            ..Default::default()
        });
    }
    let variables = words.all("env").map(|pair| {
        let (name, value) = pair.split_once(':').expect("NAME:VALUE");
        v1::environment::Variable { name: name.into(), value: Some(value.into()), ..Default::default() }
    });
    let mut environment = v1::Environment { variables: variables.collect() };
    if words.get("secret").is_some() {
        environment.variables.push(v1::environment::Variable {
            name: "KEY".into(),
            r#type: Some(v1::environment::variable::Type::Secret.into()),
            ..Default::default()
        });
    }
    command.environment = Some(environment);
    let mut task = v1::TaskInfo {
        name: words.at(1).into(),
        task_id: task_id(words.at(1)),
        agent_id: v1::AgentId { value: "S0".into() },
        resources,
        command: Some(command),
        kill_policy: words.get("grace").map(policy),
        max_completion_time: words
            .get("most")
            .map(|most| v1::DurationInfo { nanoseconds: (seconds(most) * 1_000_000_000) as i64 }),
        ..Default::default()
    };
    if words.get("health").is_some() {
        task.health_check = Some(v1::HealthCheck::default());
    }
    match words.get("executor") {
        None => {}
        Some("") => task.executor = Some(v1::ExecutorInfo::default()),
        Some(name) => {
            let command = task.command.take().expect("set above");
            task.executor = Some(super::executors::info(words, name, command));
        }
    }
    if words.get("docker").is_some() {
        task.container =
            Some(v1::ContainerInfo { r#type: v1::container_info::Type::Docker.into(), ..Default::default() });
    }
    for limit in words.all("limit") {
        let (name, value) = limit.split_once(':').expect("NAME:VALUE");
        task.limits.insert(name.into(), v1::value::Scalar { value: value.parse().expect("a number") });
    }
    task
}

pub(super) fn policy(grace: &str) -> v1::KillPolicy {
    v1::KillPolicy {
        grace_period: Some(v1::DurationInfo { nanoseconds: (seconds(grace) * 1_000_000_000) as i64 }),
    }
}

pub(super) fn framework_id(words: &Words) -> v1::FrameworkId {
    v1::FrameworkId { value: words.get("f").unwrap_or("f1").into() }
}

pub(super) fn task_id(value: &str) -> v1::TaskId {
    v1::TaskId { value: value.into() }
}

pub(super) fn seconds(text: &str) -> u64 {
    text.strip_suffix('s').expect("seconds end in s").parse().expect("a number of seconds")
}
