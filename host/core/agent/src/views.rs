//! What people and tools see of the agent: encoded off the loop, from a snapshot.
//!
//! [`View`] shares the agent's tables as they were at one moment; [`respond`] and [`state`]
//! write them in the two forms that Mesos has, [`metrics`] the figures, [`containers`] what is
//! measured.

mod attached_paths;
mod containers;
mod get_state;
mod metrics;
mod operator;
mod resources;
mod state;

use std::{collections::BTreeMap, sync::Arc};

use mezzo_model::{
    AgentId, FrameworkId, Now, Wall,
    table::{RingView, View as TableView},
};
use mezzo_proto::mesos::v1;
use mezzo_resources::Resources;

use crate::{
    agent::{Agent, CompletedTask, Framework},
    config::AgentConfig,
    executor::{Executor, ExecutorKey},
    task::{Task, TaskKey},
};

pub use attached_paths::attached_paths;
pub use containers::{containers, containers_json, get_containers, monitor_statistics};
pub use metrics::metrics;
pub use operator::{fill_lists, respond};
pub use state::state;

/// The agent's facts at one moment.
#[derive(Debug)]
pub struct View {
    pub(crate) now: Now,
    pub(crate) started: Wall,
    pub(crate) config: Arc<AgentConfig>,
    pub(crate) agent_id: Option<AgentId>,
    pub(crate) is_registered: bool,
    pub(crate) total: Resources,
    pub(crate) used: Resources,
    pub(crate) operations: Vec<v1::Operation>,
    pub(crate) frameworks: TableView<FrameworkId, Framework>,
    pub(crate) tasks: TableView<TaskKey, Task>,
    pub(crate) executors: TableView<ExecutorKey, Executor>,
    pub(crate) completed_executors: RingView<Executor>,
    pub(crate) completed_tasks: RingView<CompletedTask>,
    pub(crate) completed_frameworks: RingView<v1::FrameworkInfo>,
    pub(crate) counters: Counters,
    /// How long the recovery took, once it is over.
    pub(crate) recovery_seconds: Option<f64>,
    pub(crate) sandboxes_kept: usize,
}

/// What is counted since the process started.
#[derive(Clone, Debug, Default)]
pub(crate) struct Counters {
    pub(crate) tasks_accepted: u64,
    pub(crate) launch_errors: u64,
    pub(crate) executors_terminated: u64,
    pub(crate) updates_made: u64,
    pub(crate) updates_sent: u64,
    pub(crate) checkpoints_failed: u64,
    pub(crate) sandboxes_removed: u64,
    pub(crate) ended: BTreeMap<v1::TaskState, u64>,
}

impl Counters {
    pub(crate) fn ended(&mut self, state: v1::TaskState) {
        *self.ended.entry(state).or_default() += 1;
    }
}

impl Agent {
    /// The facts of this moment: cheap, whatever their number.
    pub(crate) fn view(&self, now: Now) -> View {
        View {
            now,
            started: self.started,
            config: Arc::clone(&self.config),
            agent_id: self.identity.agent_id.clone(),
            is_registered: self.serving().is_some(),
            total: self.account.total().clone(),
            used: self.account.used().clone(),
            operations: self.shown_operations(),
            frameworks: self.frameworks.view(),
            tasks: self.tasks.view(),
            executors: self.executors.view(),
            completed_executors: self.completed_executors.view(),
            completed_tasks: self.completed_tasks.view(),
            completed_frameworks: self.completed_frameworks.view(),
            counters: self.counters.clone(),
            recovery_seconds: self.identity.recovery_seconds,
            sandboxes_kept: self.garbage.len(),
        }
    }
}

impl View {
    /// The tasks of a framework, in the order in which they came.
    pub(crate) fn tasks_of<'a>(&'a self, framework: &'a FrameworkId) -> impl Iterator<Item = &'a Task> {
        self.tasks.values().filter(move |task| task.key.framework == *framework)
    }

    /// The custom executors of a framework.
    pub(crate) fn executors_of<'a>(
        &'a self,
        framework: &'a FrameworkId,
    ) -> impl Iterator<Item = &'a Executor> {
        self.executors.values().filter(move |executor| executor.key.framework == *framework)
    }

    /// Those that have ended, oldest first.
    pub(crate) fn completed_executors_of<'a>(
        &'a self,
        framework: &'a str,
    ) -> impl Iterator<Item = &'a Executor> {
        self.completed_executors.iter().filter(move |executor| executor.key.framework.as_str() == framework)
    }

    /// The tasks of a framework that are over, oldest first.
    pub(crate) fn completed_of<'a>(&'a self, framework: &'a str) -> impl Iterator<Item = &'a Task> {
        self.completed_tasks
            .iter()
            .map(|completed| &completed.task)
            .filter(move |task| task.key.framework.as_str() == framework)
    }
}

/// A command task's executor, as Mesos names it.
pub(crate) fn executor_name(task: &Task) -> String {
    let command = task.info.command.as_ref();
    let value = command.map_or("", |command| command.value());
    if command.is_none_or(|command| command.shell()) {
        return format!("Command Executor (Task: {}) (Command: sh -c '{value}')", task.key.task);
    }
    let arguments = command.map(|command| command.arguments.join(", ")).unwrap_or_default();
    format!("Command Executor (Task: {}) (Command: [{value}, {arguments}])", task.key.task)
}

#[cfg(test)]
mod tests;
