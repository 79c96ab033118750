//! A task, from acceptance to its last acknowledged update.
//!
//! ```text
//!  Staging ──▶ Starting ──▶ Running ──▶ Killing ──▶ an end
//!     └───────────┴────────────┴───────────┘ ▲
//!                agent lost ▼                │ agent back
//!                  Unreachable ──────────────┘
//! ```

use std::sync::Arc;

use mezzo_proto::{
    Encoded, Message,
    bytes::{Fields, Raw, put_raw, put_varint},
    mesos::v1,
};

use crate::ids::{AgentId, ExecutorId, FrameworkId, TaskId};

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
    pub statuses: Vec<Encoded<v1::TaskStatus>>,
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
    /// The executor that was asked to run it, if the framework has its own.
    pub executor: Option<ExecutorId>,
    /// What is shown of it: the fixed fields of its `v1.Task`, encoded. Nothing else of what was
    /// asked for is kept: it is the agent's to remember.
    shown: Box<[u8]>,
    /// Where the fields before the state end in `shown`, and where its resources do.
    marks: (u32, u32),
}

impl TaskFacts {
    /// What is kept of a task that was asked for.
    pub fn new(framework: FrameworkId, agent: AgentId, info: &v1::TaskInfo) -> Self {
        let executor = info.executor.as_ref().map(|executor| &executor.executor_id);
        let command = info.command.as_ref().or_else(|| info.executor.as_ref()?.command.as_ref());
        let user = command.and_then(|command| command.user.clone());
        let shown = v1::Task {
            name: info.name.clone(),
            task_id: info.task_id.clone(),
            framework_id: (&framework).into(),
            executor_id: executor.cloned(),
            agent_id: (&agent).into(),
            resources: info.resources.clone(),
            labels: info.labels.clone(),
            discovery: info.discovery.clone(),
            container: info.container.clone(),
            health_check: info.health_check.clone(),
            kill_policy: info.kill_policy,
            user,
            limits: info.limits.clone(),
            ..Default::default()
        };
        let fields = Encoded::of(&shown);
        let (mut shown, mut marks) = (Vec::with_capacity(fields.bytes().len()), (0, 0));
        for (number, raw) in Fields::new(fields.bytes()).filter(|(number, _)| *number != u32::from(STATE)) {
            put_raw(number, raw, &mut shown);
            let end = u32::try_from(shown.len()).expect("a request is smaller than 4 GiB");
            match number {
                ..=AGENT_ID => marks = (end, end),
                RESOURCES => marks.1 = end,
                _ => {}
            }
        }
        Self {
            id: (&info.task_id).into(),
            framework,
            agent,
            executor: executor.map(Into::into),
            shown: shown.into(),
            marks,
        }
    }

    /// `name` to `agent_id` of its `v1.Task`.
    pub fn named(&self) -> &[u8] {
        &self.shown[..self.marks.0 as usize]
    }

    /// `resources` of its `v1.Task`.
    pub fn held(&self) -> &[u8] {
        &self.shown[self.marks.0 as usize..self.marks.1 as usize]
    }

    /// `labels` and what follows of its `v1.Task`.
    pub fn described(&self) -> &[u8] {
        &self.shown[self.marks.1 as usize..]
    }

    /// What it holds, as it was asked for.
    pub fn resources(&self) -> Vec<v1::Resource> {
        let held = v1::Task::decode(self.held()).expect("these bytes were made of a task's fields");
        held.resources
    }
}

/// Numbers of fields of `v1.Task`.
const AGENT_ID: u32 = 5;
const STATE: u8 = 6;
const RESOURCES: u32 = 7;
const STATUSES: u8 = 8;
const STATUS_UPDATE_STATE: u8 = 9;
const STATUS_UPDATE_UUID: u32 = 10;

impl Task {
    /// A task that was just accepted.
    pub fn staging(facts: TaskFacts) -> Self {
        Self { facts: Arc::new(facts), state: TaskState::Staging, statuses: Vec::new(), told: None }
    }

    /// Keeps `status` as the newest; one of the same state is replaced, so the list stays short.
    pub fn remember(&mut self, status: &v1::TaskStatus) {
        let mut kept = status.clone();
        kept.data = None;
        if self.statuses.last().is_some_and(|last| state_of(last.bytes()) == Some(kept.state)) {
            self.statuses.pop();
        }
        self.statuses.push(Encoded::of(&kept));
    }

    /// The state that the scheduler was last told, or else the latest.
    pub fn state_told(&self) -> TaskState {
        self.told.as_ref().map_or(self.state, |(state, _)| *state)
    }

