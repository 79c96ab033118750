//! Bodies in and out of gzip.

use std::io::{Read, Write};

use bytes::Bytes;
use flate2::{Compression, read::MultiGzDecoder, write::GzEncoder};

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
