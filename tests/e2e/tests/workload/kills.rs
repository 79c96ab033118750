//! kill -9 of each part while pieces are counted.

use std::time::Duration;

use e2e_tests::{Daemons, get_json, is_root, wait_for};
use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};

use crate::wordcount::{Ended, PIECES, Wordcount};

/// The supervisors of the tasks that run now on the first agent: some at least, where tasks have any.
fn supervisors(daemons: &Daemons) -> Vec<u32> {
    let some = wait_for("running tasks", Duration::from_secs(20), || {
        let supervisors = daemons.supervisors(0);
        (!is_root() || supervisors.len() >= 2).then_some(supervisors)
    });
    some.unwrap()
}

fn assert_right(run: &Ended) {
    assert_eq!(run.result()["equal"], true, "{}", run.said);
}

#[test]
fn master_killed_in_the_middle() {
    let mut daemons = Daemons::start(2).unwrap();
    let run = Wordcount::in_the_middle(&daemons, &[]);
    daemons.kill_master();
    // Tasks end meanwhile and have nobody to tell it to.
    std::thread::sleep(Duration::from_secs(2));
    daemons.start_master().unwrap();

    let run = run.finish();
    assert_right(&run);
    assert!(!run.said.contains("TASK_FAILED"), "no task failed for it:\n{}", run.said);
    assert_eq!(
        run.said.matches("Subscribed as framework").count(),
        1,
        "the framework kept its id:\n{}",
        run.said
    );
}

#[test]
fn agent_killed_in_the_middle() {
    let mut daemons = Daemons::start(1).unwrap();
    let run = Wordcount::in_the_middle(&daemons, &[]);
    let supervisors = supervisors(&daemons);
    let running = run.running();
    daemons.kill_agent(0);
    let is_alive = |pid: &u32| kill(Pid::from_raw(*pid as i32), None).is_ok();
    assert!(!is_root() || supervisors.iter().any(is_alive), "tasks go on without their agent");
    // Some of them end before the agent is back.
    std::thread::sleep(Duration::from_millis(1500));
    daemons.start_agent(0).unwrap();

    let run = run.finish();
    assert_right(&run);
    let state = get_json(daemons.master_port, "/state").unwrap();
    let ended = state["completed_frameworks"][0]["completed_tasks"].as_array().unwrap();
    for id in running {
        let task = ended.iter().find(|task| task["id"] == *id).unwrap_or_else(|| panic!("{id} is gone"));
        assert_eq!(task["state"], "TASK_FINISHED", "a task that ran goes on:\n{}", run.said);
    }
}

/// The witness of a task dies: nobody knows its exit status any more. The task counts as failed
/// and its piece is counted again.
#[test]
fn supervisor_killed_in_the_middle() {
    if !is_root() {
        println!("SKIPPED: the linux launcher needs root");
        return;
    }
    let daemons = Daemons::start(1).unwrap();
    let run = Wordcount::in_the_middle(&daemons, &[]);
    let victim = supervisors(&daemons)[0];
    kill(Pid::from_raw(victim as i32), Signal::SIGKILL).unwrap();

    let run = run.finish();
    assert_right(&run);
    assert!(run.said.contains("TASK_FAILED"), "its task failed:\n{}", run.said);
}

#[test]
fn scheduler_killed_in_the_middle() {
    let daemons = Daemons::start(2).unwrap();
    let state = daemons.dir.path().join("wordcount.json");
    let args = ["--state", state.to_str().unwrap()];
    let first = Wordcount::in_the_middle(&daemons, &args);
    let counted = first.counted();
    first.kill();

    let run = Wordcount::start(&daemons, &args).finish();
    assert_right(&run);
    assert!(run.said.contains("Going on as framework"), "{}", run.said);
    let state = get_json(daemons.master_port, "/state").unwrap();
    assert_eq!(state["completed_frameworks"].as_array().unwrap().len(), 1, "one framework all along");
    assert!(counted < PIECES);
}

/// One after the other, in one run: what recovers must recover again.
#[test]
fn everything_killed_in_one_run() {
    let mut daemons = Daemons::start(2).unwrap();
    let state = daemons.dir.path().join("wordcount.json");
    let args = ["--state", state.to_str().unwrap()];
    let run = Wordcount::in_the_middle(&daemons, &args);
    daemons.kill_agent(0);
    daemons.kill_master();
    run.kill();
    daemons.start_agent(0).unwrap();
    daemons.start_master().unwrap();

    let run = Wordcount::start(&daemons, &[&["--linger", "1"], &args[..]].concat());
    let one_more = wait_for("one more piece", Duration::from_secs(60), || (run.counted() >= 1).then_some(()));
    one_more.unwrap();
    daemons.kill_agent(1);
    daemons.start_agent(1).unwrap();
    let run = run.finish();
    println!("{}", run.said);
    assert_right(&run);
}
