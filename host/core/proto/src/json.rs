//! The Mesos JSON mapping, read off the descriptors.
//!
//! Writing: names as declared, enums by name, bytes in base64, integers of every width as
//! numbers, doubles in their shortest exact form. Set fields are written, and unset optional
//! ones that declare a default and are not deprecated; empty lists are left out.
//!
//! Reading is more generous: unknown keys are ignored, `null` is absent, numbers and booleans
//! may be strings, one value is taken for a list of one, and an unknown name for an optional
//! enum counts as absent. At the end every required field must be there.
//!
//! The protobuf bytes stand between the two forms: [`to_json`] walks over the encoded message,
//! [`from_json`] encodes what it reads and lets `prost` decode it. So neither needs generated
//! code, and what has no place in a descriptor can get into neither.

mod base64;
mod read;
mod text;
mod write;

pub(crate) use write::ordered;
pub use write::{double as write_double, string as write_string};

use std::marker::PhantomData;

use prost::Name;

use crate::{
    required::{MissingFields, missing_fields},
    schema,
};

/// The deepest nesting of arrays and objects that is read.
pub const DEPTH_MAX: usize = 200;

/// Why a text is not this message.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum JsonError {
    /// The text is not JSON. Mesos says so in the words of its parser, which clients may log.
    #[error("{0}")]
    Syntax(String),
    /// The text is JSON, but not of this message.
    #[error("{0}")]
    Shape(String),
    /// The message is incomplete.
    #[error(transparent)]
    Missing(#[from] MissingFields),
}

/// Writes a message as JSON, without white space.
pub fn to_json<M: Name>(message: &M) -> Vec<u8> {
    let mut text = Vec::new();
    let schema = schema::of::<M>();
    write::message(schema, &message.encode_to_vec(), &mut text);
    text
}

/// Writes encoded messages of one kind as JSON, without decoding them.
#[derive(Clone, Copy, Debug)]
pub struct Writer<M> {
    schema: schema::MessageRef,
    of: PhantomData<fn() -> M>,
}

impl<M: Name> Writer<M> {
    /// Looks the kind up once, for many messages.
    pub fn new() -> Self {
        Self { schema: schema::of::<M>(), of: PhantomData }
    }

    /// Appends the message that `bytes` are; what of them makes no sense is left out.
    pub fn write(&self, bytes: &[u8], out: &mut Vec<u8>) {
        write::message(self.schema, bytes, out);
    }
}

impl<M: Name> Default for Writer<M> {
    fn default() -> Self {
        Self::new()
    }
}

/// Reads a message from JSON.
///
/// # Errors
///
/// When the text is no JSON, a value does not fit its field, or a required field is missing.
pub fn from_json<M: Name + Default>(text: impl AsRef<[u8]>) -> Result<M, JsonError> {
    let value = text::parse(text.as_ref())?;
    let schema = schema::of::<M>();
    let bytes = read::message(schema, &value)?;
    missing_fields(schema, &bytes)?;
    M::decode(&bytes[..]).map_err(|error| JsonError::Shape(format!("the message cannot be built: {error}")))
}

#[cfg(test)]
mod tests;
