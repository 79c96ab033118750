//! Clients that do not read what they asked for.

use std::time::Duration;

use e2e_tests::{get, wait_for};
use serde_json::{Value, json};

use super::{
    anonymous_bytes, master, metric, open_files,
    wire::{Scheduler, read, watch, watching},
};

const PATIENCE: Duration = Duration::from_secs(60);

/// The master remembers of events what its bound allows, whoever has stopped reading them.
#[test]
fn an_operator_that_stops_reading_is_dropped_and_others_read_on() {
    let daemons = master(&["--max_event_stream_backlog=1MB", "--max_completed_frameworks=1"]);
    let port = daemons.master_port;
    let (mut quick, _) = watch(port);
    // One has stopped after its snapshot, and one has never read a byte.
    let (paused, _) = watch(port);
    let silent = watching(port);
    wait_for("three that watch", PATIENCE, || {
        (metric(&daemons, "master/operator_event_stream_subscribers") >= 3.0).then_some(())
    })
    .unwrap();
    let before = anonymous_bytes(&daemons);
    let mut most = 0;
    for number in 0.. {
        assert!(number < 500, "those who do not read are still there");
        let framework = Scheduler::subscribe(port, &format!("f{number}"), 100 << 10);
        let id = framework.framework_id.clone();
        framework.tear_down();
        let added = quick.event().expect("who reads goes on");
        assert_eq!(added["framework_added"]["framework"]["framework_info"]["id"], id);
        let removed = quick.event().expect("who reads goes on");
        assert_eq!(removed["framework_removed"]["framework_info"]["id"], id);
        most = most.max(anonymous_bytes(&daemons).saturating_sub(before));
        if metric(&daemons, "mezzo/master/operator_event_stream_subscribers_dropped") >= 2.0 {
            break;
        }
    }
    assert!(most < 64 << 20, "the master grew by {} MB", most >> 20);
    assert_eq!(metric(&daemons, "master/operator_event_stream_subscribers"), 1.0);
    assert!(daemons.words("master").contains("--max_event_stream_backlog"), "the log names the limit");
    drop((paused, silent));
}

/// A reader that comes to late is told why its stream has ended.
#[test]
fn an_operator_that_reads_again_in_time_is_told_why_it_was_dropped() {
    let daemons = master(&["--max_event_stream_backlog=1MB", "--max_completed_frameworks=1"]);
    let port = daemons.master_port;
    let (mut paused, _) = watch(port);
    while metric(&daemons, "mezzo/master/operator_event_stream_subscribers_dropped") < 1.0 {
        Scheduler::subscribe(port, "f", 100 << 10).tear_down();
    }
    let mut last = Value::Null;
    while let Some(event) = paused.event() {
        last = event;
    }
    assert_eq!(last["type"], "UNKNOWN");
    let text = last["message"].as_str().unwrap();
    assert!(text.contains("1048576 bytes") && text.contains("--max_event_stream_backlog"), "{text}");
}

/// A scheduler that stops reading is disconnected, as if it had gone; others are served.
#[test]
fn a_scheduler_that_stops_reading_is_disconnected() {
    let daemons = master(&["--max_event_stream_backlog=1MB"]);
    let port = daemons.master_port;
    let mut probe = Scheduler::subscribe(port, "probe", 0);
    let mut sleeper = Scheduler::subscribe(port, "sleeper", 0);
    let before = anonymous_bytes(&daemons);
    // Every task that nobody knows is answered by an update, which this one does not read.
    let tasks: Vec<Value> =
        (0..5_000).map(|n| json!({ "task_id": { "value": format!("unknown-{n}") } })).collect();
    let reconcile = json!({ "type": "RECONCILE", "reconcile": { "tasks": tasks } });
    for round in 0.. {
        assert!(round < 200, "the sleeper is still connected");
        let status = sleeper.call(reconcile.clone());
        if status != 202 {
            assert!(status == 400 || status == 403, "{status}");
            break;
        }
        assert_eq!(probe.call(json!({ "type": "REVIVE" })), 202);
    }
    let grown = anonymous_bytes(&daemons).saturating_sub(before);
    assert!(grown < 64 << 20, "the master grew by {} MB", grown >> 20);
    assert!(daemons.words("master").contains("too far behind"), "the log says so");
    let answer = json!({ "type": "RECONCILE", "reconcile": { "tasks": tasks[..1] } });
    assert_eq!(probe.call(answer), 202);
    assert_eq!(probe.stream.event().unwrap()["update"]["status"]["task_id"]["value"], "unknown-0");
}

/// An answer that nobody reads is given up.
#[test]
fn an_answer_that_nobody_reads_ends() {
    let daemons = master(&["--http_stall_timeout=1secs"]);
    let port = daemons.master_port;
    // No socket's buffers hold such an answer.
    let large = Scheduler::subscribe(port, "large", 24 << 20);
    assert_eq!(
        read(large.port(), "GET_FRAMEWORKS")["get_frameworks"]["frameworks"][0]["framework_info"]["name"],
        "large"
    );
    let files = open_files(&daemons);
    let sleepers: Vec<_> = (0..5)
        .map(|_| {
            let mut client = super::wire::Client::connect(port);
            client.post("/api/v1", "", &json!({ "type": "GET_FRAMEWORKS" }));
            assert_eq!(client.read_head(), 200);
            client
        })
        .collect();
    assert_eq!(get(port, "/health").unwrap().0, 200);
    wait_for("the sleepers' connections to end", PATIENCE, || (open_files(&daemons) <= files).then_some(()))
        .unwrap();
    drop(sleepers);
    large.tear_down();
}
