//! Whatever happens in whatever order, the account stays right and the plugin's picture true.

use std::{sync::Arc, time::Duration};

use mezzo_model::{AgentId, FrameworkId, Mono, Now, Wall};
use mezzo_resources::{Conversion, Distinction, Reservation, Resources};
use mezzo_slots::{Batch, Grants, Proposal};
use proptest::prelude::*;

use super::{bag, mirror::Mirror};
use crate::{AgentCapabilities, AgentFacts, Fault, FrameworkFacts, Ledger, LedgerConfig};

const TOTALS: &[&str] = &[
    "cpus:4;mem:1024;ports:[1-9]",
    "cpus:8;mem:4096;disk:100;bugs:{a,b}",
    "cpus:2;gpus:1;mem:64",
    "cpus:4;cpus(eng):2;mem(eng/web):512;mem:256;ports(eng):[5-7]",
    "mem:16",
    "licences:3;cpus:1",
];
const ROLES: &[&str] = &["*", "eng", "eng/web", "ops"];
const WISHES: &[&str] = &["cpus:1;mem:32", "cpus:0.5", "mem:64;ports:[2-3]", "cpus(eng):1"];

#[derive(Clone, Debug)]
enum Op {
    AddAgent(u8, u8, u8),
    RemoveAgent(u8),
    AgentActive(u8, bool),
    Total(u8, u8),
    Framework(u8, u8, u8, u8),
    RemoveFramework(u8),
    FrameworkActive(u8, bool),
    Suppress(u8, u8),
    Revive(u8, u8),
    Weight(u8, u32),
    Allocate(u8, u8, u8, u8),
    Decline(u8, u8),
    Accept(u8, u8),
    Convert(u8, bool),
    End(u8),
    Wait(u8),
    Backstop,
    Ask(u64),
    Answer(Vec<(u8, u8, u8)>),
    Nonsense(u32, u32),
    Trap,
}

fn op() -> impl Strategy<Value = Op> {
    let small = 0u8..7;
    prop_oneof![
        4 => (0u8..5, small.clone(), 0u8..4).prop_map(|(a, t, c)| Op::AddAgent(a, t, c)),
        1 => (0u8..5).prop_map(Op::RemoveAgent),
        2 => (0u8..5, any::<bool>()).prop_map(|(a, on)| Op::AgentActive(a, on)),
        1 => (0u8..5, small).prop_map(|(a, t)| Op::Total(a, t)),
        4 => (0u8..4, 0u8..16, 0u8..16, 0u8..32).prop_map(|(f, r, s, c)| Op::Framework(f, r, s, c)),
        1 => (0u8..4).prop_map(Op::RemoveFramework),
        2 => (0u8..4, any::<bool>()).prop_map(|(f, on)| Op::FrameworkActive(f, on)),
        1 => (0u8..4, 0u8..5).prop_map(|(f, r)| Op::Suppress(f, r)),
        1 => (0u8..4, 0u8..5).prop_map(|(f, r)| Op::Revive(f, r)),
        1 => (0u8..4, 500u32..3000).prop_map(|(r, w)| Op::Weight(r, w)),
        1 => (0u8..5, 0u8..4, 0u8..4, 0u8..4).prop_map(|(a, f, r, w)| Op::Allocate(a, f, r, w)),
        4 => (any::<u8>(), 0u8..6).prop_map(|(o, s)| Op::Decline(o, s)),
        3 => (any::<u8>(), 0u8..4).prop_map(|(o, w)| Op::Accept(o, w)),
        3 => (any::<u8>(), any::<bool>()).prop_map(|(o, back)| Op::Convert(o, back)),
        3 => any::<u8>().prop_map(Op::End),
        3 => (0u8..4).prop_map(Op::Wait),
        1 => Just(Op::Backstop),
        6 => any::<u64>().prop_map(Op::Ask),
        8 => proptest::collection::vec((any::<u8>(), any::<u8>(), 0u8..8), 0..8).prop_map(Op::Answer),
        1 => (0u32..9, 0u32..200).prop_map(|(a, s)| Op::Nonsense(a, s)),
        1 => Just(Op::Trap),
    ]
}

/// What the test itself knows of who holds what.
#[derive(Clone, Debug, PartialEq)]
struct Piece {
    agent: u8,
    framework: u8,
    role: String,
    resources: Resources,
}

#[derive(Default)]
struct World {
    ledger: Ledger,
    now: u64,
    offers: Vec<Piece>,
    tasks: Vec<Piece>,
    mirror: Mirror,
    batch: Option<Batch>,
}

