//! What a user would notice, one sentence each.

use super::*;
use crate::{DropReason, Fault, Ineligible, MoveError};

const CPU_AND_MEM: &str = "cpus:4;mem:1024";

/// One agent, one framework, and the first batch.
fn simple() -> (Ledger, Batch) {
    let mut ledger = ledger();
    ledger.add_agent(agent("a", CPU_AND_MEM));
    ledger.add_framework(framework("f", &["*"]));
    let batch = ledger.next_batch(at(0), 1, false).unwrap();
    (ledger, batch)
}

fn ids() -> (AgentId, FrameworkId) {
    (AgentId::from("a"), FrameworkId::from("f"))
}

#[test]
fn a_grant_without_cap_takes_everything_in_the_order_of_offers() {
    let mut ledger = ledger();
    ledger.add_agent(agent("a", "cpus:4;mem:1024;disk:10;ports:[1-3]"));
    ledger.add_framework(framework("f", &["*"]));
    let granted = round(&mut ledger, at(0));
    assert_eq!(granted[0].resources.to_string(), "ports:[1-3]; cpus:4; mem:1024; disk:10");
    assert!(ledger.free(&AgentId::from("a")).is_empty());
    ledger.audit().unwrap();
}

/// Nothing is asked as long as nobody could get anything: an idle cluster costs nothing.
#[test]
fn there_is_no_batch_when_nothing_could_come_of_it() {
    let mut ledger = ledger();
    assert!(ledger.next_batch(at(0), 1, false).is_none(), "an empty cluster");
    ledger.add_agent(agent("a", CPU_AND_MEM));
    assert!(ledger.next_batch(at(0), 1, false).is_none(), "nobody who wants offers");
    ledger.add_framework(framework("f", &["*"]));
    let granted = round(&mut ledger, at(0));
    assert!(ledger.next_batch(at(0), 1, false).is_none(), "all is offered");
    decline(&mut ledger, &granted[0], at(0), 5);
    assert!(ledger.next_batch(at(0), 1, false).is_none(), "the only framework has refused it");
    ledger.consider_everything();
    assert!(ledger.next_batch(at(1), 1, false).is_none(), "not even the backstop changes that");
    assert!(ledger.next_batch(at(1), 1, true).is_some(), "a new instance is told everything all the same");
}

#[test]
fn only_one_round_is_in_flight() {
    let (mut ledger, batch) = simple();
    ledger.add_agent(agent("b", CPU_AND_MEM));
    assert!(ledger.next_batch(at(0), 2, true).is_none());
    let applied = ledger.apply(at(0), &proposal(&batch, &[]));
    assert!(applied.granted.is_empty() && applied.faults.is_empty());
    let next = ledger.next_batch(at(0), 2, false).unwrap();
    assert!(!next.resync && next.agents_added.len() == 1);
}

#[test]
fn a_declined_agent_comes_back_when_its_filter_ends() {
    let (mut ledger, _) = simple();
    ledger.abandon_round();
    let granted = round(&mut ledger, at(0));
    decline(&mut ledger, &granted[0], at(0), 5);
    assert_eq!(ledger.next_expiry(), Some(at(5).mono));
    assert!(round(&mut ledger, at(4)).is_empty());
    assert_eq!(round(&mut ledger, at(5)).len(), 1);
}

/// The refused contain what would be offered: more than that, or something else, goes through.
#[test]
fn a_filter_does_not_hold_back_more_than_was_refused() {
    let (mut ledger, _) = simple();
    ledger.abandon_round();
    let (agent, framework) = ids();
    ledger.allocate(&agent, &framework, "*", &bag("cpus:1;mem:100")).unwrap();
    let granted = round(&mut ledger, at(0));
    assert_eq!(granted[0].resources.to_string(), "cpus:3; mem:924");
    decline(&mut ledger, &granted[0], at(0), 3600);
    assert!(round(&mut ledger, at(1)).is_empty());
    ledger.release_allocated(&agent, &framework, "*", &bag("cpus:1;mem:100")).unwrap();
    assert_eq!(round(&mut ledger, at(1))[0].resources.to_string(), "cpus:4; mem:1024");
}

