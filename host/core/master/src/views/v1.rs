//! The answers of the v1 operator API.

use std::collections::{BTreeMap, BTreeSet};

use mezzo_model::{AgentId, FrameworkId, Wall, agent::Agent, framework::Framework};
use mezzo_proto::mesos::v1::{
    self,
    agent_info::Capability,
    master::{Response, response},
};
use mezzo_resources::{Form, Resources};

use super::{View, sums::Sums};
use crate::{allocation::offer_to_wire, lost::nanoseconds};

/// GET_STATE.
pub(super) fn get_state(view: &View) -> Response {
    let sums = Sums::of(view);
    Response {
        r#type: Some(response::Type::GetState as i32),
        get_state: Some(response::GetState {
            get_tasks: Some(tasks(view)),
            get_executors: Some(response::GetExecutors::default()),
            get_frameworks: Some(frameworks(view, &sums)),
            get_agents: Some(agents(view, &sums)),
        }),
        ..Default::default()
    }
}

/// GET_AGENTS.
pub(super) fn get_agents(view: &View) -> Response {
    Response {
        r#type: Some(response::Type::GetAgents as i32),
        get_agents: Some(agents(view, &Sums::of(view))),
        ..Default::default()
    }
}

/// GET_FRAMEWORKS.
pub(super) fn get_frameworks(view: &View) -> Response {
    Response {
        r#type: Some(response::Type::GetFrameworks as i32),
        get_frameworks: Some(frameworks(view, &Sums::of(view))),
        ..Default::default()
    }
}

/// GET_TASKS.
pub(super) fn get_tasks(view: &View) -> Response {
    Response {
        r#type: Some(response::Type::GetTasks as i32),
        get_tasks: Some(tasks(view)),
        ..Default::default()
    }
}

/// Writes the lists that these answers always have in JSON, also when they are empty, which the
/// general mapping leaves out.
pub fn fill_lists(json: &mut serde_json::Value) {
    const LISTS: [(&str, &[&str]); 4] = [
        ("get_tasks", &["tasks", "unreachable_tasks", "completed_tasks"]),
        ("get_executors", &["executors"]),
        ("get_frameworks", &["frameworks", "completed_frameworks"]),
        ("get_agents", &["agents", "recovered_agents"]),
    ];
    if let Some(state) = json.get_mut("get_state") {
        return fill_lists(state);
    }
    for (answer, lists) in LISTS {
        let Some(serde_json::Value::Object(fields)) = json.get_mut(answer) else { continue };
        for list in lists {
            fields.entry(*list).or_insert_with(|| serde_json::Value::Array(Vec::new()));
        }
    }
}

fn agents(view: &View, sums: &Sums) -> response::GetAgents {
    response::GetAgents {
        agents: view.agents.values().map(|agent| agent_to_wire(agent, sums)).collect(),
        recovered_agents: view.recovered_agents.values().map(|known| (*known.info).clone()).collect(),
    }
}

fn agent_to_wire(agent: &Agent, sums: &Sums) -> response::get_agents::Agent {
    let sum = sums.agent(&agent.id);
    response::get_agents::Agent {
        agent_info: (*agent.info).clone(),
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

fn frameworks(view: &View, sums: &Sums) -> response::GetFrameworks {
    let agents: BTreeMap<&AgentId, &Agent> = view.agents.iter().collect();
    let mut offers: BTreeMap<&FrameworkId, Vec<v1::Offer>> = BTreeMap::new();
    for framework in view.frameworks() {
        offers.insert(&framework.id, Vec::new());
    }
    let capabilities: BTreeMap<_, _> = view.frameworks().map(|f| (&f.id, f.capabilities())).collect();
    for offer in view.offers.values() {
        if let (Some(list), Some(agent)) = (offers.get_mut(&offer.framework), agents.get(&offer.agent)) {
            let capabilities = capabilities.get(&offer.framework).copied().unwrap_or_default();
            list.push(offer_to_wire(offer, agent, capabilities));
        }
    }
    response::GetFrameworks {
        frameworks: view
            .frameworks()
            .map(|framework| {
                framework_to_wire(framework, sums, offers.remove(&framework.id).unwrap_or_default())
            })
            .collect(),
        completed_frameworks: view
            .completed_frameworks()
            .map(|framework| framework_to_wire(framework, &Sums::default(), Vec::new()))
            .collect(),
        ..Default::default()
    }
}

fn framework_to_wire(
    framework: &Framework,
    sums: &Sums,
    offers: Vec<v1::Offer>,
) -> response::get_frameworks::Framework {
    let sum = sums.framework(&framework.id);
    let is_completed = framework.unregistered_at.is_some();
    let is_connected = framework.is_connected() && !is_completed;
    response::get_frameworks::Framework {
        framework_info: (*framework.info).clone(),
        active: is_connected,
        connected: is_connected,
        recovered: framework.is_recovered() && !is_completed,
        registered_time: time(framework.registered_at),
        reregistered_time: time(framework.reregistered_at.unwrap_or(framework.registered_at)),
        unregistered_time: framework.unregistered_at.and_then(time),
        offers,
        allocated_resources: shown(&sum.used),
        offered_resources: shown(&sum.offered),
        offer_constraints: Some(v1::scheduler::OfferConstraints::default()),
        ..Default::default()
    }
}

fn tasks(view: &View) -> response::GetTasks {
    let visible: BTreeSet<&FrameworkId> = view
        .frameworks()
        .map(|framework| &framework.id)
        .chain(view.completed_frameworks().map(|framework| &framework.id))
        .collect();
    let is_visible = |framework: &FrameworkId| visible.contains(framework);
    response::GetTasks {
        tasks: view
            .tasks
            .iter()
            .filter(|(key, _)| is_visible(&key.0))
            .map(|(_, task)| task.to_wire())
            .collect(),
        unreachable_tasks: view
            .unreachable_tasks
            .iter()
            .filter(|(key, _)| is_visible(&key.0))
            .map(|(_, task)| task.to_wire())
            .collect(),
        completed_tasks: view
            .completed_tasks
            .iter()
            .filter(|(framework, _)| is_visible(framework))
            .flat_map(|(_, tasks)| tasks.iter())
            .map(|task| task.to_wire())
            .collect(),
        ..Default::default()
    }
}

/// Resources as HTTP answers show them: for old readers and for new ones.
fn shown(resources: &Resources) -> Vec<v1::Resource> {
    resources.to_wire_as(Form::Endpoint)
}

fn time(wall: Wall) -> Option<v1::TimeInfo> {
    Some(v1::TimeInfo { nanoseconds: nanoseconds(wall) })
}
