//! Bodies in and out of gzip.

use std::{
    io::{Read, Write},
    pin::Pin,
    task::{Context, Poll, ready},
};

use bytes::Bytes;
use flate2::{Compression, read::MultiGzDecoder, write::GzEncoder};
use http_body::{Body, Frame};
use http_body_util::combinators::UnsyncBoxBody;

use crate::BoxError;

/// Compressed bytes go out once there are so many of them.
const PACKED_BYTES: usize = 16 << 10;

/// Why a compressed body was not taken.
#[derive(Debug, thiserror::Error)]
pub(crate) enum InflateError {
    /// It holds more than the limit. Nothing beyond the limit was inflated.
    #[error("the body holds more than {limit} bytes")]
    TooLarge { limit: usize },
    /// It is not gzip.
    #[error("the body is not valid gzip: {0}")]
    Malformed(#[source] std::io::Error),
}

/// Inflates `packed` unless it holds more than `limit` bytes.
pub(crate) fn inflate(packed: &[u8], limit: usize) -> Result<Bytes, InflateError> {
    let mut plain = Vec::with_capacity(packed.len().saturating_mul(3).min(limit).min(1 << 20));
    let mut reader = MultiGzDecoder::new(packed).take(limit as u64 + 1);
    reader.read_to_end(&mut plain).map_err(InflateError::Malformed)?;
    if plain.len() > limit {
        return Err(InflateError::TooLarge { limit });
    }
    Ok(plain.into())
}

/// Compresses, fast rather than small: the answers are made once and read once.
pub(crate) fn deflate(plain: &[u8]) -> Bytes {
    let mut encoder = GzEncoder::new(Vec::with_capacity(plain.len() / 4), Compression::fast());
    encoder.write_all(plain).expect("a vector takes every byte");
    encoder.finish().expect("a vector takes every byte").into()
}

/// A body of many pieces, compressed as they come.
pub(crate) struct Packed {
    pieces: UnsyncBoxBody<Bytes, BoxError>,
    /// Absent once its end was handed on.
    encoder: Option<GzEncoder<Vec<u8>>>,
}

impl Packed {
    /// Over `pieces`, none of which may wait for its reader: what is told may be pieces late.
    pub(crate) fn new(pieces: UnsyncBoxBody<Bytes, BoxError>) -> Self {
        Self { pieces, encoder: Some(GzEncoder::new(Vec::new(), Compression::fast())) }
    }
}

impl Body for Packed {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        loop {
            let Some(encoder) = &mut self.encoder else { return Poll::Ready(None) };
            let held = encoder.get_mut();
            if held.len() >= PACKED_BYTES {
                let packed = std::mem::take(held);
                return Poll::Ready(Some(Ok(Frame::data(packed.into()))));
            }
            let piece = match ready!(Pin::new(&mut self.pieces).poll_frame(cx)) {
                Some(Ok(frame)) => frame.into_data().ok(),
                Some(Err(error)) => return Poll::Ready(Some(Err(error))),
                None => {
                    let encoder = self.encoder.take().expect("it was there at the beginning of this turn");
                    let rest = encoder.finish().map_err(BoxError::from);
                    return Poll::Ready(Some(rest.map(|rest| Frame::data(rest.into()))));
                }
            };
            if let (Some(encoder), Some(piece)) = (&mut self.encoder, piece) {
                encoder.write_all(&piece)?;
            }
        }
    }
}

/// Whether an `Accept-Encoding` allows gzip.
pub(crate) fn is_accepted(accept_encoding: &str) -> bool {
    let wish = |wanted: &str| {
        accept_encoding.split(',').find_map(|offer| {
            let mut parts = offer.split(';').map(str::trim);
            let coding = parts.next().unwrap_or("");
            let is_refused = parts.any(|parameter| {
                parameter.strip_prefix("q=").is_some_and(|q| q.parse::<f32>().is_ok_and(|q| q <= 0.0))
            });
            coding.eq_ignore_ascii_case(wanted).then_some(!is_refused)
        })
    };
    // What is said of gzip outweighs what is said of everything.
    wish("gzip").or_else(|| wish("*")).unwrap_or(false)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_packed_comes_back() {
        let text = "one record is one chunk\n".repeat(1000);
        let packed = deflate(text.as_bytes());
        assert!(packed.len() < text.len() / 10);
        assert_eq!(inflate(&packed, text.len()).expect("fits"), text.as_bytes());
    }

    /// A few kilobytes can hold gigabytes of zeros.
    #[test]
    fn a_bomb_stops_at_the_limit() {
        let bomb = deflate(&vec![0; 10 << 20]);
        assert!(matches!(inflate(&bomb, 1 << 20), Err(InflateError::TooLarge { limit: 1_048_576 })));
    }

    #[test]
    fn garbage_is_refused() {
        assert!(matches!(inflate(b"not gzip", 100), Err(InflateError::Malformed(_))));
    }

    #[test]
    fn a_zero_quality_refuses() {
        assert!(is_accepted("gzip"));
        assert!(is_accepted("deflate, gzip;q=1.0, *;q=0.5"));
        assert!(is_accepted("*"));
        assert!(!is_accepted("gzip;q=0"));
        assert!(!is_accepted("gzip;q=0.000, *"));
        assert!(is_accepted("GZIP, *;q=0"));
        assert!(!is_accepted("identity"));
        assert!(!is_accepted(""));
    }
}
