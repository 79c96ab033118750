//! What an executor may send, and what it is told when it may not.

use std::sync::Arc;

use mezzo_model::calls::{Answer, Encoding, ExecutorCall, Refusal};
use mezzo_proto::mesos::v1::{
    self,
    executor::{Call, call},
};
use prost::Message;

use crate::support::{JSON, Mock, Seen, agent as api, request, seen};

const PROTOBUF: (&str, &str) = ("Content-Type", "application/x-protobuf");

async fn post(mock: &Arc<Mock>, body: &str) -> Seen {
    seen(&api(mock), request("POST", "/api/v1/executor", &[JSON], body.to_owned())).await
}

fn update(status: &str) -> String {
    format!(
        r#"{{"type":"UPDATE","framework_id":{{"value":"f"}},"executor_id":{{"value":"e"}},"update":{{"status":{status}}}}}"#
    )
}

const UUID: &str = "GjWmHC9ZSACex0XExWGDEQ==";

/// Statuses and sentences are those of a recorded agent.
#[tokio::test]
async fn malformed_calls_are_refused_in_mesoss_words() {
    let mock = Arc::new(Mock::default());
    let staging = format!(
        r#"{{"task_id":{{"value":"x"}},"state":"TASK_STAGING","source":"SOURCE_EXECUTOR","uuid":"{UUID}"}}"#
    );
    let sourceless = format!(r#"{{"task_id":{{"value":"x"}},"state":"TASK_RUNNING","uuid":"{UUID}"}}"#);
    let stranger = format!(
        r#"{{"task_id":{{"value":"x"}},"state":"TASK_RUNNING","executor_id":{{"value":"other"}},"uuid":"{UUID}"}}"#
    );
    for (body, expected) in [
        ("{x".to_owned(), "Failed to parse body into JSON: syntax error at line 1 near: x"),
        (
            r#"{"type":"SUBSCRIBE","subscribe":{}}"#.to_owned(),
            "Failed to convert JSON into Call protobuf: Missing required fields: executor_id, framework_id",
        ),
        (
            r#"{"type":"NOSUCH","framework_id":{"value":"f"},"executor_id":{"value":"e"}}"#.to_owned(),
            "Failed to validate Executor::Call: Expecting 'type' to be present",
        ),
        (
            r#"{"type":"SUBSCRIBE","framework_id":{"value":"f"},"executor_id":{"value":"e"}}"#.to_owned(),
            "Failed to validate Executor::Call: Expecting 'subscribe' to be present",
        ),
        (
            r#"{"type":"MESSAGE","framework_id":{"value":"f"},"executor_id":{"value":"e"}}"#.to_owned(),
            "Failed to validate Executor::Call: Expecting 'message' to be present",
        ),
        (
            r#"{"type":"UPDATE","framework_id":{"value":"f"},"executor_id":{"value":"e"}}"#.to_owned(),
            "Failed to validate Executor::Call: Expecting 'update' to be present",
        ),
        (
            update(r#"{"task_id":{"value":"x"},"state":"TASK_RUNNING","source":"SOURCE_EXECUTOR"}"#),
            "Failed to validate Executor::Call: Expecting 'uuid' to be present",
        ),
        (
            update(
                r#"{"task_id":{"value":"x"},"state":"TASK_RUNNING","source":"SOURCE_EXECUTOR","uuid":"AAAAAAAAAAAAAAAAAAAAAA=="}"#,
            ),
            "Failed to validate Executor::Call: Not a valid UUID",
        ),
        (
            update(&stranger),
            "Failed to validate Executor::Call: ExecutorID in Call: e does not match ExecutorID in TaskStatus: other",
        ),
        (
            update(&sourceless),
            "Failed to validate Executor::Call: Received Call from executor e of framework f with invalid source, \
             expecting 'SOURCE_EXECUTOR'",
        ),
        (
            update(&staging),
            "Failed to validate Executor::Call: Received TASK_STAGING from executor e of framework f which is not \
             allowed",
        ),
    ] {
        let seen = post(&mock, &body).await;
        assert_eq!((seen.status, seen.text()), (400, expected), "{body}");
    }
    let get = seen(&api(&mock), request("GET", "/api/v1/executor", &[], "")).await;
    assert_eq!((get.status, get.header("allow")), (405, Some("POST")));
    let plain = [("Content-Type", "text/plain")];
    assert_eq!(seen(&api(&mock), request("POST", "/api/v1/executor", &plain, "{}")).await.status, 415);
    let garbage = seen(&api(&mock), request("POST", "/api/v1/executor", &[PROTOBUF], "\u{ff}")).await;
    assert_eq!((garbage.status, garbage.text()), (400, "Failed to parse body into Call protobuf"));
    assert!(mock.executor_calls.lock().expect("ok").is_empty(), "none of them reached the core");
}

#[tokio::test]
async fn subscribe_opens_a_stream_in_the_encoding_that_is_asked_for() {
    let mock = Arc::new(Mock::default());
    let status = v1::TaskStatus {
        task_id: v1::TaskId { value: "t1".into() },
        state: v1::TaskState::TaskRunning.into(),
        source: Some(v1::task_status::Source::Executor.into()),
        uuid: Some(vec![0x44; 16]),
        ..Default::default()
    };
    let call = Call {
        executor_id: v1::ExecutorId { value: "e".into() },
        framework_id: v1::FrameworkId { value: "f".into() },
        r#type: Some(call::Type::Subscribe.into()),
        subscribe: Some(call::Subscribe {
            unacknowledged_tasks: Vec::new(),
            unacknowledged_updates: vec![call::Update { status: status.clone() }],
        }),
        ..Default::default()
    };
    let headers = [PROTOBUF, ("Accept", "application/x-protobuf")];
    let body = call.encode_to_vec();
    for path in ["/api/v1/executor", "/slave(1)/api/v1/executor"] {
        let seen = seen(&api(&mock), request("POST", path, &headers, body.clone())).await;
        assert_eq!((seen.status, seen.text()), (200, "<events>"));
        assert_eq!(seen.headers, [("content-type".to_owned(), "application/x-protobuf".to_owned())]);
    }
    let calls = mock.executor_calls.lock().expect("ok");
    let [made, _] = calls.as_slice() else { panic!("two calls: {calls:?}") };
    assert_eq!((made.framework_id.as_str(), made.executor_id.as_str()), ("f", "e"));
    let ExecutorCall::Subscribe(subscribe) = &made.call else { panic!("{made:?}") };
    assert_eq!((subscribe.encoding, &subscribe.unacknowledged_updates), (Encoding::Protobuf, &vec![status]));
}

#[tokio::test]
async fn other_calls_are_answered_by_the_core() {
    let mock = Arc::new(Mock::default());
    let heartbeat = r#"{"type":"HEARTBEAT","framework_id":{"value":"f"},"executor_id":{"value":"e"}}"#;
    let seen = post(&mock, heartbeat).await;
    assert_eq!((seen.status, seen.text()), (202, ""));
    let refusal = Refusal::forbidden("Executor is not subscribed");
    let mock = Arc::new(Mock { answer: Answer::Refused(refusal), ..Mock::default() });
    let seen = post(&mock, heartbeat).await;
    assert_eq!((seen.status, seen.text()), (403, "Executor is not subscribed"));
    let subscribe =
        r#"{"type":"SUBSCRIBE","framework_id":{"value":"f"},"executor_id":{"value":"e"},"subscribe":{}}"#;
    assert_eq!(post(&mock, subscribe).await.status, 403);
}
