//! `/__processes__`: the parts of the process that serve something, and what waits for them.

use serde_json::{Value, json};

use super::Own;

/// The parts that serve paths of their own; nothing ever waits for these.
const AT_ONCE: [&str; 6] = ["files", "help", "logging", "metrics", "system", "version"];

/// Each part by its name, with what waits for it.
pub(super) fn list<O: Own>(own: &O) -> Value {
    let waiting: Vec<Value> = own.waiting().into_iter().map(event).collect();
    let mut parts: Vec<Value> = AT_ONCE.iter().map(|id| json!({ "events": [], "id": id })).collect();
    parts.push(json!({ "events": waiting, "id": O::ID }));
    Value::Array(parts)
}

fn event(name: &str) -> Value {
    json!({ "name": name, "type": "MESSAGE" })
}
