//! From the bytes of a message to JSON text.

use std::borrow::Cow;

use super::base64;
use crate::{
    bytes::{Fields, Raw, take_fixed32, take_fixed64, take_varint},
    schema::{Field, Kind, Message, MessageRef, Shape},
};

/// `prost` builds no deeper message, so nothing of ours is cut off.
const DEPTH_MAX: usize = 200;

/// Appends an encoded message as a JSON object. Bytes that make no sense are left out.
pub(super) fn message(message: MessageRef, bytes: &[u8], out: &mut Vec<u8>) {
    object(message.get(), bytes, DEPTH_MAX, out);
}

fn object(message: &Message, bytes: &[u8], depth: usize, out: &mut Vec<u8>) {
    let mut present: Vec<(usize, Raw<'_>)> =
        Fields::new(bytes).filter_map(|(number, raw)| Some((message.numbered(number)?, raw))).collect();
    present.sort_by_key(|(at, _)| *at);
    let mut rest = &present[..];
    out.push(b'{');
    for (at, declared) in message.fields.iter().enumerate() {
        let (occurrences, later) = rest.split_at(rest.iter().take_while(|(found, _)| *found == at).count());
        rest = later;
        let before = out.len();
        if out.last() != Some(&b'{') {
            out.push(b',');
        }
        string(&declared.name, out);
        out.push(b':');
        if !field(declared, occurrences, depth, out) {
            out.truncate(before);
        }
    }
    out.push(b'}');
}

/// Appends a field's value; `false` if there is none and whatever was appended has to go.
fn field(declared: &Field, occurrences: &[(usize, Raw<'_>)], depth: usize, out: &mut Vec<u8>) -> bool {
    let is_written = match declared.shape {
        _ if occurrences.is_empty() => false,
        Shape::Optional | Shape::Required => singular(declared.kind, occurrences, depth, out),
        Shape::Repeated => list(declared.kind, occurrences, depth, out),
        Shape::Map => map(declared.kind, occurrences, depth, out),
    };
    match &declared.unset {
        Some(unset) if !is_written => out.extend(unset.as_bytes()),
        _ => return is_written,
    }
    true
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

fn list(kind: Kind, occurrences: &[(usize, Raw<'_>)], depth: usize, out: &mut Vec<u8>) -> bool {
    out.push(b'[');
    let mut count = 0;
    let mut item = |raw: Raw<'_>, out: &mut Vec<u8>| {
        let before = out.len();
        if count > 0 {
            out.push(b',');
        }
        if value(kind, raw, depth, out) {
            count += 1;
        } else {
            out.truncate(before);
        }
    };
    for (_, raw) in occurrences {
        match raw {
            Raw::Bytes(packed) if can_be_packed(kind) => {
                let mut packed = *packed;
                while let Some(raw) = unpack(kind, &mut packed) {
                    item(raw, out);
                }
            }
            raw => item(*raw, out),
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
        (Kind::Int32, Raw::Varint(bits)) => text(&(bits as i32).to_string(), out),
        (Kind::Int64, Raw::Varint(bits)) => text(&(bits as i64).to_string(), out),
        (Kind::Uint32, Raw::Varint(bits)) => text(&(bits as u32).to_string(), out),
        (Kind::Uint64, Raw::Varint(bits)) => text(&bits.to_string(), out),
        (Kind::Sint32, Raw::Varint(bits)) => text(&(unzigzag(bits) as i32).to_string(), out),
        (Kind::Sint64, Raw::Varint(bits)) => text(&unzigzag(bits).to_string(), out),
        (Kind::Fixed32, Raw::Fixed32(bits)) => text(&bits.to_string(), out),
        (Kind::Fixed64, Raw::Fixed64(bits)) => text(&bits.to_string(), out),
        (Kind::Sfixed32, Raw::Fixed32(bits)) => text(&(bits as i32).to_string(), out),
        (Kind::Sfixed64, Raw::Fixed64(bits)) => text(&(bits as i64).to_string(), out),
        (Kind::Bool, Raw::Varint(bits)) => text(if bits == 0 { "false" } else { "true" }, out),
        (Kind::String, Raw::Bytes(bytes)) => string(&String::from_utf8_lossy(bytes), out),
        (Kind::Bytes, Raw::Bytes(bytes)) => string(&base64::encode(bytes), out),
        (Kind::Enum(names), Raw::Varint(bits)) => {
            let Some(name) = names.get().name(bits as i32) else { return false };
            string(name, out);
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
    out.extend(text.as_bytes());
}

/// Shortest digits that read back as the same number, always with a point or an exponent.
pub(crate) fn double(number: f64, out: &mut Vec<u8>) {
    let magnitude = number.abs();
    if !number.is_finite() {
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
fn string(unescaped: &str, out: &mut Vec<u8>) {
    out.push(b'"');
    let mut rest = unescaped.as_bytes();
    while let Some(at) = rest.iter().position(|byte| *byte < b' ' || matches!(byte, b'"' | b'\\')) {
        out.extend(&rest[..at]);
        out.extend(escaped(rest[at]).as_bytes());
        rest = &rest[at + 1..];
    }
    out.extend(rest);
    out.push(b'"');
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
