//! Rounds: what the plugin has been told, and the batch that tells it the rest.

use mezzo_model::Now;
use mezzo_slots::{AgentRow, Batch, Flow, SeekerRow};

use crate::{
    Ledger,
    columns::push_flow,
    slots::{Bits, ones},
};

/// What the plugin knows by now, and what has to be told next.
#[derive(Clone, Debug)]
pub(crate) struct Rounds {
    /// The last one asked for.
    pub(crate) round: u64,
    pub(crate) in_flight: Option<InFlight>,
    /// The plugin's picture is lost or wrong: tell everything.
    pub(crate) needs_resync: bool,
    /// Agents that changed.
    dirty: Bits,
    /// Agents to be looked at.
    candidates: Bits,
    /// All agents are to be looked at.
    all_are_candidates: bool,
    /// Masks of agents that did not change may have.
    rechecks_masks: bool,
    /// Agents that left.
    agents_left: Vec<u32>,
    /// Agents that the plugin knows.
    pub(crate) known: Bits,
    /// Seekers that the plugin knows as wanting offers.
    pub(crate) told_live: Bits,
    /// Masks as the plugin knows them: rows by slot.
    told_masks: Vec<u64>,
    /// Words to a row of them.
    words: usize,
    pub(crate) allocated: Flow,
    pub(crate) recovered: Flow,
}

/// The round that waits for its answer.
#[derive(Clone, Copy, Debug)]
pub(crate) struct InFlight {
    pub(crate) round: u64,
    /// How many kinds its batch named.
    pub(crate) kinds: usize,
}

impl Default for Rounds {
    fn default() -> Self {
        Self {
            round: 0,
            in_flight: None,
            needs_resync: true,
            dirty: Bits::default(),
            candidates: Bits::default(),
            all_are_candidates: false,
            rechecks_masks: false,
            agents_left: Vec::new(),
            known: Bits::default(),
            told_live: Bits::default(),
            told_masks: Vec::new(),
            words: 0,
            allocated: Flow::default(),
            recovered: Flow::default(),
        }
    }
}

impl Rounds {
    /// The round that will tell what changes now.
    pub(crate) fn next_round(&self) -> u64 {
        self.round + 1
    }

    /// Something about the agent changed.
    pub(crate) fn touch(&mut self, slot: u32) {
        self.dirty.set(slot, true);
    }

    pub(crate) fn is_dirty(&self, slot: u32) -> bool {
        self.dirty.has(slot)
    }

    /// Something about the agent changed that may get somebody an offer.
    pub(crate) fn touch_candidate(&mut self, slot: u32) {
        self.dirty.set(slot, true);
        self.candidates.set(slot, true);
    }

    pub(crate) fn agent_left(&mut self, slot: u32) {
        self.agents_left.push(slot);
    }

    pub(crate) fn reconsider_everything(&mut self) {
        self.all_are_candidates = true;
    }

    /// The masks of all agents are to be worked out anew.
    pub(crate) fn recheck_masks(&mut self) {
        self.rechecks_masks = true;
    }

    /// Rather tells everything than ever more changes that nobody asks for.
    pub(crate) fn bound_flows(&mut self, agents: usize) {
        if self.allocated.agent.len() + self.recovered.agent.len() > 8 * agents + 65_536 {
            self.allocated = Flow::default();
            self.recovered = Flow::default();
            self.needs_resync = true;
        }
    }

    /// Whether the plugin was told that the seeker may be granted the agent.
    pub(crate) fn was_told_eligible(&self, slot: u32, seeker: u32) -> bool {
        let (word, bit) = crate::slots::place(seeker);
        let mask = self.told_masks.get(slot as usize * self.words + word);
        word < self.words && self.told_live.has(seeker) && mask.is_some_and(|mask| mask & bit != 0)
    }

    /// Room for the masks of `agents` agents, `words` words each; what stands there stays.
    fn make_room(&mut self, agents: usize, words: usize) {
        if words > self.words {
            let mut wide = vec![0; agents * words];
            if self.words > 0 {
                for (wide, row) in wide.chunks_exact_mut(words).zip(self.told_masks.chunks_exact(self.words))
                {
                    wide[..self.words].copy_from_slice(row);
                }
            }
            self.told_masks = wide;
            self.words = words;
        }
        self.told_masks.resize(agents * self.words, 0);
    }