#[test]
fn a_filter_holds_back_less_than_was_refused() {
    let (mut ledger, _) = simple();
    ledger.abandon_round();
    let (agent, framework) = ids();
    let granted = round(&mut ledger, at(0));
    decline(&mut ledger, &granted[0], at(0), 3600);
    ledger.allocate(&agent, &framework, "*", &bag("cpus:1")).unwrap();
    assert!(round(&mut ledger, at(1)).is_empty());
    let explained = ledger.explain(&agent, &framework, "*");
    assert_eq!(explained, Err(Ineligible::Filtered { until: at(3600).mono }));
}

#[test]
fn a_filter_of_one_framework_does_not_concern_another() {
    let (mut ledger, _) = simple();
    ledger.abandon_round();
    let granted = round(&mut ledger, at(0));
    decline(&mut ledger, &granted[0], at(0), 5);
    ledger.add_framework(framework("g", &["*"]));
    assert_eq!(round(&mut ledger, at(1))[0].framework.as_str(), "g");
}

#[test]
fn revive_forgets_filters_and_suppression() {
    let (mut ledger, _) = simple();
    ledger.abandon_round();
    let (_, framework) = ids();
    let granted = round(&mut ledger, at(0));
    decline(&mut ledger, &granted[0], at(0), 3600);
    ledger.suppress(&framework, &[]);
    ledger.revive(&framework, &["other".to_owned()]);
    assert!(round(&mut ledger, at(1)).is_empty(), "a role that it does not have");
    ledger.revive(&framework, &["*".to_owned()]);
    assert_eq!(round(&mut ledger, at(1)).len(), 1);
}

/// Reconnecting after a disconnect forgets filters; subscribing again over a living stream does not.
#[test]
fn filters_go_when_a_framework_comes_back() {
    let (mut ledger, _) = simple();
    ledger.abandon_round();
    let (_, id) = ids();
    let granted = round(&mut ledger, at(0));
    decline(&mut ledger, &granted[0], at(0), 3600);
    ledger.update_framework(framework("f", &["*"]));
    assert!(round(&mut ledger, at(1)).is_empty());
    ledger.set_framework_active(&id, false);
    assert!(round(&mut ledger, at(1)).is_empty());
    ledger.set_framework_active(&id, true);
    assert_eq!(round(&mut ledger, at(1)).len(), 1);
}

#[test]
fn filters_go_when_an_agent_changes() {
    let (mut ledger, _) = simple();
    ledger.abandon_round();
    let granted = round(&mut ledger, at(0));
    decline(&mut ledger, &granted[0], at(0), 3600);
    ledger.update_agent_total(&granted[0].agent, bag("cpus:2;mem:512"));
    assert_eq!(round(&mut ledger, at(1))[0].resources.to_string(), "cpus:2; mem:512");
}

#[test]
fn a_suppressed_role_gets_nothing_while_the_other_does() {
    let mut ledger = ledger();
    let mut facts = framework("f", &["a", "b"]);
    facts.suppressed_roles = vec!["a".to_owned()];
    ledger.add_framework(facts);
    ledger.add_agent(agent("x", CPU_AND_MEM));
    assert_eq!(&*round(&mut ledger, at(0))[0].role, "b");
}

#[test]
fn an_agent_below_the_minimum_is_not_offered() {
    let mut ledger = ledger();
    ledger.add_framework(framework("f", &["*"]));
    ledger.add_agent(agent("a", "cpus:0.009;mem:31;disk:1000"));
    assert!(round(&mut ledger, at(0)).is_empty());
    ledger.add_agent(agent("b", "cpus:0.01"));
    ledger.add_agent(agent("c", "mem:32"));
    assert_eq!(round(&mut ledger, at(0)).len(), 2);
}

