//! Agents: what each has, what is free of it and who holds the rest.

use std::{
    collections::{BTreeMap, HashMap},
    hash::{BuildHasherDefault, DefaultHasher},
};

use mezzo_model::AgentId;
use mezzo_resources::Resources;

use crate::{
    columns::{Kinds, Rows},
    facts::{AgentCapabilities, AgentFacts},
    filters::AgentFilters,
    seekers::Class,
    slots::Slots,
};

/// Looks things up by id, the same way in every run.
pub(crate) type Index<K> = HashMap<K, u32, BuildHasherDefault<DefaultHasher>>;

/// All agents by slot.
#[derive(Clone, Debug, Default)]
pub(crate) struct Agents {
    pub(crate) by_id: Index<AgentId>,
    pub(crate) list: Vec<Option<Agent>>,
    pub(crate) slots: Slots,
    /// Everything an agent has, whatever its kind.
    pub(crate) total: Rows,
    /// What is free, unreserved, and cannot be taken back.
    pub(crate) open: Rows,
    /// What is free and can be taken back.
    pub(crate) revocable: Rows,
    /// How many agents have revocable resources at all.
    pub(crate) revocable_agents: usize,
}

/// One agent: what a round looks at.
#[derive(Clone, Debug)]
pub(crate) struct Agent {
    pub(crate) id: AgentId,
    pub(crate) is_active: bool,
    /// What it asks of whoever is offered it.
    pub(crate) class: Class,
    /// Everything it has in the order of offers: what is free when nobody holds anything.
    pub(crate) whole: Resources,
    /// What nobody holds.
    pub(crate) free: Resources,
    pub(crate) holdings: Vec<Holding>,
    pub(crate) filters: AgentFilters,
    /// Whether all of it is alike for everybody: nothing reserved, revocable, shared or on a disk of
    /// its own. True of nearly every agent.
    pub(crate) is_plain: bool,
    /// Whether what somebody may have of it depends on nothing but the role.
    pub(crate) is_alike_within_roles: bool,
    /// More is held than there is, by tasks that came with the agent or since it shrank.
    pub(crate) is_overdrawn: bool,
    /// Whether what is free reaches the master's minimum; only kept for plain agents.
    pub(crate) is_worth_offering: bool,
    pub(crate) has_revocable: bool,
    /// Its row of facts changed since the last batch.
    pub(crate) is_restated: bool,
    /// The rest, out of the way.
    pub(crate) cold: Box<Cold>,
}

/// What a round hardly ever looks at.
#[derive(Clone, Debug)]
pub(crate) struct Cold {
    pub(crate) hostname: String,
    pub(crate) capabilities: AgentCapabilities,
    pub(crate) is_remote: bool,
    pub(crate) unavailable_from_ms: u64,
    /// Everything it has, in the order of its registration.
    pub(crate) total: Resources,
    /// Roles that something of it is reserved to.
    pub(crate) reserved_roles: Vec<u32>,
    /// What is consumed of quotas on it, by the slot of the role and by kind.
    pub(crate) charged: BTreeMap<u32, Vec<i64>>,
}

/// What one seeker holds of one agent.
#[derive(Clone, Debug)]
pub(crate) struct Holding {
    pub(crate) seeker: u32,
    pub(crate) offered: Resources,
    pub(crate) allocated: Resources,
}

impl Holding {
    pub(crate) fn is_empty(&self) -> bool {
        self.offered.is_empty() && self.allocated.is_empty()
    }
}

impl Agent {
    pub(crate) fn new(facts: AgentFacts, filters_gpu_agents: bool) -> Self {
        let mut agent = Self {
            id: facts.id,
            is_active: facts.is_active,
            class: Class::default(),
            whole: Resources::new(),
            free: Resources::new(),
            holdings: Vec::new(),
            filters: AgentFilters::default(),
            is_plain: true,
            is_alike_within_roles: true,
            is_overdrawn: false,
            is_worth_offering: false,
            has_revocable: false,
            is_restated: false,
            cold: Box::new(Cold {
                hostname: facts.hostname,
                capabilities: facts.capabilities,
                is_remote: facts.is_remote,
                unavailable_from_ms: facts.unavailable_from_ms,
                total: Resources::new(),
                reserved_roles: Vec::new(),
                charged: BTreeMap::new(),
            }),
        };
        agent.set_total(facts.total, filters_gpu_agents);
        agent
    }

