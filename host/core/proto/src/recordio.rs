//! RecordIO: how messages follow one another on a stream.
//!
//! A record is its length in decimal digits, a newline, and that many bytes. Nothing
//! stands between two records, and the borders of HTTP chunks carry no meaning, so
//! the [`Decoder`] is right however the bytes are cut up.

use bytes::{Buf, Bytes, BytesMut};

/// The digits of the longest length there is, `u64::MAX`.
const DIGITS_MAX: usize = 20;

/// Frames one record, ready to be sent as one chunk.
pub fn encode(record: &[u8]) -> Bytes {
    let header = record.len().to_string();
    let mut framed = BytesMut::with_capacity(header.len() + 1 + record.len());
    framed.extend_from_slice(header.as_bytes());
    framed.extend_from_slice(b"\n");
    framed.extend_from_slice(record);
    framed.freeze()
}

/// Why a stream of records cannot be read any further.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RecordError {
    /// Where a length was expected stands something else.
    #[error("expected the length of a record in decimal digits, found `{found}`")]
    NotALength {
        /// The beginning of the line, escaped.
        found: String,
    },
    /// A record is longer than the reader agreed to keep.
    #[error("a record of {length} bytes is longer than the {limit} allowed")]
    TooLong {
        /// The announced length.
        length: u64,
        /// What the decoder was made with.
        limit: usize,
    },
    /// The stream ended within a record.
    #[error("the stream ended within a record: {missing}")]
    Truncated {
        /// What was still to come.
        missing: String,
    },
}

/// Takes a stream of records apart, however it arrives.
///
/// Feed it with [`push`](Self::push), then call [`next_record`](Self::next_record) until it has
/// no more. Empty lines before a length are skipped. After an error the stream is broken
/// for good and every later call gives the same error.
#[derive(Debug)]
pub struct Decoder {
    record_bytes_max: usize,
    pending: BytesMut,
    body: Option<usize>,
    broken: Option<RecordError>,
}

impl Decoder {
    /// A decoder for records of at most `record_bytes_max` bytes.
    pub fn new(record_bytes_max: usize) -> Self {
        Self { record_bytes_max, pending: BytesMut::new(), body: None, broken: None }
    }

    /// Appends what came in.
    pub fn push(&mut self, bytes: &[u8]) {
        if self.broken.is_none() {
            self.pending.extend_from_slice(bytes);
        }
    }

    /// The next whole record, or `None` until more bytes have been pushed.
    ///
    /// # Errors
    ///
    /// When the bytes are no record, or one that is too long.
    pub fn next_record(&mut self) -> Result<Option<Bytes>, RecordError> {
        if let Some(error) = &self.broken {
            return Err(error.clone());
        }
        let length = match self.body {
            Some(length) => length,
            None => match self.header() {
                Ok(Some(length)) => length,
                Ok(None) => return Ok(None),
                Err(error) => {
                    self.pending = BytesMut::new();
                    self.broken = Some(error.clone());
                    return Err(error);
                }
            },
        };
        if self.pending.len() < length {
            self.body = Some(length);
            return Ok(None);
        }
        self.body = None;
        Ok(Some(self.pending.split_to(length).freeze()))
    }

    /// Says whether the stream may end here.
    ///
    /// # Errors
    ///
    /// When it ends within a record, or was broken before.
    pub fn finish(&self) -> Result<(), RecordError> {
        if let Some(error) = &self.broken {
            return Err(error.clone());
        }
        let missing = match self.body {
            Some(length) => format!("{} of {length} bytes", length.saturating_sub(self.pending.len())),
            None if self.pending.iter().any(|byte| *byte != b'\n') => "the rest of a length".to_owned(),
            None => return Ok(()),
        };
        Err(RecordError::Truncated { missing })
    }

    /// Takes one length off the front, once its line is whole.
    fn header(&mut self) -> Result<Option<usize>, RecordError> {
        while self.pending.first() == Some(&b'\n') {
            self.pending.advance(1);
        }
        let line = &self.pending[..];
        let digits = line.iter().take_while(|byte| byte.is_ascii_digit()).count();
        match line.get(digits) {
            _ if digits > DIGITS_MAX => Err(not_a_length(line)),
            None => Ok(None),
            Some(b'\n') => {
                let length = decimal(&line[..digits]).ok_or_else(|| not_a_length(line))?;
                let limit = self.record_bytes_max;
                let fits = usize::try_from(length).ok().filter(|length| *length <= limit);
                let length = fits.ok_or(RecordError::TooLong { length, limit })?;
                self.pending.advance(digits + 1);
                Ok(Some(length))
            }
            Some(_) => Err(not_a_length(line)),
        }
    }
}

