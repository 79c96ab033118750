//! From the bytes of a message to JSON text.

use std::borrow::Cow;

use super::base64;
use crate::{
    bytes::{Fields, Raw, put_raw, take_fixed32, take_fixed64, take_varint},
    schema::{Field, Kind, Message, MessageRef, Shape},
};

/// `prost` builds no deeper message, so nothing of ours is cut off.
const DEPTH_MAX: usize = 200;

/// Appends an encoded message as a JSON object. Bytes that make no sense are left out.
pub(super) fn message(message: MessageRef, bytes: &[u8], out: &mut Vec<u8>) {
    object(message.get(), bytes, DEPTH_MAX, out);
}

fn object(message: &Message, bytes: &[u8], depth: usize, out: &mut Vec<u8>) {
    match is_in_order(message, bytes) {
        true => in_order(message, bytes, depth, out),
        false => gathered(message, bytes, depth, out),
    }
}

/// Whether the fields come as they are to be written: by declaration, what is no list once.
fn is_in_order(message: &Message, bytes: &[u8]) -> bool {
    let mut last = None;
    Fields::new(bytes).all(|(number, _)| {
        let Some(at) = message.numbered(number) else { return true };
        let is_next = last.is_none_or(|last| at > last || at == last && is_repeated(&message.fields[at]));
        last = Some(at);
        is_next
    })
}

fn is_repeated(field: &Field) -> bool {
    match field.shape {
        Shape::Optional | Shape::Required => false,
        Shape::Repeated | Shape::Map => true,
    }
}

/// Writes field after field as they come: the way of nearly every message.
fn in_order(message: &Message, bytes: &[u8], depth: usize, out: &mut Vec<u8>) {
    out.push(b'{');
    let mut fields = Fields::new(bytes);
    let mut next = 0;
    let mut coming = known(message, &mut fields);
    while let Some((at, raw)) = coming {
        let declared = &message.fields[at];
        write_unset(message, next..at, out);
        next = at + 1;
        let before = out.len();
        key(declared, out);
        coming = known(message, &mut fields);
        let is_written = match declared.shape {
            Shape::Optional | Shape::Required => value(declared.kind, raw, depth, out),
            Shape::Repeated if !can_be_packed(declared.kind) => {
                out.push(b'[');
                let mut count = push_item(declared.kind, raw, 0, depth, out);
                while let Some((_, raw)) = coming.filter(|(found, _)| *found == at) {
                    count = push_item(declared.kind, raw, count, depth, out);
                    coming = known(message, &mut fields);
                }
                out.push(b']');
                count > 0
            }
            Shape::Repeated | Shape::Map => {
                let mut occurrences = vec![(at, raw)];
                while let Some(more) = coming.filter(|(found, _)| *found == at) {
                    occurrences.push(more);
                    coming = known(message, &mut fields);
                }
                several(declared, &occurrences, depth, out)
            }
        };
        if !is_written {
            out.truncate(before);
            write_unset(message, at..next, out);
        }
    }
    write_unset(message, next..message.fields.len(), out);
    out.push(b'}');
}

/// The next field that the message has: its place and what stands there.
fn known<'bytes>(message: &Message, fields: &mut Fields<'bytes>) -> Option<(usize, Raw<'bytes>)> {
    fields.find_map(|(number, raw)| Some((message.numbered(number)?, raw)))
}

/// Writes what these unset fields show all the same.
fn write_unset(message: &Message, places: std::ops::Range<usize>, out: &mut Vec<u8>) {
    if !message.has_defaults {
        return;
    }
    for declared in &message.fields[places] {
        if let Some(unset) = &declared.unset {
            key(declared, out);
            out.extend(unset.as_bytes());
        }
    }
}

