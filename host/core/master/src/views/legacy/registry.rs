//! `/registrar(1)/registry`: the durable facts, keys in the order of the alphabet.

use mezzo_proto::{Message, Name, json, mesos::v1};
use mezzo_resources::{Form, Resources};
use serde_json::{Map, Value, json};

use crate::{lost::nanoseconds, views::View};

/// What the registry holds.
pub(super) fn registry(view: &View, out: &mut Vec<u8>) {
    let admitted = view.agents.values().map(|agent| &agent.info);
    let awaited = view.recovered_agents.values().map(|agent| &agent.info);
    let agents = admitted.chain(awaited).map(|info| {
        let resources = Resources::from_wire(&info.resources).unwrap_or_default();
        let info = v1::AgentInfo {
            checkpoint: info.checkpoint.or(Some(true)),
            // As old readers know them.
            resources: resources.to_wire_as(Form::PreRefinement),
            ..(**info).clone()
        };
        json!({ "deactivated": false, "info": message(&info) })
    });
    let unreachable = view.unreachable.iter().map(|(id, since)| {
        json!({ "id": { "value": id.as_str() }, "timestamp": { "nanoseconds": nanoseconds(*since) } })
    });
    let unreachable: Vec<Value> = unreachable.collect();
    let mut registry = json!({
        "master": { "info": message(&view.config.master_info()) },
        "slaves": { "slaves": agents.collect::<Vec<_>>() },
    });
    if !unreachable.is_empty() {
        registry["unreachable"] = json!({ "slaves": unreachable });
    }
    out.extend(sorted(registry).to_string().into_bytes());
}

/// A message in the general JSON mapping.
fn message<M: Message + Name>(message: &M) -> Value {
    serde_json::from_slice(&json::to_json(message)).unwrap_or(Value::Null)
}

fn sorted(value: Value) -> Value {
    match value {
        Value::Object(members) => {
            let mut members: Vec<(String, Value)> =
                members.into_iter().map(|(key, value)| (key, sorted(value))).collect();
            members.sort_by(|one, other| one.0.cmp(&other.0));
            Value::Object(members.into_iter().collect::<Map<_, _>>())
        }
        Value::Array(items) => Value::Array(items.into_iter().map(sorted).collect()),
        other => other,
    }
}
