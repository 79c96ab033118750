//! The roles of a cluster: those that somebody subscribes in, holds something for or has something
//! reserved to.

use std::collections::{BTreeMap, BTreeSet};

use mezzo_model::FrameworkId;
use mezzo_resources::{Quantities, Resources};

use super::View;

/// What every role weighs until weights can be set.
pub(super) const WEIGHT: f64 = 1.0;

/// One role.
#[derive(Debug, Default)]
pub(super) struct Role {
    /// Who subscribes in it, or holds something for it.
    pub(super) frameworks: BTreeSet<FrameworkId>,
    pub(super) allocated: Quantities,
    pub(super) offered: Quantities,
    /// What is reserved to it, in use or not.
    pub(super) reserved: Quantities,
    /// What counts towards a quota: what is reserved to it or a role below it, and what else is
    /// held there.
    pub(super) consumed: Quantities,
}

impl Role {
    /// Allocated and offered together, by name.
    pub(super) fn held(&self) -> Vec<(String, f64)> {
        let mut held = self.allocated.clone();
        held.add_all(&self.offered);
        pairs(&held)
    }
}

/// Names and amounts.
pub(super) fn pairs(quantities: &Quantities) -> Vec<(String, f64)> {
    quantities.iter().map(|(name, amount)| (name.to_owned(), amount.to_f64())).collect()
}

/// Every role by its name.
pub(super) fn known(view: &View) -> BTreeMap<String, Role> {
    let mut roles: BTreeMap<String, Role> = BTreeMap::new();
    let mut consumed: Vec<(String, Resources)> = Vec::new();
    let mut visible = BTreeSet::new();
    for framework in view.frameworks() {
        visible.insert(&framework.id);
        for role in &*framework.roles {
            roles.entry(role.clone()).or_default().frameworks.insert(framework.id.clone());
        }
    }
    for (_, held) in &view.holdings {
        let role = roles.entry(held.role.to_string()).or_default();
        if visible.contains(&held.framework) {
            role.frameworks.insert(held.framework.clone());
        }
        role.allocated.add_all(&held.allocated.scalars());
        role.offered.add_all(&held.offered.scalars());
        consumed.push((held.role.to_string(), held.allocated.unreserved() + &held.offered.unreserved()));
    }
    for agent in view.agents.values() {
        for (name, reserved) in agent.total.reservations() {
            roles.entry(name.clone()).or_default().reserved.add_all(&reserved.scalars());
            consumed.push((name, reserved));
        }
    }
    for (name, what) in consumed {
        consume(&mut roles, &name, &what);
    }
    roles
}

/// Counts it for the role and those above it that are known.
fn consume(roles: &mut BTreeMap<String, Role>, name: &str, what: &Resources) {
    let what = what.non_revocable().scalars();
    let mut name = name;
    loop {
        if let Some(role) = roles.get_mut(name) {
            role.consumed.add_all(&what);
        }
        match name.rsplit_once('/') {
            Some((above, _)) => name = above,
            None => return,
        }
    }
}
