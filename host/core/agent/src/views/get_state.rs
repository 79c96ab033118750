//! The parts of v1 GET_STATE, which GET_TASKS, GET_EXECUTORS and GET_FRAMEWORKS show alone.

use mezzo_proto::mesos::v1::{self, agent::response};

use super::{View, executor_name};
use crate::{
    executor::Executor,
    task::{Phase, Task},
};

pub(super) fn tasks(view: &View) -> response::GetTasks {
    let mut all = response::GetTasks::default();
    for task in view.tasks.values() {
        let list = match task.phase {
            Phase::Waiting => &mut all.pending_tasks,
            Phase::Launching => &mut all.queued_tasks,
            Phase::Running | Phase::Ending { .. } => &mut all.launched_tasks,
            Phase::Ended { .. } => &mut all.terminated_tasks,
        };
        list.push(wire_task(task));
    }
    all.completed_tasks = view.completed_tasks.iter().map(|completed| wire_task(&completed.task)).collect();
    all
}

/// A task as every v1 answer shows it.
fn wire_task(task: &Task) -> v1::Task {
    let told = task.stream.told();
    v1::Task {
        name: task.info.name.clone(),
        task_id: task.info.task_id.clone(),
        framework_id: (&task.key.framework).into(),
        executor_id: task.executor.as_ref().map(|part| (&part.key.executor).into()),
        agent_id: task.info.agent_id.clone(),
        state: task.latest_state().into(),
        resources: task.info.resources.clone(),
        statuses: task.history.clone(),
        status_update_state: told.map(|status| status.state),
        status_update_uuid: told.and_then(|status| status.uuid.clone()),
        labels: task.info.labels.clone(),
        discovery: task.info.discovery.clone(),
        container: task.info.container.clone(),
        kill_policy: task.info.kill_policy,
        user: task.info.command.as_ref().and_then(|command| command.user.clone()),
        limits: task.info.limits.clone(),
        ..Default::default()
    }
}

pub(super) fn executors(view: &View) -> response::GetExecutors {
    let is_command = |task: &&Task| task.executor.is_none();
    let running = view.tasks.values().filter(|task| task.phase != Phase::Waiting);
    let over = view.completed_tasks.iter().map(|completed| &completed.task);
    let custom = view.executors.values().map(custom_executor);
    let custom_over = view.completed_executors.iter().map(custom_executor);
    response::GetExecutors {
        executors: custom.chain(running.filter(is_command).map(executor)).collect(),
        completed_executors: custom_over.chain(over.filter(is_command).map(executor)).collect(),
    }
}

fn custom_executor(executor: &Executor) -> response::get_executors::Executor {
    response::get_executors::Executor { executor_info: executor.info.clone() }
}

/// The agent is the executor of a command task; it is shown under the task's name, as Mesos
/// shows its command executor, with the task's own resources: there is no process of its own.
#[expect(deprecated, reason = "`source` is deprecated in Mesos, which still sends it")]
fn executor(task: &Task) -> response::get_executors::Executor {
    response::get_executors::Executor {
        executor_info: v1::ExecutorInfo {
            executor_id: v1::ExecutorId { value: task.key.task.as_str().to_owned() },
            framework_id: Some((&task.key.framework).into()),
            command: task.info.command.clone(),
            resources: task.info.resources.clone(),
            name: Some(executor_name(task)),
            source: Some(task.key.task.as_str().to_owned()),
            ..Default::default()
        },
    }
}

pub(super) fn frameworks(view: &View) -> response::GetFrameworks {
    let wire =
        |info: &v1::FrameworkInfo| response::get_frameworks::Framework { framework_info: info.clone() };
    response::GetFrameworks {
        frameworks: view.frameworks.values().map(|framework| wire(&framework.info)).collect(),
        completed_frameworks: view.completed_frameworks.iter().map(wire).collect(),
    }
}
