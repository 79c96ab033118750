//! Whether the account agrees with itself, worked out from scratch.

use std::collections::BTreeMap;

use mezzo_resources::Resources;

use crate::{Ledger, agents::Agent, ledger::is_worth, slots::place};

impl Ledger {
    /// Checks every sum, row and count against the holdings, and every mask against the rule. Slow: for
    /// tests and the simulator.
    ///
    /// # Errors
    ///
    /// The first disagreement, in words.
    pub fn audit(&self) -> Result<(), String> {
        for (slot, agent) in self.agents.iter() {
            audit_agent(agent)?;
            self.audit_rows(slot, agent)?;
            self.audit_mask(slot, agent)?;
        }
        self.audit_seekers()?;
        self.audit_quotas()?;
        self.audit_filters()
    }

    fn audit_rows(&self, slot: u32, agent: &Agent) -> Result<(), String> {
        let mut expected = [vec![0; self.kinds.len()], vec![0; self.kinds.len()], vec![0; self.kinds.len()]];
        self.kinds.add_to(&mut expected[0], &agent.cold.total);
        self.kinds.add_to(&mut expected[1], &agent.free.unreserved().non_revocable());
        self.kinds.add_to(&mut expected[2], &agent.free.revocable());
        let rows = [&self.agents.total, &self.agents.open, &self.agents.revocable].map(|rows| rows.row(slot));
        for ((row, expected), name) in rows.iter().zip(&expected).zip(["total", "open", "revocable"]) {
            if row != expected {
                return Err(format!("agent `{}`: the row `{name}` is {row:?}, not {expected:?}", agent.id));
            }
        }
        if agent.is_worth_offering != is_worth(&self.config.min_allocatable, &agent.free) {
            return Err(format!("agent `{}`: worth offering is {}", agent.id, agent.is_worth_offering));
        }
        Ok(())
    }

    fn audit_mask(&self, slot: u32, agent: &Agent) -> Result<(), String> {
        let mut fresh = agent.filters.clone();
        fresh.refresh(&agent.free);
        let stale = fresh.groups.iter().zip(&agent.filters.groups);
        if !agent.filters.is_stale && stale.into_iter().any(|(new, old)| new.is_blocking != old.is_blocking) {
            return Err(format!("agent `{}`: a filter's effect is out of date", agent.id));
        }
        if agent.filters.is_stale {
            return Ok(());
        }
        let mut mask = vec![0; self.seekers.words()];
        self.write_mask(slot, &mut mask);
        for (seeker, facts) in self.seekers.iter() {
            let (word, bit) = place(seeker);
            let verdict = self.eligible(slot, seeker);
            if (mask[word] & bit != 0) != verdict.is_ok() {
                let (framework, role) = (&facts.framework_id, &facts.role_name);
                return Err(format!("agent `{}`, `{framework}` in `{role}`: {verdict:?}", agent.id));
            }
        }
        Ok(())
    }

    fn audit_seekers(&self) -> Result<(), String> {
        let width = self.kinds.len();
        let mut held: BTreeMap<u32, (Vec<i64>, usize)> = BTreeMap::new();
        for holding in self.agents.iter().flat_map(|(_, agent)| &agent.holdings) {
            let sum = held.entry(holding.seeker).or_insert_with(|| (vec![0; width], 0));
            self.kinds.add_to(&mut sum.0, &holding.offered);
            self.kinds.add_to(&mut sum.0, &holding.allocated);
            sum.1 += 1;
        }
        let mut role_users = BTreeMap::new();
        for (slot, seeker) in self.seekers.iter() {
            let (sum, holdings) = held.remove(&slot).unwrap_or_else(|| (vec![0; width], 0));
            let name = format!("`{}` in `{}`", seeker.framework_id, seeker.role_name);
            if self.seekers.held.row(slot) != sum {
                return Err(format!("{name} is said to hold {:?}, not {sum:?}", self.seekers.held.row(slot)));
            }
            if seeker.holdings != holdings {
                return Err(format!("{name} is said to hold of {} agents, not {holdings}", seeker.holdings));
            }
            *role_users.entry(seeker.role).or_default() += 1;
        }
        if let Some(seeker) = held.keys().next() {
            return Err(format!("something is held by seeker slot {seeker}, which is not in use"));
        }
        for role in self.agents.iter().flat_map(|(_, agent)| &agent.cold.reserved_roles) {
            *role_users.entry(*role).or_default() += 1;
        }
        for role in self.quotas.roles() {
            *role_users.entry(role).or_default() += 1;
        }
        self.roles.audit(&role_users)
    }

    fn audit_filters(&self) -> Result<(), String> {
        let live: usize = self.agents.iter().map(|(_, agent)| agent.filters.len()).sum();
        if live != self.timers.live {
            return Err(format!("{} filters are counted, but there are {live}", self.timers.live));
        }
        Ok(())
    }
}

fn audit_agent(agent: &Agent) -> Result<(), String> {
    let held: Resources = agent.held();
    let all = agent.free.clone() + &held;
    if !agent.is_overdrawn && all != agent.whole {
        return Err(format!(
            "agent `{}` has {}, but {} is free and {held} is held",
            agent.id, agent.cold.total, agent.free
        ));
    }
    if agent.is_overdrawn && agent.free != agent.whole.clone() - &held {
        return Err(format!("agent `{}` is overdrawn, but {} is free", agent.id, agent.free));
    }
    if let Some(holding) = agent.holdings.iter().find(|holding| holding.is_empty()) {
        return Err(format!("agent `{}`: seeker slot {} holds nothing", agent.id, holding.seeker));
    }
    Ok(())
}