    /// The plugin knows nothing.
    fn forget(&mut self) {
        self.known.clear();
        self.told_live.clear();
        self.agents_left.clear();
        self.allocated = Flow::default();
        self.recovered = Flow::default();
        self.all_are_candidates = true;
    }
}

/// How the seekers that want offers differ from what the plugin was told, word by word.
struct LiveChange {
    /// Live now, not before.
    came: Vec<u64>,
    /// Live before and now.
    stayed: Vec<u64>,
}

impl Ledger {
    /// The next batch for the allocator: what changed since the last one, or everything if `resync` is
    /// set, the last round was abandoned or the plugin wished it. `seed` is for the order of agents and
    /// the plugin's own chance.
    ///
    /// None when the last round has not been answered yet, or nothing could come of a round: no agent
    /// that changed is eligible to anybody. What changed is kept for a later batch then. With `resync`
    /// there is always a batch unless one is in flight.
    pub fn next_batch(&mut self, now: Now, seed: u64, resync: bool) -> Option<Batch> {
        if self.rounds.in_flight.is_some() {
            return None;
        }
        self.expire_filters(now.mono);
        self.rounds.needs_resync |= resync;
        if !resync && !self.has_candidate() {
            return None;
        }
        Some(self.make_batch(now, seed))
    }

    pub(crate) fn make_batch(&mut self, now: Now, seed: u64) -> Batch {
        self.rounds.round += 1;
        let mut batch = Batch {
            round: self.rounds.round,
            now_ms: now.wall.0 / 1_000_000,
            seed,
            resync: self.rounds.needs_resync,
            kinds: self.kinds.names().map(|name| name.to_string()).collect(),
            ..Batch::default()
        };
        if batch.resync {
            self.forget_what_was_told();
        }
        let live = self.tell_roles_and_seekers(&mut batch);
        self.tell_agents(&mut batch, &live, seed);
        self.tell_flows(&mut batch);
        self.forget_leaving();
        self.rounds.needs_resync = false;
        self.rounds.in_flight = Some(InFlight { round: batch.round, kinds: self.kinds.len() });
        batch
    }

    /// Has every agent looked at in the next round: the backstop for whatever a plugin left over.
    pub fn consider_everything(&mut self) {
        self.rounds.reconsider_everything();
    }

    /// Gives up the round in flight: the plugin failed. Its next batch tells everything.
    pub fn abandon_round(&mut self) {
        self.rounds.in_flight = None;
        self.rounds.needs_resync = true;
        self.rounds.reconsider_everything();
    }

    /// The round in flight, if there is one.
    pub fn round_in_flight(&self) -> Option<u64> {
        self.rounds.in_flight.map(|round| round.round)
    }

    /// Whether a round could come to anything; forgets candidates that nobody may be granted.
    fn has_candidate(&mut self) -> bool {
        let mut mask = vec![0; self.seekers.words()];
        if self.seekers.live.is_empty() {
            return false;
        }
        if self.rounds.all_are_candidates {
            if (0u32..).take(self.agents.list.len()).any(|slot| self.is_wanted(slot, &mut mask)) {
                return true;
            }
            self.rounds.all_are_candidates = false;
        }
        let candidates = self.rounds.candidates.clone();
        candidates.iter().any(|slot| {
            let is_wanted = self.is_wanted(slot, &mut mask);
            self.rounds.candidates.set(slot, is_wanted);
            is_wanted
        })
    }

    fn forget_what_was_told(&mut self) {
        self.rounds.forget();
        for (slot, agent) in (0u32..).zip(&self.agents.list) {
            for holding in agent.iter().flat_map(|agent| &agent.holdings) {
                let mut row = vec![0; self.kinds.len()];
                self.kinds.add_to(&mut row, &holding.offered);
                self.kinds.add_to(&mut row, &holding.allocated);
                push_flow(&mut self.rounds.allocated, slot, holding.seeker, &row);
            }
        }
        let seekers: Vec<u32> = self.seekers.iter().map(|(slot, _)| slot).collect();
        seekers.into_iter().for_each(|slot| self.seekers.changed.set(slot, true));
    }