    /// Appends the task as v1 answers show it, encoded.
    pub fn encode(&self, out: &mut Vec<u8>) {
        let key = |number: u8, wire_type: u8| number << 3 | wire_type;
        let facts = &self.facts;
        out.extend_from_slice(facts.named());
        out.extend([key(STATE, 0), self.state.number() as u8]);
        out.extend_from_slice(facts.held());
        for status in &self.statuses {
            out.push(key(STATUSES, 2));
            put_varint(status.bytes().len() as u64, out);
            out.extend_from_slice(status.bytes());
        }
        if let Some((state, uuid)) = &self.told {
            out.extend([key(STATUS_UPDATE_STATE, 0), state.number() as u8]);
            put_raw(STATUS_UPDATE_UUID, Raw::Bytes(uuid), out);
        }
        out.extend_from_slice(facts.described());
    }

    /// How many bytes [`Task::encode`] appends.
    pub fn encoded_len(&self) -> usize {
        let status = |status: &Encoded<v1::TaskStatus>| {
            let length = status.bytes().len();
            1 + varint_len(length) + length
        };
        let told = self.told.as_ref().map_or(0, |(_, uuid)| 2 + 1 + varint_len(uuid.len()) + uuid.len());
        self.facts.shown.len() + 2 + self.statuses.iter().map(status).sum::<usize>() + told
    }

    /// The task as v1 answers show it.
    pub fn to_wire(&self) -> v1::Task {
        let mut bytes = Vec::new();
        self.encode(&mut bytes);
        v1::Task::decode(&*bytes).expect("these bytes were made of a task's fields")
    }
}

/// How many bytes a length takes.
fn varint_len(length: usize) -> usize {
    mezzo_proto::length_delimiter_len(length)
}

/// The state that an encoded status tells.
fn state_of(status: &[u8]) -> Option<i32> {
    Fields::new(status).find_map(|(number, raw)| match (number, raw) {
        // A state's number is small.
        (2, Raw::Varint(state)) => i32::try_from(state).ok(),
        _ => None,
    })
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
        let mut task = Task::staging(TaskFacts::new("f".into(), "a".into(), &v1::TaskInfo::default()));
        for (state, data) in [(TaskState::Starting, 1), (TaskState::Running, 2), (TaskState::Running, 3)] {
            let status =
                v1::TaskStatus { state: state.number(), data: Some(vec![data]), ..Default::default() };
            task.remember(&status);
        }
        assert_eq!(task.statuses.len(), 2);
        assert!(task.statuses.iter().all(|status| status.message().data.is_none()));
    }

    /// Whatever was asked for is shown, wherever its number stands among the fields.
    #[test]
    fn a_task_is_shown_with_all_its_fields() {
        let info: v1::TaskInfo = mezzo_proto::json::from_json(
            r#"{"name":"n","task_id":{"value":"t"},"agent_id":{"value":"a"},
                "resources":[{"name":"cpus","type":"SCALAR","scalar":{"value":0.5}}],
                "executor":{"executor_id":{"value":"e"}},
                "command":{"value":"true","user":"nobody"},
                "labels":{"labels":[{"key":"k","value":"v"}]},
                "discovery":{"visibility":"CLUSTER"},
                "container":{"type":"MESOS"},
                "health_check":{"type":"COMMAND"},
                "kill_policy":{"grace_period":{"nanoseconds":5}},
                "limits":{"cpus":{"value":1}}}"#,
        )
        .expect("a task");
        let mut task = Task::staging(TaskFacts::new("f".into(), "a".into(), &info));
        let status = v1::TaskStatus { state: 1, uuid: Some(vec![7; 16]), ..Default::default() };
        task.state = TaskState::Running;
        task.remember(&status);
        task.told = Some((TaskState::Running, vec![7; 16]));
        let expected = v1::Task {
            name: "n".into(),
            task_id: info.task_id.clone(),
            framework_id: v1::FrameworkId { value: "f".into() },
            executor_id: Some(v1::ExecutorId { value: "e".into() }),
            agent_id: info.agent_id.clone(),
            state: 1,
            resources: info.resources.clone(),
            statuses: vec![status],
            status_update_state: Some(1),
            status_update_uuid: Some(vec![7; 16]),
            labels: info.labels.clone(),
            discovery: info.discovery.clone(),
            container: info.container.clone(),
            health_check: info.health_check.clone(),
            kill_policy: info.kill_policy,
            user: Some("nobody".into()),
            limits: info.limits.clone(),
        };
        assert_eq!(task.to_wire(), expected);
        let mut bytes = Vec::new();
        task.encode(&mut bytes);
        assert_eq!(task.encoded_len(), bytes.len());
        assert_eq!(task.facts.resources(), info.resources);
    }
}
