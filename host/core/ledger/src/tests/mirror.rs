//! A plugin's picture of the cluster, kept in the plainest way from nothing but batches.

use std::collections::{BTreeMap, BTreeSet};

use mezzo_slots::{Batch, Flow};

#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Mirror {
    kinds: Vec<String>,
    pub(super) roles: BTreeMap<u32, (Option<u32>, String, u32)>,
    pub(super) seekers: BTreeMap<u32, Seeker>,
    pub(super) agents: BTreeMap<u32, Agent>,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Seeker {
    facts: (u32, String, u32, u64),
    pub(super) is_live: bool,
    held: Vec<i64>,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Agent {
    names: (String, String),
    total: Vec<i64>,
    open: Vec<i64>,
    revocable: Vec<i64>,
    unavailable_from_ms: u64,
    reservations: BTreeMap<u32, Vec<i64>>,
    pub(super) eligible: BTreeSet<u32>,
}

impl Mirror {
    /// Takes a batch in, in the order that the world prescribes.
    pub(super) fn take(&mut self, batch: &Batch) {
        if batch.resync {
            *self = Mirror::default();
        }
        assert!(batch.kinds.starts_with(&self.kinds), "the list of kinds only grows");
        self.kinds.clone_from(&batch.kinds);
        self.widen();
        self.take_roles(batch);
        self.take_seekers(batch);
        self.take_agents(batch);
        self.take_masks(batch);
        self.take_flow(&batch.allocated, 1);
        self.take_flow(&batch.recovered, -1);
        self.check_totals(batch);
        for agent in &batch.consider {
            assert!(!self.eligible(*agent).is_empty(), "agent slot {agent} is to be considered for nobody");
        }
    }

    fn widen(&mut self) {
        let width = self.kinds.len();
        for seeker in self.seekers.values_mut() {
            seeker.held.resize(width, 0);
        }
        for agent in self.agents.values_mut() {
            let rows = [&mut agent.total, &mut agent.open, &mut agent.revocable];
            rows.into_iter().chain(agent.reservations.values_mut()).for_each(|row| row.resize(width, 0));
        }
    }

    fn take_roles(&mut self, batch: &Batch) {
        for row in &batch.roles {
            assert!(row.parent.is_none_or(|parent| self.roles.contains_key(&parent)), "a parent comes first");
            self.roles.insert(row.role, (row.parent, row.name.clone(), row.weight_milli));
        }
        for role in &batch.roles_removed {
            assert!(self.roles.remove(role).is_some(), "role slot {role} was not known");
            assert!(self.roles.values().all(|(parent, ..)| *parent != Some(*role)), "children go first");
            let in_role = |seeker: &&Seeker| seeker.facts.2 == *role && seeker.is_live;
            assert!(self.seekers.values().find(in_role).is_none(), "seekers go before their role");
        }
    }

    fn take_seekers(&mut self, batch: &Batch) {
        for row in &batch.seekers {
            assert!(self.roles.contains_key(&row.role), "a role comes before its seekers");
            let seeker = self.seekers.entry(row.seeker).or_default();
            let facts = (row.framework, row.framework_id.clone(), row.role, row.capabilities);
            if seeker.facts.1 != facts.1 || seeker.facts.2 != facts.2 {
                assert!(
                    seeker.held.iter().all(|amount| *amount == 0),
                    "a slot changes hands when it is empty"
                );
            }
            seeker.facts = facts;
            seeker.held.resize(self.kinds.len(), 0);
            if !seeker.is_live {
                seeker.is_live = true;
                self.agents.values_mut().for_each(|agent| {
                    agent.eligible.insert(row.seeker);
                });
            }
        }
        for slot in &batch.seekers_removed {
            self.seekers.get_mut(slot).expect("the seeker was known").is_live = false;
        }
    }

    fn take_agents(&mut self, batch: &Batch) {
        for agent in &batch.agents_removed {
            assert!(self.agents.remove(agent).is_some(), "agent slot {agent} was not known");
        }
        for row in &batch.agents_added {
            let names = (row.agent_id.clone(), row.hostname.clone());
            let agent = Agent { names, ..Agent::default() };
            assert!(self.agents.insert(row.agent, agent).is_none(), "an agent is added once");
        }
        let width = self.kinds.len();
        let columns = &batch.agents;
        for (at, slot) in columns.agent.iter().enumerate() {
            let row = |column: &[i64]| column[at * width..][..width].to_vec();
            let agent = self.agents.get_mut(slot).expect("facts are of known agents");
            agent.total = row(&columns.total);
            agent.open = row(&columns.open);
            agent.revocable =
                if columns.revocable.is_empty() { vec![0; width] } else { row(&columns.revocable) };
            agent.unavailable_from_ms = columns.unavailable_from_ms[at];
            agent.reservations.clear();
        }
        for (at, slot) in batch.reservations.agent.iter().enumerate() {
            let role = batch.reservations.seeker[at];
            assert!(self.roles.contains_key(&role), "reservations are to known roles");
            let amounts = batch.reservations.amounts[at * width..][..width].to_vec();
            self.agents.get_mut(slot).expect("a known agent").reservations.insert(role, amounts);
        }
    }

    fn take_masks(&mut self, batch: &Batch) {
        let words = batch.masks.words as usize;
        for (at, slot) in batch.masks.agent.iter().enumerate() {
            let bits = &batch.masks.bits[at * words..][..words];
            let agent = self.agents.get_mut(slot).expect("masks are of known agents");
            agent.eligible = crate::slots::ones(bits).collect();
        }
    }

    fn take_flow(&mut self, flow: &Flow, sign: i64) {
        let width = self.kinds.len();
        for (at, slot) in flow.seeker.iter().enumerate() {
            let seeker = self.seekers.get_mut(slot).expect("amounts move to and from known seekers");
            let amounts = &flow.amounts[at * width..][..width];
            seeker.held.iter_mut().zip(amounts).for_each(|(held, amount)| *held += sign * amount);
        }
    }

    fn check_totals(&self, batch: &Batch) {
        let width = self.kinds.len();
        for (at, role) in batch.role_totals.agent.iter().enumerate() {
            let mut sum = vec![0; width];
            for seeker in self.seekers.values().filter(|seeker| seeker.facts.2 == *role) {
                sum.iter_mut().zip(&seeker.held).for_each(|(sum, held)| *sum += held);
            }
            assert_eq!(batch.role_totals.amounts[at * width..][..width], sum, "role slot {role}");
        }
    }

    /// The seekers that may be granted the agent.
    pub(super) fn eligible(&self, agent: u32) -> Vec<u32> {
        let is_live = |seeker: &u32| self.seekers.get(seeker).is_some_and(|seeker| seeker.is_live);
        self.agents
            .get(&agent)
            .map_or(Vec::new(), |agent| agent.eligible.iter().copied().filter(is_live).collect())
    }

    /// The picture without what can have no effect any more, to compare two of them.
    pub(super) fn essence(&self) -> Mirror {
        let mut mirror = self.clone();
        for (slot, agent) in &mut mirror.agents {
            agent.eligible = self.eligible(*slot).into_iter().collect();
        }
        mirror.seekers.retain(|_, seeker| seeker.is_live || seeker.held.iter().any(|amount| *amount != 0));
        mirror
    }
}
