//! Tasks in the older endpoints: by far the most there is to write, so a task's bytes are written
//! over without being taken apart.

use mezzo_model::{
    calls::TasksWanted,
    task::{Task, TaskState},
};
use mezzo_proto::{
    Encoded,
    bytes::{Fields, Raw, put_raw},
    json,
    mesos::v1,
};
use mezzo_resources::Resources;

use super::{Answer, Kind, resources::resources};
use crate::views::{
    View,
    json::{Object, list, object, text},
    rendering::{Item, Scratch as Common},
};

/// Numbers of fields of `v1.Task`, `v1.TaskStatus` and `v1.ContainerStatus`.
mod number {
    pub(super) const NAME: u32 = 1;
    pub(super) const LABELS: u32 = 11;
    pub(super) const DISCOVERY: u32 = 12;
    pub(super) const CONTAINER: u32 = 13;
    pub(super) const USER: u32 = 14;
    pub(super) const HEALTH_CHECK: u32 = 15;
    pub(super) const LIMITS: u32 = 17;

    pub(super) const STATE: u32 = 2;
    pub(super) const TIMESTAMP: u32 = 6;
    pub(super) const HEALTHY: u32 = 8;
    pub(super) const STATUS_LABELS: u32 = 12;
    pub(super) const CONTAINER_STATUS: u32 = 13;

    pub(super) const EXECUTOR_PID: u32 = 3;
}

/// Writes what tasks hold of messages.
#[derive(Debug)]
pub(super) struct Writers {
    label: json::Writer<v1::Label>,
    discovery: json::Writer<v1::DiscoveryInfo>,
    container: json::Writer<v1::ContainerInfo>,
    health_check: json::Writer<v1::HealthCheck>,
    container_status: json::Writer<v1::ContainerStatus>,
}

/// What the task before held, and how that was written: the next one often holds the same.
#[derive(Debug, Default)]
pub(in crate::views) struct Scratch {
    held: Vec<u8>,
    resources: Vec<u8>,
    role: Option<Vec<u8>>,
}

impl Writers {
    pub(super) fn new() -> Self {
        Self {
            label: json::Writer::new(),
            discovery: json::Writer::new(),
            container: json::Writer::new(),
            health_check: json::Writer::new(),
            container_status: json::Writer::new(),
        }
    }

    pub(super) fn write(&self, task: &Task, scratch: &mut Common, out: &mut Vec<u8>) {
        let facts = &task.facts;
        object(out, |shown| {
            text(facts.id.as_str(), shown.quoted_key(b"\"id\":"));
            text(name(task), shown.quoted_key(b"\"name\":"));
            text(facts.framework.as_str(), shown.quoted_key(b"\"framework_id\":"));
            let executor = facts.executor.as_ref().map_or("", |id| id.as_str());
            text(executor, shown.quoted_key(b"\"executor_id\":"));
            text(facts.agent.as_str(), shown.quoted_key(b"\"slave_id\":"));
            text(task.state.name(), shown.quoted_key(b"\"state\":"));
            self.held(task, &mut scratch.legacy.tasks, shown);
            let statuses = shown.quoted_key(b"\"statuses\":");
            list(statuses, &task.statuses, |status, out| self.status(status, &mut scratch.bytes, out));
            self.described(facts.described(), shown);
        });
    }

    /// `resources` to `role`.
    fn held(&self, task: &Task, last: &mut Scratch, shown: &mut Object<'_>) {
        let facts = &task.facts;
        if last.held != facts.held() || last.resources.is_empty() {
            let held = Resources::from_wire(&facts.resources()).unwrap_or_default();
            last.held = facts.held().to_vec();
            last.resources.clear();
            object(&mut last.resources, |object| resources(&held, object));
            last.role = held.allocation_roles().first().map(|role| {
                let mut quoted = Vec::new();
                text(role, &mut quoted);
                quoted
            });
        }
        shown.quoted_key(b"\"resources\":").extend_from_slice(&last.resources);
        let mut limits = limits(facts.described()).peekable();
        if limits.peek().is_some() {
            shown.object("limits", |object| limits.for_each(|(name, value)| object.number(name, value)));
        }
        if let Some(role) = &last.role {
            shown.quoted_key(b"\"role\":").extend_from_slice(role);
        }
    }

