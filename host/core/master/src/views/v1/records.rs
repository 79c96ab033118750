//! Agents and frameworks as v1 answers show them.

use mezzo_model::{AgentId, Wall, agent::Agent, framework::Framework};
use mezzo_proto::mesos::v1::{self, agent_info::Capability, master::response};
use mezzo_resources::{Form, Resources};

use crate::{
    allocation::offer_to_wire,
    executors::Executor,
    lost::nanoseconds,
    views::{View, rendering::Facts},
};

pub(super) fn agent(agent: &Agent, facts: &Facts) -> response::get_agents::Agent {
    let sum = facts.sums.agent(&agent.id);
    response::get_agents::Agent {
        agent_info: recovered_agent(&agent.info),
        active: agent.is_active(),
        deactivated: Some(false),
        version: agent.version.to_string(),
        pid: Some(agent.pid()),
        registered_time: time(agent.registered_at),
        reregistered_time: agent.reregistered_at.and_then(time),
        total_resources: shown(&agent.total),
        allocated_resources: shown(&sum.used),
        offered_resources: shown(&sum.offered),
        capabilities: agent.capabilities.iter().map(|number| Capability { r#type: Some(*number) }).collect(),
        ..Default::default()
    }
}

/// What an agent said of itself. All of ours checkpoint, and readers look for the word.
pub(super) fn recovered_agent(info: &v1::AgentInfo) -> v1::AgentInfo {
    v1::AgentInfo { checkpoint: info.checkpoint.or(Some(true)), ..info.clone() }
}

pub(super) fn framework(
    view: &View,
    framework: &Framework,
    facts: &Facts,
) -> response::get_frameworks::Framework {
    let sum = facts.sums.framework(&framework.id);
    let is_completed = framework.unregistered_at.is_some();
    let is_connected = framework.is_connected() && !is_completed;
    let offers = facts.offers(view, &framework.id);
    response::get_frameworks::Framework {
        framework_info: (*framework.info).clone(),
        active: is_connected,
        connected: is_connected,
        recovered: framework.is_recovered() && !is_completed,
        registered_time: time(framework.registered_at),
        reregistered_time: time(framework.reregistered_at.unwrap_or(framework.registered_at)),
        unregistered_time: framework.unregistered_at.and_then(time),
        offers: offers.map(|(offer, agent)| offer_to_wire(offer, agent, framework.capabilities())).collect(),
        allocated_resources: shown(&sum.used),
        offered_resources: shown(&sum.offered),
        offer_constraints: Some(v1::scheduler::OfferConstraints::default()),
        ..Default::default()
    }
}

pub(super) fn executor(agent: &AgentId, executor: &Executor) -> response::get_executors::Executor {
    response::get_executors::Executor { executor_info: (*executor.info).clone(), agent_id: agent.into() }
}

/// Resources as HTTP answers show them: for old readers and for new ones.
fn shown(resources: &Resources) -> Vec<v1::Resource> {
    resources.to_wire_as(Form::Endpoint)
}

fn time(wall: Wall) -> Option<v1::TimeInfo> {
    Some(v1::TimeInfo { nanoseconds: nanoseconds(wall) })
}
