//! Media types: what a body is and what the client wants back.

use mezzo_http::{HeaderValue, Request, Response, StatusCode, header};
use mezzo_model::calls::Encoding;

/// The media type of JSON.
pub(crate) const JSON: &str = "application/json";

const NOT_ACCEPTABLE: &str = "Expecting 'Accept' to allow 'application/x-protobuf' or 'application/json'";
const NOT_ACCEPTABLE_BY_AGENT: &str =
    "Expecting 'Accept' to allow application/json or application/x-protobuf or application/recordio";

/// What the body of a v1 call is written in.
///
/// # Errors
///
/// 400 without a `Content-Type`, 415 for any but the two; a parameter makes another type of it.
pub(crate) fn of_request(request: &Request, unsupported: &'static str) -> Result<Encoding, Box<Response>> {
    let Some(media_type) = request.headers.get(header::CONTENT_TYPE) else {
        let text = "Expecting 'Content-Type' to be present";
        return Err(Box::new(Response::text(StatusCode::BAD_REQUEST, text)));
    };
    match media_type.as_bytes() {
        b"application/json" => Ok(Encoding::Json),
        b"application/x-protobuf" => Ok(Encoding::Protobuf),
        _ => Err(Box::new(Response::text(StatusCode::UNSUPPORTED_MEDIA_TYPE, unsupported))),
    }
}

/// What the answer of a v1 call is written in: JSON where both are welcome.
///
/// # Errors
///
/// 406 when the client wants neither.
pub(crate) fn of_answer(request: &Request) -> Result<Encoding, Box<Response>> {
    accepted(request, NOT_ACCEPTABLE)
}

/// The same of an agent, whose words name a type more: that of its streams.
///
/// # Errors
///
/// 406 when the client wants neither.
pub(crate) fn of_agents_answer(request: &Request) -> Result<Encoding, Box<Response>> {
    accepted(request, NOT_ACCEPTABLE_BY_AGENT)
}

fn accepted(request: &Request, refusal: &'static str) -> Result<Encoding, Box<Response>> {
    let mut fields = request.headers.get_all(header::ACCEPT).iter().peekable();
    if fields.peek().is_none() {
        return Ok(Encoding::Json);
    }
    let accept: Vec<&str> = fields.filter_map(|value| value.to_str().ok()).collect();
    [Encoding::Json, Encoding::Protobuf]
        .into_iter()
        .find(|encoding| accept.iter().any(|field| is_accepted(field, encoding.media_type())))
        .ok_or_else(|| Box::new(Response::text(StatusCode::NOT_ACCEPTABLE, refusal)))
}

/// The value of `Content-Type` for an encoding.
pub(crate) fn value(encoding: Encoding) -> HeaderValue {
    HeaderValue::from_static(encoding.media_type())
}

fn is_accepted(field: &str, media_type: &str) -> bool {
    field.split(',').any(|range| {
        let mut parts = range.split(';').map(str::trim);
        let name = parts.next().unwrap_or("");
        let is_refused = parts.any(|parameter| {
            parameter.strip_prefix("q=").is_some_and(|q| q.parse::<f32>().is_ok_and(|q| q <= 0.0))
        });
        let fits = name == "*/*" || name == "application/*" || name.eq_ignore_ascii_case(media_type);
        fits && !is_refused
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_and_qualities_are_understood() {
        assert!(is_accepted("text/html, application/json;q=0.9", "application/json"));
        assert!(is_accepted("*/*", "application/x-protobuf"));
        assert!(is_accepted("application/*;q=0.1", "application/json"));
        assert!(!is_accepted("application/json;q=0", "application/json"));
        assert!(!is_accepted("text/html", "application/json"));
        assert!(!is_accepted("", "application/json"));
    }
}
