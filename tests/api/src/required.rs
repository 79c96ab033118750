//! Calls that lack one required field each, made of the descriptors: every call of an API, every message
//! that one of its fields can hold.

use std::collections::{BTreeSet, VecDeque};

use anyhow::Context;
use mezzo_proto::DESCRIPTORS;
use prost_reflect::{Cardinality, DescriptorPool, DynamicMessage, FieldDescriptor, Kind, MessageDescriptor};
use serde_json::{Map, Value, json};

use crate::{Call, Target};

/// An API: where its calls go, and the words before what is wrong with one.
#[derive(Clone, Copy, Debug)]
pub struct Api {
    /// What names of calls begin with.
    pub title: &'static str,
    message: &'static str,
    to: Target,
    path: &'static str,
    convert: &'static str,
    garbage: &'static str,
}

/// The four APIs of v1.
pub const APIS: [Api; 4] = [
    Api {
        title: "scheduler",
        message: "mesos.v1.scheduler.Call",
        to: Target::Master,
        path: "/api/v1/scheduler",
        convert: "Failed to convert JSON into Call protobuf: ",
        garbage: "Failed to parse body into Call protobuf",
    },
    Api {
        title: "executor",
        message: "mesos.v1.executor.Call",
        to: Target::Agent,
        path: "/api/v1/executor",
        convert: "Failed to convert JSON into Call protobuf: ",
        garbage: "Failed to parse body into Call protobuf",
    },
    Api {
        title: "master",
        message: "mesos.v1.master.Call",
        to: Target::Master,
        path: "/api/v1",
        convert: "Failed to convert JSON into Call protobuf: ",
        garbage: "Failed to parse body into Call protobuf",
    },
    Api {
        title: "agent",
        message: "mesos.v1.agent.Call",
        to: Target::Agent,
        path: "/api/v1",
        convert: "",
        garbage: "Failed to parse body into a protobuf object",
    },
];

/// How deep below a call a message may lie.
const DEPTH_MAX: usize = 7;

/// Every call of an API with one required field left out, in JSON and in protobuf.
///
/// # Errors
///
/// When the descriptors are not what they are thought to be.
pub fn calls(api: Api) -> anyhow::Result<Vec<Call>> {
    let pool = DescriptorPool::decode(DESCRIPTORS)?;
    let message = pool.get_message_by_name(api.message).context("the API's message")?;
    let kinds = message.get_field_by_name("type").context("a call without a type")?.kind();
    let kinds = kinds.as_enum().context("a type that is no enum")?.clone();
    let mut calls = Vec::new();
    for kind in kinds.values() {
        let part = kind.name().to_lowercase();
        let Some(field) = message.get_field_by_name(&part) else { continue };
        let Kind::Message(below) = field.kind() else { continue };
        for lack in lacking(&below) {
            let mut call = json!({"type": kind.name()});
            // Some APIs have ids beside the type; those are always there.
            for field in message.fields().filter(|field| field.name().ends_with("_id")) {
                call[field.name()] = json!({"value": "x"});
            }
            call[&part] = lack.value;
            let missing = format!("{part}.{}", lack.path);
            calls.push(in_json(api, kind.name(), &missing, &call));
            calls.push(in_protobuf(api, kind.name(), &missing, &message, &call)?);
        }
    }
    Ok(calls)
}

fn in_json(api: Api, kind: &str, missing: &str, call: &Value) -> Call {
    Call {
        name: format!("{} {kind} without {missing}", api.title),
        to: api.to,
        method: "POST".into(),
        path: api.path.into(),
        headers: headers("application/json"),
        body: call.to_string(),
        status: Some(400),
        text: Some(format!("{}Missing required fields: {missing}", api.convert)),
        ..Call::default()
    }
}

