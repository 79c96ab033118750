//! The clock on the wall jumps an hour forward and back, under the master and the agent alone.

use std::{
    fs,
    time::{Duration, Instant},
};

use mezzo_proto::mesos::v1::{TaskState, TaskStatus, task_status::Reason};

use crate::{
    can_make_faults, file_for,
    scheduler::{Scheduler, Wanted},
    short_pings, start, until,
};

const HOUR: f64 = 3600.0;

/// How far a status is from the right time, in seconds.
fn off(status: &TaskStatus) -> f64 {
    let right = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    status.timestamp() - right.as_secs_f64()
}

/// What goes by the clock goes by one that does not jump: nothing comes early, nothing never. What
/// is shown to people follows the clock on the wall.
#[test]
fn an_hour_more_or_less_changes_no_deadline() {
    if !can_make_faults() {
        return;
    }
    let mut daemons = short_pings();
    let offset = daemons.dir.path().join("offset");
    let flag = format!("--wall_clock_offset_file={}", offset.display());
    daemons.master_flags.push(flag.clone());
    daemons.agent_flags.push(flag);
    start(&mut daemons);
    let scheduler = Scheduler::subscribe(&daemons.master_address(), true);
    let stays = file_for(&daemons, "stays");
    scheduler.run(&Wanted::new("stays", &until(&stays)));

    for seconds in [HOUR, -HOUR] {
        let name = |what: &str| format!("{what}-{seconds}");
        let stubborn = Wanted {
            kill_grace: Some(Duration::from_secs(4)),
            ..Wanted::new(&name("stubborn"), "trap '' TERM; while :; do sleep 0.1; done")
        };
        let bounded = Wanted {
            max_completion: Some(Duration::from_secs(5)),
            ..Wanted::new(&name("bounded"), "sleep 1000")
        };
        scheduler.run(&stubborn);
        scheduler.launch(&bounded);
        let (bounded_since, _) = scheduler.wait_for(&bounded.name, TaskState::TaskStarting);
        let (kill_since, filter_since) = (Instant::now(), Instant::now());
        scheduler.kill(&stubborn.name);
        scheduler.decline(4.0);

        fs::write(&offset, format!("{seconds}")).unwrap();

        let offered = scheduler.next_offer();
        assert!(offered - filter_since >= Duration::from_secs(4), "the filter held");
        let (killed, status) = scheduler.wait_for(&stubborn.name, TaskState::TaskKilled);
        assert!(killed - kill_since >= Duration::from_secs(4), "the grace of a kill was kept");
        assert!((off(&status) - seconds).abs() < HOUR / 2.0, "what is shown follows the wall: {status:?}");
        let (ended, status) = scheduler.wait_for(&bounded.name, TaskState::TaskFailed);
        assert_eq!(status.reason(), Reason::MaxCompletionTimeReached, "{status:?}");
        assert!(ended - bounded_since >= Duration::from_secs(4), "it had its time");
    }

    // A restart in the middle, with the clock set back again meanwhile.
    let slow = Wanted {
        kill_grace: Some(Duration::from_secs(3)),
        ..Wanted::new("slow", "trap '' TERM; while :; do sleep 0.1; done")
    };
    scheduler.run(&slow);
    scheduler.kill("slow");
    scheduler.wait_for("slow", TaskState::TaskRunning);
    daemons.kill_agent(0);
    fs::write(&offset, format!("{}", -2.0 * HOUR)).unwrap();
    daemons.start_agent(0).unwrap();
    scheduler.wait_for("slow", TaskState::TaskKilled);

    assert_eq!(scheduler.lost_agents(), [""; 0], "nobody was given up");
    assert!(scheduler.is_subscribed());
    fs::write(&stays, "").unwrap();
    scheduler.wait_for("stays", TaskState::TaskFinished);
    let all = [TaskState::TaskStarting, TaskState::TaskRunning, TaskState::TaskFinished];
    assert_eq!(scheduler.states("stays"), all);
}
