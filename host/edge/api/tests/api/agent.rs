//! What an operator of an agent is told, and what of a sandbox is shown.

use std::{fs, os::unix::fs::symlink, path::Path, sync::Arc};

use mezzo_api::Attached;
use mezzo_proto::mesos::v1::agent;
use prost::Message;

use crate::support::{JSON, Mock, Seen, agent as api, request, seen};

/// A sandbox with a few files, and a secret beside it.
struct Sandbox {
    directory: tempfile::TempDir,
    mock: Arc<Mock>,
}

impl Sandbox {
    fn new() -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        let root = directory.path().join("sandbox");
        fs::create_dir(&root).expect("made");
        fs::write(root.join("stdout"), "hello\nworld\n").expect("written");
        fs::write(root.join("bad"), b"\xff\xfeok").expect("written");
        fs::create_dir(root.join("dir")).expect("made");
        fs::write(root.join("dir/inner.txt"), "inner").expect("written");
        fs::write(directory.path().join("secret"), "secret").expect("written");
        let attached = Attached { root: root.display().to_string(), rest: String::new() };
        let mock = Arc::new(Mock { attached: Some(attached), ..Mock::default() });
        Self { directory, mock }
    }

    fn root(&self) -> std::path::PathBuf {
        self.directory.path().join("sandbox")
    }

    async fn get(&self, path: &str) -> Seen {
        seen(&api(&self.mock), request("GET", path, &[], "")).await
    }

    async fn post(&self, body: &str) -> Seen {
        seen(&api(&self.mock), request("POST", "/api/v1", &[JSON], body.to_owned())).await
    }
}

#[tokio::test]
async fn browse_lists_a_directory_in_order() {
    let sandbox = Sandbox::new();
    let seen = sandbox.get("/files/browse?path=/sandbox/").await;
    assert_eq!((seen.status, seen.header("content-type")), (200, Some("application/json")));
    let entries: serde_json::Value = serde_json::from_slice(&seen.body).expect("JSON");
    let paths: Vec<&str> =
        entries.as_array().expect("a list").iter().filter_map(|e| e["path"].as_str()).collect();
    assert_eq!(paths, ["/sandbox/bad", "/sandbox/dir", "/sandbox/stdout"]);
    assert_eq!(entries[2]["size"], 12);
    assert_eq!(entries[1]["mode"].as_str().expect("text").chars().next(), Some('d'));
    assert!(entries[2]["mtime"].is_f64());
    assert_eq!(sandbox.get("/files/browse?path=/sandbox/stdout").await.text(), "[]");
    let missing = sandbox.get("/files/browse?path=/nosuch").await;
    assert_eq!((missing.status, missing.text()), (404, ""));
    assert_eq!(missing.header("content-type"), Some("text/plain; charset=utf-8"));
    let nameless = sandbox.get("/files/browse").await;
    assert_eq!((nameless.status, nameless.text()), (400, "Expecting 'path=value' in query."));
}

