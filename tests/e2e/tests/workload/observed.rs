//! What tools see of a cluster that runs something: numbers, containers, the log.

use std::{
    io::Write,
    process::{Command, Stdio},
    time::Duration,
};

use e2e_tests::{Daemons, get, get_json, post, wait_for};

const PATIENCE: Duration = Duration::from_secs(60);

/// Prometheus' own linter reads the numbers of both daemons and finds nothing to object to.
#[test]
fn numbers_please_promtool() {
    let mut daemons = Daemons::start(1).unwrap();
    let command = ["run", "--name=holder", "--resources=cpus:1;mem:128", "--command=sleep 1000"];
    let mut runner = daemons.mezzo(&command).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let agent = daemons.agent_ports[0];
    let running = || {
        let snapshot = get_json(agent, "/metrics/snapshot?timeout=5secs").ok()?;
        (snapshot["slave/tasks_running"] == 1.0).then_some(snapshot)
    };
    let snapshot = wait_for("a running task", PATIENCE, running).unwrap();
    assert_eq!((&snapshot["slave/cpus_used"], &snapshot["slave/mem_used"]), (&1.0.into(), &128.0.into()));
    // The master hears of it a little later.
    let heard = || {
        let master = get_json(daemons.master_port, "/metrics/snapshot").ok()?;
        (master["master/tasks_running"] == 1.0).then_some(master)
    };
    let master = wait_for("the master to hear of it", PATIENCE, heard).unwrap();
    let key = |end: &str| {
        let mut keys =
            master.as_object().unwrap().iter().filter(|(key, _)| key.starts_with("master/frameworks/"));
        keys.find(|(key, _)| key.ends_with(end)).map(|(_, value)| value.as_f64())
    };
    for (end, expected) in [
        ("/subscribed", 1.0),
        ("/calls/subscribe", 1.0),
        ("/calls/accept", 1.0),
        ("/operations/launch", 1.0),
        ("/offers/accepted", 1.0),
        ("/events/subscribed", 1.0),
        ("/tasks/active/task_running", 1.0),
        ("/tasks/terminal/task_finished", 0.0),
    ] {
        assert_eq!(key(end), Some(Some(expected)), "{end}: {master}");
    }

    for port in [daemons.master_port, agent] {
        let (status, text) = get(port, "/metrics").unwrap();
        assert_eq!(status, 200);
        match linted(&text) {
            Some(said) => assert_eq!(said, "", "port {port}:\n{}", String::from_utf8_lossy(&text)),
            None => println!("SKIPPED: promtool is not there"),
        }
    }

    // What is counted of a framework goes with it.
    runner.kill().unwrap();
    runner.wait().unwrap();
    let gone = || {
        let (_, body) = get(daemons.master_port, "/metrics/snapshot").ok()?;
        (!String::from_utf8_lossy(&body).contains("master/frameworks/")).then_some(())
    };
    wait_for("the framework's numbers to go", PATIENCE, gone).unwrap();
    daemons.kill_master();
}

/// What promtool objects to; `None` where it is not installed.
fn linted(text: &[u8]) -> Option<String> {
    let mut promtool = Command::new("promtool")
        .args(["check", "metrics"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .ok()?;
    promtool.stdin.take().unwrap().write_all(text).unwrap();
    let output = promtool.wait_with_output().unwrap();
    let said =
        String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    Some(if output.status.success() { said } else { format!("{}: {said}", output.status) })
}

/// A level that was raised shows in the log at once, and goes back by itself.
#[test]
fn the_log_says_more_while_it_is_asked_to() {
    let daemons = Daemons::start(1).unwrap();
    let port = daemons.agent_ports[0];
    let lines = |mark: &str| daemons.words("agent-0").lines().filter(|line| line.contains(mark)).count();
    get(port, "/nosuch-before").unwrap();
    let body = r#"{"type":"SET_LOGGING_LEVEL","set_logging_level":{"level":2,"duration":{"nanoseconds":1500000000}}}"#;
    assert_eq!(post(port, "/api/v1", body).unwrap().0, 200);
    get(port, "/nosuch-during").unwrap();
    wait_for("a line of debugging", PATIENCE, || (lines("/nosuch-during") > 0).then_some(())).unwrap();
    assert_eq!(lines("/nosuch-before"), 0, "said before it was asked to");
    let level = || {
        let (_, body) = get(port, "/logging/toggle").ok()?;
        (body == b"0\n").then_some(())
    };
    wait_for("the level to go back", PATIENCE, level).unwrap();
    get(port, "/nosuch-after").unwrap();
    // The log is one file, in order: what comes later is said later.
    let raised = "/logging/toggle?level=1&duration=1mins";
    assert_eq!(get(port, raised).unwrap().0, 200);
    get(port, "/nosuch-again").unwrap();
    wait_for("a line of debugging", PATIENCE, || (lines("/nosuch-again") > 0).then_some(())).unwrap();
    assert_eq!(lines("/nosuch-after"), 0, "said although the level had gone back");
}
