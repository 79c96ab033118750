//! The mirror of the cluster: what the batches so far have told.

use crate::facts::{Batch, Flow};

/// Slots are small numbers; one beyond this is a mistake that would cost gigabytes.
const SLOT_MAX: u32 = 1 << 22;

/// Everything that was told.
#[derive(Clone, Debug, Default)]
pub struct Cluster {
    kinds: Vec<String>,
    agents: Vec<Option<Agent>>,
    roles: Vec<Option<Role>>,
    seekers: Vec<Option<Seeker>>,
    total: Vec<i64>,
    /// What was granted in this round, to be forgotten at its end.
    tentative: Vec<(u32, Vec<i64>)>,
}

/// An agent.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Agent {
    /// Its id; empty until it was told.
    pub id: String,
    /// Its host.
    pub hostname: String,
    /// Everything it has, in thousandths by kind.
    pub total: Vec<i64>,
    /// What of it is neither offered, allocated, reserved nor revocable.
    pub open: Vec<i64>,
    /// What is open and can be taken back.
    pub revocable: Vec<i64>,
    /// Whether it has reservations that nobody uses.
    pub is_reserved: bool,
    /// Whether it may be offered at all for now.
    pub is_offered: bool,
    mask: Vec<u64>,
}

/// A role.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Role {
    /// Full name.
    pub name: String,
    /// The role above.
    pub parent: Option<u32>,
    /// Weight in thousandths.
    pub weight_milli: u32,
}

/// A framework in a role.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Seeker {
    /// Slot of its framework.
    pub framework: u32,
    /// The framework's id.
    pub framework_id: String,
    /// Slot of its role.
    pub role: u32,
    /// Bit n is capability n.
    pub capabilities: u64,
    /// What it holds, offers included, in thousandths by kind.
    pub held: Vec<i64>,
    /// Whether it wants offers for now.
    pub is_live: bool,
}

impl Agent {
    /// Whether nothing of it is in use.
    pub fn is_empty(&self) -> bool {
        self.open == self.total
    }

    /// Whether there is anything to grant.
    pub fn has_something(&self) -> bool {
        self.is_offered && (any(&self.open) || self.has_extras())
    }

    /// Whether it has what not everybody may have.
    pub fn has_extras(&self) -> bool {
        self.is_reserved || any(&self.revocable)
    }

    fn may_have(&self, seeker: usize) -> bool {
        self.mask.get(seeker / 64).is_some_and(|word| word >> (seeker % 64) & 1 == 1)
    }
}

impl Cluster {
    /// Names of the kinds, in the order of all amounts.
    pub fn kinds(&self) -> &[String] {
        &self.kinds
    }

    /// What all agents that may be offered have together.
    pub fn total(&self) -> &[i64] {
        &self.total
    }

    /// An agent by its slot.
    pub fn agent(&self, slot: u32) -> Option<&Agent> {
        self.agents.get(slot as usize)?.as_ref()
    }

    /// A role by its slot.
    pub fn role(&self, slot: u32) -> Option<&Role> {
        self.roles.get(slot as usize)?.as_ref()
    }

    /// A seeker by its slot.
    pub fn seeker(&self, slot: u32) -> Option<&Seeker> {
        self.seekers.get(slot as usize)?.as_ref()
    }

    /// All seekers with their slots.
    pub fn seekers(&self) -> impl Iterator<Item = (u32, &Seeker)> {
        (0..).zip(&self.seekers).filter_map(|(slot, seeker)| Some((slot, seeker.as_ref()?)))
    }

    /// The seekers that may be granted an agent, in ascending order.
    pub fn eligible(&self, agent: u32) -> Vec<u32> {
        let Some(agent) = self.agent(agent) else { return Vec::new() };
        let seekers =
            self.seekers().filter(|(slot, seeker)| seeker.is_live && agent.may_have(*slot as usize));
        seekers.map(|(slot, _)| slot).collect()
    }

    /// The dominant share of amounts: the largest, over the kinds, of what they are to all there is.
    pub fn share(&self, amounts: &[i64]) -> f64 {
        let shares = amounts.iter().zip(&self.total).filter(|(_, total)| **total > 0);
        shares.map(|(amount, total)| *amount as f64 / *total as f64).fold(0.0, f64::max)
    }

