//! What a container finds in its environment (spec 06 §1).

use mezzo_model::{AgentId, time::duration_text};
use mezzo_proto::mesos::v1;

use crate::config::AgentConfig;

/// The agent's token is its executors' alone; it never reaches a task.
const TOKEN: &str = "MESOS_EXECUTOR_AUTHENTICATION_TOKEN";

/// Whose environment it is.
pub(crate) struct Of<'a> {
    pub(crate) framework: &'a str,
    /// For a command task its own name.
    pub(crate) executor: &'a str,
    /// Absent for a custom executor.
    pub(crate) task: Option<&'a str>,
    pub(crate) sandbox: &'a str,
    pub(crate) role: &'a str,
    /// Whether it goes on while its agent is away. Every command task does, whatever the framework
    /// asked for; an executor of a framework that does not checkpoint is told to end with its agent.
    pub(crate) is_checkpointed: bool,
}

/// The whole environment, in order: the agent's base, what Mesos tells a task, then the
/// command's own, which win.
pub(crate) fn environment(
    config: &AgentConfig,
    agent: Option<&AgentId>,
    of: &Of<'_>,
    command: &v1::CommandInfo,
) -> Vec<(String, String)> {
    let host = if config.ip.contains(':') { format!("[{}]", config.ip) } else { config.ip.clone() };
    let agent_id = agent.map(|id| id.as_str().to_owned()).unwrap_or_default();
    let mut all = config.base_environment.clone();
    all.retain(|(name, _)| name != TOKEN);
    let told = [
        ("MESOS_TASK_ID", of.task.map(str::to_owned)),
        ("MESOS_FRAMEWORK_ID", Some(of.framework.to_owned())),
        ("MESOS_EXECUTOR_ID", Some(of.executor.to_owned())),
        ("MESOS_SLAVE_ID", Some(agent_id)),
        ("MESOS_SLAVE_PID", Some(format!("slave(1)@{host}:{}", config.port))),
        ("MESOS_AGENT_ENDPOINT", Some(format!("{host}:{}", config.port))),
        ("MESOS_DIRECTORY", Some(of.sandbox.to_owned())),
        ("MESOS_SANDBOX", Some(of.sandbox.to_owned())),
        ("MESOS_ALLOCATION_ROLE", Some(of.role.to_owned())),
        ("MESOS_CHECKPOINT", Some(u8::from(of.is_checkpointed).to_string())),
        ("MESOS_RECOVERY_TIMEOUT", of.is_checkpointed.then(|| duration_text(config.recovery_timeout))),
        (
            "MESOS_SUBSCRIPTION_BACKOFF_MAX",
            of.is_checkpointed.then(|| duration_text(config.executor_reregistration_timeout)),
        ),
        ("MESOS_EXECUTOR_SHUTDOWN_GRACE_PERIOD", Some(duration_text(config.executor_shutdown_grace_period))),
        ("MESOS_HTTP_COMMAND_EXECUTOR", Some("0".to_owned())),
        ("LIBPROCESS_PORT", Some("0".to_owned())),
    ];
    for (name, value) in told {
        if let Some(value) = value {
            set(&mut all, name, value);
        }
    }
    for variable in command.environment.iter().flat_map(|environment| &environment.variables) {
        set(&mut all, &variable.name, variable.value().to_owned());
    }
    all
}

/// Sets a variable, in its old place if there is one.
fn set(all: &mut Vec<(String, String)>, name: &str, value: String) {
    match all.iter_mut().find(|(known, _)| known == name) {
        Some(entry) => entry.1 = value,
        None => all.push((name.to_owned(), value)),
    }
}
