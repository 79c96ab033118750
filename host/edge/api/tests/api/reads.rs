//! The older endpoints of a master: what each asks for, and how it is told what it was given.

use std::sync::Arc;

use mezzo_model::calls::{Answer, Refusal, RolesCall, SchedulerCall};

use crate::support::{Mock, master as api, request, seen};

async fn get(path: &str) -> (u16, String) {
    let answer = seen(&api(&Arc::default()), request("GET", path, &[], "")).await;
    (answer.status, answer.text().to_owned())
}

#[tokio::test]
async fn every_read_is_passed_on_with_its_parameters() {
    let page = |offset: usize, limit: usize| format!("page: Page {{ offset: {offset}, limit: {limit} }}");
    let tasks = |framework: &str, task: &str, is_ascending: bool, page: String| {
        format!(
            "Tasks(TasksWanted {{ framework: {framework}, task: {task}, is_ascending: {is_ascending}, {page} }}) Json"
        )
    };
    let one = tasks("Some(\"f\")", "Some(\"t 1\")", true, page(2, 3));
    for (path, read) in [
        ("/state", "State Json".to_owned()),
        ("/state-summary", "StateSummary Json".to_owned()),
        ("/slaves", "Slaves(None) Json".to_owned()),
        ("/slaves?slave_id=a-S0", "Slaves(Some(\"a-S0\")) Json".to_owned()),
        ("/frameworks", "Frameworks(None) Json".to_owned()),
        ("/frameworks?framework_id=f-0", "Frameworks(Some(\"f-0\")) Json".to_owned()),
        ("/tasks", tasks("None", "None", false, page(0, 100))),
        ("/tasks?framework_id=f&task_id=t+1&order=asc&offset=2&limit=3", one),
        ("/roles", "Roles Json".to_owned()),
        ("/quota", "Quota Json".to_owned()),
        ("/weights", "Weights Json".to_owned()),
        ("/maintenance/schedule", "MaintenanceSchedule Json".to_owned()),
        ("/maintenance/status", "MaintenanceStatus Json".to_owned()),
    ] {
        assert_eq!(get(path).await, (200, read.clone()), "{path}");
        assert_eq!(get(&format!("/master{path}")).await, (200, read), "/master{path}");
    }
    assert_eq!(get("/registrar(1)/registry").await, (200, "Registry Json".to_owned()));
}

/// A name that is not called is no JavaScript; one that is wraps the whole answer, however it comes.
#[tokio::test]
async fn answers_are_wrapped_for_jsonp() {
    for (path, text) in [("/roles?jsonp=f", "f(Roles Json)"), ("/state?jsonp=f", "f(State Json)")] {
        let answer = seen(&api(&Arc::default()), request("GET", path, &[], "")).await;
        assert_eq!((answer.status, answer.text()), (200, text));
        assert_eq!(answer.header("content-type"), Some("text/javascript"));
    }
}

#[tokio::test]
async fn what_is_written_there_is_of_a_later_release() {
    for (method, path) in
        [("POST", "/maintenance/schedule"), ("POST", "/machine/down"), ("POST", "/machine/up")]
    {
        let answer = seen(&api(&Arc::default()), request(method, path, &[], "{}")).await;
        assert_eq!(answer.status, 501, "{method} {path}");
        assert!(answer.text().contains(&format!("the endpoint '{path}'")) || answer.text().contains(path));
    }
    for path in ["/reserve", "/unreserve", "/create-volumes", "/destroy-volumes"] {
        let answer = seen(&api(&Arc::default()), request("POST", path, &[], "{}")).await;
        let text = "Missing 'slaveId' query parameter in the request body";
        assert_eq!((answer.status, answer.text()), (400, text), "{path}");
    }
    let wrong = seen(&api(&Arc::default()), request("PUT", "/quota", &[], "")).await;
    assert_eq!((wrong.status, wrong.header("allow")), (405, Some("GET, POST, DELETE")));
    let text = "405 Method Not Allowed. Expecting one of { 'GET', 'POST', 'DELETE' }, but received 'PUT'.";
    assert_eq!(wrong.text(), text);
}

