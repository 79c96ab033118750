//! The numbers of each role: its dominant share, and what it consumes of a quota.

use std::collections::BTreeMap;

use mezzo_proto::mesos::v1;
use mezzo_resources::Resources;

use super::View;

/// The resources that shares and quotas are of.
const KINDS: [&str; 4] = ["cpus", "mem", "disk", "gpus"];

/// Amounts of [`KINDS`].
type Amounts = [f64; 4];

/// Adds the numbers of every role that a framework is in or holds something for.
pub(super) fn roles(view: &View, total: &Resources, values: &mut BTreeMap<String, f64>) {
    let mut consumed: BTreeMap<String, Amounts> = BTreeMap::new();
    for task in view.tasks.values().filter(|task| !task.state.is_terminal()) {
        for resource in &task.facts.info.resources {
            let role = resource.allocation_info.as_ref().and_then(|info| info.role.as_deref()).unwrap_or("*");
            add(consumed.entry(role.to_owned()).or_default(), resource);
        }
    }
    let mut held = consumed.clone();
    for framework in view.frameworks() {
        for role in framework.roles.iter() {
            held.entry(role.clone()).or_default();
        }
    }
    for offer in view.offers.values() {
        let offered = offer.resources.scalars();
        let held = held.entry(offer.role.clone()).or_default();
        KINDS.iter().zip(held).for_each(|(kind, amount)| *amount += offered.get(kind).to_f64());
    }
    let total = total.scalars();
    let totals = KINDS.map(|kind| total.get(kind).to_f64());
    for (role, amounts) in held {
        let shares =
            amounts.iter().zip(totals).map(|(held, total)| if total > 0.0 { held / total } else { 0.0 });
        let dominant = shares.fold(0.0, f64::max);
        values.insert(format!("allocator/mesos/roles/{role}/shares/dominant"), dominant);
    }
    for (role, amounts) in consumed {
        for (kind, amount) in KINDS.iter().zip(amounts).filter(|(_, amount)| *amount > 0.0) {
            values.insert(format!("allocator/mesos/quota/roles/{role}/resources/{kind}/consumed"), amount);
        }
    }
}

fn add(amounts: &mut Amounts, resource: &v1::Resource) {
    if let Some(at) = KINDS.iter().position(|kind| *kind == resource.name) {
        amounts[at] += resource.scalar.as_ref().map_or(0.0, |scalar| scalar.value);
    }
}
