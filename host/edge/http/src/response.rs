//! An answer, and the order in which its header fields are written.

use std::time::SystemTime;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, Version, header};
use http_body_util::{BodyExt, Full, combinators::UnsyncBoxBody};

use crate::stream::EventBody;

/// An error of a body that is still being sent.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// An answer to one request.
pub struct Response {
    /// The status line.
    pub status: StatusCode,
    /// Header fields in the order of writing. `Date`, `Content-Length`, `Content-Encoding` and
    /// `Transfer-Encoding` are the server's to add.
    pub headers: Vec<(HeaderName, HeaderValue)>,
    /// What follows.
    pub body: Body,
}

/// What follows the header.
pub enum Body {
    /// All of it, at once; may be compressed.
    Full(Bytes),
    /// Records as they come, each its own chunk; never compressed.
    Events(EventBody),
    /// Anything else: a file, a link's frames. Its length is told if it is known.
    Other {
        /// Becomes `Content-Length`.
        length: Option<u64>,
        /// The bytes.
        bytes: UnsyncBoxBody<Bytes, BoxError>,
    },
}

impl Response {
    /// An answer without a body.
    pub fn empty(status: StatusCode) -> Self {
        Self { status, headers: Vec::new(), body: Body::Full(Bytes::new()) }
    }

    /// An answer that is a sentence, typed as Mesos types its refusals.
    pub fn text(status: StatusCode, text: impl Into<Bytes>) -> Self {
        Self::new(status, HeaderValue::from_static("text/plain; charset=utf-8"), text)
    }

    /// An answer of one media type.
    pub fn new(status: StatusCode, media_type: HeaderValue, body: impl Into<Bytes>) -> Self {
        Self { status, headers: vec![(header::CONTENT_TYPE, media_type)], body: Body::Full(body.into()) }
    }

    /// Puts a header field before those that are there.
    #[must_use]
    pub fn with_first(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.insert(0, (name, value));
        self
    }

    /// Adds a header field after those that are there.
    #[must_use]
    pub fn with(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.push((name, value));
        self
    }

    /// Writes the fields down in Mesos's order and hands the body over.
    pub(crate) fn into_wire(self, version: Version) -> http::Response<UnsyncBoxBody<Bytes, BoxError>> {
        let mut headers = HeaderMap::with_capacity(self.headers.len() + 3);
        headers.insert(header::DATE, now());
        let is_chunked = match &self.body {
            Body::Full(_) | Body::Other { length: Some(_), .. } => false,
            Body::Events(_) | Body::Other { length: None, .. } => true,
        };
        if is_chunked && version == Version::HTTP_11 {
            headers.insert(header::TRANSFER_ENCODING, HeaderValue::from_static("chunked"));
        }
        for (name, value) in self.headers {
            headers.append(name, value);
        }
        let length = match &self.body {
            Body::Full(bytes) => Some(bytes.len() as u64),
            Body::Other { length, .. } => *length,
            Body::Events(_) => None,
        };
        if let Some(length) = length {
            headers.insert(header::CONTENT_LENGTH, length.into());
        }
        let body = match self.body {
            Body::Full(bytes) => Full::new(bytes).map_err(|never| match never {}).boxed_unsync(),
            Body::Events(events) => events.boxed_unsync(),
            Body::Other { bytes, .. } => bytes,
        };
        let mut response = http::Response::new(body);
        *response.status_mut() = self.status;
        *response.headers_mut() = headers;
        response
    }
}

fn now() -> HeaderValue {
    let text = httpdate::fmt_http_date(SystemTime::now());
    HeaderValue::from_str(&text).expect("a date is printable ASCII")
}
