//! What is known of agents: amounts, reservations, who is eligible.
//!
//! Columns indexed by slot. The host's word replaces what was known; nothing here depends on what
//! the policy proposed.

use super::{check_flow, check_length, check_slot};
use crate::facts::{Batch, StepError};

/// An unused reservation on one agent.
#[derive(Clone, Debug, PartialEq)]
pub struct Reserved {
    /// The role that it is for; roles below may use it, too.
    pub role: u32,
    /// One amount per kind.
    pub amounts: Vec<i64>,
}

/// All agents, by slot.
#[derive(Debug, Default)]
pub struct Agents {
    kinds: usize,
    is_known: Vec<bool>,
    total: Vec<i64>,
    open: Vec<i64>,
    /// Empty until some agent has revocable resources.
    revocable: Vec<i64>,
    reserved: Vec<Vec<Reserved>>,
    has_extras: Vec<bool>,
    /// Words per row of `masks`.
    words: usize,
    masks: Vec<u64>,
    cluster_total: Vec<i64>,
    /// Which slots the present step has looked at.
    is_seen: Vec<bool>,
}

impl Agents {
    /// Widens every row of amounts with zeros.
    pub fn set_kinds(&mut self, kinds: usize) {
        widen(&mut self.total, self.kinds, kinds);
        widen(&mut self.open, self.kinds, kinds);
        widen(&mut self.revocable, self.kinds, kinds);
        for held in self.reserved.iter_mut().flatten() {
            held.amounts.resize(kinds, 0);
        }
        let slots = self.is_known.len();
        self.total.resize(slots * kinds, 0);
        self.open.resize(slots * kinds, 0);
        self.cluster_total.resize(kinds, 0);
        self.kinds = kinds;
    }

    /// Takes over what a batch says of agents.
    pub fn apply(&mut self, batch: &Batch) -> Result<(), StepError> {
        for agent in &batch.agents_removed {
            self.remove(*agent);
        }
        self.set_facts(batch)?;
        self.set_reservations(batch)?;
        self.set_masks(batch)
    }

    /// A new seeker may have every agent that is known.
    pub fn admit_everywhere(&mut self, seeker: u32) {
        let word = seeker as usize / 64;
        self.set_words(word + 1);
        for row in self.masks.chunks_exact_mut(self.words) {
            row[word] |= 1 << (seeker % 64);
        }
    }

    /// What the cluster has, one amount per kind.
    pub fn cluster_total(&self) -> &[i64] {
        &self.cluster_total
    }

    /// What is open on all agents together, one amount per kind.
    pub fn open_in_all(&self) -> Vec<i64> {
        let mut sum = vec![0_i64; self.kinds];
        for (slot, _) in self.is_known.iter().enumerate().filter(|(_, is_known)| **is_known) {
            let row = &self.open[slot * self.kinds..][..self.kinds];
            sum.iter_mut().zip(row).for_each(|(sum, amount)| *sum = sum.wrapping_add(*amount));
        }
        sum
    }

    /// The seekers that may be granted `agent`: bit `s % 64` of word `s / 64`.
    pub fn mask(&self, agent: u32) -> &[u64] {
        &self.masks[agent as usize * self.words..][..self.words]
    }

    /// Whether anything besides open resources may be had on `agent`.
    pub fn has_extras(&self, agent: u32) -> bool {
        self.has_extras[agent as usize]
    }

    /// What is open on `agent`, unless it is nothing.
    pub fn open_if_any(&self, agent: u32) -> Option<&[i64]> {
        some_if_any(&self.open[agent as usize * self.kinds..][..self.kinds])
    }

    /// What is revocable on `agent`, unless it is nothing.
    pub fn revocable_if_any(&self, agent: u32) -> Option<&[i64]> {
        some_if_any(self.revocable.get(agent as usize * self.kinds..)?.get(..self.kinds)?)
    }

    /// The unused reservations on `agent`.
    pub fn reserved(&self, agent: u32) -> &[Reserved] {
        &self.reserved[agent as usize]
    }

    /// The agents that a batch wants looked at, each once, in order.
    pub fn to_consider(&mut self, batch: &Batch) -> Vec<u32> {
        let mut order = Vec::with_capacity(batch.consider.len());
        self.is_seen.clear();
        self.is_seen.resize(self.is_known.len(), false);
        for &agent in &batch.consider {
            let Some(is_seen) = self.is_seen.get_mut(agent as usize) else { continue };
            if self.is_known[agent as usize] && !std::mem::replace(is_seen, true) {
                order.push(agent);
            }
        }
        if batch.consider_all {
            let all = self.is_known.iter().zip(&self.is_seen).enumerate();
            let mut others: Vec<u32> =
                all.filter(|(_, (known, seen))| **known && !**seen).map(|(slot, _)| slot as u32).collect();
            if !others.is_empty() {
                let first = (batch.seed % others.len() as u64) as usize;
                others.rotate_left(first);
            }
            order.extend(others);
        }
        order
    }

    fn remove(&mut self, agent: u32) {
        let slot = agent as usize;
        if self.is_known.get(slot) != Some(&true) {
            return;
        }
        let row = slot * self.kinds..(slot + 1) * self.kinds;
        for (sum, amount) in self.cluster_total.iter_mut().zip(&mut self.total[row.clone()]) {
            *sum = sum.wrapping_sub(std::mem::take(amount));
        }
        self.open[row].fill(0);
        self.is_known[slot] = false;
        self.has_extras[slot] = false;
        self.reserved[slot].clear();
        self.masks[slot * self.words..(slot + 1) * self.words].fill(0);
    }

