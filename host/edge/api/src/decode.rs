//! Bodies of v1 calls become messages; what cannot, becomes Mesos's sentence about it.

use mezzo_http::{Request, Response};
use mezzo_model::calls::Encoding;
use mezzo_proto::{
    json::{self, JsonError},
    required,
};
use prost::Name;

use crate::{answer, media};

/// How a daemon words its refusals: the master and the agent differ.
#[derive(Clone, Copy)]
pub(crate) struct Dialect {
    /// Before what is wrong with JSON that is JSON.
    pub(crate) convert: &'static str,
    /// All that is said of bytes that are not the message.
    pub(crate) garbage: &'static str,
    /// What is said of a body of another type.
    pub(crate) unsupported: &'static str,
}

/// The master's words.
pub(crate) const MASTER: Dialect = Dialect {
    convert: "Failed to convert JSON into Call protobuf: ",
    garbage: "Failed to parse body into Call protobuf",
    unsupported: "Expecting 'Content-Type' of application/json or application/x-protobuf",
};

/// The agent's words.
pub(crate) const AGENT: Dialect = Dialect {
    convert: "",
    garbage: "Failed to parse body into a protobuf object",
    unsupported: "Expecting 'Content-Type' of application/json or application/x-protobuf or application/recordio",
};

/// Decodes the call in the body.
///
/// # Errors
///
/// The response to send instead.
pub(crate) fn call<M: Name + Default>(request: &Request, dialect: Dialect) -> Result<M, Box<Response>> {
    match media::of_request(request, dialect.unsupported)? {
        Encoding::Protobuf => {
            required::decode(&request.body).map_err(|_| Box::new(answer::bad_request(dialect.garbage)))
        }
        Encoding::Json => json::from_json(&request.body).map_err(|error| {
            Box::new(answer::bad_request(match error {
                JsonError::Syntax(why) => format!("Failed to parse body into JSON: {why}"),
                error => format!("{}{error}", dialect.convert),
            }))
        }),
    }
}
