//! A disk that is full, or takes no writes, under the agent or the master.

use std::{fs, thread};

use e2e_tests::{Daemons, wait_for};
use mezzo_proto::mesos::v1::{TaskState, task_status::Reason};

use crate::{
    TOO_LONG, can_make_faults, file_for,
    scheduler::{LIMIT, Scheduler, Wanted},
    short_pings,
    small::Small,
    start, until,
};

const FULL: &str = "no space is left on its file system; free some and it goes on by itself";
const READ_ONLY: &str = "its file system is read-only; mount it for writing";

/// While the agent cannot write: new tasks are refused with the path and the remedy, the agent lives
/// on for longer than its pings last, and what ends meanwhile is told of when it can write again.
fn agent_bears_it(daemons: &mut Daemons, why: &str, begin: impl Fn(), end: impl FnOnce()) {
    start(daemons);
    let scheduler = Scheduler::subscribe(&daemons.master_address(), true);
    let (stays, ends) = (file_for(daemons, "stays"), file_for(daemons, "ends"));
    scheduler.run(&Wanted::new("stays", &format!("{}; exit 0", until(&stays))));
    scheduler.run(&Wanted::new("ends", &format!("{}; touch {}.ended", until(&ends), ends.display())));

    begin();
    scheduler.launch(&Wanted::new("refused", "true"));
    let (_, status) = scheduler.wait_for("refused", TaskState::TaskFailed);
    assert_eq!(status.reason(), Reason::ContainerLaunchFailed, "{status:?}");
    let meta = daemons.dir.path().join("agent-0/meta/tasks");
    let (message, place) = (status.message(), format!("`{}", meta.display()));
    assert!(message.contains(&place) && message.contains(why), "{message}");
    fs::write(&ends, "").unwrap();
    let ended = daemons.dir.path().join("ends-may-end.ended");
    wait_for("the task's end", LIMIT, || ended.exists().then_some(())).unwrap();
    thread::sleep(TOO_LONG);
    assert_eq!(daemons.state().unwrap()["activated_slaves"], 1.0, "the agent answers pings");
    assert_eq!(scheduler.lost_agents(), [""; 0]);
    assert!(daemons.words("agent-0").contains(why), "{}", daemons.last_words("agent-0"));
    // Whoever starts there now is told what to do, and leaves the tasks alone.
    daemons.kill_agent(0);
    // What ended meanwhile may have given back a page.
    begin();
    daemons.start_agent(0).unwrap();
    assert!(!daemons.end_of_agent(0).unwrap().success());
    assert!(daemons.last_words("agent-0").contains(why), "{}", daemons.last_words("agent-0"));

    end();
    daemons.start_agent(0).unwrap();
    scheduler.wait_for("ends", TaskState::TaskFinished);
    scheduler.launch(&Wanted::new("after", "true"));
    scheduler.wait_for("after", TaskState::TaskFinished);
    fs::write(&stays, "").unwrap();
    scheduler.wait_for("stays", TaskState::TaskFinished);
}

#[test]
fn agent_bears_a_full_disk() {
    if !can_make_faults() {
        return;
    }
    let mut daemons = short_pings();
    let small = Small::mount(&daemons.dir.path().join("agent-0"), "4m");
    agent_bears_it(&mut daemons, FULL, || small.fill(), || small.empty());
}

#[test]
fn agent_bears_a_disk_that_takes_no_writes() {
    if !can_make_faults() {
        return;
    }
    let mut daemons = short_pings();
    // Sandboxes lie elsewhere: their files are open for writing, and such a disk cannot be remounted.
    let small = Small::mount(&daemons.dir.path().join("agent-0/meta"), "4m");
    agent_bears_it(&mut daemons, READ_ONLY, || small.make_read_only(), || small.make_writable());
}

/// An agent recovers by itself, without a restart. (The last page of a log on a full disk still has
/// room for a record, so a disk that takes no writes at all is what keeps the end from being told.)
#[test]
fn agent_goes_on_by_itself_when_it_can_write_again() {
    if !can_make_faults() {
        return;
    }
    let mut daemons = short_pings();
    let small = Small::mount(&daemons.dir.path().join("agent-0/meta"), "4m");
    start(&mut daemons);
    let scheduler = Scheduler::subscribe(&daemons.master_address(), true);
    let ends = file_for(&daemons, "ends");
    scheduler.run(&Wanted::new("ends", &until(&ends)));
    small.make_read_only();
    fs::write(&ends, "").unwrap();
    let trouble = || daemons.words("agent-0").contains("trying again").then_some(());
    wait_for("the trouble with the end's checkpoint", LIMIT, trouble).unwrap();
    assert!(!scheduler.states("ends").contains(&TaskState::TaskFinished), "what is not kept is not told");
    small.make_writable();
    scheduler.wait_for("ends", TaskState::TaskFinished);
    assert_eq!(scheduler.states("ends").len(), 3, "starting, running, finished");
    scheduler.launch(&Wanted::new("after", "true"));
    scheduler.wait_for("after", TaskState::TaskFinished);
}

/// While the master cannot write, agents that it knows serve on; a new one is let in when it can.
#[test]
fn master_bears_a_disk_that_takes_no_writes() {
    if !can_make_faults() {
        return;
    }
    let mut daemons = Daemons::new(2);
    daemons.master_flags.extend(crate::SHORT_PINGS.map(str::to_owned));
    daemons.agent_flags.push("--registration_backoff_factor=100ms".to_owned());
    let small = Small::mount(&daemons.dir.path().join("master"), "8m");
    start(&mut daemons);
    let scheduler = Scheduler::subscribe(&daemons.master_address(), true);
    let stays = file_for(&daemons, "stays");
    scheduler.run(&Wanted::new("stays", &until(&stays)));

    small.fill();
    daemons.start_agent(1).unwrap();
    let refused = || {
        let words = daemons.words("agent-1");
        (words.contains("the master's registry could not be written") && words.contains(FULL)).then_some(())
    };
    wait_for("the second agent's refusal", LIMIT, refused)
        .unwrap_or_else(|error| panic!("{error}\n{}", daemons.last_words("master")));
    assert!(daemons.words("agent-1").contains("master/registry.redb"), "{}", daemons.last_words("agent-1"));
    scheduler.launch(&Wanted::new("meanwhile", "true"));
    scheduler.wait_for("meanwhile", TaskState::TaskFinished);
    assert_eq!(daemons.state().unwrap()["activated_slaves"], 1.0);

    small.empty();
    daemons.wait_for_agents(2).unwrap();
    // And what was written is there at the next start.
    daemons.kill_master();
    daemons.start_master().unwrap();
    daemons.wait_for_agents(2).unwrap();
    fs::write(&stays, "").unwrap();
    drop(scheduler);
}
