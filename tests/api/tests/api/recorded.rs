//! What a real Mesos was asked, and what it answered.

use std::path::Path;

use serde_json::Value;

/// One request and its answer.
#[derive(Debug)]
pub struct Recorded {
    pub label: String,
    pub method: String,
    pub path: String,
    pub headers: Vec<(String, String)>,
    pub body: String,
    pub status: u16,
    pub reason: String,
    /// Without those that differ from one answer to the next.
    pub answer_headers: Vec<(String, String)>,
    pub answer: Answered,
}

/// What came after the head.
#[derive(Debug, PartialEq)]
pub enum Answered {
    Text(String),
    Json(Value),
    Events(Vec<Value>),
}

/// Fields whose values say nothing about behaviour.
pub const VOLATILE: [&str; 3] = ["Date", "Content-Length", "Mesos-Stream-Id"];

/// Reads a recording, of one request or of several.
pub fn read(name: &str) -> Vec<Recorded> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/mesos-1.12").join(name);
    let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    match serde_json::from_str(&text).expect("JSON") {
        Value::Array(entries) => entries.iter().map(|entry| recorded(entry, name)).collect(),
        entry => vec![recorded(&entry, name)],
    }
}

fn recorded(entry: &Value, name: &str) -> Recorded {
    let (request, response) = (&entry["request"], &entry["response"]);
    let text = |value: &Value| value.as_str().map(str::to_owned);
    let body = match &request["body"] {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        json => json.to_string(),
    };
    let headers = request["headers"].as_object().into_iter().flatten();
    let answer = match (&response["body"], &response["events_in_the_first_second"]) {
        (Value::String(text), _) => Answered::Text(text.clone()),
        (Value::Null, Value::Array(events)) => Answered::Events(events.clone()),
        (json, _) => Answered::Json(json.clone()),
    };
    Recorded {
        label: text(&entry["label"]).unwrap_or_else(|| name.to_owned()),
        method: text(&request["method"]).expect("a method"),
        path: text(&request["path"]).expect("a path"),
        headers: headers.map(|(name, value)| (name.clone(), text(value).expect("text"))).collect(),
        body,
        status: u16::try_from(response["status"].as_u64().expect("a status")).expect("small"),
        reason: text(&response["reason"]).expect("a reason"),
        answer_headers: response["headers"]
            .as_array()
            .expect("headers")
            .iter()
            .map(|pair| (text(&pair[0]).expect("a name"), text(&pair[1]).expect("a value")))
            .collect(),
        answer,
    }
}
