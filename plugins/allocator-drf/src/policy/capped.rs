//! A step under quotas: who is given how much of each agent.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    CAPABILITY_REVOCABLE, Policy, add,
    agents::{Agents, Reserved},
    quota::Room,
};
use crate::facts::Grants;

/// What is left of an agent in this step.
struct Left {
    open: Vec<i64>,
    revocable: Option<Vec<i64>>,
    reserved: Vec<Reserved>,
}

impl Left {
    fn of(agents: &Agents, agent: u32, kinds: usize) -> Self {
        Self {
            open: agents.open_if_any(agent).map_or_else(|| vec![0; kinds], <[i64]>::to_vec),
            revocable: agents.revocable_if_any(agent).map(<[i64]>::to_vec),
            reserved: agents.reserved(agent).to_vec(),
        }
    }

    fn has_open(&self) -> bool {
        is_any(&self.open)
    }
}

impl Policy {
    /// First those who have less than they are guaranteed, then everybody.
    pub(super) fn grant_under_quotas(&mut self, order: &[u32]) -> Grants {
        let mut room = Room::new(&self.quotas, self.agents.open_in_all());
        let mut grants = Grants::default();
        let mut touched: BTreeMap<u32, Left> = BTreeMap::new();
        for &agent in order {
            if !room.has_unmet() {
                break;
            }
            let mut left = Left::of(&self.agents, agent, self.kinds);
            if self.meet_guarantees(agent, &mut left, &mut room, &mut grants) {
                touched.insert(agent, left);
            }
        }
        for &agent in order {
            let mut left =
                touched.remove(&agent).unwrap_or_else(|| Left::of(&self.agents, agent, self.kinds));
            self.give_open(agent, &mut left, &mut room, &mut grants);
            self.give_extras(agent, &mut left, &mut grants);
        }
        grants
    }

    /// Gives roles what they are guaranteed, as far as the agent has it; whether anything was given.
    fn meet_guarantees(&mut self, agent: u32, left: &mut Left, room: &mut Room, grants: &mut Grants) -> bool {
        let mut passed = BTreeSet::new();
        let before = grants.agent.len();
        while left.has_open() {
            let is_wanted = |top| room.is_unmet(top) && !passed.contains(&top);
            let Some((seeker, top)) = self.next(agent, is_wanted) else { break };
            let cap = room.cap(top, &left.open);
            if room.is_progress(top, &cap) {
                self.give(agent, seeker, &cap, left, grants);
                room.give(top, &cap);
            }
            passed.insert(top);
        }
        grants.agent.len() > before
    }

    /// Gives what is open to whoever is next, as far as there is room.
    fn give_open(&mut self, agent: u32, left: &mut Left, room: &mut Room, grants: &mut Grants) {
        let mut passed = BTreeSet::new();
        while left.has_open() {
            let Some((seeker, top)) = self.next(agent, |top| !passed.contains(&top)) else { return };
            let cap = room.cap(top, &left.open);
            if is_any(&cap) {
                self.give(agent, seeker, &cap, left, grants);
                room.give(top, &cap);
            }
            passed.insert(top);
        }
    }

    /// Gives what is reserved or revocable and none of those before could use.
    fn give_extras(&mut self, agent: u32, left: &mut Left, grants: &mut Grants) {
        let nothing = vec![0; self.kinds];
        loop {
            let mask = self.agents.mask(agent);
            let for_revocable =
                left.revocable.as_ref().and_then(|_| self.tree.first_capable(mask, CAPABILITY_REVOCABLE));
            let for_reserved = left.reserved.iter().filter_map(|held| self.tree.first_below(held.role, mask));
            let next = for_reserved.chain(for_revocable).reduce(|one, other| self.tree.earlier(one, other));
            let Some(seeker) = next else { return };
            self.give(agent, seeker, &nothing, left, grants);
        }
    }

    /// The next seeker for an agent among those whose role at the top is wanted, with that role.
    fn next(&self, agent: u32, is_wanted: impl Fn(u32) -> bool) -> Option<(u32, u32)> {
        let seeker = self.tree.first_of(self.agents.mask(agent), is_wanted)?;
        Some((seeker, self.tree.top_role(seeker)?))
    }

    /// Grants so much of what is open, and whatever else the seeker may have of the agent.
    fn give(&mut self, agent: u32, seeker: u32, cap: &[i64], left: &mut Left, grants: &mut Grants) {
        left.open.iter_mut().zip(cap).for_each(|(left, given)| *left -= given);
        let mut amounts = cap.to_vec();
        if self.tree.is_capable(seeker, CAPABILITY_REVOCABLE) {
            add(&mut amounts, left.revocable.take().as_deref());
        }
        left.reserved.retain(|held| {
            let is_usable = self.tree.is_below(seeker, held.role);
            if is_usable {
                add(&mut amounts, Some(&held.amounts));
            }
            !is_usable
        });
        self.tree.charge(seeker, &amounts);
        grants.agent.push(agent);
        grants.seeker.push(seeker);
        grants.cap.extend_from_slice(cap);
    }
}

fn is_any(amounts: &[i64]) -> bool {
    amounts.iter().any(|amount| *amount > 0)
}
