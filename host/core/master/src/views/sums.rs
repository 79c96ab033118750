//! What is used and offered of each agent and by each framework, as the ledger had it.

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
    /// Of an agent, what every framework holds counts; of a framework, what it holds of every agent.
    pub(super) fn of(view: &View) -> Self {
        let mut sums = Self::default();
        for (agent, held) in &view.holdings {
            let used = held.allocated.allocated_to(&*held.role);
            let offered = held.offered.allocated_to(&*held.role);
            sums.frameworks.entry(held.framework.clone()).or_default().add(&used, &offered);
            sums.agents.entry(agent.clone()).or_default().add(&used, &offered);
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

impl Sum {
    fn add(&mut self, used: &Resources, offered: &Resources) {
        self.used += used;
        self.offered += offered;
    }
}
