//! The policy against the paper, against Mesos's rules, and against a model that sorts everything anew
//! for every agent.

mod model;

use super::*;
use crate::facts::{AgentColumns, Masks, RoleRow, SeekerRow};

/// A batch put together piece by piece; everything is eligible unless said otherwise.
struct Told(Batch);

impl Told {
    fn resync(kinds: &[&str]) -> Self {
        let kinds = kinds.iter().map(|kind| (*kind).to_owned()).collect();
        Self(Batch { round: 1, resync: true, kinds, ..Batch::default() })
    }

    fn next(kinds: &[&str], round: u64) -> Self {
        let mut told = Self::resync(kinds);
        told.0.resync = false;
        told.0.round = round;
        told
    }

    fn role(mut self, role: u32, name: &str, parent: Option<u32>, weight_milli: u32) -> Self {
        self.0.roles.push(RoleRow {
            role,
            parent,
            name: name.to_owned(),
            weight_milli,
            ..RoleRow::default()
        });
        self
    }

    fn seeker(self, seeker: u32, name: &str, role: u32) -> Self {
        self.capable(seeker, name, role, 0)
    }

    fn capable(mut self, seeker: u32, name: &str, role: u32, capabilities: u64) -> Self {
        self.0.seekers.push(SeekerRow { seeker, framework_id: name.to_owned(), role, capabilities });
        self
    }

    fn agent(self, agent: u32, total: &[i64]) -> Self {
        self.agent_with(agent, total, total, &vec![0; total.len()], u64::MAX)
    }

    fn agent_with(mut self, agent: u32, total: &[i64], open: &[i64], revocable: &[i64], mask: u64) -> Self {
        let AgentColumns { agent: slots, total: totals, open: opens, revocable: revocables } =
            &mut self.0.agents;
        slots.push(agent);
        totals.extend_from_slice(total);
        opens.extend_from_slice(open);
        revocables.extend_from_slice(revocable);
        self.0.masks.words = 1;
        self.0.masks.agent.push(agent);
        self.0.masks.bits.push(mask);
        self
    }

    fn reserved(mut self, agent: u32, role: u32, amounts: &[i64]) -> Self {
        push(&mut self.0.reservations, agent, role, amounts);
        self
    }

    fn allocated(mut self, agent: u32, seeker: u32, amounts: &[i64]) -> Self {
        push(&mut self.0.allocated, agent, seeker, amounts);
        self
    }

    fn recovered(mut self, agent: u32, seeker: u32, amounts: &[i64]) -> Self {
        push(&mut self.0.recovered, agent, seeker, amounts);
        self
    }

    fn consider(mut self, agents: impl IntoIterator<Item = u32>) -> Self {
        self.0.consider.extend(agents);
        self
    }
}

fn push(flow: &mut Flow, agent: u32, seeker: u32, amounts: &[i64]) {
    flow.agent.push(agent);
    flow.seeker.push(seeker);
    flow.amounts.extend_from_slice(amounts);
}

fn grants(policy: &mut Policy, told: Told) -> Vec<(u32, u32)> {
    let proposal = policy.step(&told.0).expect("a consistent batch");
    assert!(!proposal.wants_resync, "nothing drifted");
    assert_eq!(proposal.round, told.0.round);
    proposal.grants.agent.into_iter().zip(proposal.grants.seeker).collect()
}

fn seekers(policy: &mut Policy, told: Told) -> Vec<u32> {
    grants(policy, told).into_iter().map(|(_, seeker)| seeker).collect()
}

/// The example of the paper: 9 CPUs and 18 GB; A's tasks need <1, 4>, B's <3, 1>. Every "agent" here is
/// one task's worth, offered first to whoever is behind and sized by what that one would take.
#[test]
fn the_papers_example_ends_with_three_tasks_of_a_and_two_of_b() {
    let needs: [&[i64]; 2] = [&[1_000, 4_000], &[3_000, 1_000]];
    let mut free = [9_000, 18_000];
    let mut tasks = [0, 0];
    let mut policy = Policy::new();
    let mut told = Told::resync(&["cpus", "mem"])
        .role(0, "*", None, 1000)
        .seeker(0, "a", 0)
        .seeker(1, "b", 0)
        .agent(0, &free)
        .consider([0]);
    for round in 2.. {
        let next = seekers(&mut policy, told)[0] as usize;
        if free.iter().zip(needs[next]).any(|(free, need)| free < need) {
            break;
        }
        tasks[next] += 1;
        free.iter_mut().zip(needs[next]).for_each(|(free, need)| *free -= need);
        told = Told::next(&["cpus", "mem"], round)
            .agent_with(0, &[9_000, 18_000], &free, &[0, 0], u64::MAX)
            .allocated(0, next as u32, needs[next])
            .consider([0]);
    }
    assert_eq!(tasks, [3, 2]);
}

