//! Weighted dominant resource fairness over a tree of roles.
//!
//! Each agent in turn goes, with all that is open on it, to the first eligible seeker in order.
//! The order is that of a walk through the tree of roles in which the children of a node stand in
//! ascending order of their share: the largest, over the kinds, of what the node holds to what the
//! cluster has, divided by the node's weight. Ties go to whoever was given something less often,
//! then by name. What a seeker was offered counts as held, at once.
//!
//! Three parts: [`agents`] is what is known of agents, [`tree`] keeps the order, [`Policy`] brings
//! batches to both and walks. Nothing is sorted again for an agent: a grant moves the nodes it
//! touches to their new places.
//!
//! Where there are quotas, a step has two rounds over its agents: in the first only roles that have
//! less than they are guaranteed are given anything, in the second everybody, up to limits and without
//! what others are still guaranteed ([`quota`]).

pub mod agents;
mod capped;
pub mod quota;
pub mod tree;

use crate::facts::{Batch, Flow, Grants, Proposal, StepError};
use agents::Agents;
use quota::Quotas;
use tree::Tree;

/// `REVOCABLE_RESOURCES` of `FrameworkInfo.Capability.Type`.
const CAPABILITY_REVOCABLE: u32 = 1;

/// The allocator's model of the cluster, kept from round to round.
#[derive(Debug, Default)]
pub struct Policy {
    kinds: usize,
    agents: Agents,
    tree: Tree,
    quotas: Quotas,
    /// Amounts of one grant; kept for its room.
    scratch: Vec<i64>,
}

impl Policy {
    /// A policy that knows nothing; its first batch should be a resync.
    pub fn new() -> Self {
        Self::default()
    }

    /// Answers one batch.
    ///
    /// # Errors
    ///
    /// When columns that belong together have different lengths, or a slot is absurdly large.
    /// Milder contradictions make the proposal ask for a resync.
    pub fn step(&mut self, batch: &Batch) -> Result<Proposal, StepError> {
        if batch.resync {
            *self = Self::new();
        }
        let has_drifted = self.apply(batch).inspect_err(|_| *self = Self::new())?;
        let order = self.agents.to_consider(batch);
        let grants =
            if self.quotas.is_empty() { self.grant(&order) } else { self.grant_under_quotas(&order) };
        self.tree.forget_tentative();
        // After a resync there is nothing better to be had, so asking again would never end.
        Ok(Proposal { round: batch.round, grants, wants_resync: has_drifted && !batch.resync })
    }

    /// Takes over the facts of a batch; says whether they contradict what was known.
    fn apply(&mut self, batch: &Batch) -> Result<bool, StepError> {
        if batch.kinds.len() > self.kinds {
            self.kinds = batch.kinds.len();
            self.agents.set_kinds(self.kinds);
            self.tree.set_kinds(self.kinds);
        }
        let mut has_drifted = false;
        for row in &batch.roles {
            self.tree.set_role(row)?;
            self.quotas.set_role(row);
        }
        for role in &batch.roles_removed {
            self.tree.remove_role(*role);
            self.quotas.remove_role(*role);
        }
        for row in &batch.seekers {
            if self.tree.set_seeker(row)? {
                self.agents.admit_everywhere(row.seeker);
            }
        }
        for seeker in &batch.seekers_removed {
            self.tree.remove_seeker(*seeker);
        }
        self.agents.apply(batch)?;
        has_drifted |= self.move_amounts(&batch.allocated, true)?;
        has_drifted |= self.move_amounts(&batch.recovered, false)?;
        self.tree.refresh(self.agents.cluster_total());
        has_drifted |= self.differs_from(&batch.role_totals)?;
        Ok(has_drifted)
    }

    fn move_amounts(&mut self, flow: &Flow, is_given: bool) -> Result<bool, StepError> {
        check_flow("allocated or recovered", flow, self.kinds)?;
        let mut has_drifted = false;
        let rows = flow.amounts.chunks_exact(self.kinds.max(1));
        for (seeker, amounts) in flow.seeker.iter().zip(rows) {
            has_drifted |= !self.tree.hold(*seeker, amounts, is_given);
        }
        Ok(has_drifted)
    }

