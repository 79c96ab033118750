use super::*;
use crate::facts::{AgentColumns, AgentRow, Masks, SeekerRow};

/// Two agents, two seekers; the second may not have the first agent.
fn whole() -> Batch {
    let seeker =
        |seeker: u32| SeekerRow { seeker, framework_id: format!("f{seeker}"), ..SeekerRow::default() };
    let agent = |agent: u32| AgentRow { agent, agent_id: format!("a{agent}"), ..AgentRow::default() };
    Batch {
        round: 1,
        resync: true,
        kinds: vec!["cpus".to_owned()],
        seekers: vec![seeker(0), seeker(1)],
        agents_added: vec![agent(0), agent(1)],
        agents: AgentColumns {
            agent: vec![0, 1],
            total: vec![4_000, 4_000],
            open: vec![4_000, 1_000],
            revocable: Vec::new(),
        },
        masks: Masks { agent: vec![0, 1], words: 1, bits: vec![0b01, 0b11] },
        ..Batch::default()
    }
}

fn cluster() -> Cluster {
    let mut cluster = Cluster::default();
    cluster.apply(&whole()).expect("a right batch");
    cluster
}

#[test]
fn the_mirror_holds_what_was_told() {
    let cluster = cluster();
    assert_eq!(cluster.total(), [8_000]);
    assert_eq!((cluster.eligible(0), cluster.eligible(1)), (vec![0], vec![0, 1]));
    assert!(cluster.agent(0).expect("there").is_empty() && !cluster.agent(1).expect("there").is_empty());
}

#[test]
fn what_is_held_moves_with_the_flows() {
    let mut cluster = cluster();
    let flow = |amount| Flow { agent: vec![0], seeker: vec![1], amounts: vec![amount] };
    cluster
        .apply(&Batch {
            allocated: flow(3_000),
            recovered: flow(1_000),
            kinds: vec!["cpus".into()],
            ..Batch::default()
        })
        .expect("right");
    assert!((cluster.seeker_share(1) - 0.25).abs() < 1e-9);
    cluster.apply(&whole()).expect("right");
    assert_eq!(cluster.seeker_share(1), 0.0, "a resync begins anew");
}

/// A seeker that went and came back is eligible wherever no mask says otherwise.
#[test]
fn seekers_that_come_back_are_admitted_everywhere() {
    let mut cluster = cluster();
    let kinds = vec!["cpus".to_owned()];
    cluster
        .apply(&Batch { seekers_removed: vec![1], kinds: kinds.clone(), ..Batch::default() })
        .expect("right");
    assert_eq!(cluster.eligible(1), [0]);
    let row = SeekerRow { seeker: 1, ..SeekerRow::default() };
    cluster.apply(&Batch { seekers: vec![row], kinds, ..Batch::default() }).expect("right");
    assert_eq!((cluster.eligible(0), cluster.eligible(1)), (vec![0, 1], vec![0, 1]));
}

#[test]
fn agents_that_are_gone_do_not_count() {
    let mut cluster = cluster();
    cluster
        .apply(&Batch { agents_removed: vec![0], kinds: vec!["cpus".into()], ..Batch::default() })
        .expect("right");
    assert_eq!(cluster.total(), [4_000]);
    assert!(!cluster.agent(0).expect("known").has_something());
}

#[test]
fn everything_is_looked_at_once_beginning_at_the_seed() {
    let batch = Batch { consider: vec![1], consider_all: true, seed: 3, ..Batch::default() };
    assert_eq!(cluster().to_consider(&batch), [1, 0]);
    let batch = Batch { consider_all: true, seed: 3, ..Batch::default() };
    assert_eq!(cluster().to_consider(&batch), [1, 0]);
}

#[test]
fn columns_that_do_not_fit_are_refused() {
    let mut ragged = whole();
    ragged.agents.open.pop();
    let error = Cluster::default().apply(&ragged).expect_err("too short");
    assert_eq!(error, "`agents.open` has 1 entries where 2 belong");
    let mut huge = whole();
    huge.seekers[0].seeker = u32::MAX;
    assert!(Cluster::default().apply(&huge).expect_err("too large").contains("out of bounds"));
}
