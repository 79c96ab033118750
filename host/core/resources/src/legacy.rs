//! Resources as the older JSON endpoints show them: `{"cpus": 0.5, "ports": "[31000-31000]"}`.

use crate::{Amount, Items, Ranges, Resources, Value};

/// A value of the older JSON endpoints.
#[derive(Clone, Debug, PartialEq)]
pub enum LegacyValue {
    /// A JSON number.
    Number(f64),
    /// A JSON string.
    Text(String),
}

/// Names and values in the order in which they are shown: scalars, of which `disk`, `mem`, `gpus` and
/// `cpus` are always there, then ranges, then sets. What can be taken back stands apart, as
/// `NAME_revocable`.
pub fn legacy(resources: &Resources) -> Vec<(String, LegacyValue)> {
    let mut scalars: Vec<(String, Amount)> =
        ["disk", "mem", "gpus", "cpus"].map(|name| (name.to_owned(), Amount::ZERO)).into();
    let mut ranges: Vec<(String, Ranges)> = Vec::new();
    let mut sets: Vec<(String, Items)> = Vec::new();
    for resource in resources {
        let suffix = if resource.is_revocable() { "_revocable" } else { "" };
        let name = format!("{}{suffix}", resource.name);
        match &resource.value {
            Value::Scalar(amount) => {
                let sum = entry(&mut scalars, name);
                *sum = sum.plus(*amount);
            }
            Value::Ranges(more) => {
                let all = entry(&mut ranges, name);
                *all = all.union(more);
            }
            Value::Set(more) => {
                let all = entry(&mut sets, name);
                *all = all.union(more);
            }
        }
    }
    let scalars = scalars.into_iter().map(|(name, amount)| (name, LegacyValue::Number(amount.to_f64())));
    let ranges = ranges.into_iter().map(|(name, ranges)| (name, LegacyValue::Text(ranges.to_string())));
    let sets = sets.into_iter().map(|(name, items)| (name, LegacyValue::Text(items.to_string())));
    scalars.chain(ranges).chain(sets).collect()
}

/// The value of `name`, made when it is not there.
fn entry<T: Default>(list: &mut Vec<(String, T)>, name: String) -> &mut T {
    let at = list.iter().position(|(known, _)| *known == name).unwrap_or_else(|| {
        list.push((name, T::default()));
        list.len() - 1
    });
    &mut list[at].1
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str) -> String {
        let pairs =
            legacy(&Resources::parse(text, "*").unwrap()).into_iter().map(|(name, value)| match value {
                LegacyValue::Number(number) => format!("{name}={number:?}"),
                LegacyValue::Text(text) => format!("{name}={text:?}"),
            });
        pairs.collect::<Vec<_>>().join(" ")
    }

    /// As a recorded `/state` has it.
    #[test]
    fn the_four_names_are_always_there() {
        assert_eq!(
            shown("cpus:8;mem:4096;disk:8192;ports:[31000-32000]"),
            r#"disk=8192.0 mem=4096.0 gpus=0.0 cpus=8.0 ports="[31000-32000]""#
        );
        assert_eq!(shown(""), "disk=0.0 mem=0.0 gpus=0.0 cpus=0.0");
    }

    #[test]
    fn roles_are_added_up() {
        assert_eq!(
            shown("cpus:1;cpus(ads):2;bugs(ads):{a};bugs:{b};x:1"),
            r#"disk=0.0 mem=0.0 gpus=0.0 cpus=3.0 x=1.0 bugs="{a, b}""#
        );
    }
}
