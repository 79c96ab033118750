//! The policy as a component and as native code: the same proposals, to the last row.

use allocator_drf::{define_batch_from, policy::Policy};
use mezzo_slots::{AgentColumns, AgentRow, Batch, Flow, Masks, RoleRow, SeekerRow};
use mezzo_wasm::Limits;
use proptest::prelude::*;

use super::{DRF, start};

define_batch_from! {
    fn batch_from(Batch)
}

const KINDS: usize = 3;

fn amounts(rows: usize, max: i64) -> impl Strategy<Value = Vec<i64>> {
    prop::collection::vec(0..=max, rows * KINDS)
}

/// A cluster of up to 40 agents, 10 roles in a tree and 80 seekers.
fn clusters() -> impl Strategy<Value = Batch> {
    (1..40usize, 1..10usize, 1..80usize).prop_flat_map(|(agents, roles, seekers)| {
        let agent_rows = (amounts(agents, 64_000), amounts(agents, 64_000), amounts(agents, 1));
        let parents = prop::collection::vec(0..20usize, roles);
        let weights = prop::collection::vec(1..4u32, roles);
        let homes = prop::collection::vec((0..roles as u32, 0..4u64), seekers);
        let words = seekers.div_ceil(64);
        let bits = prop::collection::vec(any::<u64>(), agents * words);
        let holdings = prop::collection::vec((0..agents as u32, 0..seekers as u32), 0..40);
        let held = amounts(40, 8_000);
        let reserved = prop::collection::vec((0..agents as u32, 0..roles as u32), 0..6);
        (agent_rows, (parents, weights), homes, (Just(words), bits), (holdings, held), reserved, any::<u64>())
            .prop_map(
                move |(
                    (total, open, revocable),
                    (parents, weights),
                    homes,
                    (words, bits),
                    moved,
                    reserved,
                    seed,
                )| {
                    let (holdings, held) = moved;
                    Batch {
                        round: 1,
                        seed,
                        resync: true,
                        kinds: ["cpus", "mem", "gpus"].map(str::to_owned).to_vec(),
                        roles: roles_of(&parents, &weights),
                        seekers: seekers_of(&homes),
                        agents_added: (0..agents as u32)
                            .map(|agent| AgentRow { agent, ..AgentRow::default() })
                            .collect(),
                        agents: AgentColumns {
                            agent: (0..agents as u32).collect(),
                            total,
                            open,
                            revocable: revocable.iter().map(|amount| amount * 500).collect(),
                            unavailable_from_ms: vec![u64::MAX; agents],
                        },
                        masks: Masks { agent: (0..agents as u32).collect(), words: words as u32, bits },
                        reservations: Flow {
                            agent: reserved.iter().map(|(agent, _)| *agent).collect(),
                            seeker: reserved.iter().map(|(_, role)| *role).collect(),
                            amounts: vec![250; reserved.len() * KINDS],
                        },
                        allocated: Flow {
                            agent: holdings.iter().map(|(agent, _)| *agent).collect(),
                            seeker: holdings.iter().map(|(_, seeker)| *seeker).collect(),
                            amounts: held[..holdings.len() * KINDS].to_vec(),
                        },
                        consider_all: true,
                        ..Batch::default()
                    }
                },
            )
    })
}

fn roles_of(parents: &[usize], weights: &[u32]) -> Vec<RoleRow> {
    let mut rows: Vec<RoleRow> = Vec::new();
    for (slot, (parent, weight)) in parents.iter().zip(weights).enumerate() {
        let above = rows.get(*parent).map(|row| (row.role, row.name.clone()));
        let name = above.as_ref().map_or(format!("r{slot}"), |(_, above)| format!("{above}/r{slot}"));
        rows.push(RoleRow {
            role: slot as u32,
            parent: above.map(|(parent, _)| parent),
            name,
            weight_milli: weight * 1000,
            ..RoleRow::default()
        });
    }
    rows
}

fn seekers_of(homes: &[(u32, u64)]) -> Vec<SeekerRow> {
    let row = |(slot, (role, capabilities)): (usize, &(u32, u64))| SeekerRow {
        seeker: slot as u32,
        framework: slot as u32,
        framework_id: format!("framework-{:04}", slot * 7919 % 1000),
        role: *role,
        capabilities: *capabilities,
        ..SeekerRow::default()
    };
    homes.iter().enumerate().map(row).collect()
}

/// The host agrees with every other grant; the rest comes back as facts of the agents, which are those of
/// the first batch.
fn next(first: &Batch, round: u64, grants: &mezzo_slots::Grants, seed: u64) -> Batch {
    let mut next = Batch { round, seed, kinds: first.kinds.clone(), ..Batch::default() };
    for (row, (agent, seeker)) in grants.agent.iter().zip(&grants.seeker).enumerate() {
        let at = *agent as usize * KINDS..(*agent as usize + 1) * KINDS;
        let is_given = row % 2 == 0;
        if is_given {
            next.allocated.agent.push(*agent);
            next.allocated.seeker.push(*seeker);
            next.allocated.amounts.extend_from_slice(&first.agents.open[at.clone()]);
        }
        if next.agents.agent.contains(agent) {
            continue;
        }
        next.agents.agent.push(*agent);
        next.agents.total.extend_from_slice(&first.agents.total[at.clone()]);
        let open = first.agents.open[at].iter().map(|amount| if is_given { 0 } else { *amount });
        next.agents.open.extend(open);
        next.consider.push(*agent);
    }
    next.agents.unavailable_from_ms = vec![u64::MAX; next.agents.agent.len()];
    next.seekers_removed = vec![(seed % 5) as u32];
    next
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn wasm_and_native_propose_the_same(first in clusters(), seeds in prop::collection::vec(any::<u64>(), 3)) {
        let (mut guest, ..) = start(&DRF, "{}", Limits::default()).expect("it starts");
        let mut policy = Policy::new();
        let mut batch = first.clone();
        for seed in seeds {
            let theirs = guest.step(&batch).expect("an answer");
            let ours = policy.step(&batch_from(batch.clone())).expect("an answer");
            prop_assert_eq!(&theirs.grants.agent, &ours.grants.agent);
            prop_assert_eq!(&theirs.grants.seeker, &ours.grants.seeker);
            prop_assert_eq!(theirs.wants_resync, ours.wants_resync);
            batch = next(&first, batch.round + 1, &theirs.grants, seed);
        }
    }
}

#[test]
fn the_policy_is_deterministic_across_instances() {
    let batch = super::cluster(1, true);
    let answers: Vec<_> = (0..2)
        .map(|_| start(&DRF, "{}", Limits::default()).expect("it starts").0.step(&batch).expect("an answer"))
        .collect();
    assert_eq!(answers[0], answers[1]);
}

#[test]
fn the_policy_has_no_settings() {
    let failure = start(&DRF, r#"{"speed":1}"#, Limits::default()).expect_err("no such setting");
    assert!(failure.to_string().contains("`drf` has no settings"), "{failure}");
    start(&DRF, " {} ", Limits::default()).expect("an empty object is fine");
    start(&DRF, "", Limits::default()).expect("nothing at all stands for one");
}