/// One of the totals, or one with something that can be taken back.
fn total(number: u8) -> Resources {
    if let Some(text) = TOTALS.get(usize::from(number)) {
        return bag(text);
    }
    let revocable = bag("cpus:3;mem:64").map(|resource| {
        let apart = Distinction { is_revocable: true, ..Distinction::default() };
        resource.distinction = Some(Arc::new(apart));
    });
    bag("cpus:2;mem:512;cpus(eng):1") + revocable
}

fn agent_id(agent: u8) -> AgentId {
    AgentId::from(format!("S{agent}"))
}

fn framework_id(framework: u8) -> FrameworkId {
    FrameworkId::from(format!("F{framework}"))
}

/// The bits of `roles` as names.
fn roles(bits: u8) -> Vec<String> {
    let named = ROLES.iter().enumerate().filter(|(at, _)| bits >> at & 1 == 1);
    named.map(|(_, role)| (*role).to_owned()).collect()
}

impl World {
    fn new() -> Self {
        let config = LedgerConfig {
            role_totals_every: 3,
            filter_groups_per_agent_max: 3,
            grants_min: 16,
            ..LedgerConfig::default()
        };
        World { ledger: Ledger::new(config), ..World::default() }
    }

    fn now(&self) -> Now {
        Now { mono: Mono(self.now), wall: Wall(self.now) }
    }

    fn forget_agent(&mut self, agent: u8) {
        self.offers.retain(|piece| piece.agent != agent);
        self.tasks.retain(|piece| piece.agent != agent);
    }

    fn step(&mut self, op: Op) {
        match op {
            Op::AddAgent(..) | Op::RemoveAgent(_) | Op::AgentActive(..) | Op::Total(..) => {
                self.step_agent(op)
            }
            Op::Framework(..)
            | Op::RemoveFramework(_)
            | Op::FrameworkActive(..)
            | Op::Suppress(..)
            | Op::Revive(..)
            | Op::Weight(..) => self.step_framework(op),
            Op::Allocate(..) | Op::Decline(..) | Op::Accept(..) | Op::Convert(..) | Op::End(_) => {
                self.step_move(op)
            }
            Op::Wait(seconds) => {
                self.now += u64::from(seconds) * 500_000_000;
                self.ledger.expire_filters(Mono(self.now));
                assert!(self.ledger.next_expiry().is_none_or(|next| next > Mono(self.now)));
            }
            Op::Backstop => self.ledger.consider_everything(),
            Op::Ask(seed) => self.ask(seed),
            Op::Answer(rows) => self.answer(&rows),
            Op::Nonsense(agent, seeker) => self.nonsense(agent, seeker),
            Op::Trap => {
                self.ledger.abandon_round();
                self.batch = None;
            }
        }
    }

    fn step_agent(&mut self, op: Op) {
        match op {
            Op::AddAgent(agent, number, capabilities) => {
                let mut facts = AgentFacts::new(agent_id(agent), "host", total(number));
                facts.capabilities = AgentCapabilities {
                    multi_role: capabilities & 1 == 0,
                    hierarchical_role: capabilities & 2 == 0,
                };
                facts.is_remote = capabilities == 3;
                self.ledger.add_agent(facts);
            }
            Op::RemoveAgent(agent) => {
                self.ledger.remove_agent(&agent_id(agent));
                self.forget_agent(agent);
            }
            Op::AgentActive(agent, is_active) => self.ledger.set_agent_active(&agent_id(agent), is_active),
            Op::Total(agent, number) => {
                self.ledger.update_agent_total(&agent_id(agent), total(number));
            }
            _ => {}
        }
    }

    fn step_framework(&mut self, op: Op) {
        match op {
            Op::Framework(framework, wanted, suppressed, capabilities) => {
                // GPU_RESOURCES, MULTI_ROLE, REGION_AWARE, a minimum of its own, REVOCABLE_RESOURCES.
                let bits = [3, 6, 8, 63, 1].iter().enumerate().filter(|(at, _)| capabilities >> at & 1 == 1);
                let bits = bits.fold(0, |bits, (_, number)| bits | 1 << number);
                let mut facts = FrameworkFacts::new(framework_id(framework), roles(wanted), bits);
                facts.suppressed_roles = roles(suppressed & wanted);
                if capabilities & 8 != 0 {
                    let minimum = mezzo_resources::Quantities::parse("cpus:3").unwrap();
                    facts.min_allocatable.insert("eng".to_owned(), vec![minimum]);
                    facts.min_allocatable.insert("*".to_owned(), Vec::new());
                }
                self.ledger.add_framework(facts);
            }
            Op::RemoveFramework(framework) => self.ledger.remove_framework(&framework_id(framework)),
            Op::FrameworkActive(framework, is_active) => {
                self.ledger.set_framework_active(&framework_id(framework), is_active);
            }
            Op::Suppress(framework, role) => {
                let roles: Vec<String> =
                    ROLES.get(usize::from(role)).iter().map(|role| role.to_string()).collect();
                self.ledger.suppress(&framework_id(framework), &roles);
            }
            Op::Revive(framework, role) => {
                let roles: Vec<String> =
                    ROLES.get(usize::from(role)).iter().map(|role| role.to_string()).collect();
                self.ledger.revive(&framework_id(framework), &roles);
            }
            Op::Weight(role, weight) => self.ledger.set_weight(ROLES[usize::from(role)], weight),
            _ => {}
        }
    }

