//! The same decisions by the plainest means: for every agent everything is computed and sorted anew.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;

const KINDS: [&str; 2] = ["cpus", "mem"];
const SEEKERS: u32 = 70;
const AGENTS: u32 = 12;

/// What the host knows, and what it decides by itself.
#[derive(Clone, Debug, Default)]
struct World {
    /// Parent and weight.
    roles: Vec<(Option<u32>, u32)>,
    /// Role of each seeker.
    homes: Vec<u32>,
    is_active: Vec<bool>,
    held: Vec<[i64; 2]>,
    counts: Vec<u32>,
    total: Vec<[i64; 2]>,
    open: Vec<[i64; 2]>,
    masks: Vec<[u64; 2]>,
}

type Path = Vec<(u64, u32, String)>;

impl World {
    fn role_name(&self, role: u32) -> String {
        match self.roles[role as usize].0 {
            Some(parent) => format!("{}/r{role}", self.role_name(parent)),
            None => format!("r{role}"),
        }
    }

    fn is_below(&self, role: u32, above: u32) -> bool {
        role == above || self.roles[role as usize].0.is_some_and(|parent| self.is_below(parent, above))
    }

    fn share(&self, held: &[[i64; 2]], belongs: impl Fn(usize) -> bool, weight_milli: u32) -> u64 {
        let mut share = 0.0_f64;
        for kind in 0..2 {
            let total: i64 = self.total.iter().map(|row| row[kind]).sum();
            let sum: i64 =
                held.iter().enumerate().filter(|(s, _)| belongs(*s)).map(|(_, row)| row[kind]).sum();
            if total > 0 {
                share = share.max(sum as f64 / total as f64);
            }
        }
        (share / (f64::from(weight_milli) / 1000.0)).to_bits()
    }

    fn count(counts: &[u32], belongs: impl Fn(usize) -> bool) -> u32 {
        counts.iter().enumerate().filter(|(seeker, _)| belongs(*seeker)).map(|(_, count)| count).sum()
    }

    /// The keys from the root down to a seeker; the order of seekers is that of their paths.
    fn path(&self, seeker: usize, held: &[[i64; 2]], counts: &[u32]) -> Path {
        let mut path = Path::new();
        let own = |other: usize| other == seeker;
        path.push((self.share(held, own, 1000), counts[seeker], format!("f{seeker:03}")));
        let home = self.homes[seeker];
        if self.roles.iter().any(|(parent, _)| *parent == Some(home)) {
            let direct = |other: usize| self.homes[other] == home;
            let name = format!("{}/.", self.role_name(home));
            path.push((self.share(held, direct, 1000), Self::count(counts, direct), name));
        }
        let mut role = Some(home);
        while let Some(at) = role {
            let below = |other: usize| self.is_below(self.homes[other], at);
            let (parent, weight) = self.roles[at as usize];
            path.push((self.share(held, below, weight), Self::count(counts, below), self.role_name(at)));
            role = parent;
        }
        path.reverse();
        path
    }

    fn decide(&self, consider: &[u32]) -> Vec<(u32, u32)> {
        let (mut held, mut counts) = (self.held.clone(), self.counts.clone());
        let mut grants = Vec::new();
        for &agent in consider {
            let open = self.open[agent as usize];
            let mask = self.masks[agent as usize];
            let eligible = (0..self.homes.len())
                .filter(|seeker| self.is_active[*seeker] && mask[seeker / 64] >> (seeker % 64) & 1 == 1);
            let Some(seeker) = eligible.min_by_key(|seeker| self.path(*seeker, &held, &counts)) else {
                continue;
            };
            if open == [0, 0] {
                continue;
            }
            held[seeker][0] += open[0];
            held[seeker][1] += open[1];
            counts[seeker] += 1;
            grants.push((agent, seeker as u32));
        }
        grants
    }

    fn everything(&self, round: u64) -> Told {
        let mut told = Told::next(&KINDS, round);
        told.0.resync = true;
        for (role, (parent, weight)) in self.roles.iter().enumerate() {
            told = told.role(role as u32, &self.role_name(role as u32), *parent, *weight);
        }
        for (seeker, home) in self.homes.iter().enumerate() {
            told = told.seeker(seeker as u32, &format!("f{seeker:03}"), *home);
            if !self.is_active[seeker] {
                told.0.seekers_removed.push(seeker as u32);
            }
        }
        for agent in 0..AGENTS {
            told = self.tell_agent(told, agent);
        }
        told.0.masks.words = 2;
        told
    }

    fn tell_agent(&self, mut told: Told, agent: u32) -> Told {
        let slot = agent as usize;
        told.0.agents.agent.push(agent);
        told.0.agents.total.extend(self.total[slot]);
        told.0.agents.open.extend(self.open[slot]);
        told.0.masks.words = 2;
        told.0.masks.agent.push(agent);
        told.0.masks.bits.extend(self.masks[slot]);
        told
    }
}

