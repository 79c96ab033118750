//! Work that is too long for one turn: each job keeps its own cursor.

use std::{
    collections::{BTreeSet, VecDeque},
    ops::Bound,
    sync::Arc,
};

use mezzo_model::{AgentId, FrameworkId, Now, StreamId, TaskId};
use mezzo_proto::mesos::v1;

use crate::{Effects, Master};

/// Something to go on with.
#[derive(Debug)]
pub(crate) enum Job {
    /// Tell a scheduler the state of all its tasks.
    Reconcile {
        /// Whose tasks.
        framework: FrameworkId,
        /// The subscription that asked; a newer one asks again by itself.
        stream: StreamId,
        /// The last task done.
        after: Option<TaskId>,
    },
    /// Tell a scheduler the state of these tasks.
    ReconcileNamed {
        /// Whose tasks.
        framework: FrameworkId,
        /// The subscription that asked.
        stream: StreamId,
        /// What is left to tell.
        tasks: VecDeque<(TaskId, Option<AgentId>)>,
    },
    /// End the tasks of a framework that was removed.
    Remove {
        /// Which.
        framework: FrameworkId,
        /// What it said of itself.
        info: Arc<v1::FrameworkInfo>,
        /// Its tasks that are left, as they were listed at its removal.
        tasks: BTreeSet<TaskId>,
    },
}

impl Master {
    /// Goes on with the jobs, oldest first, as far as this turn allows.
    pub(crate) fn go_on(&mut self, now: Now, out: &mut Effects) {
        while self.has_room() {
            let Some(job) = self.jobs.pop_front() else { return };
            let rest = match job {
                Job::Reconcile { framework, stream, after } => {
                    self.reconcile_some(now, out, framework, stream, after)
                }
                Job::ReconcileNamed { framework, stream, tasks } => {
                    self.reconcile_named(now, out, framework, stream, tasks)
                }
                Job::Remove { framework, info, tasks } => {
                    self.end_some_tasks(now, out, framework, info, tasks)
                }
            };
            if let Some(rest) = rest {
                self.jobs.push_front(rest);
            }
        }
    }

    /// Tells a scheduler of its next tasks. Gives what is left when the turn is full.
    fn reconcile_some(
        &mut self,
        now: Now,
        out: &mut Effects,
        framework: FrameworkId,
        stream: StreamId,
        mut after: Option<TaskId>,
    ) -> Option<Job> {
        while self.has_room() {
            let kept = self.frameworks.kept(&framework)?;
            if self.frameworks.stream(&framework) != Some(stream) {
                return None;
            }
            let from = after.as_ref().map_or(Bound::Unbounded, Bound::Excluded);
            let task = kept.tasks.range::<TaskId, _>((from, Bound::Unbounded)).next()?.clone();
            self.changes += 1;
            self.tell_state(now, out, stream, &framework, &task);
            after = Some(task);
        }
        Some(Job::Reconcile { framework, stream, after })
    }

    /// Tells a scheduler of the next tasks that it named. Gives what is left when the turn is full.
    fn reconcile_named(
        &mut self,
        now: Now,
        out: &mut Effects,
        framework: FrameworkId,
        stream: StreamId,
        mut tasks: VecDeque<(TaskId, Option<AgentId>)>,
    ) -> Option<Job> {
        while self.has_room() {
            if self.frameworks.stream(&framework) != Some(stream) {
                return None;
            }
            let (task, agent) = tasks.pop_front()?;
            self.changes += 1;
            self.reconcile_one(now, out, &framework, &task, agent.as_ref());
        }
        Some(Job::ReconcileNamed { framework, stream, tasks })
    }
}