#[test]
fn weights_one_to_two_end_at_a_third_and_two_thirds() {
    let mut told = Told::resync(&["cpus"])
        .role(0, "one", None, 1000)
        .role(1, "two", None, 2000)
        .seeker(0, "f0", 0)
        .seeker(1, "f1", 1)
        .consider(0..300);
    for agent in 0..300 {
        told = told.agent(agent, &[4_000]);
    }
    let given = seekers(&mut Policy::new(), told);
    assert_eq!(given.iter().filter(|seeker| **seeker == 0).count(), 100);
}

#[test]
fn one_resource_is_split_evenly() {
    let mut told = Told::resync(&["cpus"]).role(0, "*", None, 1000).consider(0..90);
    for seeker in 0..3 {
        told = told.seeker(seeker, &format!("f{seeker}"), 0);
    }
    for agent in 0..90 {
        told = told.agent(agent, &[1_000]);
    }
    let given = seekers(&mut Policy::new(), told);
    assert!((0..3).all(|seeker| given.iter().filter(|given| **given == seeker).count() == 30));
}

/// `a` directly competes as a sibling with `a/b` and `a/c`: each gets a third of `a`'s half, while the
/// other half is `d`'s.
#[test]
fn a_seeker_of_an_inner_role_competes_with_the_roles_below() {
    let mut told = Told::resync(&["cpus"])
        .role(0, "a", None, 1000)
        .role(1, "a/b", Some(0), 1000)
        .role(2, "a/c", Some(0), 1000)
        .role(3, "d", None, 1000)
        .seeker(0, "f0", 0)
        .seeker(1, "f1", 1)
        .seeker(2, "f2", 2)
        .seeker(3, "f3", 3)
        .consider(0..60);
    for agent in 0..60 {
        told = told.agent(agent, &[1_000]);
    }
    let given = seekers(&mut Policy::new(), told);
    let count = |seeker| given.iter().filter(|given| **given == seeker).count();
    assert_eq!([count(0), count(1), count(2), count(3)], [10, 10, 10, 30]);
}

/// The same share, so whoever was given something less often is next, and only then the name.
#[test]
fn ties_go_to_fewer_allocations_then_to_the_name() {
    let told = Told::resync(&["cpus"])
        .role(0, "*", None, 1000)
        .seeker(0, "zebra", 0)
        .seeker(1, "ant", 0)
        .agent(0, &[8_000])
        .agent(1, &[8_000])
        .allocated(0, 1, &[500])
        .allocated(0, 1, &[500])
        .allocated(1, 0, &[1_000])
        .consider([0]);
    let mut policy = Policy::new();
    assert_eq!(seekers(&mut policy, told), [0]);
    // Now both have been given something twice.
    let told = Told::next(&["cpus"], 2).allocated(0, 0, &[1]).recovered(0, 0, &[1]).consider([0]);
    assert_eq!(seekers(&mut policy, told), [1]);
}

#[test]
fn what_was_offered_counts_at_once() {
    let told = Told::resync(&["cpus"])
        .role(0, "*", None, 1000)
        .seeker(0, "f0", 0)
        .seeker(1, "f1", 0)
        .agent(0, &[4_000])
        .agent(1, &[4_000])
        .consider([1, 0]);
    assert_eq!(grants(&mut Policy::new(), told), [(1, 0), (0, 1)]);
}

/// The host did not apply the proposal, so the next one must not believe in it.
#[test]
fn a_proposal_that_came_to_nothing_leaves_no_trace() {
    let mut policy = Policy::new();
    let told = || {
        Told::resync(&["cpus"])
            .role(0, "*", None, 1000)
            .seeker(0, "f0", 0)
            .seeker(1, "f1", 0)
            .agent(0, &[4_000])
            .agent(1, &[4_000])
            .consider([0])
    };
    assert_eq!(seekers(&mut policy, told()), [0]);
    assert_eq!(seekers(&mut policy, Told::next(&["cpus"], 2).consider([0, 1])), [0, 1]);
    assert_eq!(seekers(&mut policy, Told::next(&["cpus"], 3).allocated(0, 0, &[4_000]).consider([1])), [1]);
}

