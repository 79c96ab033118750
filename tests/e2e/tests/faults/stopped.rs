//! SIGSTOP of each process, for longer than the pings last, and SIGCONT.

use std::{fs, process::Stdio, thread, time::Duration};

use e2e_tests::{Daemons, processes, wait_for};
use mezzo_proto::mesos::v1::{TaskState, task_status::Reason};
use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};

use crate::{
    TOO_LONG, can_make_faults, file_for,
    scheduler::{LIMIT, Scheduler, Wanted},
    short_pings, start, until,
};

/// A process that stands still until this is dropped.
struct Stopped(Pid);

impl Stopped {
    fn new(pid: u32) -> Self {
        let pid = Pid::from_raw(pid as i32);
        kill(pid, Signal::SIGSTOP).unwrap();
        Self(pid)
    }
}

impl Drop for Stopped {
    fn drop(&mut self) {
        // It may have been killed meanwhile.
        let _ = kill(self.0, Signal::SIGCONT);
    }
}

const UNDISTURBED: [TaskState; 3] =
    [TaskState::TaskStarting, TaskState::TaskRunning, TaskState::TaskFinished];

/// One after the other in one cluster: who stands still must not leave anything behind.
#[test]
fn every_process_may_stand_still() {
    if !can_make_faults() {
        return;
    }
    let mut daemons = short_pings();
    start(&mut daemons);
    let scheduler = Scheduler::subscribe(&daemons.master_address(), true);
    task(&daemons, &scheduler);
    supervisor(&daemons, &scheduler);
    launcher(&daemons, &scheduler, TOO_LONG);
    a_scheduler(&daemons, &scheduler, TOO_LONG);
    agent(&daemons, &scheduler);
    master(&daemons, &scheduler);
}

/// The same with the pings of every day.
#[test]
#[ignore = "takes six minutes: each process stands still for longer than 75 s"]
fn every_process_may_stand_still_for_a_minute() {
    if !can_make_faults() {
        return;
    }
    let minute = Duration::from_secs(80);
    let mut daemons = short_pings();
    daemons.master_flags.clear();
    start(&mut daemons);
    let scheduler = Scheduler::subscribe(&daemons.master_address(), true);
    launcher(&daemons, &scheduler, minute);
    a_scheduler(&daemons, &scheduler, minute);
    agent(&daemons, &scheduler);
    master(&daemons, &scheduler);
}

/// A task's command stands still: it is running all the same, and can be killed.
fn task(daemons: &Daemons, scheduler: &Scheduler) {
    let wanted = Wanted { kill_grace: Some(Duration::from_secs(1)), ..Wanted::new("task", "sleep 1000") };
    scheduler.run(&wanted);
    let supervisor = daemons.supervisors(0)[0];
    let command = children_of(supervisor).next().unwrap();
    let _stopped = Stopped::new(command);
    scheduler.kill("task");
    let (_, status) = scheduler.wait_for("task", TaskState::TaskKilled);
    assert!(status.message().contains("signal"), "{status:?}");
}

/// The witness of a task stands still. The end of the task is seen once it goes on, and a task that
/// is to be killed is killed without it.
fn supervisor(daemons: &Daemons, scheduler: &Scheduler) {
    let file = file_for(daemons, "watched");
    scheduler.run(&Wanted::new("watched", &format!("{}; touch {}.ended", until(&file), file.display())));
    let stopped = Stopped::new(daemons.supervisors(0)[0]);
    fs::write(&file, "").unwrap();
    let ended = daemons.dir.path().join("watched-may-end.ended");
    wait_for("the task's end", LIMIT, || ended.exists().then_some(())).unwrap();
    assert!(!scheduler.states("watched").contains(&TaskState::TaskFinished), "nobody has seen it");
    drop(stopped);
    scheduler.wait_for("watched", TaskState::TaskFinished);
    assert_eq!(scheduler.states("watched"), UNDISTURBED);

    let wanted =
        Wanted { kill_grace: Some(Duration::from_secs(1)), ..Wanted::new("unwatched", "sleep 1000") };
    scheduler.run(&wanted);
    let _stopped = Stopped::new(daemons.supervisors(0)[0]);
    scheduler.kill("unwatched");
    scheduler.wait_for("unwatched", TaskState::TaskKilled);
}

