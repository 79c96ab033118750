//! Resources and messages as the older JSON endpoints write them.

use mezzo_proto::mesos::v1;
use mezzo_resources::{Form, LegacyValue, Resources, legacy};
use serde_json::{Value, json};

/// `{"disk": 8192.0, "mem": 4096.0, "gpus": 0.0, "cpus": 8.0, "ports": "[31000-32000]"}`
pub(super) fn model(resources: &Resources) -> Value {
    named(legacy(resources))
}

/// Names and values as an object.
pub(super) fn named(values: Vec<(String, LegacyValue)>) -> Value {
    let values = values.into_iter().map(|(name, value)| match value {
        LegacyValue::Number(number) => (name, json!(number)),
        LegacyValue::Text(text) => (name, json!(text)),
    });
    Value::Object(values.collect())
}

/// The endpoint form: `role` and `reservation` where one level is reserved.
pub(super) fn full(resources: &Resources) -> Vec<v1::Resource> {
    resources.to_wire_as(Form::Endpoint)
}

/// A message in the JSON form of the v1 API, to be put into a larger document.
pub(super) fn json_of<M: mezzo_proto::Name>(message: &M) -> Value {
    serde_json::from_slice(&mezzo_proto::json::to_json(message)).unwrap_or_default()
}
