//! Logs: records one after another, each with its length and its crc32c in front.
//!
//! Both numbers have 32 bits, least byte first. A crash can tear the record that was
//! being appended; what counts then is [`whole_bytes`], and the rest is cut off.

/// Bytes in front of every record.
pub const HEADER_BYTES: usize = 8;

/// No record is longer; a length above it is damage.
pub const RECORD_BYTES_MAX: usize = 16 << 20;

/// A record with its header in front; `None` if it is longer than [`RECORD_BYTES_MAX`].
pub fn frame(payload: &[u8]) -> Option<Vec<u8>> {
    let length = u32::try_from(payload.len()).ok().filter(|_| payload.len() <= RECORD_BYTES_MAX)?;
    let mut framed = Vec::with_capacity(HEADER_BYTES + payload.len());
    framed.extend_from_slice(&length.to_le_bytes());
    framed.extend_from_slice(&crc32c::crc32c(payload).to_le_bytes());
    framed.extend_from_slice(payload);
    Some(framed)
}

/// The whole records at the front of `bytes`, in order.
pub fn records(bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = bytes;
    std::iter::from_fn(move || {
        let (payload, after) = first(rest)?;
        rest = after;
        Some(payload)
    })
}

/// How many bytes at the front of `bytes` are whole records.
pub fn whole_bytes(bytes: &[u8]) -> usize {
    records(bytes).map(|payload| HEADER_BYTES + payload.len()).sum()
}

fn first(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = bytes.split_first_chunk()?;
    let (checksum, rest) = rest.split_first_chunk()?;
    let length =
        usize::try_from(u32::from_le_bytes(*length)).ok().filter(|length| *length <= RECORD_BYTES_MAX)?;
    let (payload, rest) = rest.split_at_checked(length)?;
    (crc32c::crc32c(payload) == u32::from_le_bytes(*checksum)).then_some((payload, rest))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// A crash may stop a write after any byte: what was whole before stays, nothing is invented.
        #[test]
        fn every_truncation_keeps_the_whole_records(
            payloads in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..20), 1..5),
        ) {
            let framed: Vec<Vec<u8>> = payloads.iter().map(|payload| frame(payload).expect("short")).collect();
            let log = framed.concat();
            let ends: Vec<usize> = framed.iter().scan(0, |end, record| { *end += record.len(); Some(*end) }).collect();
            for cut in 0..=log.len() {
                let whole = ends.iter().filter(|end| **end <= cut).count();
                prop_assert_eq!(records(&log[..cut]).collect::<Vec<_>>(), &payloads[..whole]);
                prop_assert_eq!(whole_bytes(&log[..cut]), ends[..whole].last().copied().unwrap_or(0));
            }
        }

        #[test]
        fn damage_ends_the_log(payload in proptest::collection::vec(any::<u8>(), 0..20), at in any::<prop::sample::Index>(), bit in 0..8u8) {
            let mut log = [frame(b"first").expect("short"), frame(&payload).expect("short")].concat();
            let second = HEADER_BYTES + 5;
            let at = second + at.index(log.len() - second);
            log[at] ^= 1 << bit;
            prop_assert_eq!(records(&log).collect::<Vec<_>>(), [b"first"]);
        }

        #[test]
        fn arbitrary_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..60)) {
            prop_assert!(whole_bytes(&bytes) <= bytes.len());
        }
    }

    #[test]
    fn a_record_that_could_not_be_read_back_is_not_framed() {
        assert!(frame(&vec![0; RECORD_BYTES_MAX + 1]).is_none());
    }
}
