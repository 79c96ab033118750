//! The tasks that a master knows, and what each of them holds of the ledger.
//!
//! A task is *listed* until its framework has acknowledged its end; what it holds is free as
//! soon as its agent knows of its end. What cannot be reached, and what is over, is
//! remembered in lists with a limit.

use std::{collections::BTreeMap, sync::Arc};

use mezzo_model::{
    FrameworkId, Now, TaskId,
    table::{Ring, Table},
    task::{Moved, Task, TaskState},
};
use mezzo_proto::mesos::v1;
use mezzo_resources::Resources;

use crate::Master;

/// Names a task.
pub(crate) type TaskKey = (FrameworkId, TaskId);

/// All tasks.
#[derive(Debug, Default)]
pub(crate) struct Tasks {
    /// Listed ones.
    pub(crate) listed: Table<TaskKey, Task>,
    /// Those whose agent cannot be reached.
    pub(crate) unreachable: Table<TaskKey, Task>,
    /// Those that are over, of each framework.
    pub(crate) completed: Table<FrameworkId, Ring<Arc<Task>>>,
    /// What each listed task that is not over holds.
    held: BTreeMap<TaskKey, Held>,
}

/// What a task holds, and under which role.
#[derive(Clone, Debug)]
pub(crate) struct Held {
    pub(crate) role: String,
    pub(crate) resources: Resources,
}

impl Master {
    /// Lists a task. With `held`, the ledger already counts that as allocated to it.
    pub(crate) fn list_task(&mut self, task: Task, held: Option<Held>) {
        self.changes += 1;
        let key = key_of(&task);
        if let Some(kept) = self.frameworks.kept_mut(&key.0)
            && kept.tasks.insert(key.1.clone())
        {
            *kept.agents.entry(task.facts.agent.clone()).or_default() += 1;
        }
        if let Some(kept) = self.agents.kept_mut(&task.facts.agent) {
            kept.tasks.insert(key.clone());
        }
        if let Some(held) = held {
            self.tasks.held.insert(key.clone(), held);
        }
        self.tasks.listed.insert(key, task);
    }

    /// Gives back what a task holds, if it still holds something.
    pub(crate) fn release_task(&mut self, now: Now, key: &TaskKey) {
        let Some(held) = self.tasks.held.remove(key) else { return };
        let Some(task) = self.tasks.listed.get(key) else { return };
        let freed = self.ledger.release_allocated(&task.facts.agent, &key.0, &held.role, &held.resources);
        self.booked(freed);
        self.something_changed(now);
    }

    /// Applies a state to a listed task; one that is over gives back what it holds.
    pub(crate) fn move_task(&mut self, now: Now, key: &TaskKey, state: TaskState) -> Moved {
        let Some(task) = self.tasks.listed.get_mut(key) else { return Moved::Ignored };
        self.changes += 1;
        let moved = task.state.report(state);
        match moved {
            Moved::Ended(state) => {
                self.count_end(&key.0, state);
                self.release_task(now, key);
            }
            Moved::To(_) | Moved::Ignored => {}
        }
        moved
    }

    /// Takes a task off the list: it gives back what it may still hold.
    pub(crate) fn unlist_task(&mut self, now: Now, key: &TaskKey) -> Option<Task> {
        self.release_task(now, key);
        let task = self.tasks.listed.remove(key)?;
        self.changes += 1;
        if let Some(kept) = self.frameworks.kept_mut(&key.0)
            && kept.tasks.remove(&key.1)
        {
            kept.leave_agent(&task.facts.agent);
        }
        if let Some(kept) = self.agents.kept_mut(&task.facts.agent) {
            kept.tasks.remove(key);
            kept.kills.remove(key);
        }
        Some(task)
    }

    /// Moves a task that is over from the list to the remembered ones.
    pub(crate) fn complete_task(&mut self, now: Now, key: &TaskKey) {
        if let Some(task) = self.unlist_task(now, key) {
            self.remember_completed(key.0.clone(), task);
        }
    }

    /// Remembers a task that is over.
    pub(crate) fn remember_completed(&mut self, framework: FrameworkId, task: Task) {
        let limit = self.config.max_completed_tasks_per_framework;
        self.tasks.completed.get_or_insert_with(framework, || Ring::new(limit)).push(Arc::new(task));
    }

    /// Moves a listed task to the unreachable ones, where `status` says how it stands there; the
    /// oldest is forgotten when there are too many.
    pub(crate) fn set_task_unreachable(&mut self, now: Now, key: &TaskKey, status: Option<&v1::TaskStatus>) {
        let Some(mut task) = self.unlist_task(now, key) else { return };
        if let Some(status) = status {
            task.state = TaskState::from_number(status.state).unwrap_or(TaskState::Unreachable);
            task.remember(status);
        }
        self.tasks.unreachable.insert(key.clone(), task);
        let Some(kept) = self.frameworks.kept_mut(&key.0) else { return };
        kept.unreachable.push_back(key.1.clone());
        if kept.unreachable.len() > self.config.max_unreachable_tasks_per_framework
            && let Some(oldest) = kept.unreachable.pop_front()
        {
            self.tasks.unreachable.remove(&(key.0.clone(), oldest));
        }
    }

    /// Takes a task out of the unreachable ones, if it is there.
    pub(crate) fn take_unreachable(&mut self, key: &TaskKey) -> Option<Task> {
        let task = self.tasks.unreachable.remove(key)?;
        if let Some(kept) = self.frameworks.kept_mut(&key.0) {
            kept.unreachable.retain(|id| *id != key.1);
        }
        Some(task)
    }
}

/// The task's name.
pub(crate) fn key_of(task: &Task) -> TaskKey {
    (task.facts.framework.clone(), task.facts.id.clone())
}
