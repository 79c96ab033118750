//! A subscription, from its first byte to its end.

use crate::support::Cluster;

const INFO: &str = r#"{"user":"root","name":"n","failover_timeout":60}"#;

/// Clients in the field read these fields by position and by case.
#[test]
fn a_subscription_begins_as_mesos_begins_it() {
    let cluster = Cluster::start();
    let mut golden = cluster.subscribe(INFO);
    let names: Vec<&str> = golden.connection.headers.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["Date", "Transfer-Encoding", "Mesos-Stream-Id", "Content-Type"]);
    assert_eq!(golden.connection.header("Content-Type"), Some("application/json"));
    assert!(golden.stream_id.len() <= 128);

    let subscribed = &golden.subscribed["subscribed"];
    assert_eq!(subscribed["heartbeat_interval_seconds"], 15.0);
    let port = cluster.address.port();
    let master = &subscribed["master_info"];
    assert_eq!(master["ip"], 16_777_343);
    assert_eq!(master["port"], port);
    assert_eq!(master["address"]["ip"], "127.0.0.1");
    assert_eq!(master["pid"], format!("master@127.0.0.1:{port}"));
    assert!(golden.framework_id.starts_with(master["id"].as_str().expect("an id")));
    assert!(golden.framework_id.ends_with("-0000"));
    // At once, not after fifteen seconds.
    assert_eq!(golden.connection.event().expect("an event")["type"], "HEARTBEAT");
}