    /// The dominant share of a seeker.
    pub fn seeker_share(&self, slot: u32) -> f64 {
        self.seeker(slot).map_or(0.0, |seeker| self.share(&seeker.held))
    }

    /// The dominant share of everybody in a role together, without the roles below it.
    pub fn role_share(&self, role: u32) -> f64 {
        let mut sum = vec![0; self.kinds.len()];
        for (_, seeker) in self.seekers().filter(|(_, seeker)| seeker.role == role) {
            add(&mut sum, &seeker.held, 1);
        }
        self.share(&sum)
    }

    /// The agents that a batch wants looked at, in its order.
    pub fn to_consider(&self, batch: &Batch) -> Vec<u32> {
        let mut order = batch.consider.clone();
        if batch.consider_all {
            let known: Vec<u32> =
                (0..).zip(&self.agents).filter(|(_, agent)| agent.is_some()).map(|(slot, _)| slot).collect();
            let first = (batch.seed % known.len().max(1) as u64) as usize;
            let mut is_there = vec![false; self.agents.len()];
            order.iter().for_each(|slot| {
                if let Some(there) = is_there.get_mut(*slot as usize) {
                    *there = true;
                }
            });
            let others = known[first..].iter().chain(&known[..first]);
            order.extend(others.filter(|slot| !is_there[**slot as usize]));
        }
        order
    }

    /// Takes over what a batch tells.
    ///
    /// # Errors
    ///
    /// When columns that belong together have different lengths, or a slot is absurdly large; the
    /// mirror is of no use then.
    pub fn apply(&mut self, batch: &Batch) -> Result<(), String> {
        if batch.resync {
            *self = Self::default();
        }
        self.grow(batch);
        for row in &batch.roles {
            let role = Role { name: row.name.clone(), parent: row.parent, weight_milli: row.weight_milli };
            *place(&mut self.roles, row.role)? = Some(role);
        }
        batch.roles_removed.iter().for_each(|slot| clear(&mut self.roles, *slot));
        self.apply_seekers(batch)?;
        self.apply_agents(batch)?;
        self.flow(&batch.allocated, 1)?;
        self.flow(&batch.recovered, -1)
    }

    /// Counts a grant for the rest of the round. The host tells what came of it in the next batch.
    pub(crate) fn charge(&mut self, agent: u32, seeker: u32) {
        let Some(open) = self.agent(agent).map(|agent| agent.open.clone()) else { return };
        if let Some(Some(seeker)) = self.seekers.get_mut(seeker as usize) {
            add(&mut seeker.held, &open, 1);
        }
        self.tentative.push((seeker, open));
    }

    /// Forgets what was counted in this round.
    pub(crate) fn end_round(&mut self) {
        for (slot, amounts) in std::mem::take(&mut self.tentative) {
            if let Some(Some(seeker)) = self.seekers.get_mut(slot as usize) {
                add(&mut seeker.held, &amounts, -1);
            }
        }
    }

    fn grow(&mut self, batch: &Batch) {
        if batch.kinds.len() <= self.kinds.len() {
            return;
        }
        self.kinds.clone_from(&batch.kinds);
        let kinds = self.kinds.len();
        self.total.resize(kinds, 0);
        for agent in self.agents.iter_mut().flatten() {
            [&mut agent.total, &mut agent.open, &mut agent.revocable]
                .into_iter()
                .for_each(|row| row.resize(kinds, 0));
        }
        self.seekers.iter_mut().flatten().for_each(|seeker| seeker.held.resize(kinds, 0));
    }

    fn apply_seekers(&mut self, batch: &Batch) -> Result<(), String> {
        let kinds = self.kinds.len();
        for row in &batch.seekers {
            let known = place(&mut self.seekers, row.seeker)?;
            let was_live = known.as_ref().is_some_and(|seeker| seeker.is_live);
            let held = known.take().map_or_else(|| vec![0; kinds], |seeker| seeker.held);
            *known = Some(Seeker {
                framework: row.framework,
                framework_id: row.framework_id.clone(),
                role: row.role,
                capabilities: row.capabilities,
                held,
                is_live: true,
            });
            if !was_live {
                self.agents.iter_mut().flatten().for_each(|agent| admit(&mut agent.mask, row.seeker));
            }
        }
        for slot in &batch.seekers_removed {
            if let Some(Some(seeker)) = self.seekers.get_mut(*slot as usize) {
                seeker.is_live = false;
            }
        }
        Ok(())
    }