/// Nothing is launched for a while; the agent lives all the same.
fn launcher(daemons: &Daemons, scheduler: &Scheduler, wait: Duration) {
    let stopped = Stopped::new(daemons.launcher(0).unwrap());
    scheduler.launch(&Wanted::new("late", "true"));
    thread::sleep(wait);
    assert_eq!(daemons.state().unwrap()["activated_slaves"], 1.0, "the agent answers pings");
    assert_eq!(scheduler.states("late"), []);
    drop(stopped);
    scheduler.wait_for("late", TaskState::TaskFinished);
    assert_eq!(scheduler.states("late"), UNDISTURBED);
}

/// A scheduler that stands still is still subscribed, and hears everything afterwards.
fn a_scheduler(daemons: &Daemons, other: &Scheduler, wait: Duration) {
    other.rest();
    let file = file_for(daemons, "patient");
    let words = ["run", "--name=patient", &format!("--command={}", until(&file))];
    let mut run = daemons.mezzo(&words).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let is_known = || {
        let state = daemons.state().ok()?;
        let known = state["frameworks"].as_array()?.iter().any(|f| f["name"] == "mezzo run patient");
        known.then_some(())
    };
    wait_for("the framework", LIMIT, is_known).unwrap();
    let stopped = Stopped::new(run.id());
    fs::write(&file, "").unwrap();
    thread::sleep(wait);
    is_known().expect("a framework that is connected is not removed");
    drop(stopped);
    let ended = wait_for("its end", LIMIT, || run.try_wait().unwrap()).unwrap();
    assert!(ended.success(), "{ended}");
}

/// The agent counts as lost, and its task is there again with it.
fn agent(daemons: &Daemons, scheduler: &Scheduler) {
    let file = file_for(daemons, "adopted");
    scheduler.run(&Wanted::new("adopted", &until(&file)));
    let supervisors = daemons.supervisors(0);
    let stopped = Stopped::new(daemons.agent_pid(0).unwrap());
    let (_, status) = scheduler.wait_for("adopted", TaskState::TaskUnreachable);
    assert_eq!(status.reason(), Reason::AgentRemoved, "{status:?}");
    drop(stopped);
    let (_, status) = scheduler.wait_for_nth("adopted", TaskState::TaskRunning, 2);
    assert_eq!(status.reason(), Reason::AgentReregistered, "{status:?}");
    assert_eq!(daemons.supervisors(0), supervisors, "it is the same container");
    fs::write(&file, "").unwrap();
    scheduler.wait_for("adopted", TaskState::TaskFinished);
}

/// The master stands still for so long that its agent dials again. When it goes on, nobody is judged
/// by what the master itself has slept through.
fn master(daemons: &Daemons, scheduler: &Scheduler) {
    let lost_before = scheduler.lost_agents().len();
    let file = file_for(daemons, "unaware");
    scheduler.run(&Wanted::new("unaware", &until(&file)));
    let silences = || daemons.words("agent-0").matches("the master has been silent").count();
    let silences_before = silences();
    // The agent registers anew, so an offer from before is not good afterwards.
    scheduler.rest();
    let stopped = Stopped::new(daemons.master_pid().unwrap());
    let limit = Duration::from_secs(150);
    wait_for("the agent to miss its master", limit, || (silences() > silences_before).then_some(())).unwrap();
    drop(stopped);
    scheduler.launch(&Wanted::new("next", "true"));
    scheduler.wait_for("next", TaskState::TaskFinished);
    fs::write(&file, "").unwrap();
    scheduler.wait_for("unaware", TaskState::TaskFinished);
    assert_eq!(scheduler.states("unaware"), UNDISTURBED);
    assert_eq!(scheduler.lost_agents().len(), lost_before, "no agent was given up");
    assert!(scheduler.is_subscribed());
}

fn children_of(parent: u32) -> impl Iterator<Item = u32> {
    processes().filter(move |pid| e2e_tests::parent_of(*pid) == Some(parent))
}
