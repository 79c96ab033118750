//! How answers and refusals become responses.

use mezzo_http::{Body, HeaderValue, Method, Response, StatusCode, header};
use mezzo_model::calls::{Answer, Encoding, Refusal, Status};
use mezzo_proto::json;
use prost::Name;

use crate::{media, query::Query};

/// A v1 message, encoded as the client wants it.
pub(crate) fn message<M: Name>(message: &M, encoding: Encoding) -> Response {
    let body = match encoding {
        Encoding::Json => json::to_json(message),
        Encoding::Protobuf => message.encode_to_vec(),
    };
    Response::new(StatusCode::OK, media::value(encoding), body)
}

/// JSON of a legacy endpoint, wrapped in a call if the query asks for `jsonp`.
pub(crate) fn legacy_json(body: impl Into<bytes::Bytes>, query: &Query) -> Response {
    let body = body.into();
    match query.get("jsonp") {
        None => Response::new(StatusCode::OK, media::value(Encoding::Json), body),
        Some(name) => {
            let wrapped = [name.as_bytes(), b"(", &body, b")"].concat();
            Response::new(StatusCode::OK, HeaderValue::from_static("text/javascript"), wrapped)
        }
    }
}

/// Names and texts, as an object of JSON.
pub(crate) fn object(pairs: Vec<(String, String)>) -> bytes::Bytes {
    let map: serde_json::Map<_, _> = pairs.into_iter().map(|(name, value)| (name, value.into())).collect();
    serde_json::Value::Object(map).to_string().into()
}

/// The answer to a call that opens no stream.
pub(crate) fn call(answer: Answer) -> Response {
    match answer {
        Answer::Ok => Response::empty(StatusCode::OK),
        Answer::Accepted => Response::empty(StatusCode::ACCEPTED),
        Answer::Refused(refusal) => refused(refusal),
    }
}

/// A refusal: the message is the body. One that may pass with time says when to ask again.
pub(crate) fn refused(refusal: Refusal) -> Response {
    let status = match refusal.status {
        Status::BadRequest => StatusCode::BAD_REQUEST,
        Status::Forbidden => StatusCode::FORBIDDEN,
        Status::NotFound => StatusCode::NOT_FOUND,
        Status::Conflict => StatusCode::CONFLICT,
        Status::NotImplemented => StatusCode::NOT_IMPLEMENTED,
        Status::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
        Status::Internal => StatusCode::INTERNAL_SERVER_ERROR,
        _ => StatusCode::INTERNAL_SERVER_ERROR,
    };
    let response = Response::text(status, refusal.message);
    match status {
        StatusCode::SERVICE_UNAVAILABLE => {
            response.with_first(header::RETRY_AFTER, HeaderValue::from_static("1"))
        }
        _ => response,
    }
}

/// 400 with a sentence.
pub(crate) fn bad_request(text: impl Into<String>) -> Response {
    refused(Refusal::bad_request(text))
}

/// No such path.
pub(crate) fn not_found() -> Response {
    Response::text(StatusCode::NOT_FOUND, "404 Not Found.")
}

/// A path that exists in Mesos and not yet here, or a call.
pub(crate) fn not_implemented(what: &str) -> Response {
    refused(Refusal::not_implemented(format!("{what} is not implemented by this version of Mezzo.")))
}

/// A path that does not take this method.
pub(crate) fn method_not_allowed(allowed: &'static [&'static str], method: &Method) -> Response {
    let quoted: Vec<String> = allowed.iter().map(|method| format!("'{method}'")).collect();
    let text = format!(
        "405 Method Not Allowed. Expecting one of {{ {} }}, but received '{method}'.",
        quoted.join(", ")
    );
    let allow = HeaderValue::from_str(&allowed.join(", ")).expect("names of methods are printable ASCII");
    Response::text(StatusCode::METHOD_NOT_ALLOWED, text).with_first(header::ALLOW, allow)
}

/// A redirection to another master, relative to the client's scheme.
pub(crate) fn redirect(location: &str) -> Response {
    match HeaderValue::from_str(location) {
        Ok(location) => Response::empty(StatusCode::TEMPORARY_REDIRECT).with(header::LOCATION, location),
        Err(_) => bad_request("The path cannot be written as a Location"),
    }
}

/// Whether this response's body is empty: for tests and logs.
#[allow(dead_code, reason = "used by tests")]
pub(crate) fn body_text(response: &Response) -> String {
    match &response.body {
        Body::Full(bytes) => String::from_utf8_lossy(bytes).into_owned(),
        Body::Events(_) | Body::Feed(_) | Body::Other { .. } => String::from("<stream>"),
    }
}
