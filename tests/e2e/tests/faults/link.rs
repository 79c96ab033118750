//! The network between master and agent goes, in one direction or both, and comes back.

use std::{fs, time::Duration};

use e2e_tests::{Daemons, wait_for};
use mezzo_proto::mesos::v1::{TaskState, task_status::Reason};

use crate::{
    can_make_faults, file_for,
    scheduler::{LIMIT, Scheduler, Wanted},
    short_pings, until,
    wire::{AGENT, Cut, MASTER, Wire},
};

/// A cluster whose agent is at the other end of the cable.
fn cluster(wire: &Wire) -> Daemons {
    let mut daemons = short_pings();
    daemons.master_ip = MASTER.to_owned();
    daemons.agent_ip = AGENT.to_owned();
    daemons.start_master().unwrap();
    wire.at_agent(|| daemons.start_agent(0)).unwrap();
    daemons.wait_for_agents(1).unwrap();
    daemons
}

/// Whatever is lost, and in whichever direction: the frameworks are told, each in the word that it
/// knows, what runs goes on, what ends meanwhile is told of later, and all is as before in the end.
fn survives(cut: Cut) {
    if !can_make_faults() {
        return;
    }
    let wire = Wire::lay();
    let daemons = cluster(&wire);
    let lost = [(true, TaskState::TaskUnreachable), (false, TaskState::TaskLost)];
    let schedulers = lost.map(|(is_aware, state)| {
        let scheduler = Scheduler::subscribe(&daemons.master_address(), is_aware);
        for name in ["stays", "ends"] {
            let file = file_for(&daemons, &format!("{name}-{is_aware}"));
            scheduler.run(&Wanted::new(name, &format!("{}; touch {}.ended", until(&file), file.display())));
        }
        scheduler.rest();
        (scheduler, is_aware, state)
    });

    wire.cut(cut);
    for (scheduler, is_aware, lost) in &schedulers {
        for name in ["stays", "ends"] {
            let (_, status) = scheduler.wait_for(name, *lost);
            assert_eq!(status.reason(), Reason::AgentRemoved, "{status:?}");
            assert!(status.unreachable_time.is_some(), "{status:?}");
            assert!(status.uuid.is_none(), "the master's own word needs no acknowledgement: {status:?}");
        }
        scheduler.wait_for_lost_agent();
        // It ends where nobody can hear of it.
        let file = file_for(&daemons, &format!("ends-{is_aware}"));
        fs::write(&file, "").unwrap();
        let ended = file.with_file_name(format!("ends-{is_aware}-may-end.ended"));
        wait_for("the task's end", LIMIT, || ended.exists().then_some(())).unwrap();
    }
    let state = daemons.state().unwrap();
    assert_eq!(state["activated_slaves"], 0.0, "{state}");
    assert_eq!(state["unreachable_slaves"], 1.0, "{state}");

    wire.mend();
    for (scheduler, _, lost) in &schedulers {
        let (_, status) = scheduler.wait_for_nth("stays", TaskState::TaskRunning, 2);
        assert_eq!(status.reason(), Reason::AgentReregistered, "{status:?}");
        scheduler.wait_for("ends", TaskState::TaskFinished);
        assert!(scheduler.states("stays").ends_with(&[*lost, TaskState::TaskRunning]));
        scheduler.kill("stays");
        scheduler.wait_for("stays", TaskState::TaskKilled);
        scheduler.launch(&Wanted::new("after", "true"));
        scheduler.wait_for("after", TaskState::TaskFinished);
        scheduler.rest();
        assert_eq!(scheduler.lost_agents().len(), 1, "a FAILURE names the agent once");
    }
}

#[test]
fn a_cut_is_survived() {
    survives(Cut::Both);
}

#[test]
fn an_agent_that_is_not_heard_is_survived() {
    survives(Cut::ToMaster);
}

#[test]
fn an_agent_that_hears_nothing_is_survived() {
    survives(Cut::ToAgent);
}

/// Cuts that are shorter than the pings' patience are nobody's business.
#[test]
fn a_link_that_flaps_does_no_harm() {
    if !can_make_faults() {
        return;
    }
    let wire = Wire::lay();
    let mut daemons = short_pings();
    // Much more than a cut, so that a busy machine does not make it one that counts.
    daemons.master_flags =
        vec!["--agent_ping_timeout=2secs".to_owned(), "--max_agent_ping_timeouts=10".into()];
    daemons.master_ip = MASTER.to_owned();
    daemons.agent_ip = AGENT.to_owned();
    daemons.start_master().unwrap();
    wire.at_agent(|| daemons.start_agent(0)).unwrap();
    daemons.wait_for_agents(1).unwrap();
    let scheduler = Scheduler::subscribe(&daemons.master_address(), true);
    scheduler.run(&Wanted::new("stays", &until(&file_for(&daemons, "stays"))));
    for number in 0..6 {
        wire.cut([Cut::Both, Cut::ToMaster, Cut::ToAgent][number % 3]);
        std::thread::sleep(Duration::from_millis(300));
        // Said into the void: it arrives when the cable is whole again.
        scheduler.launch(&Wanted::new(&format!("short-{number}"), "true"));
        std::thread::sleep(Duration::from_millis(100));
        wire.mend();
        scheduler.wait_for(&format!("short-{number}"), TaskState::TaskFinished);
    }
    assert_eq!(scheduler.lost_agents(), [""; 0]);
    fs::write(file_for(&daemons, "stays"), "").unwrap();
    scheduler.wait_for("stays", TaskState::TaskFinished);
    let all = [TaskState::TaskStarting, TaskState::TaskRunning, TaskState::TaskFinished];
    assert_eq!(scheduler.states("stays"), all);
}
