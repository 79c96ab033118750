//! Whether an answer has the shape of a recorded one: the same names, in the same order, with the same
//! kinds of values.

use serde_json::Value;

/// Where two values differ in shape. Names in `left_out` may be on one side only; a reason stands beside each.
pub fn differences(
    path: &str,
    expected: &Value,
    found: &Value,
    left_out: &[(&str, &str)],
    out: &mut Vec<String>,
) {
    match (expected, found) {
        (Value::Object(expected), Value::Object(found)) => {
            let is_left_out = |name: &&String| !left_out.iter().any(|(left, _)| left == *name);
            let expected_names: Vec<&String> = expected.keys().filter(is_left_out).collect();
            let found_names: Vec<&String> = found.keys().filter(is_left_out).collect();
            if path.ends_with("flags") || path.ends_with("attributes") {
                return;
            }
            if expected_names != found_names {
                out.push(format!("{path}: {expected_names:?} there, {found_names:?} here"));
            }
            for (name, expected) in expected {
                if let Some(found) = found.get(name) {
                    differences(&format!("{path}/{name}"), expected, found, left_out, out);
                }
            }
        }
        (Value::Array(expected), Value::Array(found)) => {
            if path.ends_with("capabilities") {
                return;
            }
            if expected.len() != found.len() {
                out.push(format!("{path}: {} items there, {} here", expected.len(), found.len()));
            }
            for (expected, found) in expected.iter().zip(found) {
                differences(&format!("{path}/*"), expected, found, left_out, out);
            }
        }
        (Value::Number(expected), Value::Number(found)) => {
            if expected.is_f64() != found.is_f64() {
                out.push(format!("{path}: {expected} there, {found} here"));
            }
        }
        (expected, found) => {
            if std::mem::discriminant(expected) != std::mem::discriminant(found) {
                out.push(format!("{path}: {expected} there, {found} here"));
            }
        }
    }
}
