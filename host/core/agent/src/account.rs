//! What the agent has, and what its tasks hold of it.

use mezzo_resources::Resources;

/// The agent's own account: the sum of what its tasks hold never exceeds what it has.
#[derive(Clone, Debug)]
pub(crate) struct Account {
    total: Resources,
    used: Resources,
}

impl Account {
    pub(crate) fn new(total: Resources) -> Self {
        Self { total, used: Resources::default() }
    }

    /// What nobody holds.
    pub(crate) fn free(&self) -> Resources {
        self.total.checked_sub(&self.used).unwrap_or_default()
    }

    /// What is held.
    pub(crate) fn used(&self) -> &Resources {
        &self.used
    }

    /// Everything.
    pub(crate) fn total(&self) -> &Resources {
        &self.total
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
        self.used += held.clone();
    }

    /// Gives back what was taken.
    pub(crate) fn give_back(&mut self, held: &Resources) {
        self.used = self.used.checked_sub(held).expect("only what was taken is given back");
    }
}
