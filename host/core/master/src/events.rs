//! Events for schedulers and statuses that the master itself makes: values, no rules.

use mezzo_model::{
    AgentId, ExecutorId, FrameworkId, Now, OfferId, TaskId,
    task::{Task, TaskState},
};
use mezzo_proto::{
    Encoded,
    mesos::v1::{
        self, OperationState,
        scheduler::{Event, event},
        task_status::{Reason, Source},
    },
};

/// SUBSCRIBED.
pub(crate) fn subscribed(framework: &FrameworkId, heartbeat_seconds: f64, master: v1::MasterInfo) -> Event {
    Event {
        r#type: Some(event::Type::Subscribed as i32),
        subscribed: Some(event::Subscribed {
            framework_id: framework.into(),
            heartbeat_interval_seconds: Some(heartbeat_seconds),
            master_info: Some(master),
        }),
        ..Default::default()
    }
}

/// HEARTBEAT.
pub(crate) fn heartbeat() -> Event {
    Event { r#type: Some(event::Type::Heartbeat as i32), ..Default::default() }
}

/// OFFERS.
pub(crate) fn offers(offers: Vec<v1::Offer>) -> Event {
    Event {
        r#type: Some(event::Type::Offers as i32),
        offers: Some(event::Offers { offers }),
        ..Default::default()
    }
}

/// RESCIND.
pub(crate) fn rescind(offer: &OfferId) -> Event {
    Event {
        r#type: Some(event::Type::Rescind as i32),
        rescind: Some(event::Rescind { offer_id: offer.into() }),
        ..Default::default()
    }
}

/// UPDATE.
pub(crate) fn update(status: v1::TaskStatus) -> Event {
    Event {
        r#type: Some(event::Type::Update as i32),
        update: Some(event::Update { status }),
        ..Default::default()
    }
}

/// UPDATE_OPERATION_STATUS.
pub(crate) fn operation(status: v1::OperationStatus) -> Event {
    Event {
        r#type: Some(event::Type::UpdateOperationStatus as i32),
        update_operation_status: Some(event::UpdateOperationStatus { status }),
        ..Default::default()
    }
}

/// The same for an operation that never was one.
pub(crate) fn operation_error(id: &v1::OperationId, message: String) -> Event {
    operation(v1::OperationStatus {
        operation_id: Some(id.clone()),
        state: OperationState::OperationError as i32,
        message: Some(message),
        ..Default::default()
    })
}

/// MESSAGE.
pub(crate) fn message(agent: &AgentId, executor: &ExecutorId, data: Vec<u8>) -> Event {
    Event {
        r#type: Some(event::Type::Message as i32),
        message: Some(event::Message { agent_id: agent.into(), executor_id: executor.into(), data }),
        ..Default::default()
    }
}

/// FAILURE of an executor, or without one of the whole agent.
pub(crate) fn failure(agent: &AgentId, executor: Option<(&ExecutorId, i32)>) -> Event {
    Event {
        r#type: Some(event::Type::Failure as i32),
        failure: Some(event::Failure {
            agent_id: Some(agent.into()),
            executor_id: executor.map(|(id, _)| id.into()),
            status: executor.map(|(_, status)| status),
        }),
        ..Default::default()
    }
}

/// ERROR.
pub(crate) fn error(message: impl Into<String>) -> Event {
    Event {
        r#type: Some(event::Type::Error as i32),
        error: Some(event::Error { message: message.into() }),
        ..Default::default()
    }
}

/// A status that the master makes: without a uuid, so nobody acknowledges it.
pub(crate) fn status(
    now: Now,
    task: &TaskId,
    agent: Option<&AgentId>,
    state: TaskState,
    reason: Reason,
    message: impl Into<String>,
) -> v1::TaskStatus {
    v1::TaskStatus {
        task_id: task.into(),
        state: state.number(),
        message: Some(message.into()),
        source: Some(Source::Master as i32),
        reason: Some(reason as i32),
        agent_id: agent.map(v1::AgentId::from),
        timestamp: Some(now.wall.seconds()),
        ..Default::default()
    }
}

/// A status that the master makes of a task it knows: what its last status said of health,
/// checks and the container is in it.
pub(crate) fn status_of(
    now: Now,
    task: &Task,
    state: TaskState,
    reason: Reason,
    message: &str,
) -> v1::TaskStatus {
    let mut status = status(now, &task.facts.id, Some(&task.facts.agent), state, reason, message);
    status.executor_id = task.facts.executor.as_ref().map(Into::into);
    if let Some(last) = task.statuses.last().map(Encoded::message) {
        status.healthy = last.healthy;
        status.check_status = last.check_status;
        status.container_status = last.container_status;
    }
    status
}

/// The command of a task, or of the executor that runs it.
pub(crate) fn command_of(task: &v1::TaskInfo) -> Option<&v1::CommandInfo> {
    task.command.as_ref().or_else(|| task.executor.as_ref()?.command.as_ref())
}
