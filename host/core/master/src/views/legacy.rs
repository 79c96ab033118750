//! The older JSON endpoints, key for key as Mesos writes them.

mod agents;
mod frameworks;
mod registry;
mod resources;
mod summary;
mod tasks;

use mezzo_model::{FrameworkId, build::Fact, calls::MasterRead};

use mezzo_proto::json;

use super::{
    View,
    json::{Object, list, object},
    rendering::{Facts, Item, List, Of, Part, Scratch as Common},
    roles::{self, quota_status, weights},
};
use summary::Tallies;

/// A kind of records.
#[derive(Clone, Copy, Debug)]
pub(super) enum Kind {
    Agent,
    /// With its resources once more, as messages.
    AgentInFull,
    /// With counts of its tasks.
    AgentInSummary,
    RecoveredAgent,
    Task,
}

/// Writes records.
#[derive(Debug)]
pub(super) struct Writers {
    tasks: tasks::Writers,
    tallies: Tallies,
}

/// What is used again from one record to the next.
#[derive(Debug, Default)]
pub(super) struct Scratch {
    pub(super) tasks: tasks::Scratch,
}

impl Writers {
    pub(super) fn new(view: &View, read: &MasterRead) -> Self {
        let tallies = match read {
            MasterRead::StateSummary => Tallies::of(view),
            _ => Tallies::default(),
        };
        Self { tasks: tasks::Writers::new(), tallies }
    }

    /// The parts of an answer.
    pub(super) fn parts(&self, view: &View, facts: &Facts, read: &MasterRead) -> Vec<Part> {
        let mut answer = Answer { parts: Vec::new(), text: Vec::new() };
        match read {
            MasterRead::State => state(view, facts, &mut answer),
            MasterRead::Slaves(wanted) => {
                let is_wanted = |id: &_| wanted.as_ref().is_none_or(|wanted| wanted == id);
                answer.text(b"{");
                agents::lists(view, Kind::AgentInFull, is_wanted, &mut answer);
                answer.text(b"}");
            }
            MasterRead::Frameworks(wanted) => {
                let is_wanted = |id: &_| wanted.as_ref().is_none_or(|wanted| wanted == id);
                answer.text(b"{");
                frameworks::lists(view, facts, is_wanted, &mut answer);
                answer.text(b",\"unregistered_frameworks\":[]}");
            }
            MasterRead::Tasks(wanted) => tasks::page(view, wanted, &mut answer),
            MasterRead::StateSummary => summary::state_summary(view, facts, &self.tallies, &mut answer),
            MasterRead::Roles => object(&mut answer.text, |body| all_roles(view, body)),
            MasterRead::Plugins | MasterRead::PluginHistory => {
                answer.text(view.plugins.to_string().as_bytes());
            }
            MasterRead::Registry => registry::registry(view, &mut answer.text),
            MasterRead::Weights => {
                list(&mut answer.text, weights(view), |info, out| out.extend(json::to_json(&info)));
            }
            MasterRead::Quota => answer.text(&json::to_json(&quota_status(view))),
            // Nothing of these is there before a later release.
            MasterRead::MaintenanceSchedule | MasterRead::MaintenanceStatus => {
                answer.text(b"{}");
            }
            // The list of reads grows in another crate: whoever adds one shows it here.
            _ => answer.text(b"null"),
        }
        answer.finish()
    }

    pub(super) fn write(
        &self,
        view: &View,
        facts: &Facts,
        kind: Kind,
        item: Item,
        scratch: &mut Common,
        out: &mut Vec<u8>,
    ) {
        match kind {
            Kind::Agent | Kind::AgentInFull | Kind::AgentInSummary => {
                if let Some((_, agent)) = view.agents.at(item.at) {
                    agents::agent(agent, facts, kind, &self.tallies, out);
                }
            }
            Kind::RecoveredAgent => {
                if let Some((_, agent)) = view.recovered_agents.at(item.at) {
                    agents::recovered(&agent.info, out);
                }
            }
            Kind::Task => {
                if let Some(task) = view.task(item) {
                    self.tasks.write(task, scratch, out);
                }
            }
        }
    }
}

