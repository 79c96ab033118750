//! What a read is answered with: at once, or piece by piece.

use std::pin::Pin;

use bytes::Bytes;
use futures_util::{Stream, StreamExt, stream};
use http_body_util::{BodyExt, StreamBody};
use mezzo_http::{Body, BoxError, HeaderValue, Response, StatusCode, header};
use mezzo_model::calls::Encoding;

use crate::{answer, media, query::Query};

/// An answer on its way.
pub enum Reading {
    /// All of it.
    Whole(Bytes),
    /// More than anybody should hold at once.
    Pieces(Pieces),
}

/// Pieces of an answer: the next one is made when the one before has been taken.
pub type Pieces = Pin<Box<dyn Stream<Item = Result<Bytes, BoxError>> + Send>>;

impl Reading {
    /// The response of a v1 call.
    pub(crate) fn into_message(self, encoding: Encoding) -> Response {
        self.into_response(media::value(encoding))
    }

    /// The response of an older endpoint, wrapped in a call if the query asks for `jsonp`.
    pub(crate) fn into_legacy(self, query: &Query) -> Response {
        match (self, query.get("jsonp")) {
            (Reading::Whole(bytes), _) => answer::legacy_json(bytes, query),
            (pieces, None) => pieces.into_response(media::value(Encoding::Json)),
            (Reading::Pieces(pieces), Some(name)) => {
                let before = Bytes::from(format!("{name}("));
                let wrapped = stream::iter([Ok(before)]).chain(pieces);
                let wrapped = wrapped.chain(stream::iter([Ok(Bytes::from_static(b")"))]));
                Reading::Pieces(Box::pin(wrapped)).into_response(HeaderValue::from_static("text/javascript"))
            }
        }
    }

    fn into_response(self, media_type: HeaderValue) -> Response {
        match self {
            Reading::Whole(bytes) => Response::new(StatusCode::OK, media_type, bytes),
            Reading::Pieces(pieces) => {
                let frames = pieces.map(|piece| piece.map(http_body::Frame::data));
                let body = Body::Other { length: None, bytes: StreamBody::new(frames).boxed_unsync() };
                Response { status: StatusCode::OK, headers: vec![(header::CONTENT_TYPE, media_type)], body }
            }
        }
    }
}
