//! The account itself, and what every change to it has to keep right.

use std::sync::Arc;

use mezzo_resources::{Quantities, Resources};

use crate::{
    agents::Agents,
    columns::{Kinds, push_flow, widen_flow},
    facts::LedgerConfig,
    filters::Timers,
    quotas::Quotas,
    roles::Roles,
    rounds::Rounds,
    seekers::Seekers,
};

/// The one account: free, offered and allocated resources of every agent, by framework and role.
///
/// Resources may come with or without a mark of whom they are allocated to; the mark is ignored, the
/// role is an argument.
#[derive(Clone, Debug, Default)]
pub struct Ledger {
    pub(crate) config: LedgerConfig,
    pub(crate) kinds: Kinds,
    pub(crate) agents: Agents,
    pub(crate) seekers: Seekers,
    pub(crate) roles: Roles,
    pub(crate) quotas: Quotas,
    pub(crate) timers: Timers,
    pub(crate) rounds: Rounds,
    /// Room for one row of amounts.
    scratch: Vec<i64>,
}

/// Which way amounts went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    Out,
    Back,
}

impl Ledger {
    /// An empty account.
    pub fn new(config: LedgerConfig) -> Self {
        Self { config, ..Self::default() }
    }

    pub(crate) fn holding_began(&mut self, seeker: u32) {
        if let Some(seeker) = self.seekers.get_mut(seeker) {
            seeker.holdings += 1;
        }
    }

    pub(crate) fn holding_ended(&mut self, seeker: u32) {
        if let Some(seeker) = self.seekers.get_mut(seeker) {
            seeker.holdings -= 1;
        }
        self.seekers.leave_if_idle(seeker);
    }

    /// Writes amounts that moved into the seeker's row and the next batch.
    pub(crate) fn note(&mut self, way: Way, agent: u32, seeker: u32, resources: &Resources) {
        let mut row = std::mem::take(&mut self.scratch);
        row.clear();
        row.resize(self.kinds.len(), 0);
        self.kinds.add_to(&mut row, resources);
        match way {
            Way::Out => {
                let held = self.seekers.held.row_mut(seeker).iter_mut();
                held.zip(&row).for_each(|(held, amount)| *held += amount);
                push_flow(&mut self.rounds.allocated, agent, seeker, &row);
            }
            Way::Back => {
                let held = self.seekers.held.row_mut(seeker).iter_mut();
                held.zip(&row).for_each(|(held, amount)| *held -= amount);
                push_flow(&mut self.rounds.recovered, agent, seeker, &row);
            }
        }
        self.scratch = row;
        self.rounds.bound_flows(self.agents.list.len());
    }

    /// The same for everything that is open on the agent: its row has the amounts.
    pub(crate) fn note_all_out(&mut self, agent: u32, seeker: u32) {
        let row = self.agents.open.row(agent);
        self.seekers.held.row_mut(seeker).iter_mut().zip(row).for_each(|(held, amount)| *held += amount);
        push_flow(&mut self.rounds.allocated, agent, seeker, row);
    }

    /// Writes an agent's rows anew after what is free of it changed, and has it looked at again.
    pub(crate) fn restate(&mut self, slot: u32, is_total_new: bool) {
        self.recompute(slot, is_total_new);
        self.rounds.touch_candidate(slot);
    }

    /// Writes an agent's rows anew after what is free of it changed.
    pub(crate) fn recompute(&mut self, slot: u32, is_total_new: bool) {
        self.agents.write_rows(slot, &self.kinds, is_total_new);
        let config = &self.config;
        let Some(agent) = self.agents.get_mut(slot) else { return };
        agent.is_worth_offering = is_worth(&config.min_allocatable, &agent.free);
        agent.filters.is_stale = true;
        agent.is_restated = true;
        self.rounds.touch(slot);
        self.recharge(slot);
    }

    /// Makes room for the kinds of `resources`.
    pub(crate) fn learn(&mut self, resources: &Resources) {
        let before = self.kinds.len();
        if self.kinds.learn(resources) {
            self.make_room(before);
        }
    }

    /// Makes room for these kinds.
    pub(crate) fn learn_names(&mut self, names: &[Arc<str>]) {
        let before = self.kinds.len();
        if self.kinds.learn_names(names) {
            self.make_room(before);
        }
    }

    fn make_room(&mut self, before: usize) {
        let width = self.kinds.len();
        self.agents.widen(width);
        self.seekers.held.widen(width);
        widen_flow(&mut self.rounds.allocated, before, width);
        widen_flow(&mut self.rounds.recovered, before, width);
        // A limit says of every kind whether there is one.
        let limited: Vec<u32> = self.quotas.roles().collect();
        limited.into_iter().for_each(|role| self.roles.mark_changed(role));
    }
}

/// Whether an offer of `resources` reaches one of the minimums.
pub(crate) fn is_worth(minimums: &[Quantities], resources: &Resources) -> bool {
    if resources.is_empty() {
        return false;
    }
    let amount = |name: &str| {
        resources.iter().filter(|resource| &*resource.name == name).map(|resource| resource.quantity()).sum()
    };
    let reaches = |minimum: &Quantities| minimum.iter().all(|(name, wanted)| wanted <= amount(name));
    minimums.is_empty() || minimums.iter().any(reaches)
}
