//! Quotas: what a role and those below it are guaranteed and may have at most, and what they consume.
//!
//! What a role consumes is what is reserved to it or to a role below it, in use or not, and what else
//! of unreserved resources is offered or allocated there; what can be taken back never counts
//! (spec 03 §3). Each agent keeps its own part of that, so that a change on one agent costs no look at
//! the others.

use std::{collections::BTreeMap, sync::Arc};

use mezzo_resources::{Amount, Quantities, Resources, Value};
use mezzo_slots::RoleRow;

use crate::{Ledger, agents::Agent, columns::Kinds};

/// What is set for a role at the top, for all below it together.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Quota {
    /// What it can count on.
    pub guarantees: Quantities,
    /// The most that it may have, of each name that is limited.
    pub limits: BTreeMap<Arc<str>, Amount>,
}

impl Quota {
    /// Whether a role may have `quantities`.
    pub fn allows(&self, quantities: &Quantities) -> bool {
        self.limits.iter().all(|(name, limit)| quantities.get(name) <= *limit)
    }
}

/// Quotas by the slot of their role, each with what is consumed of it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Quotas {
    by_role: BTreeMap<u32, Consumption>,
}

#[derive(Clone, Debug)]
struct Consumption {
    quota: Quota,
    /// By kind; kinds that are newer than the last change are missing.
    consumed: Vec<i64>,
}

impl Quotas {
    pub(crate) fn is_empty(&self) -> bool {
        self.by_role.is_empty()
    }

    pub(crate) fn roles(&self) -> impl Iterator<Item = u32> + '_ {
        self.by_role.keys().copied()
    }

    /// Writes what the plugin is told of the role's quota into its row.
    pub(crate) fn fill(&self, row: &mut RoleRow, kinds: &Kinds) {
        let Some(Consumption { quota, consumed }) = self.by_role.get(&row.role) else { return };
        row.guarantee = kinds.names().map(|name| quota.guarantees.get(name).milli()).collect();
        row.limit =
            kinds.names().map(|name| quota.limits.get(name).map_or(-1, |limit| limit.milli())).collect();
        row.consumed = consumed.clone();
        row.consumed.resize(kinds.len(), 0);
    }
}

impl Ledger {
    /// Sets the quota of a role at the top, or takes it away. What is held stays held.
    pub fn set_quota(&mut self, role: &str, quota: Option<Quota>) {
        let known = self.roles.find(role).filter(|slot| self.quotas.by_role.contains_key(slot));
        match (known, quota) {
            (None, None) => return,
            (Some(slot), None) => {
                self.quotas.by_role.remove(&slot);
                self.roles.mark_changed(slot);
                self.roles.release(slot, self.rounds.next_round());
            }
            (known, Some(quota)) => {
                let slot = known.unwrap_or_else(|| self.roles.acquire(role));
                let names = quota.guarantees.names().chain(quota.limits.keys());
                let names: Vec<Arc<str>> = names.cloned().collect();
                self.learn_names(&names);
                self.quotas.by_role.insert(slot, Consumption { quota, consumed: Vec::new() });
                self.roles.mark_changed(slot);
            }
        }
        self.recharge_everything();
        self.rounds.reconsider_everything();
    }

    /// What the role and those below it consume of a quota, whether it has one or not: reserved or
    /// allocated, and besides offered. Looks at every agent.
    pub fn consumption(&self, role: &str) -> (Quantities, Quantities) {
        let mut sums = (Quantities::new(), Quantities::new());
        let is_within = |name: &str| mezzo_resources::roles::is_same_or_descendant(name, role);
        for (_, agent) in self.agents.iter() {
            for (name, reserved) in agent.cold.total.reservations() {
                if is_within(&name) {
                    sums.0.add_all(&reserved.non_revocable().scalars());
                }
            }
            for holding in &agent.holdings {
                if self.seekers.get(holding.seeker).is_some_and(|seeker| is_within(&seeker.role_name)) {
                    sums.0.add_all(&counted(&holding.allocated).scalars());
                    sums.1.add_all(&counted(&holding.offered).scalars());
                }
            }
        }
        sums
    }

    /// Scalars of all agents in the account that cannot be taken back.
    pub fn capacity(&self) -> Quantities {
        let mut sum = Quantities::new();
        for (_, agent) in self.agents.iter() {
            sum.add_all(&agent.cold.total.non_revocable().scalars());
        }
        sum
    }

    /// What the limit that the role lies under leaves of an offer: unreserved scalars are cut, or left
    /// out where they cannot be divided; what is reserved or can be taken back is not touched. Nothing
    /// when there is no limit.
    pub(crate) fn limited(&self, role: u32, offer: &Resources) -> Option<Resources> {
        if self.quotas.is_empty() {
            return None;
        }
        let Consumption { quota, consumed } = self.quotas.by_role.get(&self.roles.top(role))?;
        if quota.limits.is_empty() {
            return None;
        }
        let left = |(name, limit): (&Arc<str>, &Amount)| {
            let used = self.kinds.place(name).and_then(|kind| consumed.get(kind)).copied().unwrap_or(0);
            (Arc::clone(name), (limit.milli() - used).max(0))
        };
        Some(cut(offer, quota.limits.iter().map(left).collect()))
    }

