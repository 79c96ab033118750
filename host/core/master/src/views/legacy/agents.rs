//! Agents in the older endpoints.

use mezzo_model::{AgentId, agent::Agent};
use mezzo_proto::mesos::v1;
use mezzo_resources::{Resources, attributes};

use super::{
    Answer, Kind,
    resources::{in_full, names, resources, values},
    summary::Tallies,
};
use crate::views::{
    View,
    json::{Object, object},
    rendering::{Facts, Item},
};

/// `"slaves":[…],"recovered_slaves":[…]`
pub(super) fn lists(view: &View, kind: Kind, is_wanted: impl Fn(&AgentId) -> bool, answer: &mut Answer) {
    known(view, kind, &is_wanted, answer);
    answer.text(b",");
    let recovered = view.recovered_agents.places();
    let recovered = recovered.filter(|at| view.recovered_agents.at(*at).is_some_and(|(id, _)| is_wanted(id)));
    answer.list("recovered_slaves", Kind::RecoveredAgent, recovered.map(Item::from).collect());
}

/// `"slaves":[…]`
pub(super) fn known(view: &View, kind: Kind, is_wanted: impl Fn(&AgentId) -> bool, answer: &mut Answer) {
    let known = view.agents.places().filter(|at| view.agents.at(*at).is_some_and(|(id, _)| is_wanted(id)));
    answer.list("slaves", kind, known.map(Item::from).collect());
}

/// An agent whose whole state the master had.
pub(super) fn agent(agent: &Agent, facts: &Facts, kind: Kind, tallies: &Tallies, out: &mut Vec<u8>) {
    object(out, |shown| {
        brief(agent, facts, shown);
        match kind {
            Kind::AgentInFull => full(agent, facts, shown),
            Kind::AgentInSummary => tallies.of_agent(&agent.id, shown),
            Kind::Agent | Kind::RecoveredAgent | Kind::Task => {}
        }
    });
}

fn brief(agent: &Agent, facts: &Facts, shown: &mut Object<'_>) {
    let sum = facts.sums.agent(&agent.id);
    shown.text("id", agent.id.as_str());
    shown.text("hostname", &agent.info.hostname);
    shown.integer("port", agent.port().into());
    shown.object("attributes", |object| values(&attributes::legacy(&agent.info.attributes), object));
    shown.text("pid", &agent.pid());
    shown.number("registered_time", agent.registered_at.seconds());
    if let Some(at) = agent.reregistered_at {
        shown.number("reregistered_time", at.seconds());
    }
    shown.object("resources", |object| resources(&agent.total, object));
    shown.object("used_resources", |object| resources(&sum.used, object));
    shown.object("offered_resources", |object| resources(&sum.offered, object));
    shown.object("reserved_resources", |object| {
        for (role, held) in agent.total.reservations() {
            object.object(&role, |object| resources(&held, object));
        }
    });
    shown.object("unreserved_resources", |object| resources(&agent.total.unreserved(), object));
    shown.boolean("active", agent.is_active());
    shown.boolean("deactivated", false);
    shown.text("version", &agent.version);
    names(agent.capabilities.iter().filter_map(|number| name(*number)), shown.key("capabilities"));
}

fn full(agent: &Agent, facts: &Facts, shown: &mut Object<'_>) {
    let sum = facts.sums.agent(&agent.id);
    shown.object("reserved_resources_full", |object| {
        agent.total.reservations().iter().for_each(|(role, held)| in_full(held, object.key(role)));
    });
    in_full(&agent.total.unreserved(), shown.key("unreserved_resources_full"));
    in_full(&sum.used, shown.key("used_resources_full"));
    in_full(&sum.offered, shown.key("offered_resources_full"));
}

/// An agent that is awaited.
pub(super) fn recovered(info: &v1::AgentInfo, out: &mut Vec<u8>) {
    let total = Resources::from_wire(&info.resources).unwrap_or_default();
    object(out, |shown| {
        shown.text("id", info.id.as_ref().map_or("", |id| &id.value));
        shown.text("hostname", &info.hostname);
        shown.integer("port", info.port.unwrap_or(5051).into());
        shown.object("attributes", |object| values(&attributes::legacy(&info.attributes), object));
        shown.object("resources", |object| resources(&total, object));
    });
}

fn name(number: i32) -> Option<&'static str> {
    v1::agent_info::capability::Type::try_from(number).ok().map(|capability| capability.as_str_name())
}