/// Sorts the fields by declaration first.
fn gathered(message: &Message, bytes: &[u8], depth: usize, out: &mut Vec<u8>) {
    let mut present: Vec<(usize, Raw<'_>)> =
        Fields::new(bytes).filter_map(|(number, raw)| Some((message.numbered(number)?, raw))).collect();
    present.sort_by_key(|(at, _)| *at);
    let mut rest = &present[..];
    out.push(b'{');
    for (at, declared) in message.fields.iter().enumerate() {
        let (occurrences, later) = rest.split_at(rest.iter().take_while(|(found, _)| *found == at).count());
        rest = later;
        let before = out.len();
        key(declared, out);
        if !field(declared, occurrences, depth, out) {
            out.truncate(before);
        }
    }
    out.push(b'}');
}

/// The same message with its fields, and those of the messages in it, in the order of writing.
pub(crate) fn ordered(message: MessageRef, bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(bytes.len());
    order(message.get(), bytes, DEPTH_MAX, &mut out);
    out
}

fn order(message: &Message, bytes: &[u8], depth: usize, out: &mut Vec<u8>) {
    let mut present: Vec<(usize, u32, Raw<'_>)> = Fields::new(bytes)
        .filter_map(|(number, raw)| Some((message.numbered(number)?, number, raw)))
        .collect();
    present.sort_by_key(|(at, ..)| *at);
    for (at, number, raw) in present {
        match (message.fields[at].kind, raw) {
            (Kind::Message(below), Raw::Bytes(bytes)) if depth > 0 && !bytes.is_empty() => {
                let mut inner = Vec::with_capacity(bytes.len());
                order(below.get(), bytes, depth - 1, &mut inner);
                put_raw(number, Raw::Bytes(&inner), out);
            }
            (_, raw) => put_raw(number, raw, out),
        }
    }
}

/// Appends the name, and a comma before it unless it is the first of its object.
fn key(declared: &Field, out: &mut Vec<u8>) {
    match out.last() {
        Some(b'{') => out.extend_from_slice(&declared.key[1..]),
        _ => out.extend_from_slice(&declared.key),
    }
}

/// Appends a field's value; `false` if there is none and whatever was appended has to go.
fn field(declared: &Field, occurrences: &[(usize, Raw<'_>)], depth: usize, out: &mut Vec<u8>) -> bool {
    let start = out.len();
    let is_written = match declared.shape {
        _ if occurrences.is_empty() => false,
        Shape::Optional | Shape::Required => singular(declared.kind, occurrences, depth, out),
        Shape::Repeated | Shape::Map => several(declared, occurrences, depth, out),
    };
    match &declared.unset {
        Some(unset) if !is_written => {
            out.truncate(start);
            out.extend(unset.as_bytes());
        }
        _ => return is_written,
    }
    true
}

fn several(declared: &Field, occurrences: &[(usize, Raw<'_>)], depth: usize, out: &mut Vec<u8>) -> bool {
    match declared.shape {
        Shape::Map => map(declared.kind, occurrences, depth, out),
        Shape::Optional | Shape::Required | Shape::Repeated => list(declared.kind, occurrences, depth, out),
    }
}

/// The last of several scalars counts; a message sent in parts is one.
fn singular(kind: Kind, occurrences: &[(usize, Raw<'_>)], depth: usize, out: &mut Vec<u8>) -> bool {
    match (kind, occurrences) {
        (Kind::Message(_), [_, _, ..]) => {
            let parts =
                occurrences.iter().map(|(_, raw)| if let Raw::Bytes(bytes) = raw { bytes } else { &[][..] });
            value(kind, Raw::Bytes(&parts.collect::<Vec<_>>().concat()), depth, out)
        }
        (_, [.., (_, last)]) => value(kind, *last, depth, out),
        (_, []) => false,
    }
}

/// Appends an item after `count` others; gives how many there are then.
fn push_item(kind: Kind, raw: Raw<'_>, count: usize, depth: usize, out: &mut Vec<u8>) -> usize {
    let before = out.len();
    if count > 0 {
        out.push(b',');
    }
    if value(kind, raw, depth, out) {
        return count + 1;
    }
    out.truncate(before);
    count
}

fn list(kind: Kind, occurrences: &[(usize, Raw<'_>)], depth: usize, out: &mut Vec<u8>) -> bool {
    out.push(b'[');
    let mut count = 0;
    for (_, raw) in occurrences {
        match raw {
            Raw::Bytes(packed) if can_be_packed(kind) => {
                let mut packed = *packed;
                while let Some(raw) = unpack(kind, &mut packed) {
                    count = push_item(kind, raw, count, depth, out);
                }
            }
            raw => count = push_item(kind, *raw, count, depth, out),
        }
    }
    out.push(b']');
    count > 0
}

fn map(kind: Kind, occurrences: &[(usize, Raw<'_>)], depth: usize, out: &mut Vec<u8>) -> bool {
    let Kind::Message(entry) = kind else { return false };
    let [key_field, value_field] = &entry.get().fields[..] else { return false };
    out.push(b'{');
    for (_, raw) in occurrences {
        let Raw::Bytes(bytes) = raw else { continue };
        let find = |field: &Field| Fields::new(bytes).filter(|(number, _)| *number == field.number).last();
        let before = out.len();
        if out.last() != Some(&b'{') {
            out.push(b',');
        }
        let mut key = Vec::new();
        let zero = zero(key_field.kind);
        value(key_field.kind, find(key_field).map_or(zero, |(_, raw)| raw), depth, &mut key);
        if key.first() == Some(&b'"') {
            out.extend(key);
        } else {
            out.push(b'"');
            out.extend(key);
            out.push(b'"');
        }
        out.push(b':');
        let raw = find(value_field).map_or(self::zero(value_field.kind), |(_, raw)| raw);
        if !value(value_field.kind, raw, depth, out) {
            out.truncate(before);
        }
    }
    out.push(b'}');
    out.last_chunk() != Some(b"{}")
}

/// What an absent key or value of a map entry means.
fn zero(kind: Kind) -> Raw<'static> {
    match kind {
        Kind::Double | Kind::Fixed64 | Kind::Sfixed64 => Raw::Fixed64(0),
        Kind::Float | Kind::Fixed32 | Kind::Sfixed32 => Raw::Fixed32(0),
        Kind::String | Kind::Bytes | Kind::Message(_) => Raw::Bytes(&[]),
        _ => Raw::Varint(0),
    }
}

fn value(kind: Kind, raw: Raw<'_>, depth: usize, out: &mut Vec<u8>) -> bool {
    let unzigzag = |raw: u64| (raw >> 1) as i64 ^ -((raw & 1) as i64);
    match (kind, raw) {
        (Kind::Double, Raw::Fixed64(bits)) => double(f64::from_bits(bits), out),
        (Kind::Float, Raw::Fixed32(bits)) => float(f32::from_bits(bits), out),
        (Kind::Int32, Raw::Varint(bits)) => integer(bits as i32, out),
        (Kind::Int64, Raw::Varint(bits)) => integer(bits as i64, out),
        (Kind::Uint32, Raw::Varint(bits)) => integer(bits as u32, out),
        (Kind::Uint64, Raw::Varint(bits)) => integer(bits, out),
        (Kind::Sint32, Raw::Varint(bits)) => integer(unzigzag(bits) as i32, out),
        (Kind::Sint64, Raw::Varint(bits)) => integer(unzigzag(bits), out),
        (Kind::Fixed32, Raw::Fixed32(bits)) => integer(bits, out),
        (Kind::Fixed64, Raw::Fixed64(bits)) => integer(bits, out),
        (Kind::Sfixed32, Raw::Fixed32(bits)) => integer(bits as i32, out),
        (Kind::Sfixed64, Raw::Fixed64(bits)) => integer(bits as i64, out),
        (Kind::Bool, Raw::Varint(bits)) => text(if bits == 0 { "false" } else { "true" }, out),
        (Kind::String, Raw::Bytes(bytes)) => lossy(bytes, out),
        (Kind::Bytes, Raw::Bytes(bytes)) => {
            out.push(b'"');
            base64::encode(bytes, out);
            out.push(b'"');
        }
        (Kind::Enum(names), Raw::Varint(bits)) => {
            let Some(name) = names.get().quoted(bits as i32) else { return false };
            text(name, out);
        }
        (Kind::Message(below), Raw::Bytes(bytes)) if depth > 0 => object(below.get(), bytes, depth - 1, out),
        (_, _) => return false,
    }
    true
}

fn can_be_packed(kind: Kind) -> bool {
    !matches!(kind, Kind::String | Kind::Bytes | Kind::Message(_))
}

fn unpack(kind: Kind, packed: &mut &[u8]) -> Option<Raw<'static>> {
    match kind {
        Kind::Double | Kind::Fixed64 | Kind::Sfixed64 => take_fixed64(packed).map(Raw::Fixed64),
        Kind::Float | Kind::Fixed32 | Kind::Sfixed32 => take_fixed32(packed).map(Raw::Fixed32),
        _ => take_varint(packed).map(Raw::Varint),
    }
}

fn text(text: &str, out: &mut Vec<u8>) {
    out.extend_from_slice(text.as_bytes());
}

fn integer(number: impl itoa::Integer, out: &mut Vec<u8>) {
    text(itoa::Buffer::new().format(number), out);
}

/// Shortest digits that read back as the same number, always with a point or an exponent.
pub fn double(number: f64, out: &mut Vec<u8>) {
    let magnitude = number.abs();
    if (1e-3..1e15).contains(&magnitude) {
        // What most numbers are, and where both notations are the same.
        text(zmij::Buffer::new().format_finite(number), out);
    } else if !number.is_finite() {
        non_finite(number, out);
    } else if magnitude != 0.0 && !(1e-6..1e21).contains(&magnitude) {
        text(&format!("{number:e}"), out);
    } else {
        with_point(&number.to_string(), out);
    }
}

fn float(number: f32, out: &mut Vec<u8>) {
    let magnitude = number.abs();
    if !number.is_finite() {
        non_finite(number.into(), out);
    } else if magnitude != 0.0 && !(1e-6..1e21).contains(&magnitude) {
        text(&format!("{number:e}"), out);
    } else {
        with_point(&number.to_string(), out);
    }
}

fn with_point(digits: &str, out: &mut Vec<u8>) {
    text(digits, out);
    if !digits.contains('.') {
        text(".0", out);
    }
}

fn non_finite(number: f64, out: &mut Vec<u8>) {
    let name = match number {
        number if number.is_nan() => "\"NaN\"",
        number if number > 0.0 => "\"Infinity\"",
        _ => "\"-Infinity\"",
    };
    text(name, out);
}

/// A string in quotes: what JSON asks to be escaped is, nothing more.
pub fn string(unescaped: &str, out: &mut Vec<u8>) {
    out.push(b'"');
    let mut rest = unescaped.as_bytes();
    loop {
        let plain = plain_bytes(rest, 0);
        out.extend_from_slice(&rest[..plain]);
        let Some(byte) = rest.get(plain) else { break };
        out.extend(escaped(*byte).as_bytes());
        rest = &rest[plain + 1..];
    }
    out.push(b'"');
}

/// Bytes that should be UTF-8, as a string; what is not is replaced.
fn lossy(bytes: &[u8], out: &mut Vec<u8>) {
    if plain_bytes(bytes, 0x80) == bytes.len() {
        out.push(b'"');
        out.extend_from_slice(bytes);
        out.push(b'"');
    } else {
        string(&String::from_utf8_lossy(bytes), out);
    }
}

/// How many bytes come before the first that needs an escape, or that has a bit of `also`.
/// Looks at eight bytes at once: most strings are ids without any.
fn plain_bytes(bytes: &[u8], also: u8) -> usize {
    const ONES: u64 = u64::from_ne_bytes([1; 8]);
    const HIGH: u64 = ONES * 0x80;
    // Exact for bytes below 0x80; sets a high bit too many at most, and only after a right one.
    let below = |word: u64, limit: u64| word.wrapping_sub(ONES * limit) & !word & HIGH;
    let equal = |word: u64, byte: u8| below(word ^ (ONES * u64::from(byte)), 1);
    let words = bytes.chunks_exact(8);
    let checked = words.take_while(|word| {
        let word = word.iter().rev().fold(0, |word, byte| word << 8 | u64::from(*byte));
        let marked = below(word, 0x20) | equal(word, b'"') | equal(word, b'\\');
        marked | (word & (ONES * u64::from(also))) == 0
    });
    let start = checked.count() * 8;
    let is_special = |byte: &u8| *byte < b' ' || matches!(byte, b'"' | b'\\') || *byte & also != 0;
    bytes[start..].iter().position(is_special).map_or(bytes.len(), |at| start + at)
}

fn escaped(byte: u8) -> Cow<'static, str> {
    match byte {
        b'"' => "\\\"".into(),
        b'\\' => "\\\\".into(),
        0x08 => "\\b".into(),
        0x0c => "\\f".into(),
        b'\n' => "\\n".into(),
        b'\r' => "\\r".into(),
        b'\t' => "\\t".into(),
        other => format!("\\u{other:04x}").into(),
    }
}
