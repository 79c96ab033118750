//! `/state-summary`: how many tasks of each state there are, by agent and by framework.

use std::collections::{BTreeMap, BTreeSet};

use mezzo_model::{
    AgentId, FrameworkId,
    task::{Task, TaskState},
};

use super::{Answer, Kind, agents, frameworks::brief};
use crate::views::{
    View,
    json::{Object, object},
    rendering::Facts,
};

/// The states that are counted, in the order in which they are shown.
const COUNTED: [TaskState; 10] = [
    TaskState::Staging,
    TaskState::Starting,
    TaskState::Running,
    TaskState::Killing,
    TaskState::Finished,
    TaskState::Killed,
    TaskState::Failed,
    TaskState::Lost,
    TaskState::Error,
    TaskState::Unreachable,
];

/// The counts of a view.
#[derive(Debug, Default)]
pub(super) struct Tallies {
    agents: BTreeMap<AgentId, Tally<FrameworkId>>,
    frameworks: BTreeMap<FrameworkId, Tally<AgentId>>,
}

/// Counts, and who is on the other side of them.
#[derive(Debug)]
struct Tally<Other> {
    counts: [u32; COUNTED.len()],
    others: BTreeSet<Other>,
}

/// `/state-summary`.
pub(super) fn state_summary(view: &View, facts: &Facts, tallies: &Tallies, answer: &mut Answer) {
    object(&mut answer.text, |body| {
        body.text("hostname", &view.config.hostname);
        if let Some(cluster) = &view.config.cluster {
            body.text("cluster", cluster);
        }
    });
    // The object goes on.
    answer.text.pop();
    answer.text(b",");
    agents::known(view, Kind::AgentInSummary, |_| true, answer);
    answer.text(b",\"frameworks\":");
    super::list(&mut answer.text, view.frameworks(), |framework, out| {
        object(out, |shown| {
            brief(framework, facts.sums.framework(&framework.id), shown);
            tallies.of_framework(&framework.id, shown);
        });
    });
    answer.text(b"}");
}

impl Tallies {
    /// Counts the tasks of the frameworks that are shown: also those that are over or out of reach.
    pub(super) fn of(view: &View) -> Self {
        let mut tallies = Self::default();
        for framework in view.frameworks() {
            tallies.frameworks.insert(framework.id.clone(), Tally::default());
        }
        let completed = view.completed_tasks.values().flat_map(|tasks| tasks.iter().map(|task| &**task));
        let tasks = view.tasks.values().chain(view.unreachable_tasks.values()).chain(completed);
        tasks.for_each(|task| tallies.add(task));
        tallies
    }

    fn add(&mut self, task: &Task) {
        let (framework, agent) = (&task.facts.framework, &task.facts.agent);
        let Some(by_framework) = self.frameworks.get_mut(framework) else { return };
        by_framework.add(task.state, agent);
        match self.agents.get_mut(agent) {
            Some(by_agent) => by_agent.add(task.state, framework),
            None => self.agents.entry(agent.clone()).or_default().add(task.state, framework),
        }
    }

    pub(super) fn of_agent(&self, id: &AgentId, shown: &mut Object<'_>) {
        let nothing = Tally::default();
        let tally = self.agents.get(id).unwrap_or(&nothing);
        tally.write(shown);
        shown.texts("framework_ids", tally.others.iter().map(FrameworkId::as_str));
    }

    fn of_framework(&self, id: &FrameworkId, shown: &mut Object<'_>) {
        let nothing = Tally::default();
        let tally = self.frameworks.get(id).unwrap_or(&nothing);
        tally.write(shown);
        shown.texts("slave_ids", tally.others.iter().map(AgentId::as_str));
    }
}

impl<Other: Ord + Clone> Tally<Other> {
    fn add(&mut self, state: TaskState, other: &Other) {
        if let Some(at) = COUNTED.iter().position(|counted| *counted == state) {
            self.counts[at] += 1;
        }
        if !self.others.contains(other) {
            self.others.insert(other.clone());
        }
    }
}

impl<Other> Tally<Other> {
    fn write(&self, shown: &mut Object<'_>) {
        for (state, count) in COUNTED.iter().zip(self.counts) {
            shown.integer(state.name(), count.into());
        }
    }
}

impl<Other> Default for Tally<Other> {
    fn default() -> Self {
        Self { counts: [0; COUNTED.len()], others: BTreeSet::new() }
    }
}
