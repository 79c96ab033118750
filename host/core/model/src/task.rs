//! A task, from acceptance to its last acknowledged update.
//!
//! ```text
//!  Staging ──▶ Starting ──▶ Running ──▶ Killing ──▶ an end
//!     └───────────┴────────────┴───────────┘ ▲
//!                agent lost ▼                │ agent back
//!                  Unreachable ──────────────┘
//! ```

use std::sync::Arc;

use mezzo_proto::mesos::v1;

use crate::ids::{AgentId, FrameworkId, TaskId};

/// Where a task stands. The wire's names, and what they mean for the life of a task.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TaskState {
    /// Accepted; nothing was heard from its agent yet.
    Staging,
    /// Its executor has it.
    Starting,
    /// Its command runs.
    Running,
    /// It is being ended.
    Killing,
    /// Ended with success.
    Finished,
    /// Ended by itself without success, or by a limit.
    Failed,
    /// Ended on request.
    Killed,
    /// Was never valid.
    Error,
    /// Ended, for frameworks that cannot tell the ways of being lost apart.
    Lost,
    /// Never reached an executor.
    Dropped,
    /// Its agent cannot be reached; it may still run.
    Unreachable,
    /// Ran, and surely does not any more.
    Gone,
    /// An operator said so of its agent.
    GoneByOperator,
    /// Nobody knows it: only an answer to reconciliation.
    Unknown,
}

/// What a report did to a task.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum Moved {
    /// It is in this state now, and was not before.
    To(TaskState),
    /// It is over now, and was not before: what it held is free.
    Ended(TaskState),
    /// Nothing changed.
    Ignored,
}

impl TaskState {
    /// Every state, in the order of the life of a task.
    pub const ALL: [TaskState; 14] = [
        TaskState::Staging,
        TaskState::Starting,
        TaskState::Running,
        TaskState::Killing,
        TaskState::Finished,
        TaskState::Failed,
        TaskState::Killed,
        TaskState::Error,
        TaskState::Lost,
        TaskState::Dropped,
        TaskState::Unreachable,
        TaskState::Gone,
        TaskState::GoneByOperator,
        TaskState::Unknown,
    ];

    /// Whether a task in this state is over for good.
    pub fn is_terminal(self) -> bool {
        use TaskState::*;
        match self {
            Finished | Failed | Killed | Error | Lost | Dropped | Gone | GoneByOperator => true,
            Staging | Starting | Running | Killing | Unreachable | Unknown => false,
        }
    }

    /// Applies what an executor or agent reports.
    ///
    /// Reports may be repeated; one that would bring a task back from its end is
    /// [`Moved::Ignored`], since what it held was given to others by then.
    pub fn report(&mut self, report: TaskState) -> Moved {
        if self.is_terminal() || *self == report || report == TaskState::Unknown {
            return Moved::Ignored;
        }
        *self = report;
        if report.is_terminal() { Moved::Ended(report) } else { Moved::To(report) }
    }

    /// The name on the wire, `TASK_…`.
    pub fn name(self) -> &'static str {
        self.to_wire().as_str_name()
    }

    /// The state as the wire has it.
    pub fn to_wire(self) -> v1::TaskState {
        match self {
            TaskState::Staging => v1::TaskState::TaskStaging,
            TaskState::Starting => v1::TaskState::TaskStarting,
            TaskState::Running => v1::TaskState::TaskRunning,
            TaskState::Killing => v1::TaskState::TaskKilling,
            TaskState::Finished => v1::TaskState::TaskFinished,
            TaskState::Failed => v1::TaskState::TaskFailed,
            TaskState::Killed => v1::TaskState::TaskKilled,
            TaskState::Error => v1::TaskState::TaskError,
            TaskState::Lost => v1::TaskState::TaskLost,
            TaskState::Dropped => v1::TaskState::TaskDropped,
            TaskState::Unreachable => v1::TaskState::TaskUnreachable,
            TaskState::Gone => v1::TaskState::TaskGone,
            TaskState::GoneByOperator => v1::TaskState::TaskGoneByOperator,
            TaskState::Unknown => v1::TaskState::TaskUnknown,
        }
    }

    /// The number on the wire.
    pub fn number(self) -> i32 {
        self.to_wire() as i32
    }

    /// The state with this number on the wire, if there is one.
    pub fn from_number(number: i32) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.number() == number)
    }
}

