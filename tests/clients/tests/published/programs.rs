//! Programs that somebody else wrote, run as they came.

use std::process::Output;

use e2e_tests::Daemons;

use crate::tools;

/// mesos-go's `msh` runs one command, and ends as the command did.
#[test]
fn msh_runs_a_command_and_knows_how_it_ended() {
    let Some(go) = tools::go() else { return };
    let daemons = Daemons::start(1).unwrap();
    let msh = |command: &[&str]| -> Output {
        let master = format!("127.0.0.1:{}", daemons.master_port);
        go.program("msh").args(["-master", &master, "--"]).args(command).output().unwrap()
    };

    let good = msh(&["/bin/true"]);
    let said = String::from_utf8_lossy(&good.stderr);
    assert!(good.status.success(), "{said}");
    for state in ["TASK_STARTING", "TASK_RUNNING", "TASK_FINISHED"] {
        assert!(said.contains(state), "{said}");
    }

    let bad = msh(&["/bin/sh", "-c", "exit 4"]);
    let said = String::from_utf8_lossy(&bad.stderr);
    assert!(!bad.status.success(), "{said}");
    assert!(said.contains("TASK_FAILED") && said.contains("'Command exited with status 4'"), "{said}");
}

/// mesos-go's example scheduler serves its example executor over HTTP, and runs twenty tasks in it.
#[test]
fn example_scheduler_accomplishes_its_mission() {
    let Some(go) = tools::go() else { return };
    let daemons = Daemons::start(1).unwrap();
    let output = go
        .program("example-scheduler")
        .arg(format!("-url=http://127.0.0.1:{}/api/v1/scheduler", daemons.master_port))
        .arg("-executor")
        .arg(go.path("example-executor"))
        .args(["-exec.image=", "-tasks=20", "-cpu=0.1", "-memory=32", "-verbose"])
        .arg(format!("-metrics.port={}", e2e_tests::free_port()))
        .output()
        .unwrap();

    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.contains("mission accomplished"), "{said}\n{}", daemons.last_words("agent-0"));
    assert_eq!(said.matches("is in state TASK_FINISHED").count(), 20, "{said}");
    let tasks = e2e_tests::get_json(daemons.master_port, "/state").unwrap();
    let tasks = tasks["frameworks"][0]["completed_tasks"].as_array().unwrap();
    assert!(tasks.iter().all(|task| task["executor_id"] == "default"), "one executor: {tasks:?}");
}
