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
        for (kind, amount) in role.consumed.iter() {
            let key = format!("allocator/mesos/quota/roles/{name}/resources/{kind}/consumed");
            values.insert(key, amount.to_f64());
        }
    }
}
