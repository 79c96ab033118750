//! Who is in the account: agents with their totals, frameworks with their roles.

use mezzo_model::{AgentId, FrameworkId};
use mezzo_resources::Resources;

use crate::{
    Ledger,
    agents::Agent,
    facts::{AgentFacts, FrameworkFacts},
    ledger::Way,
    seekers::Seeker,
};

/// Agents.
impl Ledger {
    /// Puts an agent in; one that is there already gets the new facts and keeps what is held of it, and
    /// its filters unless it has other resources now.
    pub fn add_agent(&mut self, facts: AgentFacts) {
        let Some(slot) = self.agents.find(&facts.id) else {
            self.learn(&facts.total);
            let slot = self.agents.insert(Agent::new(facts, self.config.filters_gpu_agents));
            self.take_reservations(slot);
            self.restate(slot, true);
            return;
        };
        if let Some(agent) = self.agents.get_mut(slot) {
            agent.is_active = facts.is_active;
            agent.cold.hostname = facts.hostname;
            agent.cold.capabilities = facts.capabilities;
            agent.cold.is_remote = facts.is_remote;
            agent.cold.unavailable_from_ms = facts.unavailable_from_ms;
        }
        self.set_total(slot, facts.total);
    }

    /// Whether the agent may be offered; what is held of it stays held.
    pub fn set_agent_active(&mut self, id: &AgentId, is_active: bool) {
        let Some(slot) = self.agents.find(id) else { return };
        let Some(agent) = self.agents.get_mut(slot).filter(|agent| agent.is_active != is_active) else {
            return;
        };
        agent.is_active = is_active;
        self.restate(slot, false);
    }

    /// From when the agent is planned to be away, in milliseconds since 1970; `u64::MAX` for never.
    pub fn set_agent_unavailable(&mut self, id: &AgentId, from_ms: u64) {
        let Some(slot) = self.agents.find(id) else { return };
        if let Some(agent) = self.agents.get_mut(slot) {
            agent.cold.unavailable_from_ms = from_ms;
        }
        self.restate(slot, false);
    }

    /// Sets what the agent has; what is held of it stays held. Filters on it are forgotten if that is a
    /// change.
    pub fn update_agent_total(&mut self, id: &AgentId, total: Resources) {
        if let Some(slot) = self.agents.find(id) {
            self.set_total(slot, total);
        }
    }

    /// Takes an agent out, and with it everything that is held of it.
    pub fn remove_agent(&mut self, id: &AgentId) {
        let Some(slot) = self.agents.find(id) else { return };
        self.drop_agent_filters(slot);
        self.leave_reservations(slot);
        let round = self.rounds.next_round();
        let Some(agent) = self.agents.remove(slot, round) else { return };
        self.discharge(&agent.cold.charged);
        for holding in agent.holdings {
            self.note(Way::Back, slot, holding.seeker, &(holding.offered + &holding.allocated));
            self.holding_ended(holding.seeker);
        }
        self.rounds.agent_left(slot);
    }

    fn set_total(&mut self, slot: u32, total: Resources) {
        self.learn(&total);
        if self.agents.get(slot).is_some_and(|agent| agent.cold.total != total.without_allocation()) {
            self.drop_agent_filters(slot);
        }
        self.replace_total(slot, total);
        self.restate(slot, true);
    }

    /// The same without a word to anybody; what is free is counted anew.
    pub(crate) fn replace_total(&mut self, slot: u32, total: Resources) {
        self.leave_reservations(slot);
        if let Some(agent) = self.agents.get_mut(slot) {
            let had_revocable = agent.has_revocable;
            agent.set_total(total, self.config.filters_gpu_agents);
            let has_revocable = agent.has_revocable;
            self.agents.revocable_agents += usize::from(has_revocable);
            self.agents.revocable_agents -= usize::from(had_revocable);
        }
        self.take_reservations(slot);
    }

    /// Roles exist as long as something is reserved to them.
    fn take_reservations(&mut self, slot: u32) {
        let Some(agent) = self.agents.get_mut(slot) else { return };
        let mut names: Vec<&str> =
            agent.cold.total.iter().filter_map(|resource| resource.reserved_to()).collect();
        names.sort_unstable();
        names.dedup();
        let slots = names.into_iter().map(|name| self.roles.acquire(name)).collect();
        agent.cold.reserved_roles = slots;
    }

    fn leave_reservations(&mut self, slot: u32) {
        let round = self.rounds.next_round();
        let Some(agent) = self.agents.get_mut(slot) else { return };
        for role in std::mem::take(&mut agent.cold.reserved_roles) {
            self.roles.release(role, round);
        }
    }
}

/// Frameworks.
impl Ledger {
    /// Puts a framework in; one that is there already is updated.
    pub fn add_framework(&mut self, facts: FrameworkFacts) {
        self.update_framework(facts);
    }

    /// Sets the facts of a framework. Roles that it leaves give up their filters but keep what they
    /// hold; roles that are no longer suppressed lose their filters.
    pub fn update_framework(&mut self, facts: FrameworkFacts) {
        let framework_slot = self.seekers.framework_slot(&facts.id);
        let mut touched = Vec::new();
        let mut capabilities_changed = false;
        if let Some(framework) = self.seekers.framework_mut(framework_slot) {
            capabilities_changed = framework.capabilities != facts.capabilities;
            framework.capabilities = facts.capabilities;
            framework.is_active = facts.is_active;
            framework.is_registered = true;
            touched.clone_from(&framework.seekers);
        }
        for &seeker in &touched {
            self.update_seeker(seeker, &facts, capabilities_changed);
        }
        for role in &facts.roles {
            if self.seekers.find(&facts.id, role).is_none() {
                let seeker = self.new_seeker(&facts.id, role);
                self.update_seeker(seeker, &facts, false);
                touched.push(seeker);
            }
        }
        self.seekers.rebase(&touched);
        self.rounds.reconsider_everything();
        if capabilities_changed {
            self.rounds.recheck_masks();
        }
    }