    fn tell_roles_and_seekers(&mut self, batch: &mut Batch) -> LiveChange {
        if batch.resync {
            batch.roles = self.roles.take_all();
        } else {
            (batch.roles, batch.roles_removed) = self.roles.take_changes();
        }
        batch.roles.iter_mut().for_each(|row| self.quotas.fill(row, &self.kinds));
        let words = self.seekers.words();
        let told = |word| self.rounds.told_live.word(word);
        let is_live = |word| self.seekers.live.word(word);
        let is_changed = |word| self.seekers.changed.word(word);
        let all = |bits: &dyn Fn(usize) -> u64| (0..words).map(bits).collect::<Vec<u64>>();
        let came = all(&|word| is_live(word) & !told(word));
        let stayed = all(&|word| is_live(word) & told(word));
        let rows = all(&|word| is_live(word) & !told(word) | is_changed(word));
        let gone = all(&|word| !is_live(word) & (told(word) | is_changed(word)));
        batch.seekers = ones(&rows).filter_map(|slot| self.seeker_row(slot)).collect();
        batch.seekers_removed = ones(&gone).collect();
        self.seekers.changed.clear();
        self.rounds.told_live = self.seekers.live.clone();
        LiveChange { came, stayed }
    }

    fn seeker_row(&self, slot: u32) -> Option<SeekerRow> {
        self.seekers.get(slot).map(|seeker| SeekerRow {
            seeker: slot,
            framework: seeker.framework,
            framework_id: seeker.framework_id.to_string(),
            role: seeker.role,
            capabilities: seeker.capabilities,
            extras: Vec::new(),
        })
    }

    fn tell_agents(&mut self, batch: &mut Batch, live: &LiveChange, seed: u64) {
        self.rounds.make_room(self.agents.list.len(), self.seekers.words());
        for slot in std::mem::take(&mut self.rounds.agents_left) {
            if self.rounds.known.has(slot) {
                self.rounds.known.set(slot, false);
                batch.agents_removed.push(slot);
            }
        }
        let dirty = std::mem::take(&mut self.rounds.dirty);
        let tells_all = batch.resync || self.rounds.rechecks_masks || live.came.iter().any(|&word| word != 0);
        let words = self.rounds.words;
        batch.masks.words = words as u32;
        let rows = if tells_all { self.agents.list.len() } else { dirty.len() };
        reserve(batch, rows, self.kinds.len(), words);
        let mut mask = vec![0; words];
        if tells_all {
            (0u32..).take(rows).for_each(|slot| self.tell_agent(slot, batch, live, &mut mask));
        } else {
            dirty.iter().for_each(|slot| self.tell_agent(slot, batch, live, &mut mask));
        }
        self.rounds.rechecks_masks = false;
        if self.agents.revocable_agents == 0 {
            batch.agents.revocable.clear();
        }
        self.tell_candidates(batch, seed);
    }

    fn tell_agent(&mut self, slot: u32, batch: &mut Batch, live: &LiveChange, mask: &mut [u64]) {
        let Some(agent) = self.agents.get_mut(slot) else { return };
        let is_restated = std::mem::take(&mut agent.is_restated);
        let is_active = agent.is_active;
        agent.filters.refresh(&agent.free);
        let is_known = self.rounds.known.has(slot);
        self.rounds.known.set(slot, is_active);
        if !is_active {
            if is_known {
                batch.agents_removed.push(slot);
            }
            return;
        }
        if !is_known {
            batch.agents_added.push(AgentRow {
                agent: slot,
                agent_id: agent.id.to_string(),
                hostname: agent.cold.hostname.to_string(),
                extras: Vec::new(),
            });
        }
        if !is_known || is_restated {
            self.tell_facts(slot, batch);
        }
        self.write_mask(slot, mask);
        let told = &mut self.rounds.told_masks[slot as usize * mask.len()..][..mask.len()];
        let believed =
            told.iter().zip(&live.stayed).zip(&live.came).map(|((told, stayed), came)| told & stayed | came);
        if !is_known || !believed.eq(mask.iter().copied()) {
            batch.masks.agent.push(slot);
            batch.masks.bits.extend_from_slice(mask);
        }
        told.copy_from_slice(mask);
    }

