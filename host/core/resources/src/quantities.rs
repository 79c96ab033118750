//! How much of each name, whatever its kind.

use std::{fmt, sync::Arc};

use crate::Amount;

/// An amount for each of some names; names with nothing are absent.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Quantities(Vec<(Arc<str>, Amount)>);

impl Quantities {
    /// Nothing of anything.
    pub const fn new() -> Self {
        Self(Vec::new())
    }

    /// How much there is of `name`.
    pub fn get(&self, name: &str) -> Amount {
        self.place(name).map_or(Amount::ZERO, |at| self.0[at].1)
    }

    /// Names and amounts, by name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, Amount)> + '_ {
        self.0.iter().map(|(name, amount)| (&**name, *amount))
    }

    /// The names of which there is something.
    pub fn names(&self) -> impl Iterator<Item = &Arc<str>> + '_ {
        self.0.iter().map(|(name, _)| name)
    }

    /// Whether there is nothing.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Adds so much of `name`.
    pub fn add(&mut self, name: &Arc<str>, amount: Amount) {
        if amount.is_zero() {
            return;
        }
        match self.place(name) {
            Ok(at) => self.0[at].1 = self.0[at].1.plus(amount),
            Err(at) => self.0.insert(at, (Arc::clone(name), amount)),
        }
    }

    /// Takes so much of `name` away, at most all of it.
    pub fn take(&mut self, name: &str, amount: Amount) {
        if let Ok(at) = self.place(name) {
            self.0[at].1 = self.0[at].1.minus(amount);
            if self.0[at].1.is_zero() {
                self.0.remove(at);
            }
        }
    }

    /// Adds all of `other`.
    pub fn add_all(&mut self, other: &Quantities) {
        for (name, amount) in &other.0 {
            self.add(name, *amount);
        }
    }

    /// Whether there is at least as much of everything as in `other`.
    pub fn contains(&self, other: &Quantities) -> bool {
        other.iter().all(|(name, amount)| self.get(name) >= amount)
    }

    /// Reads `cpus:0.01;mem:32`, the form of one alternative of `--min_allocatable_resources`.
    ///
    /// # Errors
    ///
    /// A part without exactly one colon, an empty name or something that is not an amount.
    pub fn parse(text: &str) -> Result<Quantities, QuantitiesError> {
        let mut quantities = Quantities::new();
        for part in text.split(';').map(str::trim).filter(|part| !part.is_empty()) {
            let malformed = || QuantitiesError(part.to_owned());
            let (name, value) = part.split_once(':').ok_or_else(malformed)?;
            let (name, value) = (name.trim(), value.trim());
            if name.is_empty() || value.contains(':') {
                return Err(malformed());
            }
            quantities.add(&Arc::from(name), Amount::parse(value).map_err(|_| malformed())?);
        }
        Ok(quantities)
    }

    fn place(&self, name: &str) -> Result<usize, usize> {
        self.0.binary_search_by(|(known, _)| (**known).cmp(name))
    }
}

/// A part of a list of quantities that is not `name:amount`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("Failed to parse '{0}' as a quantity: expected 'name:amount'")]
pub struct QuantitiesError(String);

impl fmt::Display for Quantities {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, (name, amount)) in self.iter().enumerate() {
            let semicolon = if at == 0 { "" } else { "; " };
            write!(f, "{semicolon}{name}:{amount}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn contains_compares_name_by_name() {
        let many = Quantities::parse("cpus:2;mem:64").unwrap();
        assert!(many.contains(&Quantities::parse("cpus:0.01").unwrap()));
        assert!(many.contains(&Quantities::new()));
        assert!(!many.contains(&Quantities::parse("gpus:1").unwrap()));
        assert_eq!(many.to_string(), "cpus:2; mem:64");
    }

    #[test]
    fn what_is_not_a_list_of_quantities_is_refused() {
        for text in ["cpus", "cpus:1:2", ":1", "cpus:x", "cpus:-1"] {
            assert!(Quantities::parse(text).is_err(), "{text}");
        }
    }
}
