//! How a value lies in the store: its length, its checksum, its bytes.

/// Bytes in front of every value: length and crc32c, both 32 bits, least byte first.
const HEADER_BYTES: usize = 8;

/// Why a stored value cannot be read.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum FrameError {
    /// Shorter than its own header, or than the header says.
    #[error("{found} bytes found where {expected} are expected")]
    Short {
        /// Bytes there.
        found: usize,
        /// Bytes that should be there.
        expected: usize,
    },
    /// Longer than the header says.
    #[error("{extra} bytes follow the value")]
    Trailing {
        /// How many.
        extra: usize,
    },
    /// The checksum does not fit the bytes.
    #[error("the checksum is {found:08x}, but {expected:08x} was written")]
    Checksum {
        /// Computed now.
        found: u32,
        /// Stored.
        expected: u32,
    },
}

/// Puts the header in front of `payload`.
pub(crate) fn seal(payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).expect("a registry value is far below 4 GiB");
    let mut framed = Vec::with_capacity(HEADER_BYTES + payload.len());
    framed.extend_from_slice(&length.to_le_bytes());
    framed.extend_from_slice(&crc32c::crc32c(payload).to_le_bytes());
    framed.extend_from_slice(payload);
    framed
}

/// Takes the header off again and checks it.
pub(crate) fn open(framed: &[u8]) -> Result<&[u8], FrameError> {
    let Some((header, payload)) = framed.split_at_checked(HEADER_BYTES) else {
        return Err(FrameError::Short { found: framed.len(), expected: HEADER_BYTES });
    };
    let (length, checksum) = header.split_at(4);
    let length = word(length) as usize;
    let expected = word(checksum);
    if payload.len() < length {
        return Err(FrameError::Short { found: framed.len(), expected: HEADER_BYTES + length });
    }
    if payload.len() > length {
        return Err(FrameError::Trailing { extra: payload.len() - length });
    }
    let found = crc32c::crc32c(payload);
    if found != expected {
        return Err(FrameError::Checksum { found, expected });
    }
    Ok(payload)
}

fn word(bytes: &[u8]) -> u32 {
    bytes.iter().rev().fold(0, |word, byte| word << 8 | u32::from(*byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sealed_value_opens_again() {
        assert_eq!(open(&seal(b"agent")), Ok(&b"agent"[..]));
        assert_eq!(open(&seal(b"")), Ok(&b""[..]));
    }

    #[test]
    fn a_torn_value_is_refused() {
        let framed = seal(b"agent");
        for kept in 0..framed.len() {
            assert!(matches!(open(&framed[..kept]), Err(FrameError::Short { .. })), "{kept} bytes");
        }
    }

    #[test]
    fn a_flipped_bit_is_noticed() {
        let mut framed = seal(b"agent");
        framed[HEADER_BYTES] ^= 1;
        assert!(matches!(open(&framed), Err(FrameError::Checksum { .. })));
    }

    #[test]
    fn bytes_behind_the_value_are_noticed() {
        let mut framed = seal(b"agent");
        framed.push(0);
        assert_eq!(open(&framed), Err(FrameError::Trailing { extra: 1 }));
    }
}