fn decimal(digits: &[u8]) -> Option<u64> {
    std::str::from_utf8(digits).ok()?.parse().ok()
}

/// Shows the beginning of `line`: enough to recognise, never enough to flood a log.
fn not_a_length(line: &[u8]) -> RecordError {
    let shown = line.split(|byte| *byte == b'\n').next().unwrap_or_default();
    let shown = &shown[..shown.len().min(DIGITS_MAX + 12)];
    RecordError::NotALength { found: shown.escape_ascii().to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn decode_all(pieces: &[&[u8]]) -> Result<Vec<Bytes>, RecordError> {
        let mut decoder = Decoder::new(1 << 20);
        let mut records = Vec::new();
        for piece in pieces {
            decoder.push(piece);
            while let Some(record) = decoder.next_record()? {
                records.push(record);
            }
        }
        decoder.finish()?;
        Ok(records)
    }

    #[test]
    fn a_record_is_its_length_a_newline_and_its_bytes() {
        assert_eq!(&encode(br#"{"type":"HEARTBEAT"}"#)[..], b"20\n{\"type\":\"HEARTBEAT\"}");
    }

    /// Some servers end a record with a newline; a reader that stumbles over it loses the stream.
    #[test]
    fn empty_lines_before_a_length_are_skipped() {
        let records = decode_all(&[b"\n\n2\nab\n0\n\n1\nc\n"]).expect("well formed");
        assert_eq!(records, [&b"ab"[..], b"", b"c"]);
    }

    #[test]
    fn a_header_that_is_not_a_number_breaks_the_stream_for_good() {
        for bad in [
            &b"x\n"[..],
            b"-1\n",
            b"+1\n",
            b"1 \n",
            b"1\r\n",
            b"{\"type\"",
            b"123456789012345678901234567890",
        ] {
            let mut decoder = Decoder::new(100);
            decoder.push(bad);
            let error = decoder.next_record().expect_err("not a length");
            assert!(matches!(error, RecordError::NotALength { .. }), "{error}");
            decoder.push(b"2\nab");
            assert_eq!(decoder.next_record(), Err(error));
        }
    }

    #[test]
    fn too_long_a_record_is_refused_before_it_is_read() {
        let mut decoder = Decoder::new(100);
        decoder.push(b"101\n");
        let error = decoder.next_record().expect_err("too long");
        assert_eq!(error.to_string(), "a record of 101 bytes is longer than the 100 allowed");
        let mut decoder = Decoder::new(100);
        decoder.push(b"18446744073709551615\n");
        assert!(matches!(decoder.next_record(), Err(RecordError::TooLong { length: u64::MAX, .. })));
    }

    #[test]
    fn an_end_within_a_record_is_told() {
        assert_eq!(
            decode_all(&[b"5\nab"]).expect_err("cut off").to_string(),
            "the stream ended within a record: 3 of 5 bytes"
        );
        assert!(decode_all(&[b"5"]).is_err());
        assert!(decode_all(&[b"5\n"]).is_err());
        assert!(decode_all(&[b"\n"]).is_ok());
    }

    proptest! {
        /// Chunks carry no meaning: every way of cutting a stream gives the same records.
        #[test]
        fn right_under_every_split(
            records in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..40), 0..8),
            cuts in proptest::collection::vec(any::<prop::sample::Index>(), 0..20),
        ) {
            let stream: Vec<u8> = records.iter().flat_map(|record| encode(record).to_vec()).collect();
            let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut.index(stream.len() + 1)).collect();
            cuts.extend([0, stream.len()]);
            cuts.sort_unstable();
            let pieces: Vec<&[u8]> = cuts.windows(2).map(|pair| &stream[pair[0]..pair[1]]).collect();
            let decoded = decode_all(&pieces).expect("own records");
            prop_assert_eq!(decoded, records.iter().map(|r| Bytes::copy_from_slice(r)).collect::<Vec<_>>());
            for at in 0..=stream.len() {
                let (left, right) = stream.split_at(at);
                prop_assert_eq!(decode_all(&[left, right]).expect("own records").len(), records.len());
            }
        }

        #[test]
        fn arbitrary_bytes_never_panic(pieces in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..30), 0..6)) {
            let pieces: Vec<&[u8]> = pieces.iter().map(Vec::as_slice).collect();
            let _ = decode_all(&pieces);
        }
    }
}
