//! The story that every published scheduler plays.

use std::{collections::BTreeMap, process::Command, time::Duration};

use clients_tests::{Play, Story, Told};
use e2e_tests::{Daemons, get_json, wait_for};

const LIMIT: Duration = Duration::from_secs(120);
const FINISHED: usize = 16;
const FAILED: usize = 3;
const KILLED: usize = 3;
/// Of each kind of deed.
const DEEDS: usize = 3;
const EXECUTOR: &str = "doer";

/// A published client: what starts its scheduler and, for a shell, its executor.
pub struct Client<S> {
    /// The framework's name.
    pub name: &'static str,
    pub scheduler: S,
    /// `None` where a library's scheduler cannot hear an executor.
    pub executor: Option<String>,
}

/// Starts a cluster and runs both lives of a scheduler.
pub fn play<S: Fn() -> Command>(client: &Client<S>) {
    let daemons = Daemons::start(1).unwrap();
    let id = first_life(&daemons, client);
    let told = second_life(&daemons, client, &id);
    saw_what_happened(&told);
    if client.executor.is_some() {
        executor_did_its_deeds(&told);
    }
    master_remembers(&daemons, &id, client.executor.is_some());
}

/// Launches tasks that stay, and is killed: `kill -9`.
fn first_life<S: Fn() -> Command>(daemons: &Daemons, client: &Client<S>) -> String {
    let mut story = Story::of(client.name).task("kept", "sleep 1000").stay();
    let mut kept = vec!["kept"];
    if let Some(command) = &client.executor {
        story = story.executor(EXECUTOR, command).deed("kept-deed", "wait");
        kept.push("kept-deed");
    }
    let play =
        Play::start((client.scheduler)(), &master(daemons), daemons.dir.path(), "first", &story).unwrap();
    let running =
        |told: &Told| kept.iter().all(|task| told.states(task).contains(&"TASK_RUNNING".to_owned()));
    let told = play.wait_until("the task that is kept", LIMIT, running).unwrap();
    told.framework().unwrap()
}

fn second_life<S: Fn() -> Command>(daemons: &Daemons, client: &Client<S>, id: &str) -> Told {
    wait_for("the master has seen the first life end", LIMIT, || {
        let state = get_json(daemons.master_port, "/state").ok()?;
        (state["frameworks"][0]["connected"] == false).then_some(())
    })
    .unwrap();
    let mut story = Story::of(client.name).again(id).known("kept").known("never-was").greedy_task("greedy");
    for n in 0..FINISHED {
        story = story.task(&format!("finished-{n}"), &format!("echo {n}"));
    }
    for n in 0..FAILED {
        story = story.task(&format!("failed-{n}"), "exit 3");
    }
    for n in 0..KILLED {
        story = story.task_to_kill(&format!("killed-{n}"), "sleep 1000");
    }
    if let Some(command) = &client.executor {
        story = story.executor(EXECUTOR, command).say("are you there").known("kept-deed");
        for n in 0..DEEDS {
            story = story
                .deed(&format!("did-{n}"), "finish")
                .deed(&format!("did-not-{n}"), "fail")
                .deed_to_kill(&format!("waited-{n}"), "wait");
        }
    }
    let play =
        Play::start((client.scheduler)(), &master(daemons), daemons.dir.path(), "second", &story).unwrap();
    play.finish(LIMIT).unwrap_or_else(|e| panic!("{e:?}\n{}", daemons.last_words("master")))
}

