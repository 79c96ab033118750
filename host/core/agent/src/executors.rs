//! What the agent does for custom executors: launches them, hands tasks over, ends them.

mod deliver;
mod ending;
pub(crate) mod events;
mod launch;
mod recovery;
mod stream;

use mezzo_model::container::Report;

pub(crate) use ending::killed_before_delivery;
pub(crate) use launch::executor_key;

use crate::{
    agent::{Agent, Turn},
    executor::{Executor, ExecutorKey},
};

impl Agent {
    /// Every custom executor whose container is not gone.
    pub fn executors(&self) -> impl Iterator<Item = &Executor> {
        self.executors.iter().map(|(_, executor)| executor)
    }

    /// What the node says of an executor's container; gives back what it says of others.
    pub(crate) fn executor_report(&mut self, turn: &mut Turn, report: Report) -> Option<Report> {
        let (Report::Launched { container, .. }
        | Report::LaunchFailed { container, .. }
        | Report::Exited { container, .. }
        | Report::Resized { container, .. }
        | Report::Destroyed { container }) = &report
        else {
            return Some(report);
        };
        let Some(key) = self.executor_containers.get(container).cloned() else { return Some(report) };
        match report {
            Report::Launched { pid, .. } => self.executor_launched(turn, &key, pid),
            Report::LaunchFailed { stage, message, .. } => {
                self.executor_launch_failed(turn, &key, stage, &message);
            }
            Report::Exited { end, .. } => self.executor_exited(turn, &key, end),
            Report::Resized { number, result, .. } => self.resized(turn, &key, number, result),
            Report::Destroyed { .. } => self.executor_destroyed(turn, &key),
            Report::VolumesChanged { .. } | Report::Recovered { .. } => {}
        }
        None
    }

    /// Whether there is an executor of this name, or will be once its first task need not wait.
    pub(crate) fn has_executor(&self, key: &ExecutorKey) -> bool {
        self.executors.contains_key(key)
            || self.waiting > 0
                && self.tasks().any(|task| {
                    task.phase == crate::task::Phase::Waiting
                        && task.executor.as_ref().is_some_and(|part| part.key == *key)
                })
    }
}