    fn set_facts(&mut self, batch: &Batch) -> Result<(), StepError> {
        let columns = &batch.agents;
        let amounts = columns.agent.len() * self.kinds;
        check_length("agents", "total", columns.total.len(), amounts)?;
        check_length("agents", "open", columns.open.len(), amounts)?;
        if !columns.revocable.is_empty() {
            check_length("agents", "revocable", columns.revocable.len(), amounts)?;
        }
        if let Some(last) = columns.agent.iter().max() {
            self.make_room(check_slot("an agent", *last)? + 1);
        }
        if !columns.revocable.is_empty() && self.revocable.is_empty() {
            self.revocable.resize(self.open.len(), 0);
        }
        for (row, &agent) in columns.agent.iter().enumerate() {
            let slot = agent as usize;
            let theirs = row * self.kinds..(row + 1) * self.kinds;
            let ours = slot * self.kinds..(slot + 1) * self.kinds;
            let was = self.total[ours.clone()].iter().zip(&columns.total[theirs.clone()]);
            for (sum, (was, is)) in self.cluster_total.iter_mut().zip(was) {
                *sum = sum.wrapping_sub(*was).wrapping_add(*is);
            }
            self.total[ours.clone()].copy_from_slice(&columns.total[theirs.clone()]);
            self.open[ours.clone()].copy_from_slice(&columns.open[theirs.clone()]);
            self.has_extras[slot] = false;
            if !self.revocable.is_empty() {
                let known = &mut self.revocable[ours];
                match columns.revocable.get(theirs) {
                    Some(row) => known.copy_from_slice(row),
                    None => known.fill(0),
                }
                self.has_extras[slot] = known.iter().any(|amount| *amount > 0);
            }
            self.reserved[slot].clear();
            if !std::mem::replace(&mut self.is_known[slot], true) {
                self.masks[slot * self.words..(slot + 1) * self.words].fill(0);
            }
        }
        Ok(())
    }

    fn set_reservations(&mut self, batch: &Batch) -> Result<(), StepError> {
        let flow = &batch.reservations;
        check_flow("reservations", flow, self.kinds)?;
        let rows = flow.amounts.chunks_exact(self.kinds.max(1));
        for ((&agent, &role), amounts) in flow.agent.iter().zip(&flow.seeker).zip(rows) {
            let slot = agent as usize;
            if self.is_known.get(slot) != Some(&true) {
                return Err(StepError::Inconsistent(format!("a reservation on unknown agent slot {agent}")));
            }
            if amounts.iter().any(|amount| *amount > 0) {
                self.reserved[slot].push(Reserved { role, amounts: amounts.to_vec() });
                self.has_extras[slot] = true;
            }
        }
        Ok(())
    }

    fn set_masks(&mut self, batch: &Batch) -> Result<(), StepError> {
        let masks = &batch.masks;
        let words = check_slot("a seeker", masks.words.saturating_mul(64))? / 64;
        check_length("masks", "bits", masks.bits.len(), masks.agent.len() * words)?;
        self.set_words(words);
        for (row, &agent) in masks.agent.iter().enumerate() {
            let slot = agent as usize;
            if self.is_known.get(slot) != Some(&true) {
                return Err(StepError::Inconsistent(format!("a mask of unknown agent slot {agent}")));
            }
            let (filled, rest) = self.masks[slot * self.words..(slot + 1) * self.words].split_at_mut(words);
            filled.copy_from_slice(&masks.bits[row * words..(row + 1) * words]);
            rest.fill(0);
        }
        Ok(())
    }

    fn make_room(&mut self, slots: usize) {
        if slots <= self.is_known.len() {
            return;
        }
        self.is_known.resize(slots, false);
        self.total.resize(slots * self.kinds, 0);
        self.open.resize(slots * self.kinds, 0);
        if !self.revocable.is_empty() {
            self.revocable.resize(slots * self.kinds, 0);
        }
        self.reserved.resize(slots, Vec::new());
        self.has_extras.resize(slots, false);
        self.masks.resize(slots * self.words, 0);
    }

    /// Widens the masks; in steps, since seekers come one by one and every row has to move.
    fn set_words(&mut self, words: usize) {
        if words > self.words {
            let words = words.next_power_of_two();
            widen(&mut self.masks, self.words, words);
            self.masks.resize(self.is_known.len() * words, 0);
            self.words = words;
        }
    }
}

fn some_if_any(row: &[i64]) -> Option<&[i64]> {
    row.iter().any(|amount| *amount > 0).then_some(row)
}

/// Gives every row of `width` entries `wider` of them, the new ones zero.
pub(super) fn widen<T: Copy + Default>(rows: &mut Vec<T>, width: usize, wider: usize) {
    if rows.is_empty() || width == 0 {
        return;
    }
    let count = rows.len() / width;
    let mut widened = vec![T::default(); count * wider];
    for (to, from) in widened.chunks_exact_mut(wider).zip(rows.chunks_exact(width)) {
        to[..width].copy_from_slice(from);
    }
    *rows = widened;
}
