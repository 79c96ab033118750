//! Which orders an agent takes: what it cannot do it refuses by name.

use mezzo_proto::mesos::v1::{
    self, TaskState, container_info::Type, environment::variable, task_status::Reason,
};

use mezzo_resources::Resources;

use super::launch_failure;
use crate::{config::IsolationConfig, loose::Verdict, paths};

/// Looks at what needs no state.
///
/// # Errors
///
/// How the task ends instead of being launched.
pub(crate) fn validate(
    isolation: &IsolationConfig,
    framework: &str,
    task: &v1::TaskInfo,
) -> Result<(), Verdict> {
    for (what, id) in [("TaskID", task.task_id.value.as_str()), ("FrameworkID", framework)] {
        if !paths::is_directory_name(id) {
            return Err(invalid(format!(
                "{what} '{id}' is not allowed: it cannot be the name of a directory"
            )));
        }
    }
    let command = match (&task.command, &task.executor) {
        (Some(command), None) => command,
        (None, Some(executor)) => return validate_executor(isolation, task, executor),
        (Some(_), Some(_)) | (None, None) => {
            return Err(invalid(
                "Task should have at least one (but not both) of CommandInfo or ExecutorInfo present",
            ));
        }
    };
    if task.health_check.is_some() {
        return Err(invalid("Health checks are not supported yet"));
    }
    if task.check.is_some() {
        return Err(invalid("Checks are not supported yet"));
    }
    if let Some(container) = &task.container {
        validate_container(container)?;
    }
    validate_command(command)?;
    validate_limits(isolation, task)
}

/// What of a task is its executor's business is not looked at here: checks, its own container.
fn validate_executor(
    isolation: &IsolationConfig,
    task: &v1::TaskInfo,
    executor: &v1::ExecutorInfo,
) -> Result<(), Verdict> {
    let id = &executor.executor_id.value;
    if !paths::is_directory_name(id) {
        return Err(invalid(format!(
            "ExecutorID '{id}' is not allowed: it cannot be the name of a directory"
        )));
    }
    let Some(command) = &executor.command else {
        return Err(invalid("'ExecutorInfo.command' must be set"));
    };
    if let Err(why) = Resources::from_wire(&executor.resources) {
        return Err(invalid(format!("Executor uses invalid resources: {why}")));
    }
    if let Some(container) = &executor.container {
        validate_container(container)?;
    }
    validate_command(command)?;
    validate_limits(isolation, task)
}

fn validate_command(command: &v1::CommandInfo) -> Result<(), Verdict> {
    if command.value.is_none() {
        let kind = if command.shell() { "Shell" } else { "Executable" };
        return Err(invalid(format!("{kind} command of the task needs a 'value'")));
    }
    let variables = command.environment.iter().flat_map(|environment| &environment.variables);
    for variable in variables {
        match variable.r#type() {
            variable::Type::Value if variable.value.is_some() => {}
            variable::Type::Value => {
                return Err(invalid(format!(
                    "Environment variable '{}' of type 'VALUE' must have a value set",
                    variable.name
                )));
            }
            variable::Type::Secret => {
                return Err(invalid(format!(
                    "Environment variable '{}' is a secret: secrets are not supported yet",
                    variable.name
                )));
            }
            variable::Type::Unknown => {
                return Err(invalid(format!("Environment variable '{}' has an unknown type", variable.name)));
            }
        }
        let has_nul = variable.value().contains('\0') || variable.name.contains(['\0', '=']);
        if variable.name.is_empty() || has_nul {
            return Err(invalid(format!(
                "Environment variable '{}' has a name or value that no process can be given",
                variable.name
            )));
        }
    }
    let mut words = command.arguments.iter().chain(&command.value).chain(&command.user);
    if words.any(|word| word.contains('\0')) {
        return Err(invalid("The command holds a NUL byte"));
    }
    Ok(())
}

fn validate_container(container: &v1::ContainerInfo) -> Result<(), Verdict> {
    if container.r#type() == Type::Docker || container.docker.is_some() {
        return Err(launch_failure(
            "None of the enabled containerizers (mesos) could create a container for the provided TaskInfo/ExecutorInfo message",
        ));
    }
    let image = container.mesos.as_ref().and_then(|mesos| mesos.image.as_ref());
    let asked = [
        (image.is_some(), "images"),
        (!container.volumes.is_empty(), "volumes"),
        (!container.network_infos.is_empty(), "networks"),
        (container.hostname.is_some(), "host names"),
        (container.linux_info.is_some(), "linux_info"),
        (container.rlimit_info.is_some(), "rlimits"),
        (container.tty_info.is_some(), "terminals"),
    ];
    match asked.iter().find(|(is_asked, _)| *is_asked) {
        Some((_, what)) => {
            Err(invalid(format!("ContainerInfo asks for {what}, which are not supported yet")))
        }
        None => Ok(()),
    }
}

/// A limit that nothing enforces would be a lie (spec 19).
fn validate_limits(isolation: &IsolationConfig, task: &v1::TaskInfo) -> Result<(), Verdict> {
    let unenforced = |what: &str, isolator: &str| {
        Verdict::of_agent(
            TaskState::TaskDropped,
            Reason::GcError,
            format!(
                "{what} limits can only be set on tasks launched in Mesos containers when the agent has loaded the \
                 '{isolator}' isolator"
            ),
        )
    };
    for name in task.limits.keys() {
        match name.as_str() {
            "cpus" if !isolation.cpu => return Err(unenforced("CPU", "cgroups/cpu")),
            "mem" if !isolation.memory => return Err(unenforced("Memory", "cgroups/mem")),
            "cpus" | "mem" => {}
            other => return Err(invalid(format!("Setting a limit for '{other}' is not supported"))),
        }
    }
    Ok(())
}

fn invalid(message: impl Into<String>) -> Verdict {
    Verdict::of_agent(TaskState::TaskError, Reason::TaskInvalid, message)
}
