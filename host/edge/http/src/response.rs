//! An answer, and the order in which its header fields are written.

use std::{
    convert::Infallible,
    pin::Pin,
    task::{Context, Poll},
    time::SystemTime,
};

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, Version, header};
use http_body::{Frame, SizeHint};
use http_body_util::{BodyExt, Full, combinators::UnsyncBoxBody};

use crate::{feed::FeedBody, stream::EventBody};

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
    /// Records that many clients are told; never compressed.
    Feed(FeedBody),
    /// Anything else: a file, a link's frames, an answer in pieces. Its length is told if it is known;
    /// what has none may be compressed.
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
    /// `pledge` is dropped when the last of it has left, or nobody reads any more.
    pub(crate) fn into_wire(
        self,
        version: Version,
        pledge: impl Send + Unpin + 'static,
    ) -> http::Response<UnsyncBoxBody<Bytes, BoxError>> {
        let mut headers = HeaderMap::with_capacity(self.headers.len() + 3);
        headers.insert(header::DATE, now());
        let is_chunked = match &self.body {
            Body::Full(_) | Body::Other { length: Some(_), .. } => false,
            Body::Events(_) | Body::Feed(_) | Body::Other { length: None, .. } => true,
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
            Body::Events(_) | Body::Feed(_) => None,
        };
        if let Some(length) = length {
            headers.insert(header::CONTENT_LENGTH, length.into());
        }
        let body = match self.body {
            Body::Full(bytes) => Full::new(pledged(bytes, pledge))
                .map_err(|never: Infallible| -> BoxError { match never {} })
                .boxed_unsync(),
            Body::Events(body) => Pledged { body, pledge }.boxed_unsync(),
            Body::Feed(feed) => Pledged { body: feed.records, pledge }.boxed_unsync(),
            Body::Other { bytes, .. } => Pledged { body: bytes, pledge }.boxed_unsync(),
        };
        let mut response = http::Response::new(body);
        *response.status_mut() = self.status;
        *response.headers_mut() = headers;
        response
    }
}

/// The same bytes with something that is held until the last of them has been written: a body is
/// forgotten as soon as it is queued.
fn pledged(bytes: Bytes, pledge: impl Send + 'static) -> Bytes {
    struct Held<P>(Bytes, #[allow(dead_code, reason = "it is there to be dropped")] P);
    impl<P> AsRef<[u8]> for Held<P> {
        fn as_ref(&self) -> &[u8] {
            &self.0
        }
    }
    if bytes.is_empty() { bytes } else { Bytes::from_owner(Held(bytes, pledge)) }
}

/// A body with something that is held for as long as it lives.
struct Pledged<B, P> {
    body: B,
    #[allow(dead_code, reason = "it is there to be dropped")]
    pledge: P,
}

impl<B, P> http_body::Body for Pledged<B, P>
where
    B: http_body::Body<Data = Bytes, Error = BoxError> + Unpin,
    P: Unpin,
{
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        Pin::new(&mut self.body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// The moment as `Date` has it.
pub(crate) fn date() -> String {
    httpdate::fmt_http_date(SystemTime::now())
}

fn now() -> HeaderValue {
    HeaderValue::from_str(&date()).expect("a date is printable ASCII")
}