    fn tell_facts(&self, slot: u32, batch: &mut Batch) {
        let Some(agent) = self.agents.get(slot) else { return };
        let columns = &mut batch.agents;
        columns.agent.push(slot);
        columns.total.extend_from_slice(self.agents.total.row(slot));
        columns.open.extend_from_slice(self.agents.open.row(slot));
        columns.unavailable_from_ms.push(agent.cold.unavailable_from_ms);
        if self.agents.revocable_agents > 0 {
            columns.revocable.extend_from_slice(self.agents.revocable.row(slot));
        }
        for &role in &agent.cold.reserved_roles {
            let Some(name) = self.roles.name(role) else { continue };
            let mut row = vec![0; self.kinds.len()];
            self.kinds.add_to(&mut row, &agent.free.reserved(Some(name)));
            if row.iter().any(|&amount| amount > 0) {
                push_flow(&mut batch.reservations, slot, role, &row);
            }
        }
    }

    fn tell_candidates(&mut self, batch: &mut Batch, seed: u64) {
        batch.consider_all = std::mem::take(&mut self.rounds.all_are_candidates);
        let words = self.rounds.words;
        for slot in std::mem::take(&mut self.rounds.candidates).iter() {
            let mask = &self.rounds.told_masks[slot as usize * words..][..words];
            if self.rounds.known.has(slot) && mask.iter().any(|&bits| bits != 0) {
                batch.consider.push(slot);
            }
        }
        batch.consider = shuffled(&batch.consider, seed);
    }

    fn tell_flows(&mut self, batch: &mut Batch) {
        batch.allocated = std::mem::take(&mut self.rounds.allocated);
        batch.recovered = std::mem::take(&mut self.rounds.recovered);
        if !batch.round.is_multiple_of(self.config.role_totals_every.max(1)) {
            return;
        }
        let width = self.kinds.len();
        let mut sums = std::collections::BTreeMap::<u32, Vec<i64>>::new();
        for (slot, seeker) in self.seekers.iter() {
            let sum = sums.entry(seeker.role).or_insert_with(|| vec![0; width]);
            sum.iter_mut().zip(self.seekers.held.row(slot)).for_each(|(sum, held)| *sum += held);
        }
        for role in self.roles.slots_in_use() {
            let none = vec![0; width];
            push_flow(&mut batch.role_totals, role, 0, sums.get(&role).unwrap_or(&none));
        }
    }

    /// Forgets seekers that are of no use any more, now that the plugin has been told their last.
    fn forget_leaving(&mut self) {
        let (round, next_round) = (self.rounds.round, self.rounds.next_round());
        for slot in std::mem::take(&mut self.seekers.leaving) {
            if !self.seekers.is_idle(slot) {
                continue;
            }
            let Some(seeker) = self.seekers.remove(slot, round) else { continue };
            self.roles.release(seeker.role, next_round);
            self.forget_framework(seeker.framework);
        }
    }
}

fn reserve(batch: &mut Batch, rows: usize, kinds: usize, words: usize) {
    batch.agents.agent.reserve(rows);
    batch.agents.total.reserve(rows * kinds);
    batch.agents.open.reserve(rows * kinds);
    batch.agents.unavailable_from_ms.reserve(rows);
    batch.masks.agent.reserve(rows);
    batch.masks.bits.reserve(rows * words);
}

/// Long lists are shuffled in runs of so many: whoever walks over the columns of agents in that order
/// finds most of them in its cache, and who is offered which agent is still up to chance.
const RUN: usize = 32;

/// `list` in an order that only `seed` determines.
fn shuffled(list: &[u32], seed: u64) -> Vec<u32> {
    let run = if list.len() > 16 * RUN { RUN } else { 1 };
    let mut order: Vec<u32> = (0..list.len().div_ceil(run) as u32).collect();
    shuffle(&mut order, seed);
    let runs = order.into_iter().flat_map(|at| list.chunks(run).nth(at as usize)).flatten();
    runs.copied().collect()
}

/// Fisher and Yates, with splitmix64.
fn shuffle(list: &mut [u32], seed: u64) {
    let mut state = seed;
    for end in (1..list.len()).rev() {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = state;
        mixed = (mixed ^ mixed >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^= mixed >> 31;
        let at = ((u128::from(mixed) * (end as u128 + 1)) >> 64) as usize;
        list.swap(end, at);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shuffle_loses_nobody_and_follows_the_seed() {
        for length in [0, 1, 100, 1000, 1001] {
            let list: Vec<u32> = (0..length).collect();
            let mut mixed = shuffled(&list, 7);
            assert_eq!(mixed, shuffled(&list, 7));
            assert!(length < 2 || mixed != shuffled(&list, 8));
            mixed.sort_unstable();
            assert_eq!(mixed, list);
        }
    }
}
