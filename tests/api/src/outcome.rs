//! What a call led to, as far as two sides can be compared in it.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::{Answer, Names, Shape};

/// Fields whose values say nothing about behaviour; that they are there counts.
const VOLATILE: [&str; 3] = ["Date", "Content-Length", "Mesos-Stream-Id"];

/// Status, fields, body and what followed on the framework's stream; without the names of one run.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Outcome {
    /// 0 when the connection ended instead.
    pub status: u16,
    /// The words behind it.
    pub reason: String,
    /// By name; volatile values are empty.
    pub headers: BTreeMap<String, String>,
    /// What came after the head.
    pub body: Body,
    /// What followed on the framework's stream, where that belongs to the answer.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub events: Vec<Event>,
}

/// A body.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Body {
    /// Anything but JSON.
    Text(String),
    /// JSON: values are data, names and kinds are not.
    Shape(Shape),
    /// A stream's first events, and `end` where it ends with them.
    Events(Vec<Event>),
}

/// One event.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Event {
    /// What a scheduler would react to: `UPDATE TASK_LOST SOURCE_MASTER REASON_…: message`.
    pub told: String,
    /// Everything it has.
    #[serde(default)]
    pub shape: Shape,
}

impl Outcome {
    /// Of an answer that is whole.
    pub fn of(answer: &Answer, names: &Names) -> Self {
        let is_json = answer.header("Content-Type") == Some("application/json");
        let json = is_json.then(|| serde_json::from_str(&answer.body).ok()).flatten();
        let body = match json {
            Some(json) => Body::Shape(Shape::of(&json)),
            None => Body::Text(names.taken_out(&answer.body)),
        };
        Self {
            status: answer.status,
            reason: answer.reason.clone(),
            headers: lasting(&answer.headers, names),
            body,
            events: Vec::new(),
        }
    }

    /// Of a stream that begins with these events.
    pub fn stream(
        status: u16,
        reason: &str,
        headers: &[(String, String)],
        events: Vec<Event>,
        names: &Names,
    ) -> Self {
        Self {
            status,
            reason: reason.to_owned(),
            headers: lasting(headers, names),
            body: Body::Events(events),
            events: Vec::new(),
        }
    }

    /// There was no answer.
    pub fn none(why: &str) -> Self {
        Self {
            status: 0,
            reason: String::new(),
            headers: BTreeMap::new(),
            body: Body::Text(why.to_owned()),
            events: Vec::new(),
        }
    }

    /// The body as text: the events of a stream in short, nothing of JSON.
    pub fn text(&self) -> Option<String> {
        match &self.body {
            Body::Text(text) => Some(text.clone()),
            Body::Events(events) => {
                Some(events.iter().map(|event| event.told.as_str()).collect::<Vec<_>>().join(" / "))
            }
            Body::Shape(_) => None,
        }
    }
}

fn lasting(headers: &[(String, String)], names: &Names) -> BTreeMap<String, String> {
    let lasting = |(name, value): &(String, String)| match VOLATILE.contains(&name.as_str()) {
        true => (name.clone(), String::new()),
        false => (name.clone(), names.taken_out(value)),
    };
    headers.iter().map(lasting).collect()
}

impl Event {
    /// Of an event as it came.
    pub fn of(event: &Value, names: &Names) -> Self {
        let kind = event["type"].as_str().unwrap_or("?");
        let status = &event["update"]["status"];
        let word = |value: &Value| value.as_str().unwrap_or("-").to_owned();
        let told = match kind {
            "UPDATE" => format!(
                "UPDATE {} {} {}: {}",
                word(&status["state"]),
                word(&status["source"]),
                word(&status["reason"]),
                word(&status["message"])
            ),
            "UPDATE_OPERATION_STATUS" => {
                let status = &event["update_operation_status"]["status"];
                format!("{kind} {}: {}", word(&status["state"]), word(&status["message"]))
            }
            "ERROR" => format!("ERROR {}", word(&event["error"]["message"])),
            kind => kind.to_owned(),
        };
        Self { told: names.taken_out(&told), shape: Shape::of(event) }
    }

    /// The end of a stream.
    pub fn end() -> Self {
        Self { told: "end".to_owned(), shape: Shape::default() }
    }
}
