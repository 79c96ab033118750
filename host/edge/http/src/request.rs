//! A request, whole.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use bytes::{Bytes, BytesMut};
use http::{HeaderMap, Method, StatusCode, Uri, header, request::Parts};
use http_body_util::BodyExt;
use hyper::body::{Body as _, Incoming};

use crate::{
    Config, Response,
    gzip::{self, InflateError},
    refusals,
    room::{Room, Taken},
};

/// How long the rest of a refused body is read, and forgotten.
const UNWANTED: Duration = Duration::from_secs(10);

/// A request with its body, inflated and within its limit.
#[derive(Clone, Debug)]
pub struct Request {
    /// GET, POST and so on.
    pub method: Method,
    /// Path and query.
    pub uri: Uri,
    /// The header fields.
    pub headers: HeaderMap,
    /// The body; empty when there was none.
    pub body: Bytes,
    /// Where it came from.
    pub peer: SocketAddr,
}

impl Request {
    /// The text of a header, if it is there once at least and is text.
    pub fn header(&self, name: &header::HeaderName) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// Collects the body of `incoming`. Keep what was taken of the room for as long as the
    /// request may live.
    ///
    /// # Errors
    ///
    /// The answer to send instead: 413, 408, 415, 400 or 503 with a sentence.
    pub(crate) async fn collect(
        incoming: http::Request<Incoming>,
        peer: SocketAddr,
        config: &Arc<Config>,
        room: &Room,
    ) -> Result<(Self, Taken), Response> {
        let (head, body) = incoming.into_parts();
        let mut taken = room.nothing();
        let whole = bounded(body, config.body_bytes_max, &mut taken);
        let body = match tokio::time::timeout(config.body_timeout, whole).await {
            Ok(body) => body?,
            Err(_) => return Err(too_late(config)),
        };
        let body = decoded(&head, body, config, &mut taken).await?;
        Ok((Self { method: head.method, uri: head.uri, headers: head.headers, body, peer }, taken))
    }
}

async fn bounded(mut body: Incoming, limit: usize, taken: &mut Taken) -> Result<Bytes, Response> {
    if body.size_hint().lower() > limit as u64 {
        refusals::drain(body, UNWANTED);
        return Err(too_large(limit));
    }
    let mut first = Bytes::new();
    let mut whole = BytesMut::new();
    while let Some(frame) = body.frame().await {
        let Ok(frame) = frame else {
            return Err(Response::text(
                StatusCode::BAD_REQUEST,
                "The request ended before its body was whole.",
            ));
        };
        let Ok(data) = frame.into_data() else { continue };
        if first.len() + whole.len() + data.len() > limit {
            refusals::drain(body, UNWANTED);
            return Err(too_large(limit));
        }
        if taken.more(data.len()).is_err() {
            refusals::drain(body, UNWANTED);
            return Err(no_room());
        }
        match (first.is_empty(), whole.is_empty()) {
            (true, true) => first = data,
            (_, false) => whole.extend_from_slice(&data),
            (false, true) => {
                whole.extend_from_slice(&first);
                whole.extend_from_slice(&data);
                first = Bytes::new();
            }
        }
    }
    Ok(if whole.is_empty() { first } else { whole.freeze() })
}

async fn decoded(
    head: &Parts,
    body: Bytes,
    config: &Arc<Config>,
    taken: &mut Taken,
) -> Result<Bytes, Response> {
    let coding = match head.headers.get(header::CONTENT_ENCODING).map(|value| value.to_str()) {
        None => return Ok(body),
        Some(Ok(coding)) => coding.trim().to_ascii_lowercase(),
        Some(Err(_)) => String::from("?"),
    };
    match coding.as_str() {
        "identity" | "" => return Ok(body),
        "gzip" | "x-gzip" => {}
        other => {
            let text = format!("Expecting 'Content-Encoding' of gzip or identity, but received '{other}'");
            return Err(Response::text(StatusCode::UNSUPPORTED_MEDIA_TYPE, text));
        }
    }
    let limit = config.body_bytes_max;
    let outcome = match body.len() {
        0..16_384 => gzip::inflate(&body, limit),
        _ => tokio::task::spawn_blocking(move || gzip::inflate(&body, limit))
            .await
            .unwrap_or_else(|error| Err(InflateError::Malformed(std::io::Error::other(error)))),
    };
    let plain = outcome.map_err(|error| match error {
        InflateError::TooLarge { limit } => too_large(limit),
        InflateError::Malformed(why) => {
            Response::text(StatusCode::BAD_REQUEST, format!("Failed to decompress the gzip body: {why}"))
        }
    })?;
    taken.more(plain.len()).map_err(|_| no_room())?;
    Ok(plain)
}

fn no_room() -> Response {
    let text = "The server holds as many bodies of requests as it has room for; ask again later.";
    Response::text(StatusCode::SERVICE_UNAVAILABLE, text)
        .with_first(header::RETRY_AFTER, header::HeaderValue::from_static("1"))
}

fn too_large(limit: usize) -> Response {
    let text = format!("The body of a request may hold at most {limit} bytes (--max_http_request_body).");
    Response::text(StatusCode::PAYLOAD_TOO_LARGE, text)
}

fn too_late(config: &Config) -> Response {
    let text = format!(
        "The body of a request must arrive within {} s (--http_request_timeout).",
        config.body_timeout.as_secs_f64()
    );
    Response::text(StatusCode::REQUEST_TIMEOUT, text)
}
