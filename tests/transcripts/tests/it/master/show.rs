//! What the master wanted, in words.

use std::sync::Arc;

use mezzo_core_master::views::{self, Rendered, View};
use mezzo_model::{
    calls::{Answer, MasterRead, Status},
    task::TaskState,
};
use mezzo_proto::{
    mesos::v1::{
        self, master,
        scheduler::{Event, event},
        task_status::{Reason, Source},
    },
    mezzo::link::v1::from_master,
};
use mezzo_resources::Resources;
use prost::Message;

pub fn answer(answer: &Answer) -> String {
    match answer {
        Answer::Ok => "200".to_owned(),
        Answer::Accepted => "202".to_owned(),
        Answer::Refused(refusal) => {
            let number = match refusal.status {
                Status::BadRequest => 400,
                Status::Forbidden => 403,
                Status::NotFound => 404,
                Status::Conflict => 409,
                Status::NotImplemented => 501,
                Status::Unavailable => 503,
                _ => 500,
            };
            format!("{number} `{}`", refusal.message)
        }
    }
}

pub fn event(event: &Event) -> String {
    let kind = event.r#type();
    let name = kind.as_str_name();
    let detail = match kind {
        event::Type::Subscribed => {
            let subscribed = event.subscribed.as_ref().expect("SUBSCRIBED says who");
            format!(" every={}s", subscribed.heartbeat_interval_seconds())
        }
        event::Type::Offers => offers(event),
        event::Type::Rescind => {
            format!(" {}", offer_name(&event.rescind.as_ref().expect("RESCIND says which").offer_id.value))
        }
        event::Type::Update => status(&event.update.as_ref().expect("UPDATE has a status").status),
        event::Type::UpdateOperationStatus => {
            let status = &event.update_operation_status.as_ref().expect("it has a status").status;
            let id = status.operation_id.as_ref().map_or("", |id| id.value.as_str());
            let state = status.state().as_str_name();
            let ack = if status.uuid.is_some() { " (to acknowledge)" } else { "" };
            let agent =
                status.agent_id.as_ref().map_or(String::new(), |agent| format!(" on {}", agent.value));
            match &status.message {
                Some(why) => format!(" {id} {state}{agent} `{}`{ack}", offers_named(why)),
                None => format!(" {id} {state}{agent}{ack}"),
            }
        }
        event::Type::Message => {
            let message = event.message.as_ref().expect("MESSAGE says what");
            let data = String::from_utf8_lossy(&message.data);
            format!(" {} {} `{data}`", message.agent_id.value, message.executor_id.value)
        }
        event::Type::Failure => failure(event),
        event::Type::Error => format!(" `{}`", event.error.as_ref().expect("ERROR says why").message),
        _ => String::new(),
    };
    format!("{name}{detail}")
}

/// What a snapshot holds, in short.
pub fn watched(view: &Arc<View>) -> String {
    let snapshot = |read| snapshot(&read, view).replace("\n   ", ";");
    snapshot(MasterRead::State)
}

/// An event of an operator's stream.
pub fn watch_event(event: &master::Event) -> String {
    let name = event.r#type().as_str_name();
    let framework = |framework: &master::response::get_frameworks::Framework| {
        let (connected, recovered) = (framework.connected, framework.recovered);
        format!(" {} connected={connected} recovered={recovered}", framework.framework_info.name)
    };
    let detail = if let Some(added) = &event.task_added {
        format!(" {} {}", added.task.task_id.value, state_name(added.task.state))
    } else if let Some(updated) = &event.task_updated {
        format!(" {} {}:{}", updated.framework_id.value, state_name(updated.state), status(&updated.status))
    } else if let Some(added) = &event.framework_added {
        framework(&added.framework)
    } else if let Some(updated) = &event.framework_updated {
        framework(&updated.framework)
    } else if let Some(removed) = &event.framework_removed {
        format!(" {}", removed.framework_info.name)
    } else if let Some(added) = &event.agent_added {
        format!(" {} active={}", added.agent.agent_info.hostname, added.agent.active)
    } else if let Some(removed) = &event.agent_removed {
        format!(" {}", removed.agent_id.value)
    } else {
        String::new()
    };
    format!("{name}{detail}")
}

fn offers(event: &Event) -> String {
    let offers = &event.offers.as_ref().expect("OFFERS has offers").offers;
    let shown: Vec<String> = offers
        .iter()
        .map(|offer| {
            let resources = Resources::from_wire(&offer.resources).expect("an offer is valid");
            let role =
                offer.allocation_info.as_ref().map_or(String::new(), |info| format!(" role={}", info.role()));
            let resources = resources.without_allocation();
            format!(" {} {} {}{role}", offer_name(&offer.id.value), offer.agent_id.value, compact(&resources))
        })
        .collect();
    shown.join(",")
}

