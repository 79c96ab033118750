//! `/api/v1/scheduler` with calls that are wrong in every way, as a real Mesos answered them.

use crate::{
    recorded::{self, Answered, Recorded, VOLATILE},
    support::{Cluster, Connection},
};

/// The framework and the stream of the recording; ours have other names.
const FRAMEWORK: &str = "a1aab995-4d42-415d-8c00-271b9df15c34-0001";
const STREAM: &str = "a9427255-1314-4d78-b66b-e495a343ac52";
const GOLDEN: &str = r#"{"user":"root","name":"golden","roles":["dev"],"capabilities":[{"type":"MULTI_ROLE"},{"type":"PARTITION_AWARE"},{"type":"RESERVATION_REFINEMENT"}],"failover_timeout":60.0}"#;

/// Where ours answers otherwise on purpose: the label, what ours says, and why.
const DIFFERENCES: &[(&str, u16, &str, &str)] = &[];

#[test]
fn malformed_calls_are_answered_as_mesos_does() {
    let cluster = Cluster::start();
    let golden = cluster.subscribe(GOLDEN);
    let ours = |text: &str| text.replace(FRAMEWORK, &golden.framework_id).replace(STREAM, &golden.stream_id);
    let mut wrong = Vec::new();
    let recordings = recorded::read("http_errors.json");
    assert!(recordings.len() > 60, "the recording is whole");
    for recorded in &recordings {
        let headers: Vec<(String, String)> =
            recorded.headers.iter().map(|(name, value)| (name.clone(), ours(value))).collect();
        let headers: Vec<(&str, &str)> =
            headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        let body = ours(&recorded.body);
        let connection = Connection::open(cluster.address, &recorded.method, &recorded.path, &headers, &body);
        if let Err(why) = compared(recorded, connection, &ours) {
            wrong.push(format!("{}: {why}", recorded.label));
        }
    }
    assert!(wrong.is_empty(), "{} of {} differ:\n{}", wrong.len(), recordings.len(), wrong.join("\n"));
}

fn compared(
    recorded: &Recorded,
    connection: Connection,
    ours: &impl Fn(&str) -> String,
) -> Result<(), String> {
    if let Some((_, status, text, _)) = DIFFERENCES.iter().find(|(label, ..)| *label == recorded.label) {
        let answer = connection.answer();
        return same("what ours says", &(answer.status, answer.body.as_str()), &(*status, *text));
    }
    same(
        "status",
        &(connection.status, connection.reason.as_str()),
        &(recorded.status, recorded.reason.as_str()),
    )?;
    same("names of fields", &names(&connection.headers), &names(&recorded.answer_headers))?;
    let lasting = |headers: &[(String, String)]| -> Vec<(String, String)> {
        let lasting = headers.iter().filter(|(name, _)| !VOLATILE.contains(&name.as_str()));
        let mut lasting: Vec<_> = lasting.cloned().collect();
        lasting.sort();
        lasting
    };
    same("fields", &lasting(&connection.headers), &lasting(&recorded.answer_headers))?;
    match &recorded.answer {
        Answered::Text(text) => same("body", &connection.answer().body, &ours(text)),
        Answered::Json(json) => same("body", &connection.answer().json(), json),
        Answered::Events(events) => {
            let mut connection = connection;
            let event = connection.event().ok_or("no event")?;
            same("type of the first event", &event["type"], &events[0]["type"])?;
            match event["type"].as_str() {
                Some("ERROR") => {
                    same("event", &event, &events[0])?;
                    same("end of the stream", &connection.event(), &None)
                }
                _ => Ok(()),
            }
        }
    }
}

fn names(headers: &[(String, String)]) -> Vec<&str> {
    let mut names: Vec<&str> = headers.iter().map(|(name, _)| name.as_str()).collect();
    names.sort_unstable();
    names
}

fn same<T: PartialEq + std::fmt::Debug>(what: &str, ours: &T, theirs: &T) -> Result<(), String> {
    if ours == theirs { Ok(()) } else { Err(format!("{what}: {ours:?} instead of {theirs:?}")) }
}
