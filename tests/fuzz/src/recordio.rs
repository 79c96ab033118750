//! A stream of records: however it is cut up, the same records and the same error come out.

use mezzo_proto::recordio::{Decoder, RecordError, encode};

/// No record of a test is longer.
const RECORD_BYTES_MAX: usize = 4096;

/// The first byte says into pieces of what length the rest is cut.
pub(crate) fn target(data: &[u8]) {
    let Some((step, stream)) = data.split_first() else { return };
    let whole = records(&[stream]);
    let pieces: Vec<&[u8]> = stream.chunks(usize::from(*step).max(1)).collect();
    assert_eq!(records(&pieces), whole);
    // What was taken apart can be put together.
    let framed: Vec<u8> = whole.0.iter().flat_map(|record| encode(record).to_vec()).collect();
    assert_eq!(records(&[&framed]), (whole.0, None));
}

fn records(pieces: &[&[u8]]) -> (Vec<Vec<u8>>, Option<RecordError>) {
    let mut decoder = Decoder::new(RECORD_BYTES_MAX);
    let mut records = Vec::new();
    for piece in pieces {
        decoder.push(piece);
        loop {
            match decoder.next_record() {
                Ok(Some(record)) => records.push(record.to_vec()),
                Ok(None) => break,
                Err(error) => return (records, Some(named(error))),
            }
        }
    }
    (records, decoder.finish().err())
}

/// Without what was found: of a line that has not come whole only its beginning is known.
fn named(error: RecordError) -> RecordError {
    match error {
        RecordError::NotALength { .. } => RecordError::NotALength { found: String::new() },
        error => error,
    }
}
