//! The bytes of a message, field by field, without knowing which message it is.

/// One field as it stands on the wire.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Raw<'bytes> {
    /// A whole number, a boolean or an enum.
    Varint(u64),
    /// Four bytes: a `float`, for one.
    Fixed32(u32),
    /// Eight bytes: a `double`, for one.
    Fixed64(u64),
    /// A text, bytes, a message or a packed list.
    Bytes(&'bytes [u8]),
}

/// Goes through the fields of an encoded message; ends early where the bytes make no sense.
#[derive(Clone, Debug)]
pub struct Fields<'bytes> {
    rest: &'bytes [u8],
}

impl<'bytes> Fields<'bytes> {
    /// The fields of the message that `bytes` are.
    pub fn new(bytes: &'bytes [u8]) -> Self {
        Self { rest: bytes }
    }
}

impl<'bytes> Iterator for Fields<'bytes> {
    type Item = (u32, Raw<'bytes>);

    fn next(&mut self) -> Option<Self::Item> {
        // None of our messages has groups: whatever stands inside one is unknown.
        let mut groups_open = 0usize;
        loop {
            let tag = take_varint(&mut self.rest)?;
            let number = u32::try_from(tag >> 3).ok()?;
            let raw = match tag & 7 {
                0 => Raw::Varint(take_varint(&mut self.rest)?),
                1 => Raw::Fixed64(take_fixed64(&mut self.rest)?),
                2 => {
                    let length = usize::try_from(take_varint(&mut self.rest)?).ok()?;
                    Raw::Bytes(take(&mut self.rest, length)?)
                }
                3 => {
                    groups_open += 1;
                    continue;
                }
                4 => {
                    groups_open = groups_open.checked_sub(1)?;
                    continue;
                }
                5 => Raw::Fixed32(take_fixed32(&mut self.rest)?),
                _ => return None,
            };
            if groups_open == 0 {
                return Some((number, raw));
            }
        }
    }
}

pub(crate) fn take_varint(rest: &mut &[u8]) -> Option<u64> {
    if let [byte @ 0..=0x7f, after @ ..] = *rest {
        *rest = after;
        return Some(u64::from(*byte));
    }
    let mut value = 0u64;
    for (at, byte) in rest.iter().take(10).enumerate() {
        value |= u64::from(byte & 0x7f) << (7 * at);
        if byte & 0x80 == 0 {
            *rest = &rest[at + 1..];
            return Some(value);
        }
    }
    None
}

pub(crate) fn take_fixed32(rest: &mut &[u8]) -> Option<u32> {
    Some(u32::from_le_bytes(take(rest, 4)?.try_into().ok()?))
}

pub(crate) fn take_fixed64(rest: &mut &[u8]) -> Option<u64> {
    Some(u64::from_le_bytes(take(rest, 8)?.try_into().ok()?))
}

fn take<'bytes>(rest: &mut &'bytes [u8], length: usize) -> Option<&'bytes [u8]> {
    let (taken, left) = rest.split_at_checked(length)?;
    *rest = left;
    Some(taken)
}

/// Appends a number of the wire.
pub fn put_varint(mut value: u64, out: &mut Vec<u8>) {
    while value >= 0x80 {
        out.push((value & 0x7f) as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

/// Appends a field.
pub fn put_raw(number: u32, raw: Raw<'_>, out: &mut Vec<u8>) {
    let tag = |wire_type: u64| u64::from(number) << 3 | wire_type;
    match raw {
        Raw::Varint(value) => {
            put_varint(tag(0), out);
            put_varint(value, out);
        }
        Raw::Fixed64(value) => {
            put_varint(tag(1), out);
            out.extend(value.to_le_bytes());
        }
        Raw::Bytes(bytes) => {
            put_varint(tag(2), out);
            put_varint(bytes.len() as u64, out);
            out.extend(bytes);
        }
        Raw::Fixed32(value) => {
            put_varint(tag(5), out);
            out.extend(value.to_le_bytes());
        }
    }
}
