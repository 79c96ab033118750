//! What a scheduler and an operator are told.

use std::sync::Arc;

use mezzo_api::Leader;
use mezzo_model::calls::{Answer, Encoding, Refusal, SchedulerCall};
use mezzo_proto::{
    json,
    mesos::v1::{self, master, scheduler},
};
use prost::Message;

use crate::support::{JSON, Mock, master as api, request, seen};

const STREAM: (&str, &str) = ("Mesos-Stream-Id", "s-1");

async fn scheduler(body: &str, more: &[(&str, &str)]) -> (u16, String) {
    let headers = [&[JSON], more].concat();
    let seen =
        seen(&api(&Arc::default()), request("POST", "/api/v1/scheduler", &headers, body.to_owned())).await;
    (seen.status, seen.text().to_owned())
}

async fn refused(body: &str, more: &[(&str, &str)]) -> String {
    let (status, text) = scheduler(body, more).await;
    assert_eq!(status, 400, "{body}: {text}");
    text
}

/// Runs a call through and returns what the core would get.
async fn taken(body: &str) -> SchedulerCall {
    let mock = Arc::new(Mock::default());
    let seen =
        seen(&api(&mock), request("POST", "/api/v1/scheduler", &[JSON, STREAM], body.to_owned())).await;
    assert_eq!((seen.status, seen.text()), (202, ""), "{body}");
    let call = mock.calls.lock().expect("ok").remove(0);
    assert_eq!(call.stream_id.as_deref(), Some("s-1"));
    assert_eq!(call.framework_id.expect("an id").as_str(), "f");
    call.call
}

#[tokio::test]
async fn subscribe_opens_a_stream() {
    let mock = Arc::new(Mock::default());
    let body = r#"{"type":"SUBSCRIBE","subscribe":{"framework_info":{"user":"u","name":"n"}}}"#;
    for path in ["/api/v1/scheduler", "/master/api/v1/scheduler/"] {
        let seen = seen(&api(&mock), request("POST", path, &[JSON], body)).await;
        assert_eq!((seen.status, seen.text()), (200, "<events>"));
        let names: Vec<&str> = seen.headers.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["mesos-stream-id", "content-type"]);
        let call = mock.calls.lock().expect("ok").remove(0);
        let SchedulerCall::Subscribe(subscribe) = call.call else { panic!("not a SUBSCRIBE") };
        assert_eq!(seen.header("mesos-stream-id"), Some(subscribe.new_stream_id.as_str()));
        assert_eq!(subscribe.new_stream_id.len(), 36);
        assert_eq!(subscribe.framework_info.name, "n");
        assert_eq!(subscribe.encoding, Encoding::Json);
    }
}

#[tokio::test]
async fn subscribe_in_protobuf_answers_in_protobuf() {
    let mock = Arc::new(Mock::default());
    let call = scheduler::Call {
        r#type: Some(scheduler::call::Type::Subscribe.into()),
        subscribe: Some(scheduler::call::Subscribe {
            framework_info: v1::FrameworkInfo { user: "u".into(), name: "n".into(), ..Default::default() },
            ..Default::default()
        }),
        ..Default::default()
    };
    let protobuf = "application/x-protobuf";
    let headers = [("Content-Type", protobuf), ("Accept", protobuf)];
    let seen = seen(&api(&mock), request("POST", "/api/v1/scheduler", &headers, call.encode_to_vec())).await;
    assert_eq!((seen.status, seen.header("content-type")), (200, Some(protobuf)));
}

#[tokio::test]
async fn a_refused_subscribe_has_no_stream() {
    let refusal = Refusal::unavailable("busy");
    let mock = Arc::new(Mock { answer: Answer::Refused(refusal), ..Mock::default() });
    let body = r#"{"type":"SUBSCRIBE","subscribe":{"framework_info":{"user":"u","name":"n"}}}"#;
    let seen = seen(&api(&mock), request("POST", "/api/v1/scheduler", &[JSON], body)).await;
    assert_eq!((seen.status, seen.text()), (503, "busy"));
    assert_eq!(seen.header("retry-after"), Some("1"));
}

