//! What is used and offered, summed up from the tasks and offers of a view.

use std::collections::BTreeMap;

use mezzo_model::{AgentId, FrameworkId};
use mezzo_resources::Resources;

use super::View;

/// What somebody holds, marked with whom it is allocated to.
#[derive(Debug, Default)]
pub(super) struct Sum {
    pub(super) used: Resources,
    pub(super) offered: Resources,
}

/// The sums of each framework and each agent.
#[derive(Debug, Default)]
pub(super) struct Sums {
    frameworks: BTreeMap<FrameworkId, Sum>,
    agents: BTreeMap<AgentId, Sum>,
    nothing: Sum,
}

impl Sums {
    pub(super) fn of(view: &View) -> Self {
        let mut sums = Self::default();
        for (_, task) in view.tasks.iter().filter(|(_, task)| !task.state.is_terminal()) {
            let used = Resources::from_wire(&task.facts.info.resources).unwrap_or_default();
            sums.frameworks.entry(task.facts.framework.clone()).or_default().used += &used;
            sums.agents.entry(task.facts.agent.clone()).or_default().used += &used;
        }
        for ((agent, framework, _), executor) in view.executors.iter() {
            let used = executor.resources.allocated_to(executor.role.as_str());
            sums.frameworks.entry(framework.clone()).or_default().used += &used;
            sums.agents.entry(agent.clone()).or_default().used += &used;
        }
        for offer in view.offers.values() {
            let offered = offer.resources.allocated_to(offer.role.as_str());
            sums.frameworks.entry(offer.framework.clone()).or_default().offered += &offered;
            sums.agents.entry(offer.agent.clone()).or_default().offered += &offered;
        }
        sums
    }

    pub(super) fn framework(&self, id: &FrameworkId) -> &Sum {
        self.frameworks.get(id).unwrap_or(&self.nothing)
    }

    pub(super) fn agent(&self, id: &AgentId) -> &Sum {
        self.agents.get(id).unwrap_or(&self.nothing)
    }
}