    fn status(&self, status: &Encoded<v1::TaskStatus>, bytes: &mut Vec<u8>, out: &mut Vec<u8>) {
        let (mut state, mut timestamp, mut healthy, mut labels, mut container) =
            (None, 0.0, None, None, None);
        for (number, raw) in Fields::new(status.bytes()) {
            match (number, raw) {
                (number::STATE, Raw::Varint(found)) => {
                    state = i32::try_from(found).ok().and_then(TaskState::from_number);
                }
                (number::TIMESTAMP, Raw::Fixed64(bits)) => timestamp = f64::from_bits(bits),
                (number::HEALTHY, Raw::Varint(found)) => healthy = Some(found != 0),
                (number::STATUS_LABELS, Raw::Bytes(found)) => labels = Some(found),
                (number::CONTAINER_STATUS, Raw::Bytes(found)) => container = Some(found),
                _ => {}
            }
        }
        object(out, |shown| {
            text(state.map_or("", TaskState::name), shown.quoted_key(b"\"state\":"));
            json::write_double(timestamp, shown.quoted_key(b"\"timestamp\":"));
            if let Some(labels) = labels {
                self.labels(labels, shown.quoted_key(b"\"labels\":"));
            }
            if let Some(container) = container {
                // The process id is left out, as Mesos leaves it out here.
                bytes.clear();
                for (number, raw) in Fields::new(container) {
                    if number != number::EXECUTOR_PID {
                        put_raw(number, raw, bytes);
                    }
                }
                self.container_status.write(bytes, shown.quoted_key(b"\"container_status\":"));
            }
            if let Some(healthy) = healthy {
                shown.boolean("healthy", healthy);
            }
        });
    }

    fn described(&self, fields: &[u8], shown: &mut Object<'_>) {
        if fields.is_empty() {
            return;
        }
        let find = |wanted: u32| {
            Fields::new(fields).find_map(|(number, raw)| match raw {
                Raw::Bytes(bytes) if number == wanted => Some(bytes),
                _ => None,
            })
        };
        if let Some(user) = find(number::USER) {
            shown.text("user", &String::from_utf8_lossy(user));
        }
        if let Some(labels) = find(number::LABELS) {
            self.labels(labels, shown.key("labels"));
        }
        if let Some(discovery) = find(number::DISCOVERY) {
            self.discovery.write(discovery, shown.key("discovery"));
        }
        if let Some(container) = find(number::CONTAINER) {
            self.container.write(container, shown.key("container"));
        }
        if let Some(check) = find(number::HEALTH_CHECK) {
            self.health_check.write(check, shown.key("health_check"));
        }
    }

    /// Labels are shown as their list.
    fn labels(&self, labels: &[u8], out: &mut Vec<u8>) {
        let labels = Fields::new(labels).filter_map(|(_, raw)| match raw {
            Raw::Bytes(label) => Some(label),
            _ => None,
        });
        list(out, labels, |label, out| self.label.write(label, out));
    }
}

fn name(task: &Task) -> &str {
    let name = Fields::new(task.facts.named()).find_map(|(number, raw)| match (number, raw) {
        (number::NAME, Raw::Bytes(name)) => std::str::from_utf8(name).ok(),
        _ => None,
    });
    name.unwrap_or("")
}

/// The entries of `limits`, a map of names to scalars.
fn limits(described: &[u8]) -> impl Iterator<Item = (&str, f64)> {
    Fields::new(described).filter_map(|(number, raw)| {
        let Raw::Bytes(entry) = raw else { return None };
        if number != number::LIMITS {
            return None;
        }
        let (mut name, mut value) = ("", 0.0);
        for field in Fields::new(entry) {
            match field {
                (1, Raw::Bytes(bytes)) => name = std::str::from_utf8(bytes).unwrap_or(""),
                (2, Raw::Bytes(scalar)) => {
                    let found = Fields::new(scalar).find_map(|(_, raw)| match raw {
                        Raw::Fixed64(bits) => Some(f64::from_bits(bits)),
                        _ => None,
                    });
                    value = found.unwrap_or(0.0);
                }
                _ => {}
            }
        }
        Some((name, value))
    })
}

/// `/tasks`: of every framework, also those that are over, by the time of their first status.
pub(super) fn page(view: &View, wanted: &TasksWanted, answer: &mut Answer) {
    let all = view.listed().into_iter().chain(view.unreachable()).chain(view.completed());
    let mut found: Vec<(Option<f64>, Item)> = Vec::new();
    for item in all {
        let Some(task) = view.task(item) else { continue };
        let is_wanted = wanted.framework.as_ref().is_none_or(|wanted| *wanted == task.facts.framework)
            && wanted.task.as_ref().is_none_or(|wanted| *wanted == task.facts.id);
        if is_wanted {
            found.push((task.statuses.first().map(timestamp), item));
        }
    }
    found.sort_by(|(one, _), (other, _)| {
        let order = match (one, other) {
            (Some(one), Some(other)) => one.total_cmp(other),
            (one, other) => one.is_some().cmp(&other.is_some()),
        };
        if wanted.is_ascending { order } else { order.reverse() }
    });
    let page = found.into_iter().skip(wanted.page.offset).take(wanted.page.limit);
    answer.text(b"{");
    answer.list("tasks", Kind::Task, page.map(|(_, item)| item).collect());
    answer.text(b"}");
}

fn timestamp(status: &Encoded<v1::TaskStatus>) -> f64 {
    let found = Fields::new(status.bytes()).find_map(|(number, raw)| match (number, raw) {
        (number::TIMESTAMP, Raw::Fixed64(bits)) => Some(f64::from_bits(bits)),
        _ => None,
    });
    found.unwrap_or(0.0)
}
