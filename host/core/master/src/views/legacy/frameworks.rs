//! Frameworks in the older endpoints, their tasks and offers with them.

use std::collections::BTreeMap;

use mezzo_model::{FrameworkId, framework::Framework, offer::Offer, table::Place as At};
use mezzo_proto::mesos::v1;

use super::{
    Answer, Kind,
    resources::{labels, message, names, resources},
};
use crate::{
    executors::{Executor, ExecutorKey},
    views::{
        View,
        json::{Object, list, object},
        rendering::{Facts, Item},
        sums::Sum,
    },
};

/// Where the tasks of one framework stand.
#[derive(Default)]
struct Tasks {
    listed: Vec<Item>,
    unreachable: Vec<Item>,
    completed: Vec<Item>,
    executors: Vec<At>,
}

/// Sorts tasks by framework. Tasks of one framework share its id, so an id that was seen before
/// is known by where it stands in memory.
#[derive(Default)]
struct ByFramework<'view> {
    tasks: Vec<Tasks>,
    by_address: BTreeMap<*const u8, usize>,
    by_id: BTreeMap<&'view str, usize>,
}

/// `"frameworks":[…],"completed_frameworks":[…]`
pub(super) fn lists(
    view: &View,
    facts: &Facts,
    is_wanted: impl Fn(&FrameworkId) -> bool,
    answer: &mut Answer,
) {
    let mut tasks = ByFramework::of(view, &is_wanted);
    let known = view.frameworks().filter(|known| is_wanted(&known.id));
    frameworks(view, facts, "frameworks", known, &mut tasks, answer);
    answer.text(b",");
    let completed = view.completed_frameworks().filter(|known| is_wanted(&known.id));
    frameworks(view, facts, "completed_frameworks", completed, &mut tasks, answer);
}

fn frameworks<'view>(
    view: &'view View,
    facts: &Facts,
    name: &str,
    frameworks: impl Iterator<Item = &'view Framework>,
    tasks: &mut ByFramework<'view>,
    answer: &mut Answer,
) {
    answer.text(format!("\"{name}\":[").as_bytes());
    for (at, framework) in frameworks.enumerate() {
        if at > 0 {
            answer.text(b",");
        }
        let found = tasks.take(&framework.id);
        object(&mut answer.text, |shown| {
            let sum = facts.sums.framework(&framework.id);
            brief(framework, sum, shown);
            about(framework, sum, shown);
        });
        // The object goes on.
        answer.text.pop();
        answer.text(b",");
        answer.list("tasks", Kind::Task, found.listed);
        answer.text(b",");
        answer.list("unreachable_tasks", Kind::Task, found.unreachable);
        answer.text(b",");
        answer.list("completed_tasks", Kind::Task, found.completed);
        answer.text(b",\"offers\":");
        let offers = facts.offers(view, &framework.id).map(|(offer, _)| offer);
        list(&mut answer.text, offers, offer);
        answer.text(b",\"executors\":");
        let executors = found.executors.into_iter().filter_map(|at| view.executors.at(at));
        list(&mut answer.text, executors, executor);
        answer.text(b",\"offer_constraints\":{}");
        if let Some(known) = &framework.info.labels {
            answer.text(b",\"labels\":");
            labels(known, &mut answer.text);
        }
        answer.text(b"}");
    }
    answer.text(b"]");
}

