//! Looking into the account.

use std::{collections::BTreeMap, sync::Arc};

use mezzo_model::{AgentId, FrameworkId};
use mezzo_resources::{Amount, Quantities, Resources};

use crate::Ledger;

/// One agent's part of the account.
#[derive(Clone, Debug, Default)]
pub struct AgentAccount {
    /// Everything it has.
    pub total: Resources,
    /// What nobody holds.
    pub free: Resources,
    /// What is offered of it.
    pub offered: Resources,
    /// What is allocated of it.
    pub allocated: Resources,
    /// Whether more is allocated than there is.
    pub is_overdrawn: bool,
    /// Whether it may be offered.
    pub is_active: bool,
    /// Who holds what.
    pub held: Vec<Held>,
}

/// What one framework in one role holds of one agent.
#[derive(Clone, Debug)]
pub struct Held {
    /// The framework.
    pub framework: FrameworkId,
    /// The role.
    pub role: Arc<str>,
    /// Offered.
    pub offered: Resources,
    /// Allocated.
    pub allocated: Resources,
}

/// One framework in one role, over all agents.
#[derive(Clone, Debug)]
pub struct SeekerAccount {
    /// The framework.
    pub framework: FrameworkId,
    /// The role.
    pub role: Arc<str>,
    /// Scalars that it holds, offered or allocated.
    pub held: Quantities,
    /// Whether it subscribes in the role.
    pub is_subscribed: bool,
    /// Whether it wants no offers for now.
    pub is_suppressed: bool,
}

impl Ledger {
    /// One agent's part of the account.
    pub fn agent(&self, id: &AgentId) -> Option<AgentAccount> {
        let agent = self.agents.get(self.agents.find(id)?)?;
        let held = agent.holdings.iter().filter_map(|holding| {
            let seeker = self.seekers.get(holding.seeker)?;
            Some(Held {
                framework: seeker.framework_id.clone(),
                role: Arc::clone(&seeker.role_name),
                offered: holding.offered.clone(),
                allocated: holding.allocated.clone(),
            })
        });
        let held: Vec<Held> = held.collect();
        Some(AgentAccount {
            total: agent.cold.total.clone(),
            free: agent.free.clone(),
            offered: held.iter().fold(Resources::new(), |sum, held| sum + &held.offered),
            allocated: held.iter().fold(Resources::new(), |sum, held| sum + &held.allocated),
            is_overdrawn: agent.is_overdrawn,
            is_active: agent.is_active,
            held,
        })
    }

    /// Who holds what of which agent, agent by agent. Copies nothing but references, though one
    /// for each holding.
    pub fn holdings(&self) -> Vec<(AgentId, Held)> {
        let mut holdings = Vec::with_capacity(self.agents.by_id.len());
        for (_, agent) in self.agents.iter() {
            for holding in &agent.holdings {
                let Some(seeker) = self.seekers.get(holding.seeker) else { continue };
                let held = Held {
                    framework: seeker.framework_id.clone(),
                    role: Arc::clone(&seeker.role_name),
                    offered: holding.offered.clone(),
                    allocated: holding.allocated.clone(),
                };
                holdings.push((agent.id.clone(), held));
            }
        }
        holdings
    }

    /// What nobody holds of an agent; nothing for one that is not in the account.
    pub fn free(&self, id: &AgentId) -> Resources {
        let agent = self.agents.find(id).and_then(|slot| self.agents.get(slot));
        agent.map(|agent| agent.free.clone()).unwrap_or_default()
    }

    /// What a framework holds in all its roles over all agents: offered, allocated. Looks at every
    /// agent: for several frameworks use [`Ledger::frameworks`].
    pub fn framework(&self, id: &FrameworkId) -> (Resources, Resources) {
        let Some(slot) = self.seekers.find_framework(id) else { return Default::default() };
        let mut sums = (Resources::new(), Resources::new());
        for (_, agent) in self.agents.iter() {
            for holding in &agent.holdings {
                if self.seekers.get(holding.seeker).is_some_and(|seeker| seeker.framework == slot) {
                    sums.0 += &holding.offered;
                    sums.1 += &holding.allocated;
                }
            }
        }
        sums
    }

    /// What every framework that holds anything holds: offered, allocated.
    pub fn frameworks(&self) -> BTreeMap<FrameworkId, (Resources, Resources)> {
        let mut sums = BTreeMap::<FrameworkId, (Resources, Resources)>::new();
        for holding in self.agents.iter().flat_map(|(_, agent)| &agent.holdings) {
            let Some(seeker) = self.seekers.get(holding.seeker) else { continue };
            let sum = sums.entry(seeker.framework_id.clone()).or_default();
            sum.0 += &holding.offered;
            sum.1 += &holding.allocated;
        }
        sums
    }

    /// Every framework in every role that it subscribes in or holds something for, by slot.
    pub fn seekers(&self) -> Vec<SeekerAccount> {
        let seekers = self.seekers.iter().map(|(slot, seeker)| SeekerAccount {
            framework: seeker.framework_id.clone(),
            role: Arc::clone(&seeker.role_name),
            held: self.quantities(self.seekers.held.row(slot)),
            is_subscribed: seeker.is_subscribed,
            is_suppressed: seeker.is_suppressed,
        });
        seekers.collect()
    }

    /// Scalars held for each role, without the roles below it.
    pub fn roles(&self) -> BTreeMap<Arc<str>, Quantities> {
        let mut sums = BTreeMap::<Arc<str>, Quantities>::new();
        for (slot, seeker) in self.seekers.iter() {
            let held = self.quantities(self.seekers.held.row(slot));
            sums.entry(Arc::clone(&seeker.role_name)).or_default().add_all(&held);
        }
        sums
    }

    /// The weight of a role in thousandths.
    pub fn weight(&self, role: &str) -> u32 {
        self.roles.weight(role)
    }

    fn quantities(&self, row: &[i64]) -> Quantities {
        let mut quantities = Quantities::new();
        for (name, &milli) in self.kinds.names().zip(row) {
            quantities.add(name, Amount::from_milli(milli));
        }
        quantities
    }
}
