//! What a command task finds in its environment (spec 06 §1).

use mezzo_model::AgentId;
use mezzo_proto::mesos::v1;

use crate::{config::AgentConfig, task::Task};

/// The whole environment, in order: the agent's base, what Mesos tells a task, then the
/// command's own, which win.
pub(crate) fn environment(
    config: &AgentConfig,
    agent: Option<&AgentId>,
    task: &Task,
    command: &v1::CommandInfo,
) -> Vec<(String, String)> {
    let host = if config.ip.contains(':') { format!("[{}]", config.ip) } else { config.ip.clone() };
    let agent_id = agent.map(|id| id.as_str().to_owned()).unwrap_or_default();
    let mut all = config.base_environment.clone();
    let told = [
        ("MESOS_TASK_ID", task.key.task.as_str().to_owned()),
        ("MESOS_FRAMEWORK_ID", task.key.framework.as_str().to_owned()),
        ("MESOS_EXECUTOR_ID", task.key.task.as_str().to_owned()),
        ("MESOS_SLAVE_ID", agent_id),
        ("MESOS_SLAVE_PID", format!("slave(1)@{host}:{}", config.port)),
        ("MESOS_AGENT_ENDPOINT", format!("{host}:{}", config.port)),
        ("MESOS_DIRECTORY", task.sandbox.clone()),
        ("MESOS_SANDBOX", task.sandbox.clone()),
        ("MESOS_ALLOCATION_ROLE", task.role().to_owned()),
        // Every task survives its agent, whatever the framework asked for.
        ("MESOS_CHECKPOINT", "1".to_owned()),
    ];
    for (name, value) in told {
        set(&mut all, name, value);
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