#[test]
fn a_framework_may_set_a_minimum_of_its_own() {
    let mut ledger = ledger();
    ledger.add_agent(agent("a", "cpus:1;mem:32"));
    let mut facts = framework("f", &["*"]);
    let minimum = mezzo_resources::Quantities::parse("cpus:2").unwrap();
    facts.min_allocatable.insert("*".to_owned(), vec![minimum]);
    ledger.add_framework(facts.clone());
    assert!(round(&mut ledger, at(0)).is_empty());
    facts.min_allocatable.insert("*".to_owned(), Vec::new());
    ledger.update_framework(facts);
    assert_eq!(round(&mut ledger, at(0)).len(), 1);
}

#[test]
fn gpu_agents_are_for_frameworks_that_ask_for_them() {
    let mut ledger = ledger();
    ledger.add_agent(agent("a", "cpus:1;mem:32;gpus:1"));
    ledger.add_framework(framework("f", &["*"]));
    assert!(round(&mut ledger, at(0)).is_empty());
    let id = FrameworkId::from("f");
    assert_eq!(ledger.explain(&AgentId::from("a"), &id, "*"), Err(Ineligible::Gpu));
    ledger.update_framework(FrameworkFacts::new(id, vec!["*".to_owned()], 1 << 3));
    assert_eq!(round(&mut ledger, at(0)).len(), 1);
}

#[test]
fn reservations_are_for_the_role_and_those_below_it() {
    let mut ledger = ledger();
    ledger.add_agent(agent("a", "cpus:1;mem:64;cpus(eng):2;mem(eng/web):128"));
    let held = |ledger: &mut Ledger, role: &str| {
        ledger.add_framework(framework("f", &[role]));
        let granted = round(ledger, at(0));
        let text = granted[0].resources.to_unreserved().to_string();
        decline(ledger, &granted[0], at(0), 0);
        text
    };
    assert_eq!(held(&mut ledger, "eng/web"), "cpus:3; mem:192");
    assert_eq!(held(&mut ledger, "eng"), "cpus:3; mem:64");
    assert_eq!(held(&mut ledger, "ops"), "cpus:1; mem:64");
}

#[test]
fn reservations_and_their_roles_are_told() {
    let mut ledger = ledger();
    ledger.add_agent(agent("a", "cpus:1;mem:64;cpus(eng/web):2"));
    ledger.add_framework(framework("f", &["*"]));
    let batch = ledger.next_batch(at(0), 1, false).unwrap();
    let names: Vec<_> = batch.roles.iter().map(|role| (role.name.as_str(), role.parent.is_some())).collect();
    assert_eq!(names, [("eng", false), ("*", false), ("eng/web", true)]);
    assert_eq!(batch.kinds, ["cpus", "mem"]);
    assert_eq!(batch.agents.total, [3000, 64_000]);
    assert_eq!(batch.agents.open, [1000, 64_000]);
    assert_eq!(batch.reservations.amounts, [2000, 0]);
    assert_eq!(batch.reservations.seeker, [batch.roles[2].role]);
}

#[test]
fn a_cap_cuts_what_can_be_cut() {
    let mut ledger = ledger();
    ledger.add_agent(agent("a", "cpus:4;mem:1024;ports:[1-3];cpus(eng):2"));
    ledger.add_framework(framework("f", &["eng"]));
    let batch = ledger.next_batch(at(0), 1, false).unwrap();
    let mut proposal = proposal(&batch, &[(0, 0), (0, 0)]);
    proposal.grants.cap = vec![1500, 0, 1500, 64_000];
    let applied = ledger.apply(at(0), &proposal);
    let texts: Vec<_> =
        applied.granted.iter().map(|grant| grant.resources.to_unreserved().to_string()).collect();
    assert_eq!(texts, ["ports:[1-3]; cpus:3.5", "cpus:1.5; mem:64"]);
    ledger.audit().unwrap();
}