    /// Sets what it has; what is held stays held.
    pub(crate) fn set_total(&mut self, total: Resources, filters_gpu_agents: bool) {
        let total = total.without_allocation();
        let has_gpus = total.iter().any(|resource| &*resource.name == "gpus");
        self.class = Class::new(self.cold.capabilities, self.cold.is_remote, has_gpus && filters_gpu_agents);
        self.is_plain = total.iter().all(|resource| resource.distinction.is_none());
        self.is_alike_within_roles = total.iter().all(|resource| {
            !resource.is_revocable() && !resource.is_shared() && resource.reservations().len() <= 1
        });
        self.has_revocable = total.iter().any(mezzo_resources::Resource::is_revocable);
        self.whole = total.in_offer_order();
        self.cold.total = total;
        self.recount();
    }

    /// What is free, in the order of offers.
    pub(crate) fn free_in_order(&self) -> Resources {
        if self.free.is_same_copy(&self.whole) { self.free.clone() } else { self.free.in_offer_order() }
    }

    /// Works out what is free from what is held.
    pub(crate) fn recount(&mut self) {
        // One part after the other: a port that is in two of them is in their sum only once.
        let mut parts = self.holdings.iter().flat_map(|holding| [&holding.offered, &holding.allocated]);
        let free = parts.try_fold(self.whole.clone(), |left, part| left.checked_sub(part));
        self.is_overdrawn = free.is_none();
        self.free = free.unwrap_or_else(|| self.whole.clone() - &self.held());
        self.filters.is_stale = true;
    }

    /// Everything that is held.
    pub(crate) fn held(&self) -> Resources {
        self.holdings
            .iter()
            .fold(Resources::new(), |sum, holding| sum + &holding.offered + &holding.allocated)
    }

    /// The holding of `seeker`, made when there is none; whether it was made.
    pub(crate) fn holding_mut(&mut self, seeker: u32) -> (&mut Holding, bool) {
        let found = self.holdings.iter().position(|holding| holding.seeker == seeker);
        let at = found.unwrap_or_else(|| {
            self.holdings.push(Holding { seeker, offered: Resources::new(), allocated: Resources::new() });
            self.holdings.len() - 1
        });
        (&mut self.holdings[at], found.is_none())
    }
}

impl Agents {
    pub(crate) fn find(&self, id: &AgentId) -> Option<u32> {
        self.by_id.get(id).copied()
    }

    pub(crate) fn get(&self, slot: u32) -> Option<&Agent> {
        self.list.get(slot as usize)?.as_ref()
    }

    pub(crate) fn get_mut(&mut self, slot: u32) -> Option<&mut Agent> {
        self.list.get_mut(slot as usize)?.as_mut()
    }

    /// Agents and their slots, in the order of slots.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (u32, &Agent)> {
        (0u32..).zip(&self.list).filter_map(|(slot, agent)| agent.as_ref().map(|agent| (slot, agent)))
    }

    pub(crate) fn insert(&mut self, agent: Agent) -> u32 {
        let slot = self.slots.take();
        if self.list.len() <= slot as usize {
            self.list.resize_with(slot as usize + 1, || None);
        }
        for rows in [&mut self.total, &mut self.open, &mut self.revocable] {
            rows.clear(slot);
        }
        self.by_id.insert(agent.id.clone(), slot);
        self.revocable_agents += usize::from(agent.has_revocable);
        self.list[slot as usize] = Some(agent);
        slot
    }

    pub(crate) fn remove(&mut self, slot: u32, round: u64) -> Option<Agent> {
        let agent = self.list.get_mut(slot as usize)?.take()?;
        self.by_id.remove(&agent.id);
        self.revocable_agents -= usize::from(agent.has_revocable);
        self.slots.release(slot, round);
        Some(agent)
    }

    pub(crate) fn widen(&mut self, width: usize) {
        for rows in [&mut self.total, &mut self.open, &mut self.revocable] {
            rows.widen(width);
        }
    }

    /// Writes the rows of one agent anew: `total` too when `is_total_new`.
    pub(crate) fn write_rows(&mut self, slot: u32, kinds: &Kinds, is_total_new: bool) {
        let Some(agent) = self.list.get(slot as usize).and_then(Option::as_ref) else { return };
        if is_total_new {
            self.total.clear(slot);
            self.revocable.clear(slot);
            kinds.add_to(self.total.row_mut(slot), &agent.cold.total);
        }
        let open = self.open.row_mut(slot);
        open.fill(0);
        if agent.is_plain {
            kinds.add_to(open, &agent.free);
            return;
        }
        let revocable = self.revocable.row_mut(slot);
        revocable.fill(0);
        for resource in &agent.free {
            let (Some(amount), Some(kind)) = (resource.amount(), kinds.place(&resource.name)) else {
                continue;
            };
            if resource.is_revocable() {
                revocable[kind] = revocable[kind].saturating_add(amount.milli());
            } else if resource.reservations().is_empty() {
                open[kind] = open[kind].saturating_add(amount.milli());
            }
        }
    }
}
