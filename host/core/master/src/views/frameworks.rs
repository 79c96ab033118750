//! The numbers of each framework: `master/frameworks/NAME/ID/…`.

use std::collections::BTreeMap;

use mezzo_model::{FrameworkId, framework::Framework, task::TaskState};
use mezzo_proto::mesos::v1::{
    offer::operation,
    scheduler::{call, event},
};

use super::View;
use crate::metrics::{ByType, FrameworkCounts};

/// What is counted of a framework, and which of its roles want no offers.
#[derive(Debug)]
pub(crate) struct Counted {
    pub(crate) counts: FrameworkCounts,
    pub(crate) suppressed: Vec<String>,
}

/// States of tasks that may still change, as the numbers list them.
const ACTIVE: [TaskState; 6] = [
    TaskState::Staging,
    TaskState::Starting,
    TaskState::Running,
    TaskState::Killing,
    TaskState::Unreachable,
    TaskState::Unknown,
];

const TERMINAL: [TaskState; 8] = [
    TaskState::Finished,
    TaskState::Failed,
    TaskState::Killed,
    TaskState::Error,
    TaskState::Lost,
    TaskState::Dropped,
    TaskState::Gone,
    TaskState::GoneByOperator,
];

/// Adds the numbers of every framework that is not removed, and those of their principals.
pub(super) fn frameworks(view: &View, values: &mut BTreeMap<String, f64>) {
    let mut active: BTreeMap<(&FrameworkId, TaskState), u64> = BTreeMap::new();
    for task in view.tasks.values() {
        *active.entry((&task.facts.framework, task.state)).or_default() += 1;
    }
    for task in view.unreachable_tasks.values() {
        *active.entry((&task.facts.framework, TaskState::Unreachable)).or_default() += 1;
    }
    for framework in view.frameworks() {
        let Some(counted) = view.counted.get(&framework.id) else { continue };
        let prefix = format!("master/frameworks/{}/{}", escaped(&framework.info.name), framework.id);
        one(&prefix, framework, counted, values);
        for state in ACTIVE {
            let count = active.get(&(&framework.id, state)).copied().unwrap_or(0);
            values.insert(format!("{prefix}/tasks/active/{}", state.name().to_lowercase()), count as f64);
        }
        if let Some(principal) = framework.info.principal.as_deref().filter(|name| !name.is_empty()) {
            for what in ["messages_received", "messages_processed"] {
                let sum = values.entry(format!("frameworks/{}/{what}", escaped(principal))).or_default();
                *sum += counted.counts.calls.sum() as f64;
            }
        }
    }
}

fn one(prefix: &str, framework: &Framework, counted: &Counted, values: &mut BTreeMap<String, f64>) {
    let Counted { counts, suppressed } = counted;
    let mut put = |name: &str, value: u64| {
        values.insert(format!("{prefix}/{name}"), value as f64);
    };
    put("subscribed", u64::from(framework.is_connected()));
    put("offers/sent", counts.offers_sent);
    put("offers/accepted", counts.offers_accepted);
    put("offers/declined", counts.offers_declined);
    put("offers/rescinded", counts.offers_rescinded);
    let calls = |number| call::Type::try_from(number).ok().map(|kind| kind.as_str_name());
    by_type("calls", &counts.calls, calls, &mut put);
    let events = |number| event::Type::try_from(number).ok().map(|kind| kind.as_str_name());
    by_type("events", &counts.events, events, &mut put);
    let operations = |number| operation::Type::try_from(number).ok().map(|kind| kind.as_str_name());
    by_type("operations", &counts.operations, operations, &mut put);
    for state in TERMINAL {
        put(
            &format!("tasks/terminal/{}", state.name().to_lowercase()),
            counts.tasks_ended.get(state.number()),
        );
    }
    for role in framework.roles.iter() {
        put(&format!("roles/{role}/suppressed"), u64::from(suppressed.contains(role)));
    }
}

/// All of a kind, and each type of it but UNKNOWN, which is number 0.
fn by_type(
    what: &str,
    counts: &ByType,
    name: impl Fn(i32) -> Option<&'static str>,
    put: &mut impl FnMut(&str, u64),
) {
    put(what, counts.sum());
    for number in 1..64 {
        if let Some(name) = name(number) {
            put(&format!("{what}/{}", name.to_lowercase()), counts.get(number));
        }
    }
}

/// A name as one part of a key: everything but letters, digits and `-_.~` as `%` and two digits.
fn escaped(name: &str) -> String {
    let is_plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"-_.~".contains(byte);
    let parts = name.bytes().map(|byte| match is_plain(&byte) {
        true => char::from(byte).to_string(),
        false => format!("%{byte:02X}"),
    });
    parts.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_one_part_of_a_key() {
        assert_eq!(escaped("my job/α"), "my%20job%2F%CE%B1");
        assert_eq!(escaped("a-b_c.d~e"), "a-b_c.d~e");
    }
}