    fn update_seeker(&mut self, slot: u32, facts: &FrameworkFacts, capabilities_changed: bool) {
        let Some(seeker) = self.seekers.get_mut(slot) else { return };
        let is_subscribed = facts.roles.iter().any(|role| **role == *seeker.role_name);
        let is_suppressed = facts.suppressed_roles.iter().any(|role| **role == *seeker.role_name);
        let min_allocatable = facts.min_allocatable.get(&*seeker.role_name).cloned();
        let loses_filters = !is_subscribed || (seeker.is_suppressed && !is_suppressed);
        let has_other_minimum = seeker.min_allocatable != min_allocatable;
        seeker.is_subscribed = is_subscribed;
        seeker.is_suppressed = is_suppressed;
        seeker.capabilities = facts.capabilities;
        seeker.min_allocatable = min_allocatable;
        if capabilities_changed {
            self.seekers.changed.set(slot, true);
        }
        if has_other_minimum {
            self.rounds.recheck_masks();
        }
        if loses_filters {
            self.drop_seeker_filters(slot);
        }
        self.seekers.leave_if_idle(slot);
    }

    pub(crate) fn new_seeker(&mut self, id: &FrameworkId, role: &str) -> u32 {
        let framework = self.seekers.framework_slot(id);
        let capabilities = self.seekers.framework(framework).map_or(0, |framework| framework.capabilities);
        let role_slot = self.roles.acquire(role);
        let role_name = self.roles.name(role_slot).cloned().unwrap_or_else(|| role.into());
        self.seekers.insert(Seeker {
            framework,
            framework_id: id.clone(),
            role: role_slot,
            role_name,
            capabilities,
            is_subscribed: false,
            is_suppressed: false,
            holdings: 0,
            filters: 0,
            min_allocatable: None,
        })
    }

    /// Whether offers reach the framework. One that comes back is looked at anew, its filters forgotten.
    pub fn set_framework_active(&mut self, id: &FrameworkId, is_active: bool) {
        let Some(slot) = self.seekers.find_framework(id) else { return };
        let Some(framework) = self.seekers.framework_mut(slot) else { return };
        if framework.is_active == is_active {
            return;
        }
        framework.is_active = is_active;
        let seekers = framework.seekers.clone();
        if is_active {
            seekers.iter().for_each(|&seeker| self.drop_seeker_filters(seeker));
            self.rounds.reconsider_everything();
        }
        self.seekers.rebase(&seekers);
    }

    /// Takes a framework out. What it still holds stays accounted to it until it is released.
    pub fn remove_framework(&mut self, id: &FrameworkId) {
        let Some(slot) = self.seekers.find_framework(id) else { return };
        let Some(framework) = self.seekers.framework_mut(slot) else { return };
        framework.is_active = false;
        framework.is_registered = false;
        let seekers = framework.seekers.clone();
        for &seeker in &seekers {
            if let Some(seeker) = self.seekers.get_mut(seeker) {
                seeker.is_subscribed = false;
            }
            self.drop_seeker_filters(seeker);
            self.seekers.leave_if_idle(seeker);
        }
        self.seekers.rebase(&seekers);
        if seekers.is_empty() {
            self.forget_framework(slot);
        }
    }

    pub(crate) fn forget_framework(&mut self, slot: u32) {
        let is_idle =
            |framework: &&crate::seekers::Framework| !framework.is_registered && framework.seekers.is_empty();
        let Some(framework) = self.seekers.framework(slot).filter(is_idle) else { return };
        let id = framework.id.clone();
        self.seekers.by_id.remove(&id);
        self.seekers.frameworks[slot as usize] = None;
        let round = self.rounds.next_round();
        self.seekers.framework_slots.release(slot, round);
    }

    /// The framework wants no offers for `roles`, all of its roles when empty.
    pub fn suppress(&mut self, id: &FrameworkId, roles: &[String]) {
        for slot in self.seekers_of(id, roles) {
            if let Some(seeker) = self.seekers.get_mut(slot) {
                seeker.is_suppressed = true;
            }
            self.seekers.rebase(&[slot]);
        }
    }

    /// The framework wants offers for `roles` again, all of its roles when empty; its filters there are
    /// forgotten.
    pub fn revive(&mut self, id: &FrameworkId, roles: &[String]) {
        for slot in self.seekers_of(id, roles) {
            if let Some(seeker) = self.seekers.get_mut(slot) {
                seeker.is_suppressed = false;
            }
            self.drop_seeker_filters(slot);
            self.seekers.rebase(&[slot]);
            self.rounds.reconsider_everything();
        }
    }

    fn seekers_of(&self, id: &FrameworkId, roles: &[String]) -> Vec<u32> {
        let framework = self.seekers.find_framework(id).and_then(|slot| self.seekers.framework(slot));
        let Some(framework) = framework else { return Vec::new() };
        let is_meant = |slot: &u32| {
            let is_named = |seeker: &Seeker| roles.iter().any(|role| **role == *seeker.role_name);
            roles.is_empty() || self.seekers.get(*slot).is_some_and(is_named)
        };
        framework.seekers.iter().copied().filter(is_meant).collect()
    }

    /// The weight of a role in thousandths, 1000 for one that nobody gave a weight.
    pub fn set_weight(&mut self, role: &str, weight_milli: u32) {
        self.roles.set_weight(role, weight_milli);
    }
}
