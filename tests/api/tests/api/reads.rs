//! What can be read off a master: the recordings, and the shape of the larger answers.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::{
    recorded::{self, Answered, VOLATILE},
    support::Cluster,
};

/// Answers that have no place for differences but the port.
#[test]
fn small_answers_are_those_of_mesos() {
    let cluster = Cluster::start();
    for name in [
        "get_health.json",
        "get_master_health.json",
        "get_redirect.json",
        "get_nonexistent.json",
        "get_state_json.json",
        "get_teardown.json",
        "get_machine_down.json",
        "get_files_browse_path.json",
        "get_files_browse_path_nosuch.json",
        "get_files_read_path_nosuch_offset_0.json",
        "operator_get_health.json",
        "operator_nope.json",
        "operator_unknown.json",
        "operator_empty_type.json",
        "operator_list_files.json",
        "operator_read_file.json",
    ] {
        let recorded = recorded::read(name).remove(0);
        let headers: Vec<(&str, &str)> =
            recorded.headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        let answer = cluster.ask(&recorded.method, &recorded.path, &headers, &recorded.body);
        assert_eq!((answer.status, &answer.reason), (recorded.status, &recorded.reason), "{name}");
        match &recorded.answer {
            Answered::Text(text) => assert_eq!(&answer.body, text, "{name}"),
            Answered::Json(json) => assert_eq!(&answer.json(), json, "{name}"),
            Answered::Events(_) => panic!("{name} is a stream"),
        }
        let port = format!(":{}", cluster.address.port());
        let fields = |headers: &[(String, String)]| -> BTreeSet<(String, String)> {
            let lasting = headers.iter().filter(|(name, _)| !VOLATILE.contains(&name.as_str()));
            lasting.map(|(name, value)| (name.clone(), value.replace(&port, ":15050"))).collect()
        };
        assert_eq!(fields(&answer.headers), fields(&recorded.answer_headers), "{name}");
    }
}

fn keys(value: &Value) -> BTreeSet<&str> {
    value.as_object().expect("an object").keys().map(String::as_str).collect()
}

/// Tools look for these keys without asking whether they are there.
#[test]
fn state_has_the_keys_of_mesos() {
    let cluster = Cluster::start();
    let _golden = cluster.subscribe(r#"{"user":"root","name":"golden"}"#);
    let Answered::Json(theirs) = recorded::read("get_state.json").remove(0).answer else {
        panic!("not JSON")
    };
    for path in ["/state", "/master/state"] {
        let ours = cluster.get(path).json();
        // Said of a build: ours are the same whoever builds them, wherever and whenever.
        let of_a_build = ["git_sha", "build_date", "build_time", "build_user"];
        let missing: Vec<&str> =
            keys(&theirs).difference(&keys(&ours)).copied().filter(|key| !of_a_build.contains(key)).collect();
        assert!(missing.is_empty(), "{path} lacks {missing:?}");
        let framework = &ours["frameworks"][0];
        assert_eq!(framework["name"], "golden");
        // Of a framework with several roles; ours has one.
        let missing: Vec<&str> = keys(&theirs["frameworks"][0])
            .difference(&keys(framework))
            .copied()
            .filter(|key| *key != "roles")
            .collect();
        assert!(missing.is_empty(), "a framework lacks {missing:?}");
    }
}

#[test]
fn operator_reads_show_the_framework() {
    let cluster = Cluster::start();
    let golden = cluster.subscribe(r#"{"user":"root","name":"golden"}"#);
    let ask = |kind: &str| cluster.post("/api/v1", &format!(r#"{{"type":"{kind}"}}"#)).json();
    let frameworks = ask("GET_FRAMEWORKS");
    assert_eq!(frameworks["type"], "GET_FRAMEWORKS");
    let listed = &frameworks["get_frameworks"]["frameworks"][0];
    assert_eq!(listed["framework_info"]["id"]["value"], golden.framework_id.as_str());
    assert_eq!((&listed["active"], &listed["connected"]), (&Value::Bool(true), &Value::Bool(true)));
    let state = ask("GET_STATE");
    assert_eq!(state["get_state"]["get_frameworks"], frameworks["get_frameworks"]);
    let empty = serde_json::json!([]);
    assert_eq!(ask("GET_AGENTS")["get_agents"]["agents"], empty);
    assert_eq!(ask("GET_TASKS")["get_tasks"]["tasks"], empty);
}

#[test]
fn version_and_metrics_are_flat_objects() {
    let cluster = Cluster::start();
    let version = cluster.get("/version");
    assert_eq!(version.header("Content-Type"), Some("application/json"));
    assert!(version.json()["version"].is_string());
    let wrapped = cluster.get("/version?jsonp=cb");
    assert_eq!(wrapped.header("Content-Type"), Some("text/javascript"));
    assert_eq!(wrapped.body, format!("cb({})", version.body));
    let metrics = cluster.get("/metrics/snapshot").json();
    for name in ["master/elected", "master/frameworks_active", "master/tasks_running", "mezzo/master/turns"] {
        assert!(metrics[name].is_f64(), "{name}: {}", metrics[name]);
    }
    assert_eq!(metrics["master/frameworks_active"], 0.0);
}

#[test]
fn long_answers_are_compressed_for_those_who_like_it() {
    let cluster = Cluster::start();
    let head = cluster.ask("HEAD", "/state", &[("Accept-Encoding", "gzip")], "");
    assert_eq!((head.status, head.header("Content-Encoding")), (200, Some("gzip")));
    assert_eq!(cluster.ask("HEAD", "/state", &[], "").header("Content-Encoding"), None);
}
