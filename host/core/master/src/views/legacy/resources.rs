//! Resources, attributes and parts of messages in the older endpoints.

use mezzo_proto::{Message, Name, json, mesos::v1};
use mezzo_resources::{Form, LegacyValue, Resources, legacy};

use crate::views::json::{Object, list, text};

/// `{"cpus":0.5,"ports":"[31000-31000]"}`
pub(super) fn resources(resources: &Resources, object: &mut Object<'_>) {
    values(&legacy(resources), object);
}

/// Names and values.
pub(super) fn values(values: &[(String, LegacyValue)], object: &mut Object<'_>) {
    for (name, value) in values {
        match value {
            LegacyValue::Number(number) => object.number(name, *number),
            LegacyValue::Text(text) => object.text(name, text),
        }
    }
}

/// Resources as messages.
pub(super) fn in_full(resources: &Resources, out: &mut Vec<u8>) {
    list(out, resources.to_wire_as(Form::Endpoint), |resource, out| message(&resource, out));
}

/// A message in the general JSON mapping.
pub(super) fn message<M: Message + Name>(message: &M, out: &mut Vec<u8>) {
    out.extend(json::to_json(message));
}

/// Labels, which the older endpoints show as their list.
pub(super) fn labels(labels: &v1::Labels, out: &mut Vec<u8>) {
    list(out, &labels.labels, message);
}

/// Names of capabilities.
pub(super) fn names<'name>(names: impl Iterator<Item = &'name str>, out: &mut Vec<u8>) {
    list(out, names, text);
}
