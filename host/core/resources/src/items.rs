//! A set of named things.

use std::{collections::BTreeSet, fmt};

/// Distinct names, in their own order.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Items(BTreeSet<String>);

impl Items {
    /// The distinct names among `names`.
    pub fn new(names: impl IntoIterator<Item = String>) -> Self {
        Self(names.into_iter().collect())
    }

    /// The names in ascending order.
    pub fn iter(&self) -> impl Iterator<Item = &str> + '_ {
        self.0.iter().map(String::as_str)
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// How many there are.
    pub fn count(&self) -> u64 {
        self.0.len() as u64
    }

    /// Whether every one of `other` is among them.
    pub fn contains(&self, other: &Items) -> bool {
        self.0.is_superset(&other.0)
    }

    /// Those in either.
    #[must_use]
    pub fn union(&self, other: &Items) -> Items {
        Items(&self.0 | &other.0)
    }

    /// Those that are not in `other`.
    #[must_use]
    pub fn difference(&self, other: &Items) -> Items {
        Items(&self.0 - &other.0)
    }
}

impl fmt::Display for Items {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("{")?;
        for (at, name) in self.iter().enumerate() {
            let comma = if at == 0 { "" } else { ", " };
            write!(f, "{comma}{name}")?;
        }
        f.write_str("}")
    }
}