/// An old scheduler must hear that it was replaced, and hear nothing after that.
#[test]
fn failover_ends_the_older_stream() {
    let cluster = Cluster::start();
    let mut older = cluster.subscribe(INFO);
    let body = format!(
        r#"{{"type":"SUBSCRIBE","framework_id":{{"value":"{0}"}},"subscribe":{{"framework_info":{{"user":"root","name":"n","failover_timeout":60,"id":{{"value":"{0}"}}}}}}}}"#,
        older.framework_id
    );
    let headers = [("Content-Type", "application/json")];
    let mut newer =
        crate::support::Connection::open(cluster.address, "POST", "/api/v1/scheduler", &headers, &body);
    assert_eq!(
        newer.event().expect("an event")["subscribed"]["framework_id"]["value"],
        older.framework_id.as_str()
    );
    loop {
        let event = older.connection.event().expect("an error before the end");
        match event["type"].as_str() {
            Some("HEARTBEAT") => {}
            _ => {
                assert_eq!(event["error"]["message"], "Framework failed over");
                break;
            }
        }
    }
    assert_eq!(older.connection.event(), None);

    let revive = format!(r#"{{"type":"REVIVE","framework_id":{{"value":"{}"}}}}"#, older.framework_id);
    let stale = [("Content-Type", "application/json"), ("Mesos-Stream-Id", older.stream_id.as_str())];
    let refused = cluster.ask("POST", "/api/v1/scheduler", &stale, &revive);
    assert_eq!(refused.status, 400);
    assert!(refused.body.starts_with(&format!("The stream ID '{}'", older.stream_id)), "{}", refused.body);
    let current = newer.header("Mesos-Stream-Id").expect("an id").to_owned();
    let current = [("Content-Type", "application/json"), ("Mesos-Stream-Id", current.as_str())];
    assert_eq!(cluster.ask("POST", "/api/v1/scheduler", &current, &revive).status, 202);
}

#[test]
fn a_scheduler_that_leaves_is_disconnected_and_may_come_back() {
    let cluster = Cluster::start();
    let golden = cluster.subscribe(INFO);
    let id = golden.framework_id.clone();
    drop(golden);
    let mut shown = serde_json::Value::Null;
    for _ in 0..100 {
        shown = cluster.get("/state").json()["frameworks"][0].clone();
        if shown["connected"] == false {
            break;
        }
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    assert_eq!((&shown["connected"], &shown["id"]), (&false.into(), &id.as_str().into()));
    let again = format!(r#"{{"user":"root","name":"n","failover_timeout":60,"id":{{"value":"{id}"}}}}"#);
    let body = format!(
        r#"{{"type":"SUBSCRIBE","framework_id":{{"value":"{id}"}},"subscribe":{{"framework_info":{again}}}}}"#
    );
    let headers = [("Content-Type", "application/json")];
    let mut back =
        crate::support::Connection::open(cluster.address, "POST", "/api/v1/scheduler", &headers, &body);
    assert_eq!(back.event().expect("an event")["subscribed"]["framework_id"]["value"], id.as_str());
}

#[test]
fn teardown_ends_the_stream_and_the_framework() {
    let cluster = Cluster::start();
    let mut golden = cluster.subscribe(INFO);
    let body = format!(r#"{{"type":"TEARDOWN","framework_id":{{"value":"{}"}}}}"#, golden.framework_id);
    let headers = [("Content-Type", "application/json"), ("Mesos-Stream-Id", golden.stream_id.as_str())];
    assert_eq!(cluster.ask("POST", "/api/v1/scheduler", &headers, &body).status, 202);
    while let Some(event) = golden.connection.event() {
        assert_eq!(event["type"], "HEARTBEAT");
    }
    let state = cluster.get("/state").json();
    assert_eq!(state["frameworks"], serde_json::json!([]));
    assert_eq!(state["completed_frameworks"][0]["id"], golden.framework_id.as_str());
}

#[test]
fn calls_of_later_are_refused_with_a_sentence() {
    let cluster = Cluster::start();
    let golden = cluster.subscribe(INFO);
    for (name, part) in [("ACCEPT_INVERSE_OFFERS", "{}"), ("DECLINE_INVERSE_OFFERS", "{}")] {
        let (id, lower) = (&golden.framework_id, name.to_lowercase());
        let body = format!(r#"{{"type":"{name}","framework_id":{{"value":"{id}"}},"{lower}":{part}}}"#);
        let headers = [("Content-Type", "application/json"), ("Mesos-Stream-Id", golden.stream_id.as_str())];
        let answer = cluster.ask("POST", "/api/v1/scheduler", &headers, &body);
        assert_eq!(answer.status, 501, "{name}: {}", answer.body);
        assert!(answer.body.contains(name), "{}", answer.body);
    }
}

/// Whoever lost its framework must hear that first, and not be sent to look for a header.
#[test]
fn an_unknown_framework_is_named_before_a_missing_stream() {
    let cluster = Cluster::start();
    let refused = cluster.post("/api/v1/scheduler", r#"{"type":"REVIVE","framework_id":{"value":"nosuch"}}"#);
    assert_eq!((refused.status, refused.body.as_str()), (400, "Framework cannot be found"));
}

/// A real master ends on this call.
#[test]
fn the_call_that_ends_a_real_master_is_501() {
    let cluster = Cluster::start();
    let golden = cluster.subscribe(INFO);
    let body = format!(r#"{{"type":"UNKNOWN","framework_id":{{"value":"{}"}}}}"#, golden.framework_id);
    let headers = [("Content-Type", "application/json"), ("Mesos-Stream-Id", golden.stream_id.as_str())];
    assert_eq!(cluster.ask("POST", "/api/v1/scheduler", &headers, &body).status, 501);
    assert_eq!(cluster.get("/health").status, 200);
}

/// Stopping must not leave clients waiting, nor a registry that the next start cannot open.
#[test]
fn a_master_that_ends_lets_everybody_go_and_starts_again() {
    let directory = tempfile::tempdir().expect("a directory");
    let flags = mezzo_master::RawMasterFlags {
        work_dir: Some(directory.path().join("master")),
        ..mezzo_master::RawMasterFlags::default()
    };
    let cluster = Cluster::with(flags.clone());
    let mut golden = cluster.subscribe(INFO);
    cluster.stop();
    while let Some(event) = golden.connection.event() {
        assert_eq!(event["type"], "HEARTBEAT");
    }
    assert_eq!(Cluster::with(flags).get("/health").status, 200);
}
