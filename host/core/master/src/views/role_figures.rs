//! The numbers of each role: its dominant share, and what it consumes of a quota.

use std::collections::BTreeMap;

use mezzo_resources::Resources;

use super::{View, roles::known};

/// The resources that shares are of.
const KINDS: [&str; 4] = ["cpus", "mem", "disk", "gpus"];

/// Adds the numbers of every role that a framework is in or holds something for.
pub(super) fn roles(view: &View, total: &Resources, values: &mut BTreeMap<String, f64>) {
    let total = total.scalars();
    for (name, role) in known(view) {
        let held: BTreeMap<String, f64> = role.held().into_iter().collect();
        let share = |kind: &str| {
            let (held, total) = (held.get(kind).copied().unwrap_or(0.0), total.get(kind).to_f64());
            if total > 0.0 { held / total } else { 0.0 }
        };
        let dominant = KINDS.into_iter().map(share).fold(0.0, f64::max);
        values.insert(format!("allocator/mesos/roles/{name}/shares/dominant"), dominant);
        let mut quota = |kind: &str, what: &str, amount: f64| {
            let key = format!("allocator/mesos/quota/roles/{name}/resources/{kind}/{what}");
            values.insert(key, amount);
        };
        role.consumed.iter().for_each(|(kind, amount)| quota(kind, "consumed", amount.to_f64()));
        role.guarantee.iter().for_each(|(kind, amount)| quota(kind, "guarantee", *amount));
        role.limit.iter().for_each(|(kind, amount)| quota(kind, "limit", *amount));
        for (kind, _) in role.guarantee.iter().chain(&role.limit) {
            quota(kind, "offered_or_allocated", held.get(kind).copied().unwrap_or(0.0));
        }
    }
}