/// An answer that grows: text, and between it lists.
struct Answer {
    parts: Vec<Part>,
    text: Vec<u8>,
}

impl Answer {
    fn text(&mut self, text: &[u8]) {
        self.text.extend_from_slice(text);
    }

    /// `"name":[…]`
    fn list(&mut self, name: &str, kind: Kind, at: Vec<Item>) {
        self.text(format!("\"{name}\":[").as_bytes());
        self.parts.push(Part::Text(std::mem::take(&mut self.text)));
        self.parts.push(Part::List(List { of: Of::Legacy(kind), at }));
        self.text(b"]");
    }

    fn finish(mut self) -> Vec<Part> {
        self.parts.push(Part::Text(self.text));
        self.parts
    }
}

/// `/state`.
fn state(view: &View, facts: &Facts, answer: &mut Answer) {
    object(&mut answer.text, |state| about(view, state));
    // The object goes on.
    answer.text.pop();
    answer.text(b",");
    agents::lists(view, Kind::Agent, |_| true, answer);
    answer.text(b",");
    frameworks::lists(view, facts, |_: &FrameworkId| true, answer);
    answer.text(b",\"orphan_tasks\":[],\"unregistered_frameworks\":[]}");
}

/// The master itself.
fn about(view: &View, about: &mut Object<'_>) {
    let config = &view.config;
    let active = view.agents.values().filter(|agent| agent.is_active()).count();
    config.build.facts().for_each(|(key, fact)| match fact {
        Fact::Text(text) => about.text(key, text),
        Fact::Time(seconds) => about.number(key, seconds),
    });
    about.number("start_time", config.start_time_seconds);
    about.number("elected_time", config.start_time_seconds);
    about.text("id", &config.master_id);
    about.text("pid", &config.pid());
    about.text("hostname", &config.hostname);
    about.texts("capabilities", ["AGENT_UPDATE"]);
    about.number("activated_slaves", active as f64);
    about.number("deactivated_slaves", (view.agents.len() - active) as f64);
    about.number("unreachable_slaves", view.unreachable_agents as f64);
    if let Some(cluster) = &config.cluster {
        about.text("cluster", cluster);
    }
    about.text("leader", &config.pid());
    about.object("leader_info", |leader| {
        leader.text("id", &config.master_id);
        leader.text("pid", &config.pid());
        leader.integer("port", config.port.into());
        leader.text("hostname", &config.hostname);
    });
    about.object("flags", |flags| config.flags.iter().for_each(|(name, value)| flags.text(name, value)));
}

/// `/roles`.
fn all_roles(view: &View, body: &mut Object<'_>) {
    let quantities = |object: &mut Object<'_>, of: &mezzo_resources::Quantities| {
        roles::pairs(of).iter().for_each(|(name, amount)| object.number(name, *amount));
    };
    let amounts = |object: &mut Object<'_>, of: &[(String, f64)]| {
        of.iter().for_each(|(name, amount)| object.number(name, *amount));
    };
    let roles = body.key("roles");
    list(roles, roles::known(view), |(name, role), out| {
        object(out, |shown| {
            shown.text("name", &name);
            shown.number("weight", role.weight);
            shown.object("quota", |quota| {
                quota.text("role", &name);
                quota.object("guarantee", |shown| amounts(shown, &role.guarantee));
                quota.object("limit", |shown| amounts(shown, &role.limit));
                quota.object("consumed", |consumed| quantities(consumed, &role.consumed));
            });
            shown.object("resources", |held| amounts(held, &role.held()));
            shown.object("allocated", |allocated| quantities(allocated, &role.allocated));
            shown.object("offered", |offered| quantities(offered, &role.offered));
            shown.object("reserved", |reserved| quantities(reserved, &role.reserved));
            shown.texts("frameworks", role.frameworks.iter().map(FrameworkId::as_str));
        });
    });
}