    fn differs_from(&self, totals: &Flow) -> Result<bool, StepError> {
        check_flow("role_totals", totals, self.kinds)?;
        let mut rows = totals.agent.iter().zip(totals.amounts.chunks_exact(self.kinds.max(1)));
        Ok(rows.any(|(role, amounts)| !self.tree.role_holds(*role, amounts)))
    }

    fn grant(&mut self, order: &[u32]) -> Grants {
        let mut grants = Grants {
            agent: Vec::with_capacity(order.len()),
            seeker: Vec::with_capacity(order.len()),
            cap: Vec::new(),
        };
        for &agent in order {
            if self.agents.has_extras(agent) {
                self.grant_with_extras(agent, &mut grants);
            } else if let Some(open) = self.agents.open_if_any(agent)
                && let Some(seeker) = self.tree.first(self.agents.mask(agent))
            {
                self.tree.charge_first(seeker, open);
                grants.agent.push(agent);
                grants.seeker.push(seeker);
            }
        }
        grants
    }

    /// An agent with reservations or revocable resources: what the first seeker cannot have goes
    /// to others.
    fn grant_with_extras(&mut self, agent: u32, grants: &mut Grants) {
        let mask = self.agents.mask(agent);
        let mut open = self.agents.open_if_any(agent);
        let mut revocable = self.agents.revocable_if_any(agent);
        let mut reserved: Vec<&agents::Reserved> = self.agents.reserved(agent).iter().collect();
        loop {
            let seeker = if open.is_some() {
                self.tree.first(mask)
            } else {
                let for_revocable =
                    revocable.and_then(|_| self.tree.first_capable(mask, CAPABILITY_REVOCABLE));
                let for_reserved = reserved.iter().filter_map(|held| self.tree.first_below(held.role, mask));
                for_reserved.chain(for_revocable).reduce(|one, other| self.tree.earlier(one, other))
            };
            let Some(seeker) = seeker else { return };
            self.scratch.clear();
            self.scratch.resize(self.kinds, 0);
            add(&mut self.scratch, open.take());
            if self.tree.is_capable(seeker, CAPABILITY_REVOCABLE) {
                add(&mut self.scratch, revocable.take());
            }
            reserved.retain(|held| {
                let is_usable = self.tree.is_below(seeker, held.role);
                if is_usable {
                    add(&mut self.scratch, Some(&held.amounts));
                }
                !is_usable
            });
            self.tree.charge(seeker, &self.scratch);
            grants.agent.push(agent);
            grants.seeker.push(seeker);
        }
    }
}

fn add(sum: &mut [i64], amounts: Option<&[i64]>) {
    for (sum, amount) in sum.iter_mut().zip(amounts.unwrap_or_default()) {
        *sum = sum.wrapping_add(*amount);
    }
}

fn check_flow(name: &str, flow: &Flow, kinds: usize) -> Result<(), StepError> {
    check_length(name, "seeker", flow.seeker.len(), flow.agent.len())?;
    check_length(name, "amounts", flow.amounts.len(), flow.agent.len() * kinds)
}

fn check_length(table: &str, column: &str, found: usize, wanted: usize) -> Result<(), StepError> {
    if found == wanted {
        return Ok(());
    }
    Err(StepError::Inconsistent(format!(
        "`{table}` has {found} entries in column `{column}` where {wanted} belong"
    )))
}

/// Slots are small numbers; one beyond this is a mistake that would cost gigabytes.
const SLOT_MAX: u32 = 1 << 22;

fn check_slot(what: &str, slot: u32) -> Result<usize, StepError> {
    if slot < SLOT_MAX {
        return Ok(slot as usize);
    }
    Err(StepError::Inconsistent(format!("slot {slot} of {what} is out of bounds")))
}

#[cfg(test)]
mod tests;