#[test]
fn only_eligible_seekers_are_granted_and_only_where_something_is_open() {
    let told = Told::resync(&["cpus", "mem"])
        .role(0, "*", None, 1000)
        .seeker(0, "f0", 0)
        .seeker(1, "f1", 0)
        .agent_with(0, &[4_000, 1], &[4_000, 1], &[0, 0], 0b10)
        .agent_with(1, &[4_000, 1], &[0, 0], &[0, 0], 0b11)
        .agent_with(2, &[4_000, 1], &[0, 1], &[0, 0], 0b00)
        .consider([0, 1, 2, 0, 77]);
    assert_eq!(grants(&mut Policy::new(), told), [(0, 1)]);
}

/// A suppressed seeker is not offered anything, but what it holds counts for its role.
#[test]
fn what_a_suppressed_seeker_holds_counts_for_its_role() {
    let mut told = Told::resync(&["cpus"])
        .role(0, "a", None, 1000)
        .role(1, "b", None, 1000)
        .seeker(0, "quiet", 0)
        .seeker(1, "loud", 0)
        .seeker(2, "other", 1)
        .allocated(0, 0, &[2_500]);
    told.0.seekers_removed = vec![0];
    for agent in 0..6 {
        told = told.agent(agent, &[1_000]);
    }
    let mut policy = Policy::new();
    assert_eq!(seekers(&mut policy, told.consider(0..3)), [2, 2, 2]);
    // Back again, and eligible everywhere without a word about masks.
    let told = Told::next(&["cpus"], 2).seeker(0, "quiet", 0).recovered(0, 0, &[2_500]).consider(0..4);
    // Role `a` was given something once already.
    assert_eq!(seekers(&mut policy, told), [2, 1, 2, 0]);
}

#[test]
fn a_new_seeker_may_have_agents_without_a_new_mask() {
    let mut policy = Policy::new();
    let told = Told::resync(&["cpus"])
        .role(0, "*", None, 1000)
        .agent_with(0, &[1_000], &[1_000], &[0], 0)
        .consider([0]);
    assert_eq!(seekers(&mut policy, told), [0; 0]);
    let told = Told::next(&["cpus"], 2).seeker(64, "f64", 0).consider([0]);
    assert_eq!(seekers(&mut policy, told), [64]);
}

#[test]
fn an_agent_that_left_counts_no_more() {
    let mut policy = Policy::new();
    let told = Told::resync(&["cpus", "mem"])
        .role(0, "*", None, 1000)
        .seeker(0, "f0", 0)
        .seeker(1, "f1", 0)
        .agent(0, &[10_000, 1_000])
        .agent(1, &[1_000, 10_000])
        .allocated(0, 0, &[2_000, 0])
        .allocated(0, 1, &[0, 3_000])
        .consider([0]);
    assert_eq!(seekers(&mut policy, told), [0]);
    // Without agent 1 there is little memory, so what f1 holds is far more of it.
    let mut told = Told::next(&["cpus", "mem"], 2).consider([0, 1]);
    told.0.agents_removed = vec![1];
    assert_eq!(grants(&mut policy, told), [(0, 0)]);
}

#[test]
fn reservations_go_to_their_role_and_the_roles_below() {
    let told = Told::resync(&["cpus"])
        .role(0, "a", None, 1000)
        .role(1, "a/b", Some(0), 1000)
        .role(2, "c", None, 1000)
        .seeker(0, "deep", 1)
        .seeker(1, "other", 2)
        .agent_with(0, &[8_000], &[0], &[0], u64::MAX)
        .reserved(0, 0, &[4_000])
        .agent_with(1, &[8_000], &[2_000], &[0], u64::MAX)
        .reserved(1, 2, &[4_000])
        .agent_with(2, &[8_000], &[2_000], &[0], 0b01)
        .reserved(2, 2, &[4_000])
        .consider([0, 1, 2]);
    // On agent 1 the open part goes to whoever is behind, the reservation only to its role; on agent 2
    // nobody of that role is eligible.
    assert_eq!(grants(&mut Policy::new(), told), [(0, 0), (1, 1), (2, 0)]);
}

