//! The roles of a cluster: those that somebody subscribes in, holds something for, has something
//! reserved to, or that an operator has set a weight or a quota for.

use std::collections::{BTreeMap, BTreeSet};

use mezzo_model::FrameworkId;
use mezzo_proto::mesos::v1::{
    Resource, WeightInfo,
    quota::{QuotaConfig, QuotaInfo, QuotaStatus},
    value,
};
use mezzo_resources::{Quantities, Resources};

use super::View;
use crate::role_settings::{guarantees, limits};

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
    pub(super) weight: f64,
    /// What its quota guarantees.
    pub(super) guarantee: Vec<(String, f64)>,
    /// What its quota limits.
    pub(super) limit: Vec<(String, f64)>,
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
    let settings = &view.role_settings;
    for role in settings.weights.keys().chain(settings.quotas.keys()) {
        roles.entry(role.clone()).or_default();
    }
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
    for (name, role) in &mut roles {
        role.weight = settings.weight(name);
        if let Some(config) = settings.quotas.get(name) {
            role.guarantee = pairs(&guarantees(config));
            let limits = limits(config).into_iter();
            role.limit = limits.map(|(name, amount)| (name.to_string(), amount.to_f64())).collect();
        }
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

/// The weights that are not 1.
pub(super) fn weights(view: &View) -> Vec<WeightInfo> {
    let weights = view.role_settings.weights.iter();
    weights.map(|(role, weight)| WeightInfo { role: Some(role.clone()), weight: *weight }).collect()
}

/// All quotas, in the form of today and in that of before.
#[allow(deprecated, reason = "older readers look for the older form")]
pub(super) fn quota_status(view: &View) -> QuotaStatus {
    let configs: Vec<QuotaConfig> = view.role_settings.quotas.values().cloned().collect();
    let info = |config: &QuotaConfig| {
        let guarantee = config.guarantees.iter().map(|(name, scalar)| Resource {
            name: name.clone(),
            r#type: value::Type::Scalar as i32,
            scalar: Some(*scalar),
            ..Resource::default()
        });
        QuotaInfo { role: Some(config.role.clone()), guarantee: guarantee.collect(), ..QuotaInfo::default() }
    };
    QuotaStatus { infos: configs.iter().map(info).collect(), configs }
}
