//! Events for executors: values, no rules.

use mezzo_model::TaskId;
use mezzo_proto::mesos::v1::{
    self,
    executor::{Event, event},
};

use crate::executor::Executor;

/// SUBSCRIBED.
pub(crate) fn subscribed(executor: &Executor, framework: v1::FrameworkInfo, agent: v1::AgentInfo) -> Event {
    Event {
        subscribed: Some(event::Subscribed {
            executor_info: executor.info.clone(),
            framework_info: framework,
            agent_info: agent,
            container_id: Some((&executor.container).into()),
        }),
        ..of(event::Type::Subscribed)
    }
}

/// LAUNCH.
pub(crate) fn launch(task: v1::TaskInfo) -> Event {
    Event { launch: Some(event::Launch { task }), ..of(event::Type::Launch) }
}

/// KILL.
pub(crate) fn kill(task: &TaskId, kill_policy: Option<v1::KillPolicy>) -> Event {
    Event { kill: Some(event::Kill { task_id: task.into(), kill_policy }), ..of(event::Type::Kill) }
}

/// ACKNOWLEDGED.
pub(crate) fn acknowledged(task: &TaskId, uuid: Vec<u8>) -> Event {
    let acknowledged = event::Acknowledged { task_id: task.into(), uuid };
    Event { acknowledged: Some(acknowledged), ..of(event::Type::Acknowledged) }
}

/// MESSAGE.
pub(crate) fn message(data: Vec<u8>) -> Event {
    Event { message: Some(event::Message { data }), ..of(event::Type::Message) }
}

/// SHUTDOWN.
pub(crate) fn shutdown() -> Event {
    of(event::Type::Shutdown)
}

/// HEARTBEAT.
pub(crate) fn heartbeat() -> Event {
    of(event::Type::Heartbeat)
}

fn of(kind: event::Type) -> Event {
    Event { r#type: Some(kind.into()), ..Default::default() }
}