/// A task as a master or an agent shows it: what never changes, and its small state.
#[derive(Clone, Debug, PartialEq)]
pub struct Task {
    /// What never changes.
    pub facts: Arc<TaskFacts>,
    /// The latest state that its agent knows of.
    pub state: TaskState,
    /// The last status of each state it went through, oldest first, without `data`.
    pub statuses: Vec<Arc<v1::TaskStatus>>,
    /// State and uuid of the status that was last handed to the scheduler.
    pub told: Option<(TaskState, Vec<u8>)>,
}

/// What never changes of a task.
#[derive(Clone, Debug, PartialEq)]
pub struct TaskFacts {
    /// Whose it is.
    pub framework: FrameworkId,
    /// Its name for the framework.
    pub id: TaskId,
    /// Where it runs.
    pub agent: AgentId,
    /// What was asked for.
    pub info: v1::TaskInfo,
    /// The account it runs as, where somebody named one.
    pub user: Option<String>,
}

impl Task {
    /// A task that was just accepted.
    pub fn staging(facts: TaskFacts) -> Self {
        Self { facts: Arc::new(facts), state: TaskState::Staging, statuses: Vec::new(), told: None }
    }

    /// Keeps `status` as the newest; one of the same state is replaced, so the list stays short.
    pub fn remember(&mut self, status: &v1::TaskStatus) {
        let mut kept = status.clone();
        kept.data = None;
        if self.statuses.last().is_some_and(|last| last.state == kept.state) {
            self.statuses.pop();
        }
        self.statuses.push(Arc::new(kept));
    }

    /// The state that the scheduler was last told, or else the latest.
    pub fn state_told(&self) -> TaskState {
        self.told.as_ref().map_or(self.state, |(state, _)| *state)
    }

    /// The task as v1 answers show it.
    pub fn to_wire(&self) -> v1::Task {
        let facts = &self.facts;
        let info = &facts.info;
        v1::Task {
            name: info.name.clone(),
            task_id: info.task_id.clone(),
            framework_id: (&facts.framework).into(),
            executor_id: info.executor.as_ref().map(|executor| executor.executor_id.clone()),
            agent_id: (&facts.agent).into(),
            state: self.state.number(),
            resources: info.resources.clone(),
            statuses: self.statuses.iter().map(|status| v1::TaskStatus::clone(status)).collect(),
            status_update_state: self.told.as_ref().map(|(state, _)| state.number()),
            status_update_uuid: self.told.as_ref().map(|(_, uuid)| uuid.clone()),
            labels: info.labels.clone(),
            discovery: info.discovery.clone(),
            container: info.container.clone(),
            health_check: info.health_check.clone(),
            kill_policy: info.kill_policy,
            user: facts.user.clone(),
            limits: info.limits.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A late `Running` must not bring a task back from the dead: what it held has been
    /// offered to someone else by then.
    #[test]
    fn ended_task_ignores_late_running() {
        let mut state = TaskState::Failed;
        assert_eq!(state.report(TaskState::Running), Moved::Ignored);
        assert_eq!(state, TaskState::Failed);
    }

    #[test]
    fn an_unreachable_task_comes_back_running() {
        let mut state = TaskState::Unreachable;
        assert_eq!(state.report(TaskState::Running), Moved::To(TaskState::Running));
    }

    #[test]
    fn an_end_is_told_once() {
        let mut state = TaskState::Running;
        assert_eq!(state.report(TaskState::Killed), Moved::Ended(TaskState::Killed));
        assert_eq!(state.report(TaskState::Killed), Moved::Ignored);
    }

    #[test]
    fn every_state_has_its_number() {
        for state in TaskState::ALL {
            assert_eq!(TaskState::from_number(state.number()), Some(state));
        }
        assert_eq!(TaskState::from_number(77), None);
    }

    /// Health checks send many statuses of one state: the list must not grow with them.
    #[test]
    fn statuses_of_one_state_replace_each_other() {
        let mut task = Task::staging(TaskFacts {
            framework: "f".into(),
            id: "t".into(),
            agent: "a".into(),
            info: v1::TaskInfo::default(),
            user: None,
        });
        for (state, data) in [(TaskState::Starting, 1), (TaskState::Running, 2), (TaskState::Running, 3)] {
            let status =
                v1::TaskStatus { state: state.number(), data: Some(vec![data]), ..Default::default() };
            task.remember(&status);
        }
        assert_eq!(task.statuses.len(), 2);
        assert!(task.statuses.iter().all(|status| status.data.is_none()));
    }
}