#[tokio::test]
async fn an_operator_ends_a_framework_in_two_ways() {
    let json = ("Content-Type", "application/json");
    let call = r#"{"type":"TEARDOWN","teardown":{"framework_id":{"value":"f-1"}}}"#;
    for (path, headers, body) in [
        ("/api/v1", &[json][..], call),
        ("/teardown", &[], "frameworkId=f-1"),
        ("/master/teardown", &[], "frameworkId=f-1"),
    ] {
        let mock = Arc::new(Mock { answer: Answer::Ok, ..Mock::default() });
        let answer = seen(&api(&mock), request("POST", path, headers, body)).await;
        assert_eq!((answer.status, answer.text()), (200, ""), "{path}");
        let calls = mock.calls.lock().expect("ok");
        assert!(matches!(calls[0].call, SchedulerCall::TeardownByOperator), "{path}");
        assert_eq!(calls[0].framework_id.as_ref().map(|id| id.as_str()), Some("f-1"));
    }
    let unknown = Answer::Refused(Refusal::bad_request("No framework found with specified ID"));
    let mock = Arc::new(Mock { answer: unknown, ..Mock::default() });
    let answer = seen(&api(&mock), request("POST", "/teardown", &[], "frameworkId=x")).await;
    assert_eq!((answer.status, answer.text()), (400, "No framework found with specified ID"));
    let nothing = seen(&api(&mock), request("POST", "/teardown", &[], "x=y")).await;
    let text = "Missing 'frameworkId' query parameter in the request body";
    assert_eq!((nothing.status, nothing.text()), (400, text));
}

/// The older endpoints and the v1 calls come to the same.
#[tokio::test]
async fn an_operator_sets_weights_and_quotas_in_two_ways() {
    let list = r#"[{"role":"eng","weight":2.5}]"#;
    let guarantee = r#""guarantee":[{"name":"cpus","type":"SCALAR","scalar":{"value":2}}]"#;
    let quota = format!(r#"{{"role":"eng",{guarantee}}}"#);
    let v1 = |kind: &str, part: &str, body: &str| format!(r#"{{"type":"{kind}","{part}":{body}}}"#);
    for (method, path, body, call) in [
        ("PUT", "/weights", list.to_owned(), "UPDATE_WEIGHTS"),
        ("POST", "/quota", quota.clone(), "SET_QUOTA"),
        ("DELETE", "/quota/eng", String::new(), "REMOVE_QUOTA"),
        ("DELETE", "/master/quota/eng", String::new(), "REMOVE_QUOTA"),
        (
            "POST",
            "/api/v1",
            v1("UPDATE_WEIGHTS", "update_weights", &format!(r#"{{"weight_infos":{list}}}"#)),
            "UPDATE_WEIGHTS",
        ),
        ("POST", "/api/v1", v1("UPDATE_QUOTA", "update_quota", r#"{"quota_configs":[]}"#), "UPDATE_QUOTA"),
        (
            "POST",
            "/api/v1",
            v1("SET_QUOTA", "set_quota", &format!(r#"{{"quota_request":{quota}}}"#)),
            "SET_QUOTA",
        ),
        ("POST", "/api/v1", v1("REMOVE_QUOTA", "remove_quota", r#"{"role":"eng"}"#), "REMOVE_QUOTA"),
    ] {
        let mock = Arc::new(Mock { answer: Answer::Ok, ..Mock::default() });
        let json = ("Content-Type", "application/json");
        let answer = seen(&api(&mock), request(method, path, &[json], body)).await;
        assert_eq!((answer.status, answer.text()), (200, ""), "{method} {path}");
        let calls = mock.roles_calls.lock().expect("ok");
        assert_eq!(calls.iter().map(|call| call.call.name()).collect::<Vec<_>>(), [call], "{method} {path}");
        if let RolesCall::RemoveQuota { role, path } = &calls[0].call {
            assert_eq!((role.as_str(), path.as_str()), ("eng", "/master/quota/eng"));
        }
    }
}

#[tokio::test]
async fn what_is_no_weight_or_quota_is_refused_before_it_is_passed_on() {
    for (method, path, body, start) in [
        ("PUT", "/weights", "[", "Failed to parse update weights request JSON '[': "),
        ("PUT", "/weights", "[7]", "Failed to convert weights JSON array to protobuf '[7]': "),
        ("POST", "/quota", "{", "Failed to parse set quota request JSON '{': "),
        ("POST", "/quota", r#"{"role":7}"#, "Failed to validate set quota request JSON '{\"role\":7}': "),
        (
            "DELETE",
            "/quota",
            "",
            "Failed to parse remove quota request for path '/master/quota': expected 3 tokens, found 2 tokens",
        ),
    ] {
        let mock = Arc::new(Mock { answer: Answer::Ok, ..Mock::default() });
        let answer = seen(&api(&mock), request(method, path, &[], body)).await;
        assert_eq!(answer.status, 400, "{method} {path}");
        assert!(answer.text().starts_with(start), "{}", answer.text());
        assert!(mock.roles_calls.lock().expect("ok").is_empty());
    }
}