/// One thing that happens between rounds.
#[derive(Clone, Debug)]
enum Event {
    Give(u32, u32),
    TakeBack(u32),
    Toggle(u32),
    Mask(u32, [u64; 2]),
    Total(u32, [i64; 2]),
    Weight(u32, u32),
}

fn amounts() -> impl Strategy<Value = [i64; 2]> {
    // Few distinct amounts, so that ties are frequent.
    (0..4_i64, 0..3_i64).prop_map(|(cpus, mem)| [cpus * 1_000, mem * 1_000])
}

fn events() -> impl Strategy<Value = Event> {
    prop_oneof![
        4 => (0..AGENTS, 0..SEEKERS).prop_map(|(agent, seeker)| Event::Give(agent, seeker)),
        3 => (0..SEEKERS).prop_map(Event::TakeBack),
        2 => (0..SEEKERS).prop_map(Event::Toggle),
        2 => (0..AGENTS, any::<[u64; 2]>()).prop_map(|(agent, mask)| Event::Mask(agent, mask)),
        1 => (0..AGENTS, amounts()).prop_map(|(agent, total)| Event::Total(agent, total)),
        1 => (0..6_u32, 1..4_u32).prop_map(|(role, weight)| Event::Weight(role, weight * 500)),
    ]
}

fn worlds() -> impl Strategy<Value = World> {
    let roles = prop::collection::vec((prop::option::of(0..6_u32), 1..4_u32), 6);
    let homes = prop::collection::vec(0..6_u32, SEEKERS as usize);
    let agents = prop::collection::vec((amounts(), any::<[u64; 2]>()), AGENTS as usize);
    (roles, homes, agents).prop_map(|(roles, homes, agents)| World {
        roles: roles
            .iter()
            .enumerate()
            .map(|(role, (parent, weight))| (parent.filter(|parent| *parent < role as u32), weight * 500))
            .collect(),
        is_active: vec![true; homes.len()],
        held: vec![[0; 2]; homes.len()],
        counts: vec![0; homes.len()],
        homes,
        total: agents.iter().map(|(total, _)| *total).collect(),
        open: agents.iter().map(|(total, _)| *total).collect(),
        masks: agents.iter().map(|(_, mask)| *mask).collect(),
    })
}

/// Applies events to the world, and says them in a batch.
fn happen(world: &mut World, events: &[Event], mut told: Told) -> Told {
    let mut is_told = BTreeMap::new();
    let mut toggled = BTreeMap::new();
    for event in events {
        match *event {
            Event::Give(agent, seeker) => {
                let (agent_slot, seeker_slot) = (agent as usize, seeker as usize);
                let given = std::mem::take(&mut world.open[agent_slot]);
                world.held[seeker_slot][0] += given[0];
                world.held[seeker_slot][1] += given[1];
                world.counts[seeker_slot] += 1;
                told = told.allocated(agent, seeker, &given);
                is_told.insert(agent, ());
            }
            Event::TakeBack(seeker) => {
                let back = std::mem::take(&mut world.held[seeker as usize]);
                told = told.recovered(0, seeker, &back);
            }
            Event::Toggle(seeker) => {
                toggled.insert(seeker, ());
            }
            Event::Mask(agent, mask) => {
                world.masks[agent as usize] = mask;
                is_told.insert(agent, ());
            }
            Event::Total(agent, total) => {
                world.total[agent as usize] = total;
                world.open[agent as usize] = total;
                is_told.insert(agent, ());
            }
            Event::Weight(role, weight) => {
                world.roles[role as usize].1 = weight;
                let name = world.role_name(role);
                told = told.role(role, &name, world.roles[role as usize].0, weight);
            }
        }
    }
    for seeker in toggled.into_keys() {
        let is_active = &mut world.is_active[seeker as usize];
        *is_active = !*is_active;
        if *is_active {
            told = told.seeker(seeker, &format!("f{seeker:03}"), world.homes[seeker as usize]);
            world.masks.iter_mut().for_each(|mask| mask[seeker as usize / 64] |= 1 << (seeker % 64));
        } else {
            told.0.seekers_removed.push(seeker);
        }
    }
    for agent in is_told.into_keys() {
        told = world.tell_agent(told, agent);
    }
    told.0.consider = (0..AGENTS).rev().collect();
    told
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    #[test]
    fn it_decides_like_a_model_that_sorts_everything_anew(
        mut world in worlds(),
        rounds in prop::collection::vec(prop::collection::vec(events(), 0..12), 1..8),
    ) {
        let mut policy = Policy::new();
        let first = world.everything(1).consider(0..AGENTS);
        let consider: Vec<u32> = (0..AGENTS).collect();
        prop_assert_eq!(grants(&mut policy, first), world.decide(&consider));
        for (index, events) in rounds.iter().enumerate() {
            let told = happen(&mut world, events, Told::next(&KINDS, index as u64 + 2));
            let consider = told.0.consider.clone();
            prop_assert_eq!(grants(&mut policy, told), world.decide(&consider));
        }
    }
}
