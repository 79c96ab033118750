//! Sandboxes that are kept for people to look at, until `--gc_delay` is over.

use std::{collections::BTreeSet, time::Duration};

use mezzo_model::container::Ask;

use crate::{
    agent::{Agent, Turn},
    input::Sandbox,
    paths,
    task::Task,
    timers::Timer,
};

/// The sandboxes that wait to be collected.
#[derive(Clone, Debug, Default)]
pub(crate) struct Garbage {
    kept: BTreeSet<String>,
}

impl Garbage {
    /// How many wait.
    pub(crate) fn len(&self) -> usize {
        self.kept.len()
    }
}

impl Agent {
    /// Keeps the sandbox of a task that is over.
    pub(crate) fn keep_sandbox(&mut self, turn: &Turn, task: &Task) {
        self.collect_after(turn, task.sandbox.clone(), self.config.gc_delay);
    }

    /// Takes over the sandboxes of an earlier life that belong to no task any more.
    pub(crate) fn keep_found_sandboxes(&mut self, turn: &Turn, sandboxes: Vec<Sandbox>) {
        let in_use: BTreeSet<_> = self
            .tasks()
            .map(|task| task.sandbox.clone())
            .chain(self.executors().map(|executor| executor.sandbox.clone()))
            .collect();
        for Sandbox { path, modified } in sandboxes {
            if !in_use.contains(&path) {
                let age = Duration::from_nanos(turn.now.wall.0.saturating_sub(modified.0));
                self.collect_after(turn, path, self.config.gc_delay.saturating_sub(age));
            }
        }
    }

    pub(crate) fn collect_after(&mut self, turn: &Turn, path: String, wait: Duration) {
        self.timers.set(Timer::Collect(path.clone()), turn.now.mono + wait);
        self.garbage.kept.insert(path);
    }

    /// Removes a sandbox, and the directories above it that hold nothing else.
    pub(crate) fn collect(&mut self, turn: &mut Turn, path: &str) {
        if !self.garbage.kept.remove(path) {
            return;
        }
        let mut tree = path;
        let executor = parent(parent(path));
        let framework = parent(parent(executor));
        for above in [executor, framework] {
            if !self.is_path_in_use(above) && above.len() > self.config.work_dir.len() {
                tree = above;
            } else {
                break;
            }
        }
        turn.out.info(format!("removing `{tree}`: it has been kept long enough"));
        turn.out.node(Ask::RemoveTree { path: tree.to_owned() });
        self.counters.sandboxes_removed += 1;
    }

    /// Whether a kept sandbox or a task lies below a directory.
    fn is_path_in_use(&self, dir: &str) -> bool {
        let below = format!("{dir}/");
        let is_kept =
            self.garbage.kept.range(below.clone()..).next().is_some_and(|path| path.starts_with(&below));
        is_kept
            || self.tasks().any(|task| task.sandbox.starts_with(&below))
            || self.executors().any(|executor| executor.sandbox.starts_with(&below))
    }

    /// Where a task's sandbox lies.
    pub(crate) fn sandbox_path(
        &self,
        key: &crate::task::TaskKey,
        container: &mezzo_model::ContainerId,
    ) -> Option<String> {
        let agent = self.identity.agent_id.as_ref()?;
        Some(paths::sandbox(&self.config.work_dir, agent, key, container))
    }
}

fn parent(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(parent, _)| parent)
}