/// What a summary shows as well.
pub(super) fn brief(framework: &Framework, sum: &Sum, shown: &mut Object<'_>) {
    let info = &framework.info;
    let is_completed = framework.unregistered_at.is_some();
    let is_connected = framework.is_connected() && !is_completed;
    shown.text("id", framework.id.as_str());
    shown.text("name", &info.name);
    shown.object("used_resources", |object| resources(&sum.used, object));
    shown.object("offered_resources", |object| resources(&sum.offered, object));
    let capabilities = info.capabilities.iter().map(|capability| capability.r#type().as_str_name());
    names(capabilities, shown.key("capabilities"));
    shown.text("hostname", info.hostname());
    shown.text("webui_url", info.webui_url());
    shown.boolean("active", is_connected);
    shown.boolean("connected", is_connected);
    shown.boolean("recovered", framework.is_recovered() && !is_completed);
}

fn about(framework: &Framework, sum: &Sum, shown: &mut Object<'_>) {
    let info = &framework.info;
    if let Some(principal) = &info.principal {
        shown.text("principal", principal);
    }
    shown.text("user", &info.user);
    shown.number("failover_timeout", info.failover_timeout.unwrap_or(0.0));
    shown.boolean("checkpoint", info.checkpoint.unwrap_or(false));
    shown.number("registered_time", framework.registered_at.seconds());
    shown.number("unregistered_time", framework.unregistered_at.unwrap_or_default().seconds());
    if let Some(at) = framework.reregistered_at {
        shown.number("reregistered_time", at.seconds());
    }
    shown.object("resources", |object| resources(&(sum.used.clone() + &sum.offered), object));
    match framework.capabilities().is_multi_role() {
        true => shown.texts("roles", framework.roles.iter().map(String::as_str)),
        false => shown.text("role", framework.roles.first().map_or("*", |role| role.as_str())),
    }
}

fn offer(offer: &Offer, out: &mut Vec<u8>) {
    object(out, |shown| {
        shown.text("id", offer.id.as_str());
        shown.text("framework_id", offer.framework.as_str());
        shown.object("allocation_info", |object| object.text("role", &offer.role));
        shown.text("slave_id", offer.agent.as_str());
        shown.object("resources", |object| resources(&offer.resources, object));
    });
}

/// An executor that the framework brought.
fn executor(((agent, framework, id), executor): (&ExecutorKey, &Executor), out: &mut Vec<u8>) {
    let info = &executor.info;
    object(out, |shown| {
        shown.text("executor_id", id.as_str());
        shown.text("name", info.name());
        shown.text("framework_id", framework.as_str());
        if let Some(command) = &info.command {
            shown.object("command", |shown| self::command(command, shown));
        }
        shown.object("resources", |object| resources(&executor.resources, object));
        shown.text("role", &executor.role);
        if let Some(known) = &info.labels {
            labels(known, shown.key("labels"));
        }
        if info.r#type.is_some() {
            shown.text("type", info.r#type().as_str_name());
        }
        shown.text("slave_id", agent.as_str());
    });
}

fn command(command: &v1::CommandInfo, shown: &mut Object<'_>) {
    shown.boolean("shell", command.shell());
    if let Some(value) = &command.value {
        shown.text("value", value);
    }
    shown.texts("argv", command.arguments.iter().map(String::as_str));
    if let Some(environment) = &command.environment {
        message(environment, shown.key("environment"));
    }
    shown.list("uris", &command.uris, |uri, out| {
        object(out, |shown| {
            shown.text("value", &uri.value);
            shown.boolean("executable", uri.executable());
        });
    });
}

impl<'view> ByFramework<'view> {
    fn of(view: &'view View, is_wanted: &impl Fn(&FrameworkId) -> bool) -> Self {
        let mut sorted = Self::default();
        let frameworks = view.frameworks().chain(view.completed_frameworks());
        for framework in frameworks.filter(|known| is_wanted(&known.id)) {
            sorted.by_id.insert(framework.id.as_str(), sorted.tasks.len());
            sorted.tasks.push(Tasks::default());
        }
        for item in view.listed_places() {
            let Some((key, _)) = view.tasks.at(item.at) else { continue };
            if let Some(found) = sorted.find(key.0.as_str()) {
                found.listed.push(item);
            }
        }
        for item in view.unreachable_places() {
            let Some((key, _)) = view.unreachable_tasks.at(item.at) else { continue };
            if let Some(found) = sorted.find(key.0.as_str()) {
                found.unreachable.push(item);
            }
        }
        for at in view.executors.places() {
            let Some(((_, framework, _), _)) = view.executors.at(at) else { continue };
            if let Some(found) = sorted.find(framework.as_str()) {
                found.executors.push(at);
            }
        }
        for (framework, items) in view.completed_places() {
            if let Some(found) = sorted.find(framework.as_str()) {
                found.completed.extend(items);
            }
        }
        sorted
    }

    fn find(&mut self, id: &'view str) -> Option<&mut Tasks> {
        let at = match self.by_address.get(&id.as_ptr()) {
            Some(at) => *at,
            None => {
                let at = *self.by_id.get(id)?;
                self.by_address.insert(id.as_ptr(), at);
                at
            }
        };
        self.tasks.get_mut(at)
    }

    fn take(&mut self, id: &FrameworkId) -> Tasks {
        let at = self.by_id.get(id.as_str()).copied();
        at.and_then(|at| self.tasks.get_mut(at)).map(std::mem::take).unwrap_or_default()
    }
}
