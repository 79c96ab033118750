//! A custom executor, as far as the master looks at it.

use mezzo_model::FrameworkId;
use mezzo_proto::{
    json,
    mesos::v1::{ExecutorInfo, executor_info::Type},
};
use mezzo_resources::Resources;

use super::{check_id, command, unsupported};

const RULER: &str = "------------------------------------------------------------";

/// Checks the executor that a task names, whose `framework_id` is filled in; `known` is the one of
/// this name that the agent has.
pub(super) fn check(
    executor: &ExecutorInfo,
    framework: &FrameworkId,
    known: Option<&ExecutorInfo>,
) -> Result<(), String> {
    check_id(&executor.executor_id.value)?;
    let named = executor.framework_id.as_ref().map_or("", |id| id.value.as_str());
    if named != framework.as_str() {
        return Err(format!(
            "ExecutorInfo has an invalid FrameworkID (Actual: {named} vs Expected: {framework})"
        ));
    }
    check_type(executor)?;
    if let Some(known) = known.filter(|known| *known != executor) {
        return Err(incompatible(known, executor));
    }
    if executor.shutdown_grace_period.is_some_and(|grace| grace.nanoseconds < 0) {
        return Err("ExecutorInfo's 'shutdown_grace_period' must be non-negative".to_owned());
    }
    Resources::from_wire(&executor.resources)
        .map_err(|error| format!("Executor uses invalid resources: {error}"))?;
    if let Some(command) = &executor.command {
        command::check(command).map_err(|why| format!("Executor's `CommandInfo` is invalid: {why}"))?;
    }
    // What holds for the executor of one task.
    if executor.r#type.is_some() && executor.r#type() != Type::Custom {
        return Err("'ExecutorInfo.type' must be 'CUSTOM'".to_owned());
    }
    if executor.command.is_none() {
        return Err("'ExecutorInfo.command' must be set".to_owned());
    }
    executor.container.as_ref().map_or(Ok(()), unsupported::check_container)
}

fn check_type(executor: &ExecutorInfo) -> Result<(), String> {
    match executor.r#type() {
        Type::Default if executor.command.is_some() => {
            Err("'ExecutorInfo.command' must not be set for 'DEFAULT' executor".to_owned())
        }
        Type::Custom if executor.command.is_none() => {
            Err("'ExecutorInfo.command' must be set for 'CUSTOM' executor".to_owned())
        }
        Type::Default | Type::Custom | Type::Unknown => Ok(()),
    }
}

fn incompatible(known: &ExecutorInfo, executor: &ExecutorInfo) -> String {
    let text = |info: &ExecutorInfo| String::from_utf8_lossy(&json::to_json(info)).into_owned();
    format!(
        "ExecutorInfo is not compatible with existing ExecutorInfo with same ExecutorID.\n{RULER}\nExisting \
         ExecutorInfo:\n{}\n{RULER}\nExecutorInfo:\n{}\n{RULER}\n",
        text(known),
        text(executor)
    )
}
