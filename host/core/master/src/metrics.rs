//! Plain counts of what has happened; the gauges beside them are read off a view.

mod declared;
mod frameworks;

use std::collections::BTreeMap;

use mezzo_model::task::TaskState;
use mezzo_proto::mesos::v1::{
    TaskStatus,
    task_status::{Reason, Source},
};

pub use declared::declared;
pub(crate) use frameworks::{ByType, FrameworkCounts};

/// Counters under the names that `/metrics/snapshot` shows; they only grow.
#[derive(Clone, Debug, Default)]
pub struct Counters {
    counts: BTreeMap<String, u64>,
}

impl Counters {
    /// One more of `name`.
    pub(crate) fn add(&mut self, name: &str) {
        match self.counts.get_mut(name) {
            Some(count) => *count += 1,
            None => {
                self.counts.insert(name.to_owned(), 1);
            }
        }
    }

    /// A task has ended, or was refused.
    pub(crate) fn task_ended(&mut self, state: TaskState) {
        match state {
            TaskState::Finished => self.add("master/tasks_finished"),
            TaskState::Failed => self.add("master/tasks_failed"),
            TaskState::Killed => self.add("master/tasks_killed"),
            TaskState::Error => self.add("master/tasks_error"),
            TaskState::Lost => self.add("master/tasks_lost"),
            TaskState::Dropped => self.add("master/tasks_dropped"),
            TaskState::Gone => self.add("master/tasks_gone"),
            TaskState::GoneByOperator => self.add("master/tasks_gone_by_operator"),
            TaskState::Staging
            | TaskState::Starting
            | TaskState::Running
            | TaskState::Killing
            | TaskState::Unreachable
            | TaskState::Unknown => {}
        }
    }

    /// A terminal status has passed: counted by state, source and reason.
    pub(crate) fn terminal_status(&mut self, status: &TaskStatus) {
        let Some(state) = TaskState::from_number(status.state).filter(|state| state.is_terminal()) else {
            return;
        };
        let source = status.source.and_then(|number| Source::try_from(number).ok());
        let reason = status.reason.and_then(|number| Reason::try_from(number).ok());
        let (Some(source), Some(reason)) = (source, reason) else { return };
        let name = format!("master/{}/{}/{}", state.name(), source.as_str_name(), reason.as_str_name());
        // The keys keep the old word for an agent.
        self.add(&name.to_lowercase().replace("_agent", "_slave"));
    }

    /// The count of `name`.
    pub fn get(&self, name: &str) -> u64 {
        self.counts.get(name).copied().unwrap_or(0)
    }

    /// Every counter that has counted something.
    pub fn iter(&self) -> impl Iterator<Item = (&str, u64)> {
        self.counts.iter().map(|(name, count)| (name.as_str(), *count))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn terminal_statuses_are_counted_by_cause() {
        let mut counters = Counters::default();
        let status = TaskStatus {
            state: TaskState::Lost.number(),
            source: Some(Source::Agent as i32),
            reason: Some(Reason::AgentRemoved as i32),
            ..Default::default()
        };
        counters.terminal_status(&status);
        assert_eq!(counters.get("master/task_lost/source_slave/reason_slave_removed"), 1);
    }

    #[test]
    fn a_running_task_is_no_end() {
        let mut counters = Counters::default();
        counters.task_ended(TaskState::Running);
        counters.terminal_status(&TaskStatus { state: TaskState::Running.number(), ..Default::default() });
        assert_eq!(counters.iter().count(), 0);
    }
}
