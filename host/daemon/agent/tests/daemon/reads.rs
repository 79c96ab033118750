//! What a real agent answered while one command task ran, beside what ours says while it runs the
//! same: the same names in the same order, with the same kinds of values.

#[path = "../../../../../tests/transcripts/tests/it/shape.rs"]
mod shape;

use std::path::Path;

use mezzo_proto::mesos::v1::TaskState;
use serde_json::{Value, json};

use crate::{agent_of, get, http, master::Master, post};
use shape::differences;

/// What is on one side only, and why.
const LEFT_OUT: &[(&str, &str)] = &[
    ("git_sha", "not told to this build"),
    ("network_infos", "of a container: the recorded agent had no isolator that knows its address"),
    ("arguments", "of an executor: ours is the task's own command, for the agent is its executor"),
    ("launcher_dir", "there is none: the launcher is part of the program"),
];

struct Recorded {
    method: String,
    path: String,
    body: Option<Value>,
    status: u64,
    answer: Value,
}

fn recorded(name: &str) -> Recorded {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/daemon/mesos-1.12").join(name);
    let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let all: Value = serde_json::from_str(&text).expect("JSON");
    let (request, response) = (&all["request"], &all["response"]);
    let text = |value: &Value| value.as_str().expect("text").to_owned();
    Recorded {
        method: text(&request["method"]),
        path: text(&request["path"]),
        body: request.get("body").cloned(),
        status: response["status"].as_u64().expect("a status"),
        answer: response["body"].clone(),
    }
}

/// Whether the task runs for everybody to see, or 10 s have gone.
async fn world(dir: &Path) -> (Master, mezzo_agent::AgentHandle) {
    let mut master = Master::start().await;
    let words = [
        "--resources=cpus:8;mem:4096;disk:8192;ports:[31000-32000]",
        "--attributes=rack:r1;zone:z-a;level:3",
    ];
    let agent = agent_of(dir, &master, &words).await;
    master.admit("S0").await;
    master.run_recorded();
    master.expect_acknowledged(&[TaskState::TaskStarting, TaskState::TaskRunning]).await;
    (master, agent)
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_have_the_shape_of_a_real_agents() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let (master, agent) = world(dir.path()).await;
    let mut wrong = Vec::new();
    for name in [
        "get_state.json",
        "get_containers.json",
        "get_monitor_statistics.json",
        "get_system_stats_json.json",
        "get_version.json",
        "get_logging_toggle.json",
        "get_health.json",
        "get_nonexistent.json",
        "get_state_json.json",
        "get_files_browse_path.json",
        "v1_get_agent.json",
        "v1_get_containers.json",
        "v1_get_executors.json",
        "v1_get_frameworks.json",
        "v1_get_health.json",
        "v1_get_logging_level.json",
        "v1_get_operations.json",
        "v1_get_resource_providers.json",
        "v1_get_state.json",
        "v1_get_tasks.json",
        "v1_get_version.json",
        "v1_list_files.json",
        "v1_nope.json",
        "v1_unknown.json",
    ] {
        let recorded = recorded(name);
        let (status, body) = match &recorded.body {
            Some(body) => post(&agent, &body.to_string()).await,
            None => {
                http(&agent, &format!("{} {} HTTP/1.0\r\nHost: x\r\n\r\n", recorded.method, recorded.path))
                    .await
            }
        };
        assert_eq!(u64::from(status), recorded.status, "{name}: {body}");
        match &recorded.answer {
            Value::String(text) => assert_eq!(&body, text, "{name}"),
            answer => {
                let ours =
                    serde_json::from_str(&body).unwrap_or_else(|error| panic!("{name}: {error}: {body}"));
                let mut out = Vec::new();
                differences("", answer, &ours, LEFT_OUT, &mut out);
                wrong.extend(out.into_iter().map(|difference| format!("{name}{difference}")));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    master.kill("t1");
    agent.shutdown_and_kill();
    agent.wait().await.expect("a clean end");
}

/// Dashboards look their numbers up by name.
#[tokio::test(flavor = "multi_thread")]
async fn numbers_have_the_names_of_a_real_agents() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let (master, agent) = world(dir.path()).await;
    let ours = |body: String| -> Value { serde_json::from_str(&body).expect("JSON") };
    let snapshot = ours(get(&agent, "/metrics/snapshot?timeout=5secs").await.1);
    let theirs = recorded("get_metrics_snapshot.json").answer;
    let missing: Vec<&String> =
        theirs.as_object().expect("an object").keys().filter(|key| snapshot.get(key).is_none()).collect();
    assert!(missing.is_empty(), "not served: {missing:?}");
    for (key, expected) in
        [("slave/tasks_running", 1.0), ("slave/cpus_used", 0.5), ("slave/mem_percent", 32.0 / 4096.0)]
    {
        assert_eq!(snapshot[key], expected, "{key}");
    }
    let call = r#"{"type":"GET_METRICS","get_metrics":{"timeout":{"nanoseconds":5000000000}}}"#;
    let metrics = ours(post(&agent, call).await.1)["get_metrics"]["metrics"].clone();
    let running = json!({ "name": "slave/tasks_running", "value": 1.0 });
    assert!(metrics.as_array().expect("a list").contains(&running), "{metrics}");
    let text = get(&agent, "/metrics").await.1;
    assert!(text.contains("# TYPE mesos_slave_tasks_running gauge\nmesos_slave_tasks_running 1\n"), "{text}");
    master.kill("t1");
    agent.shutdown_and_kill();
    agent.wait().await.expect("a clean end");
}

/// A task's files are read by all of its paths, by nobody's guess, and whole.
#[tokio::test(flavor = "multi_thread")]
async fn containers_and_files_are_found() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let (master, agent) = world(dir.path()).await;
    let ours = |body: String| -> Value { serde_json::from_str(&body).expect("JSON") };
    let containers = ours(get(&agent, "/slave(1)/containers").await.1);
    let id = containers[0]["container_id"].as_str().expect("an id").to_owned();
    let pid = containers[0]["status"]["executor_pid"].as_u64().expect("a process");
    assert!(Path::new(&format!("/proc/{pid}")).exists(), "{containers}");
    assert!(containers[0]["statistics"]["mem_rss_bytes"].as_u64() > Some(0), "{containers}");
    assert_eq!(ours(get(&agent, &format!("/containers?container_id={id}")).await.1)[0]["container_id"], id);
    assert_eq!(get(&agent, "/containers?container_id=another").await.1, "[]");
    let statistics = get(&agent, "/monitor/statistics?jsonp=cb").await.1;
    assert!(statistics.starts_with("cb([{\"executor_id\":\"t1\""), "{statistics}");

    let debug = ours(get(&agent, "/files/debug").await.1);
    let paths = debug.as_object().expect("an object");
    let sandbox = paths["/frameworks/f1/executors/t1/runs/latest"].as_str().expect("a path").to_owned();
    assert!(sandbox.ends_with(&id), "{debug}");
    assert_eq!(paths.len(), 3, "{debug}");
    for path in paths.keys() {
        let (status, body) = get(&agent, &format!("/files/browse?path={path}")).await;
        assert!(status == 200 && body.contains("/stdout\""), "{path}: {status} {body}");
    }
    master.kill("t1");
    agent.shutdown_and_kill();
    agent.wait().await.expect("a clean end");
}
