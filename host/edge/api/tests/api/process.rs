//! What both daemons say of themselves: the same code, so the same answers.

use std::{fs, sync::Arc};

use mezzo_api::Attached;
use mezzo_http::Service;
use mezzo_proto::mesos::v1::agent;
use prost::Message;
use serde_json::{Value, json};

use crate::support::{self, JSON, Mock, Seen, request, seen};

/// Asks both daemons.
async fn both(method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> [Seen; 2] {
    let mock = Arc::new(Mock::default());
    [
        seen(&support::master(&mock), request(method, path, headers, body.to_owned())).await,
        seen(&support::agent(&mock), request(method, path, headers, body.to_owned())).await,
    ]
}

async fn get(path: &str) -> [Seen; 2] {
    both("GET", path, &[], "").await
}

fn json_of(seen: &Seen) -> Value {
    serde_json::from_slice(&seen.body).unwrap_or_else(|error| panic!("{error}: {seen:?}"))
}

#[tokio::test]
async fn flags_version_and_system_are_told() {
    for seen in get("/flags").await {
        assert_eq!(seen.text(), r#"{"flags":{"port":"5050"}}"#);
    }
    for seen in get("/version").await {
        let expected =
            r#"{"build_date":"D","build_time":1.0,"build_user":"U","git_tag":"T","version":"1.11.0"}"#;
        assert_eq!(seen.text(), expected);
    }
    for seen in get("/system/stats.json?jsonp=cb").await {
        assert_eq!(seen.header("content-type"), Some("text/javascript"));
        let text = seen.text().strip_prefix("cb(").and_then(|text| text.strip_suffix(")")).expect("wrapped");
        let stats: Value = serde_json::from_str(text).expect("JSON");
        let keys: Vec<&String> = stats.as_object().expect("an object").keys().collect();
        let expected = [
            "avg_load_15min",
            "avg_load_1min",
            "avg_load_5min",
            "cpus_total",
            "mem_free_bytes",
            "mem_total_bytes",
        ];
        assert_eq!(keys, expected);
        assert!(stats["cpus_total"].is_u64() && stats["mem_total_bytes"].as_u64() > Some(0), "{stats}");
        assert!(stats["avg_load_1min"].is_f64(), "{stats}");
    }
}

#[tokio::test]
async fn numbers_are_told_in_three_forms() {
    for seen in get("/metrics/snapshot?timeout=5secs").await {
        assert_eq!(seen.text(), r#"{"master/elected":1.0,"own":1.0}"#);
    }
    let body = r#"{"type":"GET_METRICS","get_metrics":{"timeout":{"nanoseconds":5000000000}}}"#;
    for seen in both("POST", "/api/v1", &[JSON], body).await {
        let metrics = json!([{ "name": "master/elected", "value": 1.0 }, { "name": "own", "value": 1.0 }]);
        assert_eq!(json_of(&seen), json!({ "type": "GET_METRICS", "get_metrics": { "metrics": metrics } }));
    }
    for seen in get("/metrics").await {
        assert_eq!(seen.header("content-type"), Some("text/plain; version=0.0.4; charset=utf-8"));
        assert!(seen.text().contains("mesos_master_elected 1\n"), "{}", seen.text());
    }
    for seen in get("/metrics/snapshot?timeout=soon").await {
        assert_eq!(seen.status, 400);
        assert!(
            seen.text().starts_with("Invalid timeout 'soon': `soon` is not a duration"),
            "{}",
            seen.text()
        );
    }
}

#[tokio::test]
async fn calls_are_answered_in_both_encodings() {
    for (kind, expected) in [
        ("GET_HEALTH", json!({ "healthy": true })),
        ("GET_FLAGS", json!({ "flags": [{ "name": "port", "value": "5050" }] })),
    ] {
        let body = format!(r#"{{"type":"{kind}"}}"#);
        for seen in both("POST", "/api/v1", &[JSON], &body).await {
            assert_eq!(json_of(&seen), json!({ "type": kind, kind.to_lowercase(): expected }));
        }
        let headers = [JSON, ("Accept", "application/x-protobuf")];
        for seen in both("POST", "/api/v1", &headers, &body).await {
            let answer = agent::Response::decode(&*seen.body).expect("protobuf");
            assert_eq!(answer.r#type().as_str_name(), kind);
        }
    }
}

/// The level is the process' own, so this is the one test that changes it.
#[tokio::test]
async fn the_log_says_more_for_as_long_as_was_asked() {
    for seen in get("/logging/toggle").await {
        assert_eq!((seen.status, seen.text()), (200, "0\n"));
    }
    for seen in both("POST", "/api/v1", &[JSON], r#"{"type":"GET_LOGGING_LEVEL"}"#).await {
        let level = json!({ "type": "GET_LOGGING_LEVEL", "get_logging_level": { "level": 0 } });
        assert_eq!(json_of(&seen), level);
    }
    let body =
        r#"{"type":"SET_LOGGING_LEVEL","set_logging_level":{"level":2,"duration":{"nanoseconds":50000000}}}"#;
    for seen in both("POST", "/api/v1", &[JSON], body).await {
        assert_eq!((seen.status, seen.text()), (200, ""));
    }
    for path in ["/logging/toggle?level=1&duration=10ms", "/logging/toggle?level=0&duration=0ns"] {
        for seen in get(path).await {
            assert_eq!((seen.status, seen.text()), (200, ""), "{path}");
        }
    }
    for (query, text) in [
        ("level=2", "Expecting 'duration=value' in query.\n"),
        ("duration=2secs", "Expecting 'level=value' in query.\n"),
        ("level=-1&duration=2secs", "Invalid level '-1': expecting a number of 0 or more.\n"),
        (
            "level=1&duration=2",
            "Invalid duration '2': `2` is not a duration: a number and one of ns, us, ms, secs, mins, hrs, days, weeks.\n",
        ),
    ] {
        for seen in get(&format!("/logging/toggle?{query}")).await {
            assert_eq!((seen.status, seen.text()), (400, text), "{query}");
        }
    }
}

#[tokio::test]
async fn help_names_what_is_served_and_nothing_else() {
    let [of_master, of_agent] = get("/help").await;
    assert!(of_master.text().contains("`/master/state`"), "{}", of_master.text());
    assert!(of_agent.text().contains("`/slave(1)/state`"), "{}", of_agent.text());
    assert!(!of_agent.text().contains("profiler"), "refused paths are no help");
    let [page, _] = both("GET", "/help", &[("Accept", "text/html,*/*")], "").await;
    assert_eq!(page.header("content-type"), Some("text/html"));
    let [_, listed] = get("/help?format=json").await;
    let processes = json_of(&listed)["processes"].clone();
    let ids: Vec<&str> =
        processes.as_array().expect("a list").iter().filter_map(|process| process["id"].as_str()).collect();
    assert!(ids.contains(&"files") && ids.contains(&"slave(1)"), "{ids:?}");
    for seen in get("/help/files/browse").await {
        assert_eq!(seen.text(), "# Help\n\n- `/files/browse`: lists the directory `path`\n");
    }
    for seen in get("/help/nobody").await {
        assert_eq!((seen.status, seen.text()), (400, "No help available for '/nobody'."));
    }
}

#[tokio::test]
async fn parts_are_listed_with_what_waits() {
    let [of_master, of_agent] = get("/__processes__").await.map(|seen| json_of(&seen));
    let part = |list: &Value, id: &str| {
        list.as_array().expect("a list").iter().find(|part| part["id"] == id).cloned()
    };
    assert_eq!(part(&of_master, "master").expect("itself")["events"][0]["name"], "call");
    assert_eq!(part(&of_agent, "slave(1)").expect("itself")["events"][0]["name"], "read");
    assert_eq!(part(&of_agent, "files").expect("files")["events"], json!([]));
}

/// What was broken off must be resumed at the right byte, or begin anew; never be mixed up.
#[tokio::test]
async fn part_of_a_file_is_sent_to_whom_it_suffices() {
    let directory = tempfile::tempdir().expect("a directory");
    fs::write(directory.path().join("stdout"), "0123456789").expect("written");
    let attached = Attached { root: directory.path().display().to_string(), rest: String::new() };
    let mock = Arc::new(Mock { attached: Some(attached), ..Mock::default() });
    let api = support::agent(&mock);
    for (range, status, body, span) in [
        ("bytes=4-", 206, "456789", Some("bytes 4-9/10")),
        ("bytes=0-0", 206, "0", Some("bytes 0-0/10")),
        ("bytes=-2", 206, "89", Some("bytes 8-9/10")),
        ("bytes=10-", 416, "The file has 10 bytes.", Some("bytes */10")),
        ("bytes=0-1,5-6", 200, "0123456789", None),
    ] {
        let seen = ask(&api, range).await;
        assert_eq!((seen.status, seen.text(), seen.header("content-range")), (status, body, span), "{range}");
    }
}

async fn ask(api: &impl Service, range: &str) -> Seen {
    seen(api, request("GET", "/files/download?path=/sandbox/stdout", &[("Range", range)], "")).await
}