    fn step_move(&mut self, op: Op) {
        match op {
            Op::Allocate(agent, framework, role, wish) => {
                let role = ROLES[usize::from(role)].to_owned();
                let resources = bag(WISHES[usize::from(wish)]);
                // The same ports twice in one hand would be one entry; a story of its own.
                let is_same = |piece: &&Piece| (piece.agent, piece.framework) == (agent, framework);
                let mut mine = self.tasks.iter().filter(is_same);
                if wish == 2 && mine.any(|piece| !piece.resources.ranges("ports").is_empty()) {
                    return;
                }
                let ids = (agent_id(agent), framework_id(framework));
                let allocated = resources.allocated_to(role.as_str());
                if self.ledger.allocate(&ids.0, &ids.1, &role, &allocated).is_ok() {
                    self.tasks.push(Piece { agent, framework, role, resources });
                }
            }
            Op::Decline(offer, seconds) if !self.offers.is_empty() => {
                let piece = self.offers.swap_remove(usize::from(offer) % self.offers.len());
                let ids = (agent_id(piece.agent), framework_id(piece.framework));
                self.ledger.release_offered(&ids.0, &ids.1, &piece.role, &piece.resources).unwrap();
                if seconds > 0 {
                    let until = Mono(self.now) + Duration::from_secs(seconds.into());
                    self.ledger.filter(&ids.1, &piece.role, &ids.0, piece.resources, until);
                }
            }
            Op::Accept(offer, wish) if !self.offers.is_empty() => self.accept(offer, wish),
            Op::Convert(offer, back) if !self.offers.is_empty() => self.convert(offer, back),
            Op::End(task) if !self.tasks.is_empty() => {
                let piece = self.tasks.swap_remove(usize::from(task) % self.tasks.len());
                let ids = (agent_id(piece.agent), framework_id(piece.framework));
                self.ledger.release_allocated(&ids.0, &ids.1, &piece.role, &piece.resources).unwrap();
            }
            _ => {}
        }
    }

    fn accept(&mut self, offer: u8, wish: u8) {
        let at = usize::from(offer) % self.offers.len();
        let piece = self.offers[at].clone();
        let wish = bag(WISHES[usize::from(wish)]);
        let ids = (agent_id(piece.agent), framework_id(piece.framework));
        let Some(rest) = piece.resources.checked_sub(&wish) else { return };
        self.ledger.use_offered(&ids.0, &ids.1, &piece.role, &wish).unwrap();
        self.ledger.release_offered(&ids.0, &ids.1, &piece.role, &rest).unwrap();
        self.offers.swap_remove(at);
        self.tasks.push(Piece { resources: wish, ..piece });
    }

    /// Reserves part of an offer to the role that it was made to, or the other way round.
    fn convert(&mut self, offer: u8, back: bool) {
        let at = usize::from(offer) % self.offers.len();
        let piece = self.offers[at].clone();
        if piece.role == "*" {
            return;
        }
        let role = piece.role.clone();
        let reservation = Reservation { is_dynamic: true, role, principal: None, labels: None };
        let (plain, reserved) = (bag("cpus:0.5"), bag("cpus:0.5").push_reservation(&reservation));
        let (consumed, made) = if back { (reserved, plain) } else { (plain, reserved) };
        // Another offer of the same agent may hold it: the account has one sum for all of them.
        if !piece.resources.contains(&consumed) {
            return;
        }
        let ids = (agent_id(piece.agent), framework_id(piece.framework));
        let before = self.ledger.agent(&ids.0).map(|account| account.total.quantities());
        let conversion = Conversion { consumed, made };
        if self.ledger.convert_offered(&ids.0, &ids.1, &piece.role, &conversion).is_ok() {
            let after = piece.resources.apply(&conversion.consumed, &conversion.made);
            self.offers[at].resources = after.expect("the ledger took it from the same offer");
        }
        assert_eq!(self.ledger.agent(&ids.0).map(|account| account.total.quantities()), before);
    }