    /// Brings the agent's part of what quotas are consumed up to date.
    pub(crate) fn recharge(&mut self, slot: u32) {
        if self.quotas.is_empty() {
            return;
        }
        let now = self.agents.get(slot).map(|agent| self.charges(agent)).unwrap_or_default();
        let Some(agent) = self.agents.get_mut(slot) else { return };
        if agent.cold.charged == now {
            return;
        }
        let before = std::mem::replace(&mut agent.cold.charged, now.clone());
        self.charge(&before, -1);
        self.charge(&now, 1);
    }

    /// Takes off what an agent that leaves has consumed.
    pub(crate) fn discharge(&mut self, charged: &BTreeMap<u32, Vec<i64>>) {
        self.charge(charged, -1);
    }

    fn charge(&mut self, charged: &BTreeMap<u32, Vec<i64>>, sign: i64) {
        for (role, amounts) in charged {
            let Some(entry) = self.quotas.by_role.get_mut(role) else { continue };
            if entry.consumed.len() < amounts.len() {
                entry.consumed.resize(amounts.len(), 0);
            }
            entry.consumed.iter_mut().zip(amounts).for_each(|(sum, amount)| *sum += sign * amount);
            self.roles.mark_changed(*role);
        }
    }

    fn recharge_everything(&mut self) {
        self.quotas.by_role.values_mut().for_each(|entry| entry.consumed.clear());
        for slot in (0u32..).take(self.agents.list.len()) {
            if let Some(agent) = self.agents.get_mut(slot) {
                agent.cold.charged.clear();
                self.recharge(slot);
            }
        }
    }

    /// What is consumed of each quota on the agent, by kind.
    fn charges(&self, agent: &Agent) -> BTreeMap<u32, Vec<i64>> {
        let mut charges = BTreeMap::<u32, Vec<i64>>::new();
        let mut add = |role: u32, resources: &Resources| {
            let top = self.roles.top(role);
            if self.quotas.by_role.contains_key(&top) {
                let row = charges.entry(top).or_insert_with(|| vec![0; self.kinds.len()]);
                self.kinds.add_to(row, resources);
            }
        };
        for holding in &agent.holdings {
            if let Some(seeker) = self.seekers.get(holding.seeker) {
                add(seeker.role, &counted(&holding.offered));
                add(seeker.role, &counted(&holding.allocated));
            }
        }
        for &role in &agent.cold.reserved_roles {
            if let Some(name) = self.roles.name(role) {
                add(role, &agent.cold.total.reserved(Some(name)).non_revocable());
            }
        }
        charges
    }

    /// That what is said to be consumed is what agents consume.
    pub(crate) fn audit_quotas(&self) -> Result<(), String> {
        let mut sums: BTreeMap<u32, Vec<i64>> = BTreeMap::new();
        for (_, agent) in self.agents.iter() {
            for (role, row) in self.charges(agent) {
                let sum = sums.entry(role).or_insert_with(|| vec![0; self.kinds.len()]);
                sum.iter_mut().zip(row).for_each(|(sum, amount)| *sum += amount);
            }
        }
        for (role, entry) in &self.quotas.by_role {
            let mut expected = sums.remove(role).unwrap_or_default();
            let mut consumed = entry.consumed.clone();
            expected.resize(self.kinds.len(), 0);
            consumed.resize(self.kinds.len(), 0);
            if consumed != expected {
                let name = self.roles.name(*role);
                return Err(format!("role {name:?} is said to consume {consumed:?}, not {expected:?}"));
            }
        }
        Ok(())
    }
}

/// What of held resources counts towards a quota; reservations count whether they are held or not.
fn counted(held: &Resources) -> Resources {
    held.unreserved().non_revocable()
}

fn cut(offer: &Resources, mut left: BTreeMap<Arc<str>, i64>) -> Resources {
    let kept = offer.iter().filter_map(|resource| {
        let mut resource = resource.clone();
        if !resource.reservations().is_empty() || resource.is_revocable() {
            return Some(resource);
        }
        let is_indivisible = resource.is_indivisible() || resource.is_shared();
        if let (Value::Scalar(amount), Some(left)) = (&mut resource.value, left.get_mut(&resource.name)) {
            if is_indivisible && amount.milli() > *left {
                return None;
            }
            let given = amount.milli().min(*left);
            *left -= given;
            *amount = Amount::from_milli(given);
        }
        Some(resource)
    });
    kept.collect()
}
