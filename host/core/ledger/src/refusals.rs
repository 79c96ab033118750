//! Filters: set by schedulers that decline, forgotten when they end or their reason has gone.

use std::collections::BTreeMap;

use mezzo_model::{AgentId, FrameworkId, Mono};
use mezzo_resources::Resources;

use crate::Ledger;

impl Ledger {
    /// Keeps `refused`, or less, of the agent from being offered to the framework in the role until
    /// `until`. Unknown agents and frameworks are ignored.
    pub fn filter(
        &mut self,
        framework: &FrameworkId,
        role: &str,
        agent: &AgentId,
        refused: Resources,
        until: Mono,
    ) {
        let Some(slot) = self.agents.find(agent) else { return };
        let Some(seeker) = self.seekers.find(framework, role) else { return };
        let groups_max = self.config.filter_groups_per_agent_max;
        let Some(agent) = self.agents.get_mut(slot) else { return };
        let change = agent.filters.insert(seeker, refused.without_allocation(), until, groups_max);
        self.timers.live = self.timers.live.saturating_add_signed(change);
        if let Some(seeker) = self.seekers.get_mut(seeker) {
            seeker.filters += 1;
        }
        self.timers.insert(until, slot, seeker);
        if self.timers.is_littered() {
            self.rebuild_timers();
        }
        self.rounds.touch(slot);
    }

    /// When the next filter ends.
    pub fn next_expiry(&self) -> Option<Mono> {
        self.timers.next()
    }

    /// Forgets the filters that have ended by `now`; how many.
    pub fn expire_filters(&mut self, now: Mono) -> usize {
        let mut expired = 0;
        while let Some(ended) = self.timers.pop(now) {
            for (slot, seeker) in ended {
                let Some(agent) = self.agents.get_mut(slot) else { continue };
                let removed = agent.filters.remove(seeker, now);
                if removed > 0 {
                    expired += removed;
                    self.rounds.touch_candidate(slot);
                }
            }
        }
        self.timers.live = self.timers.live.saturating_sub(expired);
        expired
    }

    pub(crate) fn drop_agent_filters(&mut self, slot: u32) {
        let Some(agent) = self.agents.get_mut(slot) else { return };
        let filters = std::mem::take(&mut agent.filters);
        self.timers.live = self.timers.live.saturating_sub(filters.len());
        self.rounds.touch_candidate(slot);
    }

    pub(crate) fn drop_seeker_filters(&mut self, seeker_slot: u32) {
        let Some(seeker) = self.seekers.get_mut(seeker_slot).filter(|seeker| seeker.filters > 0) else {
            return;
        };
        seeker.filters = 0;
        for slot in (0u32..).take(self.agents.list.len()) {
            let Some(agent) = self.agents.get_mut(slot) else { continue };
            let removed = agent.filters.remove(seeker_slot, Mono(u64::MAX));
            if removed > 0 {
                self.timers.live = self.timers.live.saturating_sub(removed);
                self.rounds.touch_candidate(slot);
            }
        }
    }

    fn rebuild_timers(&mut self) {
        self.timers.clear();
        for (slot, agent) in self.agents.iter() {
            for &(seeker, until) in agent.filters.groups.iter().flat_map(|group| group.entries()) {
                self.timers.insert(until, slot, seeker);
            }
        }
    }

    /// How many filters there are for each role.
    pub fn filters_by_role(&self) -> BTreeMap<String, usize> {
        let mut counts = BTreeMap::new();
        let groups = self.agents.iter().flat_map(|(_, agent)| &agent.filters.groups);
        for &(seeker, _) in groups.flat_map(|group| group.entries()) {
            if let Some(seeker) = self.seekers.get(seeker) {
                *counts.entry(seeker.role_name.to_string()).or_default() += 1;
            }
        }
        counts
    }
}
