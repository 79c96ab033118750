//! Whether a task may be launched, in Mesos's words.
//!
//! First what Mesos would refuse, then what this release cannot do yet: that is refused
//! too, clearly, rather than half done.

mod command;
mod executor;
mod id;
mod limits;
mod scalar;
mod unsupported;

pub(crate) use id::check_id;
pub(crate) use scalar::check_scalar;

use mezzo_model::{AgentId, FrameworkId};
use mezzo_proto::mesos::v1;
use mezzo_resources::{Fault, Resource, ResourceError, Resources};

/// Where a task is to go, and what the master knows of its name.
#[derive(Debug)]
pub(crate) struct Place<'a> {
    /// The agent of the offers.
    pub(crate) agent: &'a AgentId,
    /// Whose task it is.
    pub(crate) framework: &'a FrameworkId,
    /// The executor of the name that the task gives, where the agent has one.
    pub(crate) executor: Option<&'a v1::ExecutorInfo>,
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
    /// What the executor uses that it brings along, likewise; absent when it brings none.
    pub(crate) executor: Option<Resources>,
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
    let resources = check_resources(task, place)?;
    if let Some(command) = &task.command {
        command::check(command)?;
    }
    limits::check(task, &resources, place.has_limits)?;
    unsupported::check(task)?;
    if task.executor.is_some() && resources.iter().any(Resource::is_persistent_volume) {
        return Err(
            "Persistent volumes of tasks that name an executor are not supported by this release: give the \
                    volume to the executor"
                .to_owned(),
        );
    }
    let executor = check_executor(task, place)?;
    let left = fit(&resources, executor.as_ref(), place)?;
    Ok(Admitted {
        resources: resources.without_allocation(),
        executor: executor.map(|resources| resources.without_allocation()),
        left: left.without_allocation(),
    })
}

/// Completes the executor that a task names: the framework's id may be left out, and its resources
/// are allocated to the role of the offers. What is compared and sent is this form.
pub(crate) fn complete_executor(task: &mut v1::TaskInfo, framework: &FrameworkId, role: &str) {
    let Some(executor) = &mut task.executor else { return };
    executor.framework_id.get_or_insert_with(|| framework.into());
    // What is invalid is refused by its check.
    if let Ok(resources) = Resources::from_wire(&executor.resources) {
        executor.resources = resources.allocated_by_default_to(role).to_wire();
    }
}

/// What a new executor uses, marked with the role it is allocated to; absent where there is one.
fn check_executor(task: &v1::TaskInfo, place: &Place<'_>) -> Result<Option<Resources>, String> {
    let Some(executor) = &task.executor else { return Ok(None) };
    executor::check(executor, place.framework, place.executor)?;
    if place.executor.is_some() {
        return Ok(None);
    }
    Resources::from_wire(&executor.resources).map(Some).map_err(|error| error.to_string())
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

/// What the task uses, marked with the role it is allocated to.
fn check_resources(task: &v1::TaskInfo, place: &Place<'_>) -> Result<Resources, String> {
    if task.resources.is_empty() {
        return Err("Task uses no resources".to_owned());
    }
    let resources = Resources::from_wire(&task.resources).map_err(|error| in_mesoss_words(&error))?;
    let resources = resources.allocated_by_default_to(place.role);
    let mut roles = resources.allocation_roles();
    roles.sort_unstable();
    match &roles[..] {
        [one, other, ..] => Err(format!(
            "Invalid task resources: The resources have multiple allocation roles ('{one}' and '{other}') but \
             only one allocation role is allowed"
        )),
        _ => Ok(resources),
    }
}

/// What is left of the offers without the task and the executor that it brings along.
fn fit(task: &Resources, executor: Option<&Resources>, place: &Place<'_>) -> Result<Resources, String> {
    let total = task.clone() + &executor.cloned().unwrap_or_default();
    let left = place.left.allocated_to(place.role);
    left.checked_sub(&total).ok_or_else(|| {
        format!("Total resources {total} required by task and its executor is more than available {left}")
    })
}

/// Mesos finds part of a GPU later than the rest, and says it in another form.
fn in_mesoss_words(error: &ResourceError) -> String {
    match error {
        ResourceError::Invalid { why: why @ Fault::FractionalGpus, .. } => {
            format!("Task uses invalid resources: Invalid 'gpus' resource: {why}")
        }
        error => error.to_string(),
    }
}

#[cfg(test)]
mod tests;