#[test]
fn a_cap_that_leaves_too_little_is_a_drop() {
    let (mut ledger, batch) = simple();
    let mut proposal = proposal(&batch, &[(0, 0)]);
    proposal.grants.cap = vec![9, 31_000];
    let applied = ledger.apply(at(0), &proposal);
    assert_eq!(applied.dropped[0].why, DropReason::BelowMinimum);
    assert_eq!(applied.faults, []);
}

/// What happened since the batch was made is nobody's fault.
#[test]
fn what_changed_meanwhile_is_a_drop() {
    type Change = fn(&mut Ledger);
    let changes: [(Change, DropReason); 6] = [
        (|ledger| ledger.remove_agent(&ids().0), DropReason::AgentGone),
        (|ledger| ledger.set_agent_active(&ids().0, false), DropReason::AgentGone),
        (|ledger| ledger.remove_framework(&ids().1), DropReason::SeekerGone),
        (|ledger| ledger.suppress(&ids().1, &[]), DropReason::SeekerGone),
        (
            |ledger| ledger.allocate(&ids().0, &FrameworkId::from("g"), "*", &bag(CPU_AND_MEM)).unwrap(),
            DropReason::NothingLeft,
        ),
        (|ledger| ledger.filter(&ids().1, "*", &ids().0, bag(CPU_AND_MEM), at(9).mono), DropReason::Filtered),
    ];
    for (change, why) in changes {
        let (mut ledger, batch) = simple();
        change(&mut ledger);
        let applied = ledger.apply(at(0), &proposal(&batch, &[(0, 0)]));
        assert_eq!(applied.dropped.iter().map(|dropped| dropped.why).collect::<Vec<_>>(), [why]);
        assert_eq!(applied.faults, []);
        ledger.audit().unwrap();
    }
}

#[test]
fn what_no_correct_plugin_sends_is_a_fault_of_its_row_alone() {
    let mut ledger = ledger();
    ledger.add_agent(agent("a", CPU_AND_MEM));
    ledger.add_agent(agent("gpu", "cpus:1;mem:64;gpus:1"));
    ledger.add_framework(framework("f", &["*"]));
    let batch = ledger.next_batch(at(0), 1, false).unwrap();
    let mut proposal = proposal(&batch, &[(7, 0), (0, 9), (0, 70_000), (1, 0), (0, 0), (0, 0)]);
    proposal.grants.cap = [[1000, 0, 0]; 6].concat();
    proposal.grants.cap[12] = -1;
    let applied = ledger.apply(at(0), &proposal);
    assert_eq!(
        applied.faults,
        [
            Fault::UnknownAgent { row: 0, agent: 7 },
            Fault::UnknownSeeker { row: 1, seeker: 9 },
            Fault::UnknownSeeker { row: 2, seeker: 70_000 },
            Fault::NotEligible { row: 3, agent: 1, seeker: 0 },
            Fault::NegativeCap { row: 4 },
        ]
    );
    assert_eq!(applied.granted.len(), 1);
}

#[test]
fn a_proposal_out_of_shape_is_one_fault_and_ends_the_round() {
    type Spoil = fn(&mut Proposal);
    let shapes: [(Spoil, &str); 4] = [
        (
            |proposal| proposal.grants.agent.push(0),
            "the proposal has 2 agents, 1 seekers and 0 amounts for 2 kinds",
        ),
        (
            |proposal| proposal.grants.cap = vec![1],
            "the proposal has 1 agents, 1 seekers and 1 amounts for 2 kinds",
        ),
        (
            |proposal| (proposal.grants.agent, proposal.grants.seeker) = (vec![0; 5000], vec![0; 5000]),
            "the proposal has 5000 rows, at most 4096 are allowed",
        ),
        (|proposal| proposal.round += 1, "the proposal is for round 2, but the round is 1"),
    ];
    for (spoil, message) in shapes {
        let (mut ledger, batch) = simple();
        let mut proposal = proposal(&batch, &[(0, 0)]);
        spoil(&mut proposal);
        let applied = ledger.apply(at(0), &proposal);
        assert_eq!(applied.faults.iter().map(Fault::to_string).collect::<Vec<_>>(), [message]);
        assert!(applied.granted.is_empty() && applied.dropped.is_empty());
        ledger.abandon_round();
        assert_eq!(round(&mut ledger, at(0)).len(), 1, "nothing is lost by it");
    }
}

