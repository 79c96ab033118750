//! The core's share of `/metrics/snapshot`.

use std::collections::BTreeMap;

use mezzo_model::task::TaskState;
use mezzo_resources::Resources;

use super::{View, frameworks::frameworks, role_figures::roles, sums::Sums};

/// Names and values, sorted.
pub(super) fn snapshot(view: &View) -> Vec<(String, f64)> {
    let counted = view.counters.iter();
    let mut values: BTreeMap<String, f64> =
        counted.map(|(name, count)| (name.to_owned(), count as f64)).collect();
    let mut put = |name: &str, value: usize| {
        values.insert(name.to_owned(), value as f64);
    };
    let connected = view.agents.values().filter(|agent| agent.is_active()).count();
    let away = view.agents.len() - connected;
    put("master/elected", 1);
    put("master/slaves_connected", connected);
    put("master/slaves_active", connected);
    put("master/slaves_disconnected", away);
    put("master/slaves_inactive", away);
    put("master/slaves_unreachable", view.unreachable_agents);
    let connected = view.frameworks.values().filter(|framework| framework.is_connected()).count();
    let away = view.frameworks.len() - connected;
    put("master/frameworks_connected", connected);
    put("master/frameworks_active", connected);
    put("master/frameworks_disconnected", away);
    put("master/frameworks_inactive", away);
    put("master/outstanding_offers", view.offers.len());
    put("master/tasks_unreachable", view.unreachable_tasks.len());
    for (name, state) in [
        ("master/tasks_staging", TaskState::Staging),
        ("master/tasks_starting", TaskState::Starting),
        ("master/tasks_running", TaskState::Running),
        ("master/tasks_killing", TaskState::Killing),
    ] {
        put(name, view.tasks.values().filter(|task| task.state == state).count());
    }
    let uptime = view.taken_at.seconds() - view.config.start_time_seconds;
    values.insert("master/uptime_secs".to_owned(), uptime.max(0.0));
    resources(view, &mut values);
    allocator(view, &mut values);
    frameworks(view, &mut values);
    values.into_iter().collect()
}

/// What there is, is used and is offered of each kind.
fn resources(view: &View, values: &mut BTreeMap<String, f64>) {
    let sums = Sums::of(view);
    let mut total = Resources::new();
    let mut used = Resources::new();
    let mut offered = Resources::new();
    for agent in view.agents.values() {
        let sum = sums.agent(&agent.id);
        total += &agent.total;
        used += &sum.used;
        offered += &sum.offered;
    }
    roles(view, &total, values);
    let (total, used, offered) = (total.scalars(), used.scalars(), offered.scalars());
    for name in ["cpus", "mem", "disk", "gpus"] {
        let (has, uses) = (total.get(name).to_f64(), used.get(name).to_f64());
        values.insert(format!("master/{name}_total"), has);
        values.insert(format!("master/{name}_used"), uses);
        values.insert(format!("master/{name}_percent"), if has > 0.0 { uses / has } else { 0.0 });
        if has > 0.0 {
            let held = uses + offered.get(name).to_f64();
            values.insert(format!("allocator/mesos/resources/{name}/total"), has);
            values.insert(format!("allocator/mesos/resources/{name}/offered_or_allocated"), held);
        }
    }
}

/// The allocator's slot.
fn allocator(view: &View, values: &mut BTreeMap<String, f64>) {
    let counters = view.allocator;
    values.insert("allocator/mesos/allocation_runs".to_owned(), counters.proposals as f64);
    for (name, count) in [
        ("rounds", counters.rounds),
        ("rows_dropped", counters.rows_dropped),
        ("rows_faulty", counters.rows_faulty),
        ("traps", counters.traps),
        ("deadlines", counters.deadlines),
        ("memory", counters.memory),
        ("other_failures", counters.other_failures),
        ("starts", counters.starts),
        ("fallbacks", counters.fallbacks),
        ("cpu_us", counters.cpu_us),
    ] {
        values.insert(format!("mezzo/plugins/allocator/{name}"), count as f64);
    }
}