#[test]
fn revocable_resources_go_to_those_who_can_lose_them() {
    let told = Told::resync(&["cpus"])
        .role(0, "*", None, 1000)
        .seeker(0, "careful", 0)
        .capable(1, "daring", 0, 1 << CAPABILITY_REVOCABLE)
        .agent_with(0, &[8_000], &[4_000], &[2_000], u64::MAX)
        .agent_with(1, &[8_000], &[0], &[2_000], u64::MAX)
        .agent_with(2, &[8_000], &[0], &[2_000], 0b01)
        .consider([0, 1, 2]);
    assert_eq!(grants(&mut Policy::new(), told), [(0, 0), (0, 1), (1, 1)]);
}

#[test]
fn all_agents_are_looked_at_from_where_the_seed_says() {
    let mut told = Told::resync(&["cpus"]).role(0, "*", None, 1000).seeker(0, "f0", 0).consider([3]);
    for agent in 0..5 {
        told = told.agent(agent, &[1_000]);
    }
    told.0.consider_all = true;
    told.0.seed = 6;
    let order: Vec<u32> = grants(&mut Policy::new(), told).into_iter().map(|(agent, _)| agent).collect();
    assert_eq!(order, [3, 2, 4, 0, 1]);
}

#[test]
fn a_new_kind_widens_what_is_known() {
    let mut policy = Policy::new();
    let told = Told::resync(&["cpus"])
        .role(0, "*", None, 1000)
        .seeker(0, "f0", 0)
        .seeker(1, "f1", 0)
        .agent(0, &[4_000])
        .allocated(0, 0, &[1_000])
        .consider([0]);
    assert_eq!(seekers(&mut policy, told), [1]);
    let told = Told::next(&["cpus", "gpus"], 2)
        .agent(1, &[4_000, 2_000])
        .allocated(1, 1, &[0, 1_000])
        .consider([0, 1]);
    // f0 holds an eighth of the CPUs, f1 half of the GPUs.
    assert_eq!(seekers(&mut policy, told), [0, 1]);
}

#[test]
fn totals_that_disagree_ask_for_everything() {
    let mut policy = Policy::new();
    let told = |round| Told::next(&["cpus"], round);
    let first = Told::resync(&["cpus"])
        .role(0, "*", None, 1000)
        .seeker(0, "f0", 0)
        .agent(0, &[4_000])
        .allocated(0, 0, &[1_000]);
    assert_eq!(seekers(&mut policy, first), [0; 0]);
    let mut right = told(2);
    push(&mut right.0.role_totals, 0, 0, &[1_000]);
    assert_eq!(seekers(&mut policy, right), [0; 0]);
    let mut wrong = told(3);
    push(&mut wrong.0.role_totals, 0, 0, &[2_000]);
    assert!(policy.step(&wrong.0).expect("an answer").wants_resync);
    let unknown = told(4).recovered(0, 9, &[1]);
    assert!(policy.step(&unknown.0).expect("an answer").wants_resync);
    let too_much = told(5).recovered(0, 0, &[1_001]);
    assert!(policy.step(&too_much.0).expect("an answer").wants_resync);
}

/// A contradiction in a resync itself must not ask for one for ever.
#[test]
fn a_resync_is_taken_as_it_is() {
    let told = Told::resync(&["cpus"]).recovered(0, 9, &[1]);
    assert!(!Policy::new().step(&told.0).expect("an answer").wants_resync);
}

#[test]
fn misshapen_batches_are_refused_and_forgotten() {
    let good = || {
        Told::resync(&["cpus"]).role(0, "*", None, 1000).seeker(0, "f0", 0).agent(0, &[1_000]).consider([0])
    };
    type Spoil = fn(&mut Batch);
    let spoils: [(&str, Spoil); 9] = [
        ("total", |batch| batch.agents.total.push(1)),
        ("open", |batch| batch.agents.open.clear()),
        ("revocable", |batch| batch.agents.revocable.push(1)),
        ("bits", |batch| batch.masks.bits.push(0)),
        ("seeker", |batch| batch.allocated.agent.push(0)),
        ("out of bounds", |batch| batch.masks.words = u32::MAX),
        ("out of bounds", |batch| batch.seekers[0].seeker = u32::MAX),
        ("unknown role", |batch| batch.seekers[0].role = 5),
        ("before its parent", |batch| batch.roles[0].parent = Some(7)),
    ];
    for (complaint, spoil) in spoils {
        let mut policy = Policy::new();
        let mut told = good();
        spoil(&mut told.0);
        let StepError::Inconsistent(why) = policy.step(&told.0).expect_err("it is spoilt");
        assert!(why.contains(complaint), "{complaint}: {why}");
        assert_eq!(seekers(&mut policy, good()), [0], "a good batch is answered afterwards");
    }
}

