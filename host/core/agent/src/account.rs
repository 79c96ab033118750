//! What the agent has, and what its tasks hold of it.

use mezzo_resources::{Conversion, Resources};

/// The agent's own account: the sum of what its tasks hold never exceeds what it has.
#[derive(Clone, Debug)]
pub(crate) struct Account {
    total: Resources,
    used: Resources,
    /// What is held besides, and does not fit: an earlier life may have written down a task before
    /// the end of the one whose resources it was to have.
    beyond: Vec<Resources>,
}

impl Account {
    pub(crate) fn new(total: Resources) -> Self {
        Self { total, used: Resources::default(), beyond: Vec::new() }
    }

    /// What nobody holds.
    pub(crate) fn free(&self) -> Resources {
        if !self.beyond.is_empty() {
            return Resources::default();
        }
        self.total.checked_sub(&self.used).unwrap_or_default()
    }

    /// What is held, as far as there is that much.
    pub(crate) fn used(&self) -> &Resources {
        &self.used
    }

    /// Everything.
    pub(crate) fn total(&self) -> &Resources {
        &self.total
    }

    /// Trades some of everything for something else, whoever holds it; false when there is not all of
    /// it. The master has seen to it that nobody who is alive uses it.
    #[must_use]
    pub(crate) fn convert(&mut self, conversion: &Conversion) -> bool {
        let after = self.total.apply(&conversion.consumed, &conversion.made);
        let is_there = after.is_some();
        self.total = after.unwrap_or_else(|| self.total.clone());
        is_there
    }

    /// Takes `wanted` if it is free.
    #[must_use]
    pub(crate) fn take(&mut self, wanted: &Resources) -> bool {
        let is_free = self.free().contains(wanted);
        if is_free {
            self.used += wanted.clone();
        }
        is_free
    }

    /// Takes `held` although it may be too much: what runs already is a fact.
    pub(crate) fn recover(&mut self, held: &Resources) {
        if !self.fits(held) {
            return self.beyond.push(held.clone());
        }
        self.used += held.clone();
    }

    /// Gives back what was taken.
    pub(crate) fn give_back(&mut self, held: &Resources) {
        if let Some(at) = self.beyond.iter().position(|beyond| beyond == held) {
            self.beyond.remove(at);
            return;
        }
        self.used = self.used.checked_sub(held).expect("only what was taken is given back");
        for held in std::mem::take(&mut self.beyond) {
            self.recover(&held);
        }
    }

    fn fits(&self, held: &Resources) -> bool {
        self.total.checked_sub(&self.used).is_some_and(|left| left.contains(held))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn resources(text: &str) -> Resources {
        Resources::parse(text, "*").expect("well formed")
    }

    /// A killed agent may find two tasks on its disk that were to have the same port one after the
    /// other: both are there until one of them is found to be gone.
    #[test]
    fn what_two_tasks_hold_is_given_back_twice() {
        let (first, second) = (resources("cpus:2;ports:[1-1]"), resources("cpus:3;ports:[1-1]"));
        for order in [[&first, &second], [&second, &first]] {
            let mut account = Account::new(resources("cpus:4;ports:[1-2]"));
            account.recover(&first);
            account.recover(&second);
            assert!(!account.take(&resources("ports:[2-2]")), "nothing is free before one has gone");
            account.give_back(order[0]);
            assert_eq!(account.used(), order[1]);
            account.give_back(order[1]);
            assert_eq!(account.free(), *account.total());
        }
    }
}