/// States, reasons, sources and messages, as a Mesos sends them.
fn saw_what_happened(told: &Told) {
    assert!(!told.has("error"), "{told:?}");
    for n in 0..FINISHED {
        let task = format!("finished-{n}");
        assert_eq!(told.states(&task), ["TASK_STARTING", "TASK_RUNNING", "TASK_FINISHED"], "{told:?}");
        assert_eq!(told.end(&task).unwrap()[2..], ["SOURCE_EXECUTOR", "Command exited with status 0"]);
    }
    for n in 0..FAILED {
        let task = format!("failed-{n}");
        assert_eq!(told.states(&task), ["TASK_STARTING", "TASK_RUNNING", "TASK_FAILED"], "{told:?}");
        assert_eq!(told.end(&task).unwrap()[2..], ["SOURCE_EXECUTOR", "Command exited with status 3"]);
    }
    for n in 0..KILLED {
        let task = format!("killed-{n}");
        assert_eq!(told.states(&task), ["TASK_STARTING", "TASK_RUNNING", "TASK_KILLED"], "{told:?}");
        let said = "Command terminated with signal Terminated";
        assert_eq!(told.end(&task).unwrap()[2..], ["SOURCE_EXECUTOR", said]);
    }
    assert_eq!(told.states("greedy"), ["TASK_ERROR"]);
    assert_eq!(told.end("greedy").unwrap()[1..3], ["REASON_TASK_INVALID", "SOURCE_MASTER"]);

    let lost = ["TASK_LOST", "REASON_RECONCILIATION", "SOURCE_MASTER"];
    assert_eq!(told.end("never-was").unwrap()[..3], lost);
    assert!(was_found(told, "kept"), "{told:?}");
    assert_eq!(told.end("kept").unwrap()[0], "TASK_KILLED");
}

/// The master was asked for a task, and knew that it runs.
fn was_found(told: &Told, task: &str) -> bool {
    let found = ["TASK_RUNNING", "REASON_RECONCILIATION", "SOURCE_MASTER"];
    told.updates(task).iter().any(|update| update[2..5] == found)
}

/// One executor did all of them, before and after the scheduler was killed, and was heard.
fn executor_did_its_deeds(told: &Told) {
    assert!(!told.has("failure"), "the executor lives to the end: {told:?}");
    assert_eq!(told.messages(), [(EXECUTOR.to_owned(), "heard are you there".to_owned())]);
    assert!(was_found(told, "kept-deed"), "{told:?}");
    assert_eq!(told.end("kept-deed").unwrap()[0], "TASK_KILLED");
    for n in 0..DEEDS {
        for (deed, state, said) in [
            ("did", "TASK_FINISHED", "-"),
            ("did-not", "TASK_FAILED", "as it was told"),
            ("waited", "TASK_KILLED", "-"),
        ] {
            let task = format!("{deed}-{n}");
            assert_eq!(told.states(&task), ["TASK_STARTING", "TASK_RUNNING", state], "{told:?}");
            assert_eq!(told.end(&task).unwrap()[1..], ["-", "SOURCE_EXECUTOR", said]);
        }
    }
}

/// One framework, torn down, and every task that was launched in its last state.
fn master_remembers(daemons: &Daemons, id: &str, has_executor: bool) {
    let state = get_json(daemons.master_port, "/state").unwrap();
    assert_eq!(state["frameworks"], serde_json::json!([]), "it took itself down");
    let all = state["completed_frameworks"].as_array().unwrap();
    assert_eq!(all.len(), 1, "both lives are one framework: {state}");
    assert_eq!(all[0]["id"], id);
    let mut states = BTreeMap::<&str, usize>::new();
    for task in all[0]["completed_tasks"].as_array().unwrap() {
        *states.entry(task["state"].as_str().unwrap()).or_default() += 1;
    }
    let deeds = if has_executor { DEEDS } else { 0 };
    let kept = if has_executor { 2 } else { 1 };
    // A task that was never launched is no task of the framework's.
    let expected = [
        ("TASK_FAILED", FAILED + deeds),
        ("TASK_FINISHED", FINISHED + deeds),
        ("TASK_KILLED", KILLED + deeds + kept),
    ];
    assert_eq!(states.into_iter().collect::<Vec<_>>(), expected, "{state}");
}

fn master(daemons: &Daemons) -> String {
    format!("127.0.0.1:{}", daemons.master_port)
}
