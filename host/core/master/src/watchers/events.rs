//! Events for operators: values, no rules.

use mezzo_model::{AgentId, FrameworkId, Wall, agent::Agent, framework::Framework, task::TaskState};
use mezzo_proto::mesos::v1::{
    self,
    agent_info::Capability,
    master::{
        Event, event,
        response::{get_agents, get_frameworks},
    },
};
use mezzo_resources::Form;

use super::of_type;
use crate::lost::nanoseconds;

/// HEARTBEAT.
pub fn heartbeat() -> Event {
    of_type(event::Type::Heartbeat)
}

/// TASK_ADDED.
pub(super) fn task_added(task: v1::Task) -> Event {
    Event { task_added: Some(event::TaskAdded { task }), ..of_type(event::Type::TaskAdded) }
}

/// TASK_UPDATED: `state` is the task's latest, which may be ahead of the status (spec 20).
pub(super) fn task_updated(framework: &FrameworkId, state: TaskState, status: v1::TaskStatus) -> Event {
    let task_updated = event::TaskUpdated { framework_id: framework.into(), status, state: state.number() };
    Event { task_updated: Some(task_updated), ..of_type(event::Type::TaskUpdated) }
}

/// FRAMEWORK_ADDED.
pub(super) fn framework_added(framework: &Framework) -> Event {
    let framework = framework_to_wire(framework);
    Event {
        framework_added: Some(event::FrameworkAdded { framework }),
        ..of_type(event::Type::FrameworkAdded)
    }
}

/// FRAMEWORK_UPDATED.
pub(super) fn framework_updated(framework: &Framework) -> Event {
    let framework = framework_to_wire(framework);
    Event {
        framework_updated: Some(event::FrameworkUpdated { framework }),
        ..of_type(event::Type::FrameworkUpdated)
    }
}

/// FRAMEWORK_REMOVED.
pub(super) fn framework_removed(framework_info: v1::FrameworkInfo) -> Event {
    Event {
        framework_removed: Some(event::FrameworkRemoved { framework_info }),
        ..of_type(event::Type::FrameworkRemoved)
    }
}

/// AGENT_ADDED.
pub(super) fn agent_added(agent: &Agent) -> Event {
    let agent = get_agents::Agent {
        agent_info: (*agent.info).clone(),
        active: agent.is_active(),
        deactivated: Some(false),
        version: agent.version.to_string(),
        pid: Some(agent.pid()),
        registered_time: Some(time(agent.registered_at)),
        reregistered_time: agent.reregistered_at.map(time),
        total_resources: agent.total.to_wire_as(Form::Endpoint),
        capabilities: agent.capabilities.iter().map(|number| Capability { r#type: Some(*number) }).collect(),
        ..Default::default()
    };
    Event { agent_added: Some(event::AgentAdded { agent }), ..of_type(event::Type::AgentAdded) }
}

/// AGENT_REMOVED.
pub(super) fn agent_removed(id: &AgentId) -> Event {
    Event {
        agent_removed: Some(event::AgentRemoved { agent_id: id.into() }),
        ..of_type(event::Type::AgentRemoved)
    }
}

/// What an event says of a framework: nothing of what it holds, and no moment of its removal.
fn framework_to_wire(framework: &Framework) -> get_frameworks::Framework {
    get_frameworks::Framework {
        framework_info: (*framework.info).clone(),
        active: framework.is_connected(),
        connected: framework.is_connected(),
        recovered: framework.is_recovered(),
        registered_time: Some(time(framework.registered_at)),
        reregistered_time: Some(time(framework.reregistered_at.unwrap_or(framework.registered_at))),
        unregistered_time: Some(v1::TimeInfo { nanoseconds: 0 }),
        ..Default::default()
    }
}

fn time(wall: Wall) -> v1::TimeInfo {
    v1::TimeInfo { nanoseconds: nanoseconds(wall) }
}