#[tokio::test]
async fn read_gives_pieces() {
    let sandbox = Sandbox::new();
    for (query, expected) in [
        ("offset=0&length=5", r#"{"data":"hello","offset":0}"#),
        ("offset=6", r#"{"data":"world\n","offset":6}"#),
        ("offset=6&length=-1", r#"{"data":"world\n","offset":6}"#),
        ("offset=-1", r#"{"data":"","offset":12}"#),
        ("length=5", r#"{"data":"","offset":12}"#),
        ("offset=99", r#"{"data":"","offset":99}"#),
        ("offset=3&length=0", r#"{"data":"","offset":3}"#),
    ] {
        let seen = sandbox.get(&format!("/files/read?path=/sandbox/stdout&{query}")).await;
        assert_eq!((seen.status, seen.text()), (200, expected), "{query}");
    }
    let bad = sandbox.get("/files/read?path=/sandbox/bad&offset=0").await;
    assert_eq!(bad.text(), "{\"data\":\"\u{fffd}\u{fffd}ok\",\"offset\":0}");
}

#[tokio::test]
async fn read_gives_at_most_sixteen_pages() {
    let sandbox = Sandbox::new();
    fs::write(sandbox.root().join("long"), vec![b'x'; 100_000]).expect("written");
    for query in ["offset=0", "offset=0&length=100000"] {
        let seen = sandbox.get(&format!("/files/read?path=/sandbox/long&{query}")).await;
        let read: serde_json::Value = serde_json::from_slice(&seen.body).expect("JSON");
        assert_eq!(read["data"].as_str().expect("text").len(), 65_536);
    }
}

#[tokio::test]
async fn what_cannot_be_read_is_said() {
    let sandbox = Sandbox::new();
    for (path, status, text) in [
        ("/files/read?path=/sandbox/dir&offset=0", 400, "Cannot read a directory."),
        ("/files/download?path=/sandbox/dir", 400, "Cannot download a directory."),
        ("/files/read?path=/sandbox/stdout&offset=-2", 400, "Negative offset provided: -2."),
        ("/files/read?path=/sandbox/stdout&offset=0&length=-2", 400, "Negative length provided: -2."),
        ("/files/read?path=/sandbox/stdout&offset=x", 400, "Failed to parse offset: 'x' is not a number."),
        ("/files/read?path=/nosuch&offset=0", 404, ""),
        ("/files/read?path=/sandbox/nosuch&offset=0", 404, ""),
        ("/files/download?path=/nosuch", 404, "404 Not Found."),
        ("/files/read", 400, "Expecting 'path=value' in query."),
        ("/slave(1)/files/read?path=/sandbox/stdout", 404, "404 Not Found."),
    ] {
        let seen = sandbox.get(path).await;
        assert_eq!((seen.status, seen.text()), (status, text), "{path}");
    }
}

#[tokio::test]
async fn download_sends_the_whole_file() {
    let sandbox = Sandbox::new();
    fs::write(sandbox.root().join("long.txt"), vec![b'x'; 200_001]).expect("written");
    let seen = sandbox.get("/files/download?path=/sandbox/long.txt").await;
    assert_eq!((seen.status, seen.body.len()), (200, 200_001));
    assert_eq!(seen.header("content-disposition"), Some("attachment; filename=long.txt"));
    assert_eq!(seen.header("content-type"), Some("text/plain"));
    let stdout = sandbox.get("/files/download?path=/sandbox/stdout").await;
    assert_eq!(stdout.header("content-type"), Some("application/octet-stream"));
}

/// A task must not read the agent's files by planting links in its sandbox.
#[tokio::test]
async fn nothing_leads_out_of_a_sandbox() {
    let sandbox = Sandbox::new();
    let root = sandbox.root();
    symlink("../secret", root.join("up")).expect("linked");
    symlink(sandbox.directory.path().join("secret"), root.join("absolute")).expect("linked");
    symlink("/etc", root.join("etc")).expect("linked");
    symlink("stdout", root.join("inside")).expect("linked");
    for path in ["up", "absolute", "etc/passwd", "../secret", "dir/../../secret", "%2e%2e/secret"] {
        for action in ["read", "download", "browse"] {
            let seen = sandbox.get(&format!("/files/{action}?path=/sandbox/{path}&offset=0")).await;
            assert_eq!(
                (seen.status, seen.text()),
                (400, "The path leads out of what may be read."),
                "{action} {path}"
            );
        }
    }
    let inside = sandbox.get("/files/read?path=/sandbox/inside&offset=0&length=5").await;
    assert_eq!(inside.text(), r#"{"data":"hello","offset":0}"#);
}

/// Opening a pipe waits for its writer: a task could hold every thread of the agent.
#[tokio::test]
async fn a_pipe_holds_nobody_up() {
    let sandbox = Sandbox::new();
    let made =
        std::process::Command::new("mkfifo").arg(sandbox.root().join("pipe")).status().expect("mkfifo");
    assert!(made.success());
    let seen = sandbox.get("/files/read?path=/sandbox/pipe&offset=0").await;
    assert_eq!((seen.status, seen.text()), (400, "Cannot read what is neither a file nor a directory."));
}

#[tokio::test]
async fn an_attached_file_is_read_by_itself() {
    let sandbox = Sandbox::new();
    let root = Path::new(&sandbox.root()).join("stdout").display().to_string();
    let mock = Arc::new(Mock { attached: Some(Attached { root, rest: String::new() }), ..Mock::default() });
    let seen =
        seen(&api(&mock), request("GET", "/files/read?path=/sandbox&offset=0&length=5", &[], "")).await;
    assert_eq!(seen.text(), r#"{"data":"hello","offset":0}"#);
}

#[tokio::test]
async fn files_over_the_operator_api() {
    let sandbox = Sandbox::new();
    let listed = sandbox.post(r#"{"type":"LIST_FILES","list_files":{"path":"/sandbox/dir"}}"#).await;
    let listed: serde_json::Value = serde_json::from_slice(&listed.body).expect("JSON");
    assert_eq!(listed["list_files"]["file_infos"][0]["path"], "/sandbox/dir/inner.txt");
    let read = sandbox
        .post(r#"{"type":"READ_FILE","read_file":{"path":"/sandbox/stdout","offset":6,"length":5}}"#)
        .await;
    assert_eq!(read.text(), r#"{"type":"READ_FILE","read_file":{"size":12,"data":"d29ybGQ="}}"#);
    let missing = sandbox.post(r#"{"type":"READ_FILE","read_file":{"path":"/nosuch","offset":0}}"#).await;
    assert_eq!((missing.status, missing.text()), (404, ""));
    let call = agent::Call {
        r#type: Some(agent::call::Type::ReadFile.into()),
        read_file: Some(agent::call::ReadFile { path: "/sandbox/stdout".into(), offset: 0, length: None }),
        ..Default::default()
    };
    let protobuf = "application/x-protobuf";
    let headers = [("Content-Type", protobuf), ("Accept", protobuf)];
    let seen =
        seen(&api(&sandbox.mock), request("POST", "/slave(1)/api/v1", &headers, call.encode_to_vec())).await;
    let read = agent::Response::decode(&seen.body[..]).expect("a response").read_file.expect("a piece");
    assert_eq!((read.size, read.data), (12, b"hello\nworld\n".to_vec()));
}

#[tokio::test]
async fn the_agents_words_differ_from_the_masters() {
    let sandbox = Sandbox::new();
    for (body, status, text) in [
        ("{x", 400, "Failed to parse body into JSON: syntax error at line 1 near: x"),
        ("[]", 400, "Expecting a JSON object"),
        (
            r#"{"type":"READ_FILE","read_file":{"path":"/x"}}"#,
            400,
            "Missing required fields: read_file.offset",
        ),
        (r#"{"type":"NOPE"}"#, 400, "Failed to validate agent::Call: Expecting 'type' to be present"),
        (r#"{"type":"UNKNOWN"}"#, 501, "501 Not Implemented."),
        (
            r#"{"type":"LAUNCH_CONTAINER"}"#,
            400,
            "Failed to validate agent::Call: Expecting 'launch_container' to be present",
        ),
        (
            r#"{"type":"LAUNCH_CONTAINER","launch_container":{"container_id":{"value":"c"}}}"#,
            501,
            "The call LAUNCH_CONTAINER is not implemented by this version of Mezzo.",
        ),
        (r#"{"type":"GET_CONTAINERS","get_containers":{}}"#, 200, "GetContainers Json"),
        (r#"{"type":"GET_STATE"}"#, 200, "GetState Json"),
        (r#"{"type":"GET_HEALTH"}"#, 200, r#"{"type":"GET_HEALTH","get_health":{"healthy":true}}"#),
    ] {
        let seen = sandbox.post(body).await;
        assert_eq!((seen.status, seen.text()), (status, text), "{body}");
    }
    let garbage = request("POST", "/api/v1", &[("Content-Type", "application/x-protobuf")], "{}");
    let seen = seen(&api(&sandbox.mock), garbage).await;
    assert_eq!((seen.status, seen.text()), (400, "Failed to parse body into a protobuf object"));
}

#[tokio::test]
async fn older_endpoints_answer() {
    let sandbox = Sandbox::new();
    for path in ["/health", "/slave(1)/health", "/slave%281%29/health"] {
        assert_eq!(sandbox.get(path).await.status, 200, "{path}");
    }
    assert_eq!(sandbox.get("/slave(1)/state").await.text(), "State Json");
    assert_eq!(sandbox.get("/files/debug").await.text(), "AttachedPaths Json");
    assert_eq!(sandbox.get("/slave/state").await.status, 404);
    assert_eq!(sandbox.get("/state.json").await.status, 404);
    let later = seen(&api(&sandbox.mock), request("POST", "/api/v1/resource_provider", &[JSON], "{}")).await;
    assert_eq!(later.status, 501);
    assert_eq!(sandbox.get("/api/v1/executor").await.status, 405);
}
