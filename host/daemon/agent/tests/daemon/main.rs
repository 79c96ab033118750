//! A whole agent in this process, with the posix launcher and real tasks, before a master that
//! says what the test wants.

#[path = "../../../../bin/mezzo/build/inner_cargo.rs"]
#[allow(missing_docs, dead_code, reason = "shared with the build that embeds the program")]
mod inner_cargo;
mod master;
mod reads;

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use clap::{Args, Command, FromArgMatches};
use mezzo_agent::{AgentHandle, RawAgentFlags};
use mezzo_proto::mesos::v1::TaskState;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use master::Master;

/// The program of `bin/init`: the file that `MEZZO_INIT` names, or built here.
fn init() -> Vec<u8> {
    let path = std::env::var_os("MEZZO_INIT").map_or_else(build_init, PathBuf::from);
    std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn build_init() -> PathBuf {
    let part = inner_cargo::Part {
        package: "mezzo-init",
        target: "x86_64-unknown-linux-musl",
        file: "mezzo-init",
        profile: &[
            ("OPT_LEVEL", "s"),
            ("LTO", "fat"),
            ("CODEGEN_UNITS", "1"),
            ("PANIC", "abort"),
            ("STRIP", "symbols"),
            ("DEBUG", "false"),
        ],
    };
    let root =
        Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(3).expect("the workspace is three folders up");
    part.build(root, &root.join("target/embed")).unwrap_or_else(|error| panic!("{error}"))
}

async fn agent(dir: &Path, master: &Master) -> AgentHandle {
    agent_of(dir, master, &["--resources=cpus:4;mem:4096;disk:1000;ports:[31000-31010]"]).await
}

/// The same with more flags.
async fn agent_of(dir: &Path, master: &Master, more: &[&str]) -> AgentHandle {
    let words = [
        format!("--master={}", master.address()),
        "--port=0".to_owned(),
        "--launcher=posix".to_owned(),
        "--switch_user=false".to_owned(),
        format!("--work_dir={}", dir.join("work").display()),
        format!("--runtime_dir={}", dir.join("run").display()),
        "--registration_backoff_factor=50ms".to_owned(),
        // The port is another one in each life.
        "--advertise_port=5051".to_owned(),
    ];
    let words = words.into_iter().chain(more.iter().map(|word| (*word).to_owned()));
    let command = RawAgentFlags::augment_args(Command::new("agent").no_binary_name(true));
    let matches = command.try_get_matches_from(words).expect("flags");
    let config =
        RawAgentFlags::from_arg_matches(&matches).expect("flags").into_config().expect("a configuration");
    AgentHandle::start(config, init(), None).await.expect("an agent")
}

/// One request over HTTP/1.0: status and body.
async fn http(agent: &AgentHandle, request: &str) -> (u16, String) {
    let mut stream = TcpStream::connect(agent.address()).await.expect("the agent listens");
    stream.write_all(request.as_bytes()).await.expect("it reads");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.expect("it answers");
    let status = answer.split(' ').nth(1).and_then(|text| text.parse().ok()).expect("a status");
    (status, answer.split_once("\r\n\r\n").expect("a body").1.to_owned())
}

async fn get(agent: &AgentHandle, path: &str) -> (u16, String) {
    http(agent, &format!("GET {path} HTTP/1.0\r\nHost: localhost\r\n\r\n")).await
}

async fn post(agent: &AgentHandle, body: &str) -> (u16, String) {
    let head = "POST /api/v1 HTTP/1.0\r\nHost: localhost\r\nContent-Type: application/json\r\nAccept: application/json\r\n";
    http(agent, &format!("{head}Content-Length: {}\r\n\r\n{body}", body.len())).await
}

/// From the order to the sandbox that a person reads.
#[tokio::test(flavor = "multi_thread")]
async fn task_runs_and_leaves_its_words() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let mut master = Master::start().await;
    let agent = agent(dir.path(), &master).await;
    let hello = master.admit("S0").await;
    assert_eq!((hello.agent_id.as_str(), hello.incarnation >> 32), ("", 1));

    master.run("t1", "echo hello $MESOS_TASK_ID; echo oops >&2; exit 3");
    master.expect_acknowledged(&[TaskState::TaskStarting, TaskState::TaskRunning]).await;
    let end = master.update().await;
    assert_eq!((end.state(), end.message()), (TaskState::TaskFailed, "Command exited with status 3"));

    let sandbox = "/frameworks/f1/executors/t1/runs/latest";
    let (status, body) = get(&agent, &format!("/files/read?path={sandbox}/stdout&offset=0")).await;
    assert_eq!(status, 200, "{body}");
    assert!(body.contains("hello t1"), "{body}");
    let (_, body) = get(&agent, "/slave(1)/state").await;
    let state: serde_json::Value = serde_json::from_str(&body).expect("JSON");
    let directory =
        state["frameworks"][0]["executors"][0]["directory"].as_str().expect("a directory").to_owned();
    assert_eq!(state["frameworks"][0]["executors"][0]["completed_tasks"][0]["state"], "TASK_FAILED");
    assert_eq!(state["resources"]["ports"], "[31000-31010]");
    let call = format!(r#"{{"type":"LIST_FILES","list_files":{{"path":"{directory}"}}}}"#);
    let (status, body) = post(&agent, &call).await;
    assert!(status == 200 && body.contains("/stderr"), "{status} {body}");
    let (status, body) = post(&agent, r#"{"type":"GET_STATE"}"#).await;
    assert!(status == 200 && body.contains(r#""state":"TASK_FAILED""#), "{status} {body}");
    assert_eq!(get(&agent, "/files/read?path=/etc/passwd&offset=0").await.0, 404);
    let (_, body) = get(&agent, "/metrics/snapshot").await;
    assert!(body.contains(r#""slave/tasks_failed":1"#), "{body}");

    master.acknowledge(&end);
    agent.shutdown();
    agent.wait().await.expect("a clean end");
}

/// An agent that ends leaves its tasks; the next one finds them and goes on with them.
#[tokio::test(flavor = "multi_thread")]
async fn tasks_outlive_their_agent() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let mut master = Master::start().await;
    let first = agent(dir.path(), &master).await;
    master.admit("S0").await;
    master.run("long", "sleep 100");
    master.expect_acknowledged(&[TaskState::TaskStarting, TaskState::TaskRunning]).await;
    // Ends while no agent is there.
    master.run("short", "sleep 0.5; exit 7");
    master.expect_acknowledged(&[TaskState::TaskStarting]).await;
    first.shutdown();
    first.wait().await.expect("a clean end");
    tokio::time::sleep(Duration::from_secs(1)).await;

    let second = agent(dir.path(), &master).await;
    let hello = master.admit("S0").await;
    assert_eq!((hello.agent_id.as_str(), hello.incarnation >> 32), ("S0", 2));
    // What was not acknowledged in time is told again, and then how it ended.
    let end = loop {
        let status = master.update().await;
        assert_eq!(status.task_id.value, "short");
        if !matches!(status.state(), TaskState::TaskStarting | TaskState::TaskRunning) {
            break status;
        }
    };
    assert_eq!((end.state(), end.message()), (TaskState::TaskFailed, "Command exited with status 7"));

    master.kill("long");
    let end = master.update().await;
    assert_eq!((end.task_id.value.as_str(), end.state()), ("long", TaskState::TaskKilled));
    assert_eq!(end.message(), "Command terminated with signal Terminated");
    second.shutdown();
    second.wait().await.expect("a clean end");
}

/// `mezzo dev` ends everything it began.
#[tokio::test(flavor = "multi_thread")]
async fn tasks_end_with_their_agent_when_asked() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let mut master = Master::start().await;
    let agent = agent(dir.path(), &master).await;
    master.admit("S0").await;
    master.run("t1", "echo $$ > pid; trap '' TERM; while :; do sleep 1; done");
    master.expect_acknowledged(&[TaskState::TaskStarting, TaskState::TaskRunning]).await;
    let path = dir.path().join("work/slaves/S0/frameworks/f1/executors/t1/runs/latest/pid");
    let pid = loop {
        match std::fs::read_to_string(&path) {
            Ok(text) if text.ends_with('\n') => break text.trim().to_owned(),
            _ => tokio::time::sleep(Duration::from_millis(20)).await,
        }
    };
    agent.shutdown_and_kill();
    agent.wait().await.expect("a clean end");
    assert!(!Path::new("/proc").join(&pid).exists(), "process {pid} is still there");
}

/// Two agents cannot share a work directory.
#[tokio::test(flavor = "multi_thread")]
async fn second_agent_is_refused() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let master = Master::start().await;
    let first = agent(dir.path(), &master).await;
    let flags = RawAgentFlags {
        master: Some(master.address()),
        port: Some(0),
        launcher: Some("posix".into()),
        work_dir: Some(dir.path().join("work")),
        ..RawAgentFlags::default()
    };
    let error =
        AgentHandle::start(flags.into_config().expect("flags"), init(), None).await.err().expect("refused");
    assert!(error.to_string().contains("is in use by process"), "{error}");
    first.shutdown();
    first.wait().await.expect("a clean end");
}
