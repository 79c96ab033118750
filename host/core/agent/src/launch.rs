//! From an order to a plan for the node.

pub(crate) mod environment;
pub(crate) mod plan;
pub(crate) mod validate;

use mezzo_model::ContainerId;
use mezzo_model::container::{Ask, Stage};
use mezzo_proto::mesos::v1::{TaskState, task_status::Reason};

use crate::{
    agent::{Agent, Turn},
    loose::Verdict,
    task::{Phase, TaskKey},
};

impl Agent {
    /// Begins a task whose resources are taken.
    pub(crate) fn begin(&mut self, turn: &mut Turn, key: &TaskKey) {
        match self.tasks.get(key).is_some_and(|task| task.executor.is_some()) {
            true => self.join_executor(turn, key),
            false => self.launch(turn, key),
        }
    }

    /// Asks the node to launch a task whose resources are taken.
    pub(crate) fn launch(&mut self, turn: &mut Turn, key: &TaskKey) {
        let (Some(task), Some(framework)) = (self.tasks.get(key), self.frameworks.get(&key.framework)) else {
            return;
        };
        match plan::plan(&self.config, self.identity.agent_id.as_ref(), task, &framework.info) {
            Ok(plan) => {
                if let Some(task) = self.tasks.get_mut(key) {
                    task.phase = Phase::Launching;
                }
                turn.touched.tasks.insert(key.clone());
                turn.out.node(Ask::Launch(Box::new(plan)));
            }
            // The order was looked at when it came; only a changed configuration gets here.
            Err(why) => self.gone(turn, key, launch_failure(&why)),
        }
    }

    /// Launches what waited for resources that are free now, oldest first.
    pub(crate) fn start_waiting(&mut self, turn: &mut Turn) {
        if self.waiting == 0 || self.serving().is_none() && self.identity.agent_id.is_none() {
            return;
        }
        let waiting: Vec<_> = self
            .tasks
            .iter()
            .filter(|(_, task)| task.phase == Phase::Waiting)
            .map(|(key, _)| key.clone())
            .collect();
        self.waiting = waiting.len();
        for key in waiting {
            let Some(needed) = self.tasks.get(&key).map(|task| self.needed(task)) else { continue };
            if !self.account.take(&needed) {
                return;
            }
            self.waiting -= 1;
            self.begin(turn, &key);
        }
    }

    /// The first record of a task could not be written: it was never launched, and is refused.
    pub(crate) fn launch_not_kept(&mut self, turn: &mut Turn, key: &TaskKey, why: &str) {
        let Some(task) = self.tasks.get(key) else { return };
        if !matches!(task.phase, Phase::Waiting | Phase::Launching) {
            return self.log_not_kept(turn, key, why);
        }
        if task.executor.is_none() {
            // A task that waited may have been launched by a later turn that did not fail.
            turn.out.node(Ask::Destroy { container: task.container.clone() });
        }
        if self.holds_resources(task) {
            let held = task.resources.clone();
            self.account.give_back(&held);
        }
        let message = format!("the task's checkpoint could not be written: {why}");
        turn.out.warn(format!("task {key} is not launched: {message}"));
        let verdict = launch_failure(&message);
        self.forget_unwritten(turn, key);
        self.tell_loose(turn, key.clone(), verdict);
    }

    pub(crate) fn launch_failed(
        &mut self,
        turn: &mut Turn,
        container: &ContainerId,
        stage: Stage,
        message: String,
    ) {
        let Some(key) = self.containers.get(container).cloned() else { return };
        let Some(task) = self.tasks.get(&key) else { return };
        match task.phase {
            Phase::Launching => {
                self.counters.launch_errors += 1;
                turn.out.warn(format!("task {key} could not be launched ({stage:?}): {message}"));
                self.gone(turn, &key, launch_failure(&message));
            }
            // Killed during its launch: `Destroyed` follows.
            Phase::Ending { .. } | Phase::Waiting | Phase::Running | Phase::Ended { .. } => {}
        }
    }
}

/// TASK_FAILED, as Mesos words it.
pub(crate) fn launch_failure(why: &str) -> Verdict {
    Verdict::of_agent(
        TaskState::TaskFailed,
        Reason::ContainerLaunchFailed,
        format!("Failed to launch container: {why}"),
    )
}