/// An answer that comes after the round was given up must not count for the next one.
#[test]
fn a_late_answer_is_for_no_round() {
    let (mut ledger, batch) = simple();
    ledger.abandon_round();
    let late = ledger.apply(at(0), &proposal(&batch, &[(0, 0)]));
    assert_eq!(late.faults, [Fault::WrongRound { proposed: 1, asked: None }]);
    let next = ledger.next_batch(at(0), 1, false).unwrap();
    assert!(next.resync);
    let late = ledger.apply(at(0), &proposal(&batch, &[(0, 0)]));
    assert_eq!(late.faults, [Fault::WrongRound { proposed: 1, asked: Some(2) }]);
    assert_eq!(ledger.apply(at(0), &proposal(&next, &[(0, 0)])).granted.len(), 1);
}

#[test]
fn a_drifted_plugin_is_told_everything_again() {
    let (mut ledger, batch) = simple();
    let wish = Proposal { wants_resync: true, ..proposal(&batch, &[]) };
    assert!(ledger.apply(at(0), &wish).faults.is_empty());
    ledger.add_agent(agent("b", CPU_AND_MEM));
    let next = ledger.next_batch(at(0), 1, false).unwrap();
    assert!(next.resync && next.agents_added.len() == 2);
}

/// What a plugin left over is looked at again with the backstop, not in every round.
#[test]
fn what_was_left_over_waits_for_the_backstop() {
    let (mut ledger, batch) = simple();
    assert!(ledger.apply(at(0), &proposal(&batch, &[])).faults.is_empty());
    assert!(ledger.next_batch(at(0), 1, false).is_none());
    ledger.consider_everything();
    assert!(ledger.next_batch(at(1), 1, false).unwrap().consider_all);
}

#[test]
fn offered_is_used_in_parts() {
    let (mut ledger, batch) = simple();
    let (agent, framework) = ids();
    let granted = ledger.apply(at(0), &proposal(&batch, &[(0, 0)])).granted;
    let task = bag("cpus:1.5;mem:100").allocated_to("*");
    ledger.use_offered(&agent, &framework, "*", &task).unwrap();
    ledger
        .release_offered(&agent, &framework, "*", &(granted[0].resources.clone() - bag("cpus:1.5;mem:100")))
        .unwrap();
    let account = ledger.agent(&agent).unwrap();
    assert_eq!(account.allocated, bag("cpus:1.5;mem:100"));
    assert_eq!(account.free, bag("cpus:2.5;mem:924"));
    assert!(account.offered.is_empty());
    assert_eq!(ledger.framework(&framework).1, bag("cpus:1.5;mem:100"));
    assert_eq!(ledger.roles()["*"].to_string(), "cpus:1.5; mem:100");
}

#[test]
fn what_is_not_held_cannot_be_moved() {
    let (mut ledger, batch) = simple();
    let (agent, framework) = ids();
    let unknown = ledger.release_offered(&AgentId::from("z"), &framework, "*", &bag("cpus:1"));
    assert_eq!(unknown, Err(MoveError::UnknownAgent(AgentId::from("z"))));
    let nothing = ledger.use_offered(&agent, &framework, "*", &bag("cpus:1")).unwrap_err();
    assert_eq!(nothing.to_string(), "framework `f` in role `*` holds `` of agent `a`, not `cpus:1`");
    assert_eq!(ledger.apply(at(0), &proposal(&batch, &[(0, 0)])).granted.len(), 1);
    assert!(ledger.use_offered(&agent, &framework, "*", &bag("cpus:5")).is_err());
    assert!(ledger.use_offered(&agent, &framework, "eng", &bag("cpus:1")).is_err());
    assert_eq!(ledger.agent(&agent).unwrap().offered, bag(CPU_AND_MEM));
    ledger.audit().unwrap();
}