    /// Asks for a batch and takes it into the picture, which must be that of a batch that tells all.
    fn ask(&mut self, seed: u64) {
        if self.batch.is_some() {
            assert!(self.ledger.next_batch(self.now(), seed, true).is_none(), "one round is in flight");
            return;
        }
        let mut witness = self.ledger.clone();
        let mut teller = self.ledger.clone();
        let whole = witness.next_batch(self.now(), seed, true).unwrap();
        let mut fresh = Mirror::default();
        fresh.take(&whole);
        self.ledger.expire_filters(Mono(self.now));
        let mut told = self.mirror.clone();
        told.take(&teller.make_batch(self.now(), seed));
        assert_eq!(told.essence(), fresh.essence());
        let mut backstop = self.ledger.clone();
        backstop.consider_everything();
        let is_anybody_eligible = fresh.agents.keys().any(|agent| !fresh.eligible(*agent).is_empty());
        assert_eq!(backstop.next_batch(self.now(), seed, false).is_some(), is_anybody_eligible);
        if let Some(batch) = self.ledger.next_batch(self.now(), seed, false) {
            self.mirror.take(&batch);
            assert_eq!(self.mirror.essence(), fresh.essence());
            self.batch = Some(batch);
        }
    }

    fn answer(&mut self, rows: &[(u8, u8, u8)]) {
        let Some(batch) = self.batch.take() else { return };
        let agents: Vec<u32> = self.mirror.agents.keys().copied().collect();
        let mut grants = Grants::default();
        let has_caps = rows.first().is_some_and(|row| row.2 % 2 == 1);
        for (agent, seeker, cap) in rows {
            let Some(agent) = agents.get(usize::from(*agent) % agents.len().max(1)) else { continue };
            let eligible = self.mirror.eligible(*agent);
            if eligible.is_empty() {
                continue;
            }
            grants.agent.push(*agent);
            grants.seeker.push(eligible[usize::from(*seeker) % eligible.len()]);
            if has_caps {
                grants.cap.extend(std::iter::repeat_n(i64::from(*cap) * 400, batch.kinds.len()));
            }
        }
        let proposal = Proposal { round: batch.round, grants, ..Proposal::default() };
        let applied = self.ledger.apply(self.now(), &proposal);
        assert_eq!(applied.faults, [], "what was told to be eligible is never a fault");
        assert_eq!(applied.granted.len() + applied.dropped.len(), proposal.grants.agent.len());
        for granted in applied.granted {
            let number = |text: &str| text[1..].parse().unwrap();
            assert!(!granted.resources.is_empty());
            self.offers.push(Piece {
                agent: number(granted.agent.as_str()),
                framework: number(granted.framework.as_str()),
                role: granted.role.to_string(),
                resources: granted.resources,
            });
        }
    }

    /// Rows out of thin air are faults or come to what the masks allowed.
    fn nonsense(&mut self, agent: u32, seeker: u32) {
        let Some(batch) = self.batch.take() else { return };
        let is_eligible = self.mirror.eligible(agent).contains(&seeker);
        let proposal = super::proposal(&batch, &[(agent, seeker)]);
        let mut copy = self.ledger.clone();
        let applied = copy.apply(self.now(), &proposal);
        assert_eq!(applied.faults.is_empty(), is_eligible, "{applied:?}");
        let wrong = Proposal { round: batch.round + 1, ..proposal };
        assert!(matches!(self.ledger.apply(self.now(), &wrong).faults[..], [Fault::WrongRound { .. }]));
        assert_eq!(self.ledger.round_in_flight(), Some(batch.round));
        self.batch = Some(batch);
    }

    /// The account, agent by agent, is the sum of what the test knows.
    fn check(&self) {
        self.ledger.audit().unwrap();
        for agent in 0..5 {
            let Some(account) = self.ledger.agent(&agent_id(agent)) else { continue };
            let sum = |pieces: &[Piece]| {
                let mine = pieces.iter().filter(|piece| piece.agent == agent);
                mine.fold(Resources::new(), |sum, piece| sum + &piece.resources)
            };
            assert_eq!(account.offered, sum(&self.offers));
            assert_eq!(account.allocated, sum(&self.tasks));
            if !account.is_overdrawn {
                assert_eq!(account.free + account.offered + account.allocated, account.total);
            }
        }
    }
}

proptest! {
    #[test]
    fn the_account_survives_any_history(ops in proptest::collection::vec(op(), 1..120)) {
        let mut world = World::new();
        for op in ops {
            world.step(op);
            world.check();
        }
    }
}
