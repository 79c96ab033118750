//! Required fields, which `prost` does not check.
//!
//! `prost` decodes a message whose required fields were never sent, and then a required
//! text cannot be told from an empty one. So presence is looked up in the bytes.

use std::{borrow::Cow, collections::BTreeMap, fmt};

use prost::Name;

use crate::{
    bytes::{Fields, Raw},
    schema::{self, Field, Kind, MessageRef, Shape},
};

/// `prost` decodes no deeper than this either.
const DEPTH_MAX: usize = 100;

/// How many paths an error names at most.
const NAMED_MAX: usize = 32;

/// Required fields that are not there, as paths: `kill.task_id`, `accept.operations[0].launch.task_infos[1].name`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MissingFields(pub Vec<String>);

impl fmt::Display for MissingFields {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Missing required fields: {}", self.0.join(", "))
    }
}

impl std::error::Error for MissingFields {}

/// Why bytes are not this message.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// They are no protobuf of this kind.
    #[error("the bytes are not a `{name}`")]
    Malformed {
        /// Full name of the message that was expected.
        name: String,
        /// What is wrong with them.
        #[source]
        source: prost::DecodeError,
    },
    /// The message is incomplete.
    #[error(transparent)]
    Missing(#[from] MissingFields),
}

/// Decodes a message from its protobuf form and checks that nothing required is missing.
///
/// # Errors
///
/// When the bytes are not this message, or required fields are absent.
pub fn decode<M: Name + Default>(bytes: &[u8]) -> Result<M, DecodeError> {
    let message =
        M::decode(bytes).map_err(|source| DecodeError::Malformed { name: M::full_name(), source })?;
    check_required::<M>(bytes)?;
    Ok(message)
}

/// Looks for required fields that are absent from an encoded `M`, also in messages below it.
///
/// Bytes that are no message at all are not this function's to judge: decode them too.
///
/// # Errors
///
/// When some are absent; the error names their paths.
pub fn check_required<M: Name>(bytes: &[u8]) -> Result<(), MissingFields> {
    missing_fields(schema::of::<M>(), bytes)
}

pub(crate) fn missing_fields(message: MessageRef, bytes: &[u8]) -> Result<(), MissingFields> {
    let mut missing = Vec::new();
    let mut path = String::new();
    gather(message, bytes, &mut path, DEPTH_MAX, &mut missing);
    if missing.is_empty() { Ok(()) } else { Err(MissingFields(missing)) }
}

/// Adds what is missing: first this message's own fields in the order of their declaration,
/// then those of the messages below it in the order of their numbers.
fn gather(message: MessageRef, bytes: &[u8], path: &mut String, depth: usize, missing: &mut Vec<String>) {
    let message = message.get();
    if !message.is_demanding || depth == 0 || missing.len() >= NAMED_MAX {
        return;
    }
    let mut present = vec![false; message.fields.len()];
    let mut below: BTreeMap<u32, Vec<Cow<'_, [u8]>>> = BTreeMap::new();
    for (number, raw) in Fields::new(bytes) {
        let Some(at) = message.numbered(number) else { continue };
        present[at] = true;
        if let (Kind::Message(_), Raw::Bytes(bytes)) = (message.fields[at].kind, raw) {
            keep(&message.fields[at], bytes, below.entry(number).or_default());
        }
    }
    let absent = message
        .fields
        .iter()
        .zip(&present)
        .filter(|(field, present)| field.shape == Shape::Required && !**present);
    missing.extend(absent.map(|(field, _)| format!("{path}{}", field.name)));
    for (number, occurrences) in below {
        let Some(at) = message.numbered(number) else { continue };
        let field = &message.fields[at];
        let Kind::Message(kind) = field.kind else { continue };
        for (index, bytes) in occurrences.iter().enumerate() {
            let length = path.len();
            path.push_str(&field.name);
            if matches!(field.shape, Shape::Repeated | Shape::Map) {
                path.push_str(&format!("[{index}]"));
            }
            path.push('.');
            gather(kind, bytes, path, depth - 1, missing);
            path.truncate(length);
        }
    }
}

/// A singular message sent in parts is the parts' bytes one after another.
fn keep<'bytes>(field: &Field, bytes: &'bytes [u8], occurrences: &mut Vec<Cow<'bytes, [u8]>>) {
    match occurrences.first_mut() {
        Some(first) if matches!(field.shape, Shape::Optional | Shape::Required) => {
            first.to_mut().extend(bytes)
        }
        _ => occurrences.push(Cow::Borrowed(bytes)),
    }
}