/// After a failover agents come with tasks of frameworks that have not subscribed yet.
#[test]
fn tasks_of_an_unknown_framework_are_accounted_for() {
    let mut ledger = ledger();
    let (id, owner) = ids();
    ledger.add_agent(agent("a", CPU_AND_MEM));
    ledger.allocate(&id, &owner, "eng", &bag("cpus:3")).unwrap();
    ledger.add_framework(framework("g", &["*"]));
    let batch = ledger.next_batch(at(0), 1, false).unwrap();
    let owner_slot = batch.allocated.seeker[0];
    assert!(batch.seekers.iter().any(|seeker| seeker.seeker == owner_slot));
    assert_eq!(batch.seekers_removed, [owner_slot]);
    assert_eq!(batch.agents.open, [1000, 1_024_000]);
    let applied = ledger.apply(at(0), &proposal(&batch, &[(0, owner_slot)]));
    assert_eq!(applied.faults, [Fault::UnknownSeeker { row: 0, seeker: owner_slot }]);
    ledger.audit().unwrap();
}

#[test]
fn an_overdrawn_agent_offers_nothing_of_what_is_missing() {
    let mut ledger = ledger();
    let (id, owner) = ids();
    ledger.add_agent(agent("a", CPU_AND_MEM));
    ledger.add_framework(framework("f", &["*"]));
    ledger.allocate(&id, &owner, "*", &bag("cpus:3;mem:1000")).unwrap();
    ledger.update_agent_total(&id, bag("cpus:2;mem:1024"));
    assert!(ledger.agent(&id).unwrap().is_overdrawn);
    assert_eq!(ledger.free(&id), bag("mem:24"));
    ledger.audit().unwrap();
    ledger.release_allocated(&id, &owner, "*", &bag("cpus:3;mem:1000")).unwrap();
    assert_eq!(ledger.free(&id), bag("cpus:2;mem:1024"));
    assert!(!ledger.agent(&id).unwrap().is_overdrawn);
}

/// One port reported for two tasks is one port; the rest of the second must not stay for ever.
#[test]
fn a_port_reported_twice_does_not_keep_the_rest() {
    let mut ledger = ledger();
    let (id, owner) = ids();
    ledger.add_agent(agent("a", "cpus:4;mem:64;ports:[1-9]"));
    for _ in 0..2 {
        ledger.allocate(&id, &owner, "*", &bag("cpus:1;ports:[5-5]")).unwrap();
    }
    ledger.release_allocated(&id, &owner, "*", &bag("cpus:1;ports:[5-5]")).unwrap();
    assert!(ledger.release_allocated(&id, &owner, "*", &bag("cpus:1;ports:[5-5]")).is_err());
    assert_eq!(ledger.free(&id), bag("cpus:4;mem:64;ports:[1-9]"));
    ledger.audit().unwrap();
}

/// A port that is offered and comes up in a task as well must not be free when one of them ends.
#[test]
fn a_port_in_two_hands_is_free_only_when_both_have_let_go() {
    let mut ledger = ledger();
    let (id, owner) = ids();
    ledger.add_agent(agent("a", "cpus:4;mem:64;ports:[1-9]"));
    ledger.add_framework(framework("f", &["*"]));
    let granted = round(&mut ledger, at(0));
    ledger.allocate(&id, &owner, "*", &bag("ports:[5-5]")).unwrap();
    ledger.release_offered(&id, &owner, "*", &granted[0].resources).unwrap();
    assert_eq!(ledger.free(&id), bag("cpus:4;mem:64;ports:[1-4,6-9]"));
    ledger.audit().unwrap();
    ledger.release_allocated(&id, &owner, "*", &bag("ports:[5-5]")).unwrap();
    assert_eq!(ledger.free(&id), bag("cpus:4;mem:64;ports:[1-9]"));
}

