//! RECONCILE: what the master knows of tasks, said again.

use mezzo_model::{
    AgentId, FrameworkId, Now, StreamId, TaskId, Wall,
    task::{Task, TaskState},
};
use mezzo_proto::mesos::v1::{self, task_status::Reason};

use crate::{Effects, Master, events, jobs::Job, lost::nanoseconds};

impl Master {
    /// Says the state of these tasks, or of all of the framework's when none is named.
    pub(super) fn reconcile(&mut self, framework: &FrameworkId, tasks: Vec<(TaskId, Option<AgentId>)>) {
        self.counters.add("master/messages_reconcile_tasks");
        let Some(stream) = self.frameworks.stream(framework) else { return };
        let framework = framework.clone();
        self.jobs.push_back(match tasks.is_empty() {
            true => Job::Reconcile { framework, stream, after: None },
            false => Job::ReconcileNamed { framework, stream, tasks: tasks.into() },
        });
    }

    /// Says the state of one task, known or not.
    pub(crate) fn reconcile_one(
        &mut self,
        now: Now,
        out: &mut Effects,
        framework: &FrameworkId,
        task: &TaskId,
        agent: Option<&AgentId>,
    ) {
        let Some(stream) = self.frameworks.stream(framework) else { return };
        if let Some(status) = self.reconciled(now, framework, task, agent) {
            out.event(stream, events::update(status));
        }
    }

    /// Says the state of a listed task that is not over, as far as its scheduler was told.
    pub(crate) fn tell_state(
        &mut self,
        now: Now,
        out: &mut Effects,
        stream: StreamId,
        framework: &FrameworkId,
        task: &TaskId,
    ) {
        let Some(task) = self.tasks.listed.get(&(framework.clone(), task.clone())) else { return };
        if !task.state_told().is_terminal() {
            out.event(stream, events::update(latest(now, task)));
        }
    }

    /// The answer about one task; nothing while an agent that might know more is awaited.
    fn reconciled(
        &self,
        now: Now,
        framework: &FrameworkId,
        task: &TaskId,
        agent: Option<&AgentId>,
    ) -> Option<v1::TaskStatus> {
        let key = (framework.clone(), task.clone());
        if let Some(task) = self.tasks.listed.get(&key) {
            return Some(latest(now, task));
        }
        let is_aware = self.frameworks.capabilities(framework).is_partition_aware();
        let or_lost = |state| if is_aware { state } else { TaskState::Lost };
        let say = |agent: Option<&AgentId>, state, words: &str| {
            let message = format!("Reconciliation: {words}");
            events::status(now, task, agent, or_lost(state), Reason::Reconciliation, message)
        };
        if let Some(task) = self.tasks.unreachable.get(&key)
            && task.state_told().is_terminal()
        {
            return Some(latest(now, task));
        }
        let remembered = self.tasks.unreachable.get(&key).map(|task| task.facts.agent.clone());
        let agent = remembered.as_ref().or(agent);
        let Some(agent) = agent else {
            // Any of the agents that are awaited might bring it.
            let is_awaited = !self.agents.recovered.is_empty();
            return (!is_awaited).then(|| say(None, TaskState::Unknown, "Task is unknown"));
        };
        if self.agents.recovered.contains_key(agent) {
            return None;
        }
        if self.agents.get(agent).is_some() {
            return Some(say(Some(agent), TaskState::Gone, "Task is unknown to the agent"));
        }
        if let Some(fact) = self.agents.unreachable.get(agent).map(|agent| &agent.fact) {
            let since = fact.unreachable_since.unwrap_or(Wall(0));
            let mut status = say(Some(agent), TaskState::Unreachable, "Task is unreachable");
            status.unreachable_time = Some(v1::TimeInfo { nanoseconds: nanoseconds(since) });
            return Some(status);
        }
        Some(say(Some(agent), TaskState::Unknown, "Task is unknown"))
    }
}

/// The state that the scheduler was last told, said again.
fn latest(now: Now, task: &Task) -> v1::TaskStatus {
    events::status_of(
        now,
        task,
        task.state_told(),
        Reason::Reconciliation,
        "Reconciliation: Latest task state",
    )
}