/// A hostile framework can subscribe in a role of any depth.
#[test]
fn deep_roles_do_not_end_the_stack() {
    let mut told = Told::resync(&["cpus"]).role(0, "r", None, 1000);
    for role in 1..20_000 {
        told = told.role(role, &format!("r/{role}"), Some(role - 1), 1000);
    }
    let told = told.seeker(0, "f0", 19_999).agent(0, &[1_000]).consider([0]);
    assert_eq!(seekers(&mut Policy::new(), told), [0]);
}

#[test]
fn roles_that_hang_on_each_other_are_left_out() {
    let mut policy = Policy::new();
    let told = Told::resync(&["cpus"]).role(0, "a", None, 1000).role(1, "b", Some(0), 1000);
    assert_eq!(seekers(&mut policy, told), [0; 0]);
    let told = Told::next(&["cpus"], 2)
        .role(0, "a", Some(1), 1000)
        .seeker(0, "f0", 1)
        .agent(0, &[1_000])
        .consider([0]);
    assert_eq!(seekers(&mut policy, told), [0; 0]);
}

#[test]
fn few_eligible_seekers_far_back_are_found_in_order() {
    let mut told = Told::resync(&["cpus"]).role(0, "*", None, 1000);
    for seeker in 0..1_000_u32 {
        told =
            told.seeker(seeker, &format!("f{seeker:04}"), 0).allocated(0, seeker, &[i64::from(seeker) + 1]);
    }
    told = told.agent(0, &[1_000_000]).agent(1, &[1_000_000]);
    let mut bits = vec![0_u64; 32];
    for seeker in [900, 950, 999] {
        bits[seeker / 64] |= 1 << (seeker % 64);
        bits[16 + seeker / 64] |= 1 << (seeker % 64);
    }
    told.0.masks = Masks { agent: vec![0, 1], words: 16, bits };
    assert_eq!(seekers(&mut Policy::new(), told.consider([0, 1])), [900, 950]);
}

/// A role that is guaranteed four cpus gets them although another is before it in every order, and a
/// role at its limit gets nothing more.
#[test]
fn guarantees_come_first_and_limits_are_kept() {
    let quota = |role: u32, name: &str, guarantee: &[i64], limit: &[i64]| RoleRow {
        role,
        name: name.to_owned(),
        weight_milli: 1000,
        guarantee: guarantee.to_vec(),
        limit: limit.to_vec(),
        consumed: vec![0; guarantee.len()],
        ..RoleRow::default()
    };
    let mut told = Told::resync(&["cpus"]);
    told.0.roles =
        vec![quota(0, "a-greedy", &[], &[]), quota(1, "g", &[4_000], &[-1]), quota(2, "l", &[0], &[1_000])];
    let told = told
        .seeker(0, "f0", 0)
        .seeker(1, "f1", 1)
        .seeker(2, "f2", 2)
        .agent(0, &[3_000])
        .agent(1, &[3_000])
        .agent(2, &[3_000])
        .consider(0..3);
    let proposal = Policy::new().step(&told.0).unwrap();
    let mut given = [0; 3];
    for (seeker, cap) in proposal.grants.seeker.iter().zip(&proposal.grants.cap) {
        given[*seeker as usize] += cap;
    }
    assert_eq!(given.iter().sum::<i64>(), 9_000, "{:?}", proposal.grants);
    assert!(given[1] >= 4_000 && given[2] <= 1_000 && given[0] > 0, "{given:?}");
}

/// What is guaranteed to a role that nobody subscribes in yet is not given to others.
#[test]
fn what_is_guaranteed_is_set_aside() {
    let mut told = Told::resync(&["cpus"]);
    told.0.roles = vec![
        RoleRow { role: 0, name: "h".to_owned(), weight_milli: 1000, ..RoleRow::default() },
        RoleRow {
            role: 1,
            name: "g".to_owned(),
            weight_milli: 1000,
            guarantee: vec![4_000],
            limit: vec![-1],
            consumed: vec![1_000],
            ..RoleRow::default()
        },
    ];
    let told = told.seeker(0, "f0", 0).agent(0, &[5_000]).agent(1, &[5_000]).consider(0..2);
    let proposal = Policy::new().step(&told.0).unwrap();
    assert_eq!(proposal.grants.cap.iter().sum::<i64>(), 7_000, "{:?}", proposal.grants);
}