#[test]
fn a_removed_agent_takes_everything_with_it() {
    let (mut ledger, batch) = simple();
    let (agent, framework) = ids();
    assert_eq!(ledger.apply(at(0), &proposal(&batch, &[(0, 0)])).granted.len(), 1);
    ledger.remove_agent(&agent);
    assert!(ledger.agent(&agent).is_none());
    assert!(ledger.framework(&framework).0.is_empty());
    assert!(ledger.release_offered(&agent, &framework, "*", &bag("cpus:1")).is_err());
    ledger.audit().unwrap();
}

/// A new agent must not get the slot of an old one while an answer may still name the old one.
#[test]
fn a_slot_is_not_used_again_before_a_later_round_is_answered() {
    let (mut ledger, batch) = simple();
    ledger.remove_agent(&ids().0);
    ledger.add_agent(agent("b", CPU_AND_MEM));
    let applied = ledger.apply(at(0), &proposal(&batch, &[(0, 0)]));
    assert_eq!(applied.dropped[0].why, DropReason::AgentGone);
    let next = ledger.next_batch(at(0), 1, false).unwrap();
    assert_eq!((next.agents_removed.as_slice(), next.agents_added[0].agent), (&[0][..], 1));
    assert!(ledger.apply(at(0), &proposal(&next, &[])).faults.is_empty());
    ledger.add_agent(agent("c", CPU_AND_MEM));
    assert_eq!(ledger.next_batch(at(0), 1, false).unwrap().agents_added[0].agent, 0);
}

/// What a framework that is gone still holds counts for its role until it is released.
#[test]
fn a_removed_framework_is_accounted_for_until_its_last_task_ends() {
    let (mut ledger, batch) = simple();
    let (agent, framework) = ids();
    assert_eq!(ledger.apply(at(0), &proposal(&batch, &[(0, 0)])).granted.len(), 1);
    ledger.use_offered(&agent, &framework, "*", &bag(CPU_AND_MEM)).unwrap();
    ledger.remove_framework(&framework);
    ledger.audit().unwrap();
    assert_eq!(ledger.agent(&agent).unwrap().allocated, bag(CPU_AND_MEM));
    ledger.release_allocated(&agent, &framework, "*", &bag(CPU_AND_MEM)).unwrap();
    assert_eq!(ledger.free(&agent), bag(CPU_AND_MEM));
    ledger.add_framework(super::framework("g", &["*"]));
    assert_eq!(round(&mut ledger, at(0))[0].framework.as_str(), "g");
    assert_eq!(ledger.seekers().len(), 1);
    ledger.audit().unwrap();
}

/// A scheduler that declines for a year and revives, again and again, must not fill the memory.
#[test]
fn forgotten_filters_leave_no_timers_behind() {
    let mut ledger = ledger();
    ledger.add_framework(framework("f", &["*"]));
    for at in 0..50 {
        ledger.add_agent(agent(&format!("a{at}"), CPU_AND_MEM));
    }
    for turn in 0..1000 {
        let now = at(turn);
        let until = now.mono + Duration::from_secs(365 * 24 * 3600);
        for agent in 0..50 {
            let agent = AgentId::from(format!("a{agent}"));
            ledger.filter(&FrameworkId::from("f"), "*", &agent, bag(CPU_AND_MEM), until);
        }
        ledger.revive(&FrameworkId::from("f"), &[]);
    }
    assert!(ledger.timers.entries() < 10_000);
    assert_eq!(ledger.filters_by_role().len(), 0);
}