#[tokio::test]
async fn every_call_arrives_as_what_it_is() {
    let f = r#""framework_id":{"value":"f"}"#;
    let accept = taken(&format!(
        r#"{{"type":"ACCEPT",{f},"accept":{{"offer_ids":[{{"value":"o"}}],"operations":[{{"type":"LAUNCH","launch":{{"task_infos":[]}}}}],"filters":{{"refuse_seconds":1.5}}}}}}"#
    ))
    .await;
    let SchedulerCall::Accept { offer_ids, operations, filters } = accept else { panic!("not an ACCEPT") };
    assert_eq!((offer_ids[0].as_str(), operations.len()), ("o", 1));
    assert_eq!(filters.expect("filters").refuse_seconds, Some(1.5));

    let decline =
        taken(&format!(r#"{{"type":"DECLINE",{f},"decline":{{"offer_ids":[{{"value":"o"}}]}}}}"#)).await;
    assert!(matches!(decline, SchedulerCall::Decline { filters: None, .. }));
    assert!(matches!(taken(&format!(r#"{{"type":"TEARDOWN",{f}}}"#)).await, SchedulerCall::Teardown));
    let revive = taken(&format!(r#"{{"type":"REVIVE",{f},"revive":{{"roles":["r"]}}}}"#)).await;
    assert!(matches!(revive, SchedulerCall::Revive { roles } if roles == ["r"]));
    assert!(
        matches!(taken(&format!(r#"{{"type":"SUPPRESS",{f}}}"#)).await, SchedulerCall::Suppress { roles } if roles.is_empty())
    );
    let kill = taken(&format!(
        r#"{{"type":"KILL",{f},"kill":{{"task_id":{{"value":"t"}},"kill_policy":{{"grace_period":{{"nanoseconds":5}}}}}}}}"#
    ))
    .await;
    assert!(
        matches!(kill, SchedulerCall::Kill { task_id, agent_id: None, kill_policy: Some(_) } if task_id.as_str() == "t")
    );
    let shutdown = taken(&format!(
        r#"{{"type":"SHUTDOWN",{f},"shutdown":{{"executor_id":{{"value":"e"}},"agent_id":{{"value":"a"}}}}}}"#
    ))
    .await;
    assert!(
        matches!(shutdown, SchedulerCall::Shutdown { executor_id, agent_id } if executor_id.as_str() == "e" && agent_id.as_str() == "a")
    );
    let acknowledge = taken(&format!(
        r#"{{"type":"ACKNOWLEDGE",{f},"acknowledge":{{"agent_id":{{"value":"a"}},"task_id":{{"value":"t"}},"uuid":"AAAAAAAAQACAAAAAAAAAAA=="}}}}"#
    ))
    .await;
    assert!(matches!(acknowledge, SchedulerCall::Acknowledge { uuid, .. } if uuid.len() == 16));
    let reconcile = taken(&format!(
        r#"{{"type":"RECONCILE",{f},"reconcile":{{"tasks":[{{"task_id":{{"value":"t"}},"agent_id":{{"value":"a"}}}}]}}}}"#
    ))
    .await;
    assert!(
        matches!(reconcile, SchedulerCall::Reconcile { tasks } if tasks.len() == 1 && tasks[0].1.is_some())
    );
    let message = taken(&format!(
        r#"{{"type":"MESSAGE",{f},"message":{{"agent_id":{{"value":"a"}},"executor_id":{{"value":"e"}},"data":"aGk="}}}}"#
    ))
    .await;
    assert!(matches!(message, SchedulerCall::Message { data, .. } if data == b"hi"));
    let request = taken(&format!(r#"{{"type":"REQUEST",{f},"request":{{"requests":[]}}}}"#)).await;
    assert!(matches!(request, SchedulerCall::Request));
}

/// Half-done calls are worse than refused ones: the core says 501 by name.
#[tokio::test]
async fn calls_of_later_arrive_by_name() {
    for (name, part) in [
        ("ACCEPT_INVERSE_OFFERS", r#""accept_inverse_offers":{}"#),
        ("DECLINE_INVERSE_OFFERS", r#""decline_inverse_offers":{}"#),
    ] {
        let call = taken(&format!(r#"{{"type":"{name}","framework_id":{{"value":"f"}},{part}}}"#)).await;
        assert!(matches!(call, SchedulerCall::NotImplemented(this) if this == name), "{name}");
        let without = format!(r#"{{"type":"{name}","framework_id":{{"value":"f"}}}}"#);
        let lower = name.to_lowercase();
        assert_eq!(
            refused(&without, &[STREAM]).await,
            format!("Failed to validate scheduler::Call: Expecting '{lower}' to be present")
        );
    }
}

#[tokio::test]
async fn what_is_missing_is_named() {
    let invalid = |why: &str| format!("Failed to validate scheduler::Call: {why}");
    assert_eq!(refused("{}", &[]).await, invalid("Expecting 'type' to be present"));
    assert_eq!(
        refused(r#"{"type":"REVIVE"}"#, &[STREAM]).await,
        invalid("Expecting 'framework_id' to be present")
    );
    assert_eq!(refused(r#"{"type":"SUBSCRIBE"}"#, &[]).await, invalid("Expecting 'subscribe' to be present"));
    let differs = r#"{"type":"SUBSCRIBE","framework_id":{"value":"a"},"subscribe":{"framework_info":{"user":"u","name":"n"}}}"#;
    assert_eq!(
        refused(differs, &[]).await,
        invalid("'framework_id' differs from 'subscribe.framework_info.id'")
    );
    let uuid = r#"{"type":"ACKNOWLEDGE","framework_id":{"value":"f"},"acknowledge":{"agent_id":{"value":"a"},"task_id":{"value":"t"},"uuid":"bm90LWEtdXVpZA=="}}"#;
    assert_eq!(refused(uuid, &[STREAM]).await, invalid("Not a valid UUID"));
}

#[tokio::test]
async fn the_stream_id_stands_where_it_belongs() {
    // The core refuses this one, once it knows that there is such a framework.
    let mock = Arc::new(Mock::default());
    let revive = r#"{"type":"REVIVE","framework_id":{"value":"f"}}"#;
    seen(&api(&mock), request("POST", "/api/v1/scheduler", &[JSON], revive)).await;
    assert_eq!(mock.calls.lock().expect("ok")[0].stream_id, None);
    let subscribe = r#"{"type":"SUBSCRIBE","subscribe":{"framework_info":{"user":"u","name":"n"}}}"#;
    let text = "Subscribe calls should not include the 'Mesos-Stream-Id' header";
    assert_eq!(refused(subscribe, &[STREAM]).await, text);
}

/// A person ends a task of any framework without taking its subscription over.
#[tokio::test]
async fn an_operators_kill_needs_no_stream() {
    const PATH: &str = "/api/v1/tasks/kill";
    let mock = Arc::new(Mock::default());
    let body = r#"{"type":"KILL","framework_id":{"value":"f"},"kill":{"task_id":{"value":"t"}}}"#;
    let accepted = seen(&api(&mock), request("POST", PATH, &[JSON], body.to_owned())).await;
    assert_eq!((accepted.status, accepted.text()), (202, ""));
    let call = mock.calls.lock().expect("ok").remove(0);
    assert_eq!((call.framework_id.expect("an id").as_str(), call.stream_id), ("f", None));
    assert!(matches!(call.call, SchedulerCall::KillByOperator { task_id } if task_id.as_str() == "t"));

    for (body, why) in [
        (r#"{"type":"REVIVE","framework_id":{"value":"f"}}"#, "Expecting 'type' to be KILL"),
        (r#"{"type":"KILL","kill":{"task_id":{"value":"t"}}}"#, "Expecting 'framework_id' to be present"),
        (r#"{"type":"KILL","framework_id":{"value":"f"}}"#, "Expecting 'kill' to be present"),
        (
            r#"{"type":"KILL","framework_id":{"value":"f"},"kill":{"task_id":{"value":"t"},"kill_policy":{}}}"#,
            "Expecting 'kill.kill_policy' to be absent: an operator's kill uses the task's own",
        ),
    ] {
        let refused = seen(&api(&mock), request("POST", PATH, &[JSON], body.to_owned())).await;
        assert_eq!(refused.text(), format!("Failed to validate scheduler::Call: {why}"));
    }
    assert_eq!(seen(&api(&mock), request("GET", PATH, &[], "")).await.status, 405);
}

/// A real master ends on this call; ours answers.
#[tokio::test]
async fn the_type_unknown_is_501() {
    let (status, text) = scheduler(r#"{"type":"UNKNOWN","framework_id":{"value":"f"}}"#, &[STREAM]).await;
    assert_eq!((status, text.as_str()), (501, "501 Not Implemented."));
}

#[tokio::test]
async fn bodies_that_are_no_call_are_told_what_they_are() {
    let convert = "Failed to convert JSON into Call protobuf: ";
    assert_eq!(
        refused("{nope", &[]).await,
        "Failed to parse body into JSON: syntax error at line 1 near: nope"
    );
    assert_eq!(refused("[]", &[]).await, format!("{convert}Expecting a JSON object"));
    let nameless = r#"{"type":"SUBSCRIBE","subscribe":{"framework_info":{"user":"u"}}}"#;
    let missing = format!("{convert}Missing required fields: subscribe.framework_info.name");
    assert_eq!(refused(nameless, &[]).await, missing);
    let garbage = request("POST", "/api/v1/scheduler", &[("Content-Type", "application/x-protobuf")], "{}");
    let seen = seen(&api(&Arc::default()), garbage).await;
    assert_eq!((seen.status, seen.text()), (400, "Failed to parse body into Call protobuf"));
}

/// A missing required field in protobuf must not become an empty text.
#[tokio::test]
async fn protobuf_without_a_required_field_is_refused() {
    // type = KILL, framework_id, an empty kill.
    let body = [&[0x10, 6, 0x0a, 3, 0x0a, 1, b'f'][..], &[0x32, 0]].concat();
    let headers = [("Content-Type", "application/x-protobuf"), STREAM];
    let seen = seen(&api(&Arc::default()), request("POST", "/api/v1/scheduler", &headers, body)).await;
    assert_eq!((seen.status, seen.text()), (400, "Failed to parse body into Call protobuf"));
}

#[tokio::test]
async fn media_types_are_negotiated() {
    let go = async |headers: &[(&str, &str)]| {
        let seen =
            seen(&api(&Arc::default()), request("POST", "/api/v1", headers, r#"{"type":"GET_HEALTH"}"#))
                .await;
        (seen.status, seen.text().to_owned())
    };
    assert_eq!(go(&[]).await, (400, "Expecting 'Content-Type' to be present".into()));
    let unsupported = "Expecting 'Content-Type' of application/json or application/x-protobuf";
    assert_eq!(go(&[("Content-Type", "text/xml")]).await, (415, unsupported.into()));
    assert_eq!(go(&[("Content-Type", "application/json; charset=utf-8")]).await, (415, unsupported.into()));
    let not_acceptable = "Expecting 'Accept' to allow 'application/x-protobuf' or 'application/json'";
    assert_eq!(go(&[JSON, ("Accept", "text/html")]).await, (406, not_acceptable.into()));
    assert_eq!(go(&[JSON, ("Accept", "*/*")]).await.0, 200);
}

#[tokio::test]
async fn other_methods_are_405_with_allow() {
    for method in ["GET", "PUT", "HEAD"] {
        let seen = seen(&api(&Arc::default()), request(method, "/api/v1/scheduler", &[], "")).await;
        let text = format!("405 Method Not Allowed. Expecting one of {{ 'POST' }}, but received '{method}'.");
        assert_eq!((seen.status, seen.text()), (405, text.as_str()));
        assert_eq!(seen.headers[0], ("allow".into(), "POST".into()));
    }
}

async fn operator(body: &str) -> (u16, String) {
    let seen = seen(&api(&Arc::default()), request("POST", "/api/v1", &[JSON], body.to_owned())).await;
    (seen.status, seen.text().to_owned())
}

#[tokio::test]
async fn operator_reads_answer_in_both_encodings() {
    assert_eq!(
        operator(r#"{"type":"GET_HEALTH"}"#).await,
        (200, r#"{"type":"GET_HEALTH","get_health":{"healthy":true}}"#.into())
    );
    let version = r#"{"type":"GET_VERSION","get_version":{"version_info":{"version":"1.11.0","build_date":"D","build_time":1.0,"build_user":"U","git_tag":"T"}}}"#;
    assert_eq!(operator(r#"{"type":"GET_VERSION"}"#).await, (200, version.into()));
    for (name, read) in [
        ("GET_STATE", "GetState"),
        ("GET_AGENTS", "GetAgents"),
        ("GET_FRAMEWORKS", "GetFrameworks"),
        ("GET_TASKS", "GetTasks"),
        ("GET_QUOTA", "GetQuota"),
        ("GET_MAINTENANCE_SCHEDULE", "GetMaintenanceSchedule"),
        ("GET_MAINTENANCE_STATUS", "GetMaintenanceStatus"),
        ("GET_MASTER", "GetMaster"),
        ("GET_WEIGHTS", "GetWeights"),
        ("GET_ROLES", "GetRoles"),
        ("GET_OPERATIONS", "GetOperations"),
        ("GET_EXECUTORS", "GetExecutors"),
    ] {
        assert_eq!(operator(&format!(r#"{{"type":"{name}"}}"#)).await, (200, format!("{read} Json")));
    }
    let call = master::Call { r#type: Some(master::call::Type::GetHealth.into()), ..Default::default() };
    let protobuf = "application/x-protobuf";
    let headers = [("Content-Type", protobuf), ("Accept", protobuf)];
    let seen = seen(&api(&Arc::default()), request("POST", "/api/v1", &headers, call.encode_to_vec())).await;
    let health = master::Response::decode(&seen.body[..]).expect("a response").get_health;
    assert!(health.expect("health").healthy);
}

/// Every other call of Mesos is refused by name, or told what it lacks; none is half done.
#[tokio::test]
async fn other_operator_calls_are_refused_by_name() {
    let later = |name: &str| (501, format!("The call {name} is not implemented by this version of Mezzo."));
    for (name, part) in [
        ("UPDATE_MAINTENANCE_SCHEDULE", r#"{"schedule":{}}"#),
        ("START_MAINTENANCE", "{}"),
        ("STOP_MAINTENANCE", "{}"),
        ("DRAIN_AGENT", r#"{"agent_id":{"value":"a"}}"#),
        ("DEACTIVATE_AGENT", r#"{"agent_id":{"value":"a"}}"#),
        ("REACTIVATE_AGENT", r#"{"agent_id":{"value":"a"}}"#),
        ("MARK_AGENT_GONE", r#"{"agent_id":{"value":"a"}}"#),
    ] {
        let lower = name.to_lowercase();
        assert_eq!(operator(&format!(r#"{{"type":"{name}","{lower}":{part}}}"#)).await, later(name));
        let text = format!("Failed to validate master::Call: Expecting '{lower}' to be present");
        assert_eq!(operator(&format!(r#"{{"type":"{name}"}}"#)).await, (400, text));
    }
    for name in [
        "UPDATE_WEIGHTS",
        "UPDATE_QUOTA",
        "SET_QUOTA",
        "REMOVE_QUOTA",
        "RESERVE_RESOURCES",
        "UNRESERVE_RESOURCES",
        "CREATE_VOLUMES",
        "DESTROY_VOLUMES",
    ] {
        let text =
            format!("Failed to validate master::Call: Expecting '{}' to be present", name.to_lowercase());
        assert_eq!(operator(&format!(r#"{{"type":"{name}"}}"#)).await, (400, text));
    }
    let text = "Failed to validate master::Call: Expecting 'type' to be present";
    for body in ["{}", r#"{"type":"NOPE"}"#, r#"{"type":""}"#] {
        assert_eq!(operator(body).await, (400, text.into()), "{body}");
    }
    assert_eq!(operator(r#"{"type":"UNKNOWN"}"#).await, (501, "501 Not Implemented.".into()));
    let files = r#"{"type":"LIST_FILES","list_files":{"path":"/nosuch"}}"#;
    assert_eq!(operator(files).await, (404, String::new()));
}

#[tokio::test]
async fn older_endpoints_answer() {
    let get = async |path: &str| seen(&api(&Arc::default()), request("GET", path, &[], "")).await;
    for path in ["/health", "/master/health", "/health/"] {
        let health = get(path).await;
        assert_eq!((health.status, health.text(), health.headers.len()), (200, "", 0));
    }
    let redirect = get("/redirect").await;
    assert_eq!((redirect.status, redirect.header("location")), (307, Some("//localhost:5050")));
    assert_eq!(get("/state").await.text(), "State Json");
    assert_eq!(get("/master/state").await.header("content-type"), Some("application/json"));
    let version = r#"{"build_date":"D","build_time":1.0,"build_user":"U","git_tag":"T","version":"1.11.0"}"#;
    assert_eq!(get("/version").await.text(), version);
    let wrapped = get("/version?jsonp=cb").await;
    assert_eq!(wrapped.text(), format!("cb({version})"));
    assert_eq!(wrapped.header("content-type"), Some("text/javascript"));
    for path in ["/nonexistent", "/state.json", "/master/version", "/master/files/browse?path=/"] {
        let missing = get(path).await;
        assert_eq!((missing.status, missing.text()), (404, "404 Not Found."), "{path}");
    }
    let later = get("/profiler/start").await;
    assert_eq!(later.status, 501);
    assert_eq!(later.text(), "The endpoint '/profiler/start' is not implemented by this version of Mezzo.");
}

#[tokio::test]
async fn requests_go_to_the_leader() {
    let there = Arc::new(Mock { leader: Leader::There("other:5050".into()), ..Mock::default() });
    let moved = seen(&api(&there), request("POST", "/master/api/v1/scheduler?x=1", &[JSON], "{}")).await;
    assert_eq!(
        (moved.status, moved.header("location")),
        (307, Some("//other:5050/master/api/v1/scheduler?x=1"))
    );
    let health = seen(&api(&there), request("POST", "/api/v1", &[JSON], r#"{"type":"GET_HEALTH"}"#)).await;
    assert_eq!(health.status, 200);
    let nobody = Arc::new(Mock { leader: Leader::Unknown, ..Mock::default() });
    assert_eq!(seen(&api(&nobody), request("GET", "/state", &[], "")).await.status, 503);
    let recovering = Arc::new(Mock { leader: Leader::Recovering("here:1".into()), ..Mock::default() });
    let early = seen(&api(&recovering), request("POST", "/api/v1/scheduler", &[JSON], "{}")).await;
    assert_eq!((early.status, early.text()), (503, "Master has not finished recovery"));
}

/// What a scheduler writes must read back as it was, whoever wrote it.
#[test]
fn calls_survive_json() {
    let call = scheduler::Call {
        r#type: Some(scheduler::call::Type::Teardown.into()),
        framework_id: Some(v1::FrameworkId { value: "f".into() }),
        ..Default::default()
    };
    assert_eq!(json::from_json::<scheduler::Call>(json::to_json(&call)).expect("reads"), call);
}
