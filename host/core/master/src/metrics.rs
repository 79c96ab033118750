//! Plain counts of what has happened; the gauges beside them are read off a view.

use std::collections::BTreeMap;

use mezzo_model::task::TaskState;
use mezzo_proto::mesos::v1::{
    TaskStatus,
    task_status::{Reason, Source},
};

/// Counters under the names that `/metrics/snapshot` shows; they only grow.
#[derive(Clone, Debug, Default)]
pub struct Counters {
    counts: BTreeMap<String, u64>,
}

/// Counters that are shown from the start, also at 0.
pub(crate) const FROM_THE_START: &[&str] = &[
    "master/dropped_messages",
    "master/invalid_executor_to_framework_messages",
    "master/invalid_framework_to_executor_messages",
    "master/invalid_status_update_acknowledgements",
    "master/invalid_status_updates",
    "master/messages_deactivate_framework",
    "master/messages_decline_offers",
    "master/messages_executor_to_framework",
    "master/messages_exited_executor",
    "master/messages_framework_to_executor",
    "master/messages_kill_task",
    "master/messages_launch_tasks",
    "master/messages_reconcile_operations",
    "master/messages_reconcile_tasks",
    "master/messages_register_framework",
    "master/messages_register_slave",
    "master/messages_reregister_framework",
    "master/messages_reregister_slave",
    "master/messages_revive_offers",
    "master/messages_status_update",
    "master/messages_status_update_acknowledgement",
    "master/messages_suppress_offers",
    "master/messages_unregister_framework",
    "master/messages_unregister_slave",
    "master/messages_update_slave",
    "master/operations/error",
    "master/recovery_slave_removals",
    "master/slave_registrations",
    "master/slave_removals",
    "master/slave_removals/reason_registered",
    "master/slave_removals/reason_unhealthy",
    "master/slave_removals/reason_unregistered",
    "master/slave_reregistrations",
    "master/slave_unreachable_canceled",
    "master/slave_unreachable_completed",
    "master/slave_unreachable_scheduled",
    "master/tasks_dropped",
    "master/tasks_error",
    "master/tasks_failed",
    "master/tasks_finished",
    "master/tasks_gone",
    "master/tasks_gone_by_operator",
    "master/tasks_killed",
    "master/tasks_lost",
    "master/valid_executor_to_framework_messages",
    "master/valid_framework_to_executor_messages",
    "master/valid_status_update_acknowledgements",
    "master/valid_status_updates",
];

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
