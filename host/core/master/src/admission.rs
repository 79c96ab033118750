//! Whether a task may be launched, in Mesos's words.
//!
//! First what Mesos would refuse, then what this release cannot do yet: that is refused
//! too, clearly, rather than half done.

mod command;
mod id;
mod limits;
mod unsupported;

pub(crate) use id::check_id;

use mezzo_model::AgentId;
use mezzo_proto::mesos::v1;
use mezzo_resources::Resources;

/// Where a task is to go, and what the master knows of its name.
#[derive(Debug)]
pub(crate) struct Place<'a> {
    /// The agent of the offers.
    pub(crate) agent: &'a AgentId,
    /// The role of the offers.
    pub(crate) role: &'a str,
    /// What is left of the offers; not marked with whom it is allocated to.
    pub(crate) left: &'a Resources,
    /// The agent can hold tasks to limits.
    pub(crate) has_limits: bool,
    /// A task of this name is listed.
    pub(crate) is_listed: bool,
    /// A task of this name cannot be reached.
    pub(crate) is_unreachable: bool,
}

/// A task that may be launched.
#[derive(Debug)]
pub(crate) struct Admitted {
    /// What it uses; not marked with whom it is allocated to.
    pub(crate) resources: Resources,
    /// What of the offers is left then.
    pub(crate) left: Resources,
}

/// Judges a task; in Mesos's words when it is refused.
pub(crate) fn admit(task: &v1::TaskInfo, place: &Place<'_>) -> Result<Admitted, String> {
    let id = &task.task_id.value;
    check_id(id)?;
    if place.is_listed {
        return Err(format!("Task has duplicate ID: {id}"));
    }
    if place.is_unreachable {
        return Err(format!("Task reuses the ID of an unreachable task: {id}"));
    }
    if task.agent_id.value != place.agent.as_str() {
        return Err(format!(
            "Task uses invalid agent {} while agent {} is expected",
            task.agent_id.value, place.agent
        ));
    }
    if task.executor.is_some() == task.command.is_some() {
        return Err(
            "Task should have at least one (but not both) of CommandInfo or ExecutorInfo present".to_owned()
        );
    }
    check_times(task)?;
    let (resources, left) = check_resources(task, place)?;
    if let Some(command) = &task.command {
        command::check(command)?;
    }
    limits::check(task, &resources, place.has_limits)?;
    unsupported::check(task)?;
    Ok(Admitted { resources: resources.without_allocation(), left: left.without_allocation() })
}

fn check_times(task: &v1::TaskInfo) -> Result<(), String> {
    let is_negative = |duration: &Option<v1::DurationInfo>| duration.is_some_and(|d| d.nanoseconds < 0);
    if task.kill_policy.as_ref().is_some_and(|policy| is_negative(&policy.grace_period)) {
        return Err("Task's 'kill_policy.grace_period' must be non-negative".to_owned());
    }
    if is_negative(&task.max_completion_time) {
        return Err("Task's `max_completion_time` must be non-negative".to_owned());
    }
    Ok(())
}

/// What the task uses and what is left then, both marked with the role they are allocated to.
fn check_resources(task: &v1::TaskInfo, place: &Place<'_>) -> Result<(Resources, Resources), String> {
    if task.resources.is_empty() {
        return Err("Task uses no resources".to_owned());
    }
    let resources = Resources::from_wire(&task.resources).map_err(|error| error.to_string())?;
    let resources = resources.allocated_by_default_to(place.role);
    let left = place.left.allocated_to(place.role);
    match left.checked_sub(&resources) {
        Some(rest) => Ok((resources, rest)),
        None => Err(format!(
            "Total resources {resources} required by task and its executor is more than available {left}"
        )),
    }
}

#[cfg(test)]
mod tests;