    fn apply_agents(&mut self, batch: &Batch) -> Result<(), String> {
        let (kinds, columns) = (self.kinds.len(), &batch.agents);
        for slot in &batch.agents_removed {
            if let Some(Some(agent)) = self.agents.get_mut(*slot as usize) {
                agent.is_offered = false;
            }
        }
        for row in &batch.agents_added {
            let agent = place(&mut self.agents, row.agent)?.get_or_insert_default();
            agent.id.clone_from(&row.agent_id);
            agent.hostname.clone_from(&row.hostname);
            agent.is_offered = true;
        }
        let rows = columns.agent.len();
        let has_revocable = !columns.revocable.is_empty();
        check("agents.total", columns.total.len(), rows * kinds)?;
        check("agents.open", columns.open.len(), rows * kinds)?;
        check("agents.revocable", columns.revocable.len(), if has_revocable { rows * kinds } else { 0 })?;
        for (row, slot) in columns.agent.iter().enumerate() {
            let range = row * kinds..(row + 1) * kinds;
            let agent = place(&mut self.agents, *slot)?.get_or_insert_default();
            agent.total = columns.total[range.clone()].to_vec();
            agent.open = columns.open[range.clone()].to_vec();
            agent.revocable = if has_revocable { columns.revocable[range].to_vec() } else { vec![0; kinds] };
            agent.is_reserved = false;
        }
        let masks = &batch.masks;
        check("masks.bits", masks.bits.len(), masks.agent.len() * masks.words as usize)?;
        for (slot, mask) in masks.agent.iter().zip(masks.bits.chunks_exact(masks.words.max(1) as usize)) {
            place(&mut self.agents, *slot)?.get_or_insert_default().mask = mask.to_vec();
        }
        for slot in &batch.reservations.agent {
            if let Some(Some(agent)) = self.agents.get_mut(*slot as usize) {
                agent.is_reserved = true;
            }
        }
        self.total = vec![0; kinds];
        for agent in self.agents.iter().flatten().filter(|agent| agent.is_offered) {
            add(&mut self.total, &agent.total, 1);
        }
        Ok(())
    }

    fn flow(&mut self, flow: &Flow, sign: i64) -> Result<(), String> {
        let kinds = self.kinds.len();
        check("a flow's amounts", flow.amounts.len(), flow.seeker.len() * kinds)?;
        for (slot, amounts) in flow.seeker.iter().zip(flow.amounts.chunks_exact(kinds.max(1))) {
            if let Some(Some(seeker)) = self.seekers.get_mut(*slot as usize) {
                add(&mut seeker.held, amounts, sign);
            }
        }
        Ok(())
    }
}

fn any(amounts: &[i64]) -> bool {
    amounts.iter().any(|amount| *amount > 0)
}

fn add(sum: &mut [i64], amounts: &[i64], sign: i64) {
    for (sum, amount) in sum.iter_mut().zip(amounts) {
        *sum = sum.wrapping_add(amount.wrapping_mul(sign));
    }
}

fn admit(mask: &mut Vec<u64>, seeker: u32) {
    let (word, bit) = (seeker as usize / 64, seeker % 64);
    if mask.len() <= word {
        mask.resize(word + 1, 0);
    }
    mask[word] |= 1 << bit;
}

fn place<T>(list: &mut Vec<Option<T>>, slot: u32) -> Result<&mut Option<T>, String> {
    if slot >= SLOT_MAX {
        return Err(format!("slot {slot} is out of bounds"));
    }
    let at = slot as usize;
    if list.len() <= at {
        list.resize_with(at + 1, || None);
    }
    Ok(&mut list[at])
}

fn clear<T>(list: &mut [Option<T>], slot: u32) {
    if let Some(place) = list.get_mut(slot as usize) {
        *place = None;
    }
}

fn check(column: &str, found: usize, wanted: usize) -> Result<(), String> {
    if found == wanted {
        Ok(())
    } else {
        Err(format!("`{column}` has {found} entries where {wanted} belong"))
    }
}

#[cfg(test)]
mod tests;
