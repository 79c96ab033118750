//! The shape of JSON: which names are where, and what kinds of values they have.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

/// Paths such as `/slaves[]/id`, each with the kinds of values seen there.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(transparent)]
pub struct Shape(pub BTreeMap<String, BTreeSet<String>>);

impl Shape {
    /// The shape of a value.
    pub fn of(value: &Value) -> Self {
        let mut shape = Self::default();
        shape.add("", value);
        shape
    }

    fn add(&mut self, path: &str, value: &Value) {
        let kind = match value {
            Value::Null => "null",
            Value::Bool(_) => "bool",
            Value::Number(number) if number.is_f64() => "float",
            Value::Number(_) => "int",
            Value::String(_) => "string",
            Value::Array(items) if items.is_empty() => "empty",
            Value::Array(_) => "array",
            Value::Object(_) => "object",
        };
        self.0.entry(path.to_owned()).or_default().insert(kind.to_owned());
        match value {
            Value::Array(items) => items.iter().for_each(|item| self.add(&format!("{path}[]"), item)),
            Value::Object(members) => {
                members.iter().for_each(|(name, value)| self.add(&format!("{path}/{name}"), value));
            }
            _ => {}
        }
    }

    /// What is said of a path, as one word.
    pub fn kinds(&self, path: &str) -> String {
        match self.0.get(path) {
            None => "absent".to_owned(),
            Some(kinds) => kinds.iter().map(String::as_str).collect::<Vec<_>>().join("|"),
        }
    }

    /// The highest paths at which two shapes differ: what is below one that differs is not told again.
    pub fn differing<'a>(&'a self, other: &'a Self) -> Vec<&'a str> {
        let paths: BTreeSet<&str> = self.0.keys().chain(other.0.keys()).map(String::as_str).collect();
        let mut found: Vec<&str> = Vec::new();
        for path in paths {
            let is_below = |above: &&str| {
                path.strip_prefix(*above).is_some_and(|rest| rest.starts_with('/') || rest.starts_with("[]"))
            };
            let is_told = found.iter().any(is_below);
            if !is_told && self.0.get(path) != other.0.get(path) {
                found.push(path);
            }
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn shapes_differ_in_names_and_kinds_only() {
        let theirs = Shape::of(&json!({"a": 1, "b": [{"x": 1.5}], "c": {"d": "e"}}));
        let ours = Shape::of(&json!({"a": 7, "b": [{"x": 1}, {"x": 2}], "f": null}));
        assert_eq!(theirs.differing(&ours), ["/b[]/x", "/c", "/f"]);
        assert_eq!((theirs.kinds("/b[]/x"), ours.kinds("/c")), ("float".into(), "absent".into()));
    }
}