fn in_protobuf(
    api: Api,
    kind: &str,
    missing: &str,
    message: &MessageDescriptor,
    call: &Value,
) -> anyhow::Result<Call> {
    let encoded = DynamicMessage::deserialize(message.clone(), call)
        .with_context(|| format!("{kind} without {missing} in protobuf"))?;
    Ok(Call {
        name: format!("{} {kind} without {missing}, in protobuf", api.title),
        headers: headers("application/x-protobuf"),
        body: String::new(),
        bytes: Some(prost::Message::encode_to_vec(&encoded)),
        text: Some(api.garbage.to_owned()),
        ..in_json(api, kind, missing, call)
    })
}

fn headers(media_type: &str) -> Vec<(String, String)> {
    [("Content-Type", media_type), ("Accept", "application/json")]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .to_vec()
}

/// A message in which one required field is missing.
struct Lack {
    value: Value,
    /// The missing field, as Mesos names it.
    path: String,
}

/// The ways in which a message, or one that it can hold, lacks a field; each message once, where it is
/// nearest.
fn lacking(top: &MessageDescriptor) -> Vec<Lack> {
    let mut found = Vec::new();
    let mut seen = BTreeSet::from([top.full_name().to_owned()]);
    let mut queue = VecDeque::from([(top.clone(), Vec::<FieldDescriptor>::new())]);
    while let Some((message, way)) = queue.pop_front() {
        for field in message.fields() {
            if field.cardinality() == Cardinality::Required {
                found.push(lack(top, &way, &field));
            }
            let Kind::Message(below) = field.kind() else { continue };
            if way.len() + 1 < DEPTH_MAX && !field.is_map() && seen.insert(below.full_name().to_owned()) {
                queue.push_back((below, [&way[..], &[field]].concat()));
            }
        }
    }
    found
}

fn lack(top: &MessageDescriptor, way: &[FieldDescriptor], missing: &FieldDescriptor) -> Lack {
    let mut path = String::new();
    for field in way {
        path += field.name();
        path += if field.is_list() { "[0]." } else { "." };
    }
    Lack { value: along(top, way, missing), path: path + missing.name() }
}

/// The least message that leads along the way, and lacks the field at its end.
fn along(message: &MessageDescriptor, way: &[FieldDescriptor], missing: &FieldDescriptor) -> Value {
    let mut value = least(message, 0);
    match way.split_first() {
        Some((field, rest)) => {
            let Kind::Message(below) = field.kind() else { unreachable!("a way leads through messages") };
            let inner = along(&below, rest, missing);
            value.insert(field.name().to_owned(), if field.is_list() { json!([inner]) } else { inner });
        }
        None => drop(value.remove(missing.name())),
    }
    Value::Object(value)
}

/// A message with its required fields.
fn least(message: &MessageDescriptor, depth: usize) -> Map<String, Value> {
    let required = message.fields().filter(|field| field.cardinality() == Cardinality::Required);
    required.map(|field| (field.name().to_owned(), one(&field, depth))).collect()
}

fn one(field: &FieldDescriptor, depth: usize) -> Value {
    match field.kind() {
        Kind::Message(_) if depth > DEPTH_MAX => json!({}),
        Kind::Message(below) => Value::Object(least(&below, depth + 1)),
        Kind::Enum(names) => {
            let known = names.values().find(|value| !value.name().contains("UNKNOWN"));
            known.map_or(Value::Null, |value| json!(value.name()))
        }
        Kind::String => json!("x"),
        Kind::Bytes => json!("AAAAAAAAQACAAAAAAAAAAA=="),
        Kind::Bool => json!(true),
        _ => json!(1),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_message_below_a_call_is_visited() {
        let names: Vec<String> = calls(APIS[0]).unwrap().into_iter().map(|call| call.name).collect();
        for missing in [
            "scheduler KILL without kill.task_id",
            "scheduler KILL without kill.task_id.value, in protobuf",
            "scheduler ACCEPT without accept.operations[0].launch.task_infos[0].agent_id",
        ] {
            assert!(names.contains(&missing.to_owned()), "{missing}");
        }
    }
}
