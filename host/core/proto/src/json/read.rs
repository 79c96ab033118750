//! From JSON values to the bytes of a message.

use super::{
    JsonError, base64,
    text::{self, Number, Value},
};
use crate::{
    bytes::{Raw, put_raw},
    schema::{Field, Kind, MessageRef, Shape},
};

/// Encodes an object as a message; missing fields are not looked for.
pub(super) fn message(message: MessageRef, value: &Value<'_>) -> Result<Vec<u8>, JsonError> {
    let Value::Object(members) = value else { return Err(shape("Expecting a JSON object")) };
    let mut out = Vec::new();
    for (key, value) in members {
        if let Some(declared) = message.get().named(key) {
            field(declared, value, &mut out)?;
        }
    }
    Ok(out)
}

fn field(declared: &Field, value: &Value<'_>, out: &mut Vec<u8>) -> Result<(), JsonError> {
    match (value, declared.shape) {
        (Value::Null, _) => Ok(()),
        (Value::Array(items), Shape::Repeated | Shape::Map) => {
            items.iter().try_for_each(|item| field(declared, item, out))
        }
        (Value::Object(entries), Shape::Map) => {
            entries.iter().try_for_each(|(key, value)| map_entry(declared, key, value, out))
        }
        (_, Shape::Map) => Err(not_expected(declared, value)),
        (_, Shape::Optional | Shape::Required | Shape::Repeated) => one(declared, value, out),
    }
}

/// An entry is a message of two fields, `key` and `value`.
fn map_entry(declared: &Field, key: &str, value: &Value<'_>, out: &mut Vec<u8>) -> Result<(), JsonError> {
    let Kind::Message(entry) = declared.kind else { return Err(not_expected(declared, value)) };
    let [key_field, value_field] = &entry.get().fields[..] else { return Err(not_expected(declared, value)) };
    if matches!(value, Value::Null) {
        return Ok(());
    }
    let mut bytes = Vec::new();
    one(key_field, &Value::String(key.into()), &mut bytes)?;
    one(value_field, value, &mut bytes)?;
    put_raw(declared.number, Raw::Bytes(&bytes), out);
    Ok(())
}

/// One value of a field that may stand more often.
fn one(declared: &Field, value: &Value<'_>, out: &mut Vec<u8>) -> Result<(), JsonError> {
    let mut put = |raw: Raw<'_>| {
        put_raw(declared.number, raw, out);
        Ok(())
    };
    match (declared.kind, value) {
        (Kind::Message(below), Value::Object(_)) => put(Raw::Bytes(&message(below, value)?)),
        (Kind::String, Value::String(text)) => put(Raw::Bytes(text.as_bytes())),
        (Kind::Bytes, Value::String(text)) => put(Raw::Bytes(&bytes(declared, text)?)),
        (Kind::Enum(names), Value::String(name)) => match names.get().number(name) {
            Some(number) => put(Raw::Varint(i64::from(number) as u64)),
            None if declared.shape == Shape::Required => {
                Err(shape(format!("Failed to find enum for '{name}'")))
            }
            None => Ok(()),
        },
        (Kind::Bool, Value::Bool(truth)) => put(Raw::Varint(u64::from(*truth))),
        (Kind::Bool, Value::String(text)) => put(Raw::Varint(u64::from(boolean(declared, text)?))),
        (Kind::String | Kind::Bytes | Kind::Enum(_) | Kind::Bool | Kind::Message(_), _) => {
            Err(not_expected(declared, value))
        }
        (_, Value::Number(number)) => put(scalar(declared, *number)?),
        (_, Value::String(text)) => put(scalar(declared, numeral(declared, text)?)?),
        (_, _) => Err(not_expected(declared, value)),
    }
}

fn scalar(declared: &Field, number: Number) -> Result<Raw<'static>, JsonError> {
    let zigzag = |number: i64| Raw::Varint((number << 1 ^ number >> 63) as u64);
    Ok(match declared.kind {
        Kind::Double => Raw::Fixed64(number.as_f64().to_bits()),
        Kind::Float => Raw::Fixed32((number.as_f64() as f32).to_bits()),
        Kind::Int32 => Raw::Varint(i64::from(whole::<i32>(declared, number)?) as u64),
        Kind::Int64 => Raw::Varint(whole::<i64>(declared, number)? as u64),
        Kind::Uint32 => Raw::Varint(whole::<u32>(declared, number)?.into()),
        Kind::Uint64 => Raw::Varint(whole::<u64>(declared, number)?),
        Kind::Sint32 => zigzag(whole::<i32>(declared, number)?.into()),
        Kind::Sint64 => zigzag(whole::<i64>(declared, number)?),
        Kind::Fixed32 => Raw::Fixed32(whole::<u32>(declared, number)?),
        Kind::Fixed64 => Raw::Fixed64(whole::<u64>(declared, number)?),
        Kind::Sfixed32 => Raw::Fixed32(whole::<i32>(declared, number)? as u32),
        Kind::Sfixed64 => Raw::Fixed64(whole::<i64>(declared, number)? as u64),
        Kind::Bool | Kind::String | Kind::Bytes | Kind::Enum(_) | Kind::Message(_) => {
            return Err(not_expected(declared, &Value::Number(number)));
        }
    })
}

/// The whole number in the width of the field; a fraction is cut off.
fn whole<T: TryFrom<i128>>(declared: &Field, number: Number) -> Result<T, JsonError> {
    let fits = number.as_i128().and_then(|number| T::try_from(number).ok());
    fits.ok_or_else(|| shape(format!("The JSON number for field '{}' is out of range", declared.name)))
}

/// A number given as text, which is how some clients write 64 bits and infinities.
fn numeral(declared: &Field, text: &str) -> Result<Number, JsonError> {
    if matches!(declared.kind, Kind::Double | Kind::Float) {
        match text {
            "Infinity" => return Ok(Number::Float(f64::INFINITY)),
            "-Infinity" => return Ok(Number::Float(f64::NEG_INFINITY)),
            _ => {}
        }
    }
    match text::parse(text.as_bytes()) {
        Ok(Value::Number(number)) => Ok(number),
        Ok(_) => Err(unparsed(text, "number", declared, "it is something else")),
        Err(why) => Err(unparsed(text, "number", declared, why)),
    }
}

fn boolean(declared: &Field, text: &str) -> Result<bool, JsonError> {
    match text {
        "true" => Ok(true),
        "false" => Ok(false),
        _ => match text::parse(text.as_bytes()) {
            Ok(_) => Err(unparsed(text, "boolean", declared, "it is something else")),
            Err(why) => Err(unparsed(text, "boolean", declared, why)),
        },
    }
}

fn unparsed(text: &str, wanted: &str, declared: &Field, why: impl std::fmt::Display) -> JsonError {
    shape(format!("Failed to parse '{text}' as a JSON {wanted} for field '{}': {why}", declared.name))
}

fn bytes(declared: &Field, text: &str) -> Result<Vec<u8>, JsonError> {
    let failed =
        |why: String| shape(format!("Failed to base64 decode bytes field '{}': {why}", declared.name));
    base64::decode(text).map_err(failed)
}

fn not_expected(declared: &Field, value: &Value<'_>) -> JsonError {
    let found = match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    };
    shape(format!("Not expecting a JSON {found} for field '{}'", declared.name))
}

fn shape(text: impl Into<String>) -> JsonError {
    JsonError::Shape(text.into())
}
