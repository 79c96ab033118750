//! How a message of our own formats lies in a file or a packet: its length and
//! its crc32c, each four bytes little-endian, then itself.

/// Bytes before the message.
pub const HEAD_BYTES: usize = 8;

/// Why bytes are not a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FrameError {
    /// Fewer bytes than the head promises; a write that was cut short.
    #[error("{have} bytes where {need} were promised")]
    Short {
        /// Bytes that are there.
        have: usize,
        /// Bytes that the head promises.
        need: usize,
    },
    /// More bytes than the head promises.
    #[error("{extra} bytes after the end")]
    Trailing {
        /// How many more.
        extra: usize,
    },
    /// The checksum is not the message's.
    #[error("the checksum is {found:#010x}, the head says {promised:#010x}")]
    Checksum {
        /// Of the bytes.
        found: u32,
        /// Of the head.
        promised: u32,
    },
}

/// Puts the head before `message`.
///
/// # Panics
/// When the message is longer than `u32::MAX` bytes; nothing of ours may be.
pub fn seal(message: &[u8]) -> Vec<u8> {
    let length = u32::try_from(message.len()).expect("no message of ours reaches 4 GiB");
    let mut framed = Vec::with_capacity(HEAD_BYTES + message.len());
    framed.extend_from_slice(&length.to_le_bytes());
    framed.extend_from_slice(&crc32c::crc32c(message).to_le_bytes());
    framed.extend_from_slice(message);
    framed
}

/// The message of exactly one frame.
///
/// # Errors
/// When the bytes are cut short, too many or not what was written.
pub fn open(framed: &[u8]) -> Result<&[u8], FrameError> {
    let Some((head, message)) = framed.split_at_checked(HEAD_BYTES) else {
        return Err(FrameError::Short { have: framed.len(), need: HEAD_BYTES });
    };
    let word = |at: usize| u32::from_le_bytes([head[at], head[at + 1], head[at + 2], head[at + 3]]);
    let length = word(0) as usize;
    if message.len() < length {
        return Err(FrameError::Short { have: framed.len(), need: HEAD_BYTES.saturating_add(length) });
    }
    if message.len() > length {
        return Err(FrameError::Trailing { extra: message.len() - length });
    }
    let (found, promised) = (crc32c::crc32c(message), word(4));
    if found == promised { Ok(message) } else { Err(FrameError::Checksum { found, promised }) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn what_was_sealed_opens(message in proptest::collection::vec(any::<u8>(), 0..300)) {
            let framed = seal(&message);
            prop_assert_eq!(open(&framed), Ok(message.as_slice()));
        }

        /// A crash in the middle of a write must not be read as an exit status.
        #[test]
        fn cut_frame_is_refused(message in proptest::collection::vec(any::<u8>(), 0..300), cut in 1usize..300) {
            let framed = seal(&message);
            let keep = framed.len().saturating_sub(cut);
            let is_short = matches!(open(&framed[..keep]), Err(FrameError::Short { .. }));
            prop_assert!(is_short);
        }

        #[test]
        fn flipped_bit_is_refused(message in proptest::collection::vec(any::<u8>(), 1..300), at in any::<prop::sample::Index>(), bit in 0u8..8) {
            let mut framed = seal(&message);
            let at = HEAD_BYTES + at.index(message.len());
            framed[at] ^= 1 << bit;
            let is_checksum = matches!(open(&framed), Err(FrameError::Checksum { .. }));
            prop_assert!(is_checksum);
        }
    }

    #[test]
    fn bytes_after_the_end_are_refused() {
        let mut framed = seal(b"x");
        framed.push(0);
        assert_eq!(open(&framed), Err(FrameError::Trailing { extra: 1 }));
    }
}