fn failure(event: &Event) -> String {
    let failure = event.failure.as_ref().expect("FAILURE says what");
    let agent = failure.agent_id.as_ref().map_or("", |id| id.value.as_str());
    match &failure.executor_id {
        Some(executor) => format!(" {agent} {} status={}", executor.value, failure.status()),
        None => format!(" {agent}"),
    }
}

fn status(status: &v1::TaskStatus) -> String {
    let mut out = format!(" {} {}", status.task_id.value, state_name(status.state));
    if status.source() == Source::Master {
        out.push_str(" by master");
    }
    if let Some(reason) = status.reason {
        out.push(' ');
        out.push_str(Reason::try_from(reason).map_or("?", |reason| reason.as_str_name()));
    }
    if let Some(agent) = &status.agent_id {
        out.push_str(&format!(" on {}", agent.value));
    }
    if status.unreachable_time.is_some() {
        out.push_str(" with unreachable_time");
    }
    if let Some(message) = &status.message {
        out.push_str(&format!(" `{}`", offers_named(message)));
    }
    if status.uuid.is_some() {
        out.push_str(" (to acknowledge)");
    }
    out
}

pub fn to_agent(body: &from_master::Body) -> String {
    use from_master::Body;
    let id = |id: &Option<v1::FrameworkId>| id.as_ref().map_or(String::new(), |id| id.value.clone());
    let task = |id: &Option<v1::TaskId>| id.as_ref().map_or(String::new(), |id| id.value.clone());
    match body {
        Body::Welcome(welcome) => format!("WELCOME {} from {}", welcome.agent_id, welcome.master_id),
        Body::Refused(refused) => {
            let retry = if refused.retry { "again later" } else { "for good" };
            format!("REFUSED {retry}: {}; {}", refused.reason, refused.remedy)
        }
        Body::Ping(_) => "PING".to_owned(),
        Body::Pong(pong) => format!("PONG {}", pong.nonce),
        Body::RunTask(run) => {
            let info = run.task.as_ref().expect("a task");
            let framework = run.framework.as_ref().and_then(|framework| framework.id.clone());
            let resources = Resources::from_wire(&info.resources).expect("valid");
            let executor = info.executor.as_ref().map_or(String::new(), |executor| {
                let how = if run.launch_executor { "with a new" } else { "in" };
                format!(" {how} executor {}", executor.executor_id.value)
            });
            format!("RUN {} of {} {resources}{executor}", info.task_id.value, id(&framework))
        }
        Body::KillTask(kill) => {
            let grace = kill.kill_policy.as_ref().and_then(|policy| policy.grace_period);
            let grace =
                grace.map_or(String::new(), |grace| format!(" grace={}s", grace.nanoseconds / 1_000_000_000));
            format!("KILL {} of {}{grace}", task(&kill.task_id), id(&kill.framework_id))
        }
        Body::Acknowledge(ack) => {
            format!("ACKNOWLEDGE {} of {} #{}", task(&ack.task_id), id(&ack.framework_id), ack.uuid[0])
        }
        Body::ShutdownFramework(shutdown) => format!("SHUTDOWN framework {}", id(&shutdown.framework_id)),
        Body::ShutdownExecutor(shutdown) => {
            let executor = shutdown.executor_id.as_ref().map_or("", |id| id.value.as_str());
            format!("SHUTDOWN executor {executor} of {}", id(&shutdown.framework_id))
        }
        Body::Message(message) => {
            let executor = message.executor_id.as_ref().map_or("", |id| id.value.as_str());
            format!("MESSAGE for {executor} `{}`", String::from_utf8_lossy(&message.data))
        }
        Body::Reconcile(reconcile) => {
            let tasks: Vec<String> = reconcile
                .tasks
                .iter()
                .map(|asked| {
                    let aware = if asked.is_partition_aware { " (partition aware)" } else { "" };
                    format!("{} of {}{aware}", task(&asked.task_id), id(&asked.framework_id))
                })
                .collect();
            format!("RECONCILE {}", tasks.join(", "))
        }
        Body::UpdateFramework(update) => {
            let info = update.framework.as_ref().expect("a framework");
            format!("UPDATE framework {} name={}", id(&info.id), info.name)
        }
        Body::ApplyOperation(apply) => {
            let operation = apply.operation.as_ref().expect("an operation");
            let conversion = mezzo_resources::Conversion::of(operation).expect("a checked operation");
            let shown = crate::operations::shown(operation);
            format!(
                "APPLY {shown} of {}: {} -> {}",
                id(&apply.framework_id),
                conversion.consumed,
                conversion.made
            )
        }
        Body::AcknowledgeOperation(ack) => format!("ACKNOWLEDGE operation #{}", ack.status_uuid[0]),
        Body::Shutdown(shutdown) => format!("SHUTDOWN `{}`", shutdown.reason),
    }
}

/// What of a registry value a person would want to see.
pub fn registry_value(key: &str, value: Option<&[u8]>) -> String {
    let Some(value) = value else { return String::new() };
    if key.starts_with("weight/") {
        let stored = v1::WeightInfo::decode(&value[8..]).expect("a weight");
        return format!(" {}", stored.weight);
    }
    if key.starts_with("quota/") {
        let stored = v1::quota::QuotaConfig::decode(&value[8..]).expect("a quota");
        return format!(" {}", String::from_utf8_lossy(&mezzo_proto::json::to_json(&stored)));
    }
    let stored =
        mezzo_proto::mezzo::store::v1::RegisteredAgent::decode(&value[8..]).expect("a registry value");
    if stored.unreachable_since_ns.is_some() { " unreachable".to_owned() } else { " admitted".to_owned() }
}

pub fn snapshot(read: &MasterRead, view: &Arc<View>) -> String {
    match views::render(view, read) {
        Rendered::Json(value) if *read == MasterRead::Roles => {
            let roles = value["roles"].as_array().into_iter().flatten();
            let lines = roles.map(|role| {
                let (quota, name) = (&role["quota"], role["name"].as_str().unwrap_or(""));
                format!(
                    "{name} weight={} guarantee={} limit={} consumed={}",
                    role["weight"], quota["guarantee"], quota["limit"], quota["consumed"]
                )
            });
            lines.collect::<Vec<_>>().join("\n")
        }
        Rendered::Json(value) if matches!(read, MasterRead::Weights | MasterRead::Quota) => value.to_string(),
        Rendered::Json(value) => {
            let count = |list: &str| value[list].as_array().map_or(0, Vec::len);
            let mut out = format!(
                "agents: {}, recovered: {}, frameworks: {}, completed: {}",
                count("slaves"),
                count("recovered_slaves"),
                count("frameworks"),
                count("completed_frameworks")
            );
            for list in ["frameworks", "completed_frameworks"] {
                for framework in value[list].as_array().into_iter().flatten() {
                    out.push_str(&format!(
                        "\n  {} {}",
                        framework["name"].as_str().unwrap_or(""),
                        state_of(framework)
                    ));
                    for tasks in ["tasks", "unreachable_tasks", "completed_tasks"] {
                        for task in framework[tasks].as_array().into_iter().flatten() {
                            let id = task["id"].as_str().unwrap_or("");
                            out.push_str(&format!(
                                "\n    {tasks}: {id} {}",
                                task["state"].as_str().unwrap_or("")
                            ));
                        }
                    }
                }
            }
            out
        }
        other => format!("{other:?}"),
    }
}

fn state_of(framework: &serde_json::Value) -> &'static str {
    match (framework["connected"].as_bool(), framework["recovered"].as_bool()) {
        (Some(true), _) => "connected",
        (_, Some(true)) => "recovered",
        _ => "disconnected",
    }
}

/// One line for lines that repeat.
pub fn collapsed(lines: Vec<String>) -> Vec<String> {
    let mut out: Vec<(String, usize)> = Vec::new();
    for line in lines {
        match out.last_mut() {
            Some((last, count)) if *last == line => *count += 1,
            _ => out.push((line, 1)),
        }
    }
    out.into_iter()
        .map(|(line, count)| if count > 1 { format!("{line} ({count} times)") } else { line })
        .collect()
}

fn state_name(number: i32) -> &'static str {
    TaskState::from_number(number).map_or("?", TaskState::name)
}

fn offer_name(id: &str) -> String {
    id.rsplit_once("-O").map_or_else(|| id.to_owned(), |(_, number)| format!("o{number}"))
}

fn offers_named(message: &str) -> String {
    let words = message.split(' ').map(|word| match word.split_once("-O") {
        Some((_, number)) if number.parse::<u64>().is_ok() => format!("o{number}"),
        _ => word.to_owned(),
    });
    words.collect::<Vec<_>>().join(" ")
}

fn compact(resources: &Resources) -> String {
    resources.to_string().replace("; ", ";")
}
