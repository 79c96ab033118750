//! A framework's absence: its stream ends, it comes back, or it is removed.

use std::{collections::BTreeSet, sync::Arc};

use mezzo_model::{
    FrameworkId, LinkId, Now, StreamId, TaskId,
    framework::{self, FrameworkState},
    task::{Moved, TaskState},
};
use mezzo_proto::{
    mesos::v1::{self, task_status::Reason},
    mezzo::link::v1::{ShutdownFramework, UpdateFramework, from_master},
};

use crate::{Effects, Master, Observation, deadlines::Deadline, events, jobs::Job, tasks::TaskKey};

impl Master {
    /// A stream has ended on the client's side.
    pub(crate) fn stream_closed(&mut self, now: Now, out: &mut Effects, stream: StreamId) {
        if self.watchers.close(stream) {
            return;
        }
        let Some(id) = self.frameworks.close_stream(stream) else { return };
        let Some(framework) = self.frameworks.get_mut(&id) else { return };
        let timeout = framework::failover_timeout(&framework.info).unwrap_or_default();
        let until = now.mono + timeout;
        framework.state = FrameworkState::Disconnected { until };
        self.deadlines.disarm(&Deadline::Heartbeat(id.clone()));
        self.ledger.set_framework_active(&id, false);
        self.discard_offers_of_framework(now, &id);
        if timeout.is_zero() {
            self.remove_framework(now, out, &id);
        } else {
            out.info(format!(
                "framework `{id}` is disconnected and has {} s to come back",
                timeout.as_secs()
            ));
            self.deadlines.arm(Deadline::Failover(id), until);
        }
    }

    /// A disconnected framework did not come back in time.
    pub(crate) fn failover_timed_out(&mut self, now: Now, out: &mut Effects, id: &FrameworkId) {
        let Some(framework) = self.frameworks.get(id) else { return };
        match framework.state {
            FrameworkState::Disconnected { .. } => self.remove_framework(now, out, id),
            FrameworkState::Connected | FrameworkState::Recovered => {}
        }
    }

    /// A framework's stream wants a sign of life.
    pub(crate) fn heartbeat(&mut self, now: Now, out: &mut Effects, id: FrameworkId) {
        let Some(stream) = self.frameworks.stream(&id) else { return };
        out.event(stream, events::heartbeat());
        self.deadlines.arm(Deadline::Heartbeat(id), now.mono + self.config.heartbeat_interval);
    }

    /// Ends a framework and everything it runs. Its id can never subscribe again.
    pub(crate) fn remove_framework(&mut self, now: Now, out: &mut Effects, id: &FrameworkId) {
        let Some(framework) = self.frameworks.get_mut(id) else { return };
        framework.unregistered_at = Some(now.wall);
        let info = Arc::clone(&framework.info);
        out.observations.push(Observation::FrameworkRemoved(id.clone()));
        self.deadlines.disarm(&Deadline::Heartbeat(id.clone()));
        self.deadlines.disarm(&Deadline::Failover(id.clone()));
        self.discard_offers_of_framework(now, id);
        self.ledger.set_framework_active(id, false);
        self.shut_down_at_agents(out, id);
        self.adopt_operations(out, id);
        self.unlist_executors_of_framework(now, id);
        let Some((kept, forgotten)) = self.frameworks.complete(id) else { return };
        if let Some(stream) = kept.stream {
            out.close_stream(stream.id, "the framework was removed");
        }
        for task in kept.unreachable {
            if let Some(task) = self.tasks.unreachable.remove(&(id.clone(), task)) {
                self.remember_completed(id.clone(), task);
            }
        }
        if let Some(forgotten) = forgotten {
            self.tasks.completed.remove(&forgotten);
        }
        self.jobs.push_back(Job::Remove { framework: id.clone(), info, tasks: kept.tasks });
    }

    /// Ends the next tasks of a removed framework. Gives what is left when the turn is full.
    pub(crate) fn end_some_tasks(
        &mut self,
        now: Now,
        out: &mut Effects,
        framework: FrameworkId,
        info: Arc<v1::FrameworkInfo>,
        mut tasks: BTreeSet<TaskId>,
    ) -> Option<Job> {
        while self.has_room() {
            let Some(id) = tasks.pop_first() else {
                self.ledger.remove_framework(&framework);
                self.show_framework_removed(out, &info);
                self.something_changed(now);
                if !self.frameworks.is_completed(&framework) {
                    // So many frameworks were removed meanwhile that this one is forgotten again.
                    self.tasks.completed.remove(&framework);
                }
                return None;
            };
            let key = (framework.clone(), id);
            let Some(task) = self.tasks.listed.get(&key) else { continue };
            if !task.state.is_terminal() {
                let message = format!("Framework {framework} removed");
                let status =
                    events::status_of(now, task, TaskState::Killed, Reason::FrameworkRemoved, &message);
                self.counters.terminal_status(&status);
                self.end_task(now, out, &key, TaskState::Killed, &status);
            }
            self.complete_task(now, &key);
        }
        Some(Job::Remove { framework, info, tasks })
    }

    /// Gives a listed task its end and the status that says so.
    pub(crate) fn end_task(
        &mut self,
        now: Now,
        out: &mut Effects,
        key: &TaskKey,
        state: TaskState,
        status: &v1::TaskStatus,
    ) {
        if self.move_task(now, key, state) != Moved::Ignored {
            self.show_task_updated(out, key, state, status);
        }
        if let Some(task) = self.tasks.listed.get_mut(key) {
            task.remember(status);
        }
    }

    /// Tells every agent that runs something of a framework to end it.
    fn shut_down_at_agents(&mut self, out: &mut Effects, id: &FrameworkId) {
        for link in self.links_of_framework(id) {
            self.changes += 1;
            let body = ShutdownFramework { framework_id: Some(id.into()) };
            out.tell_agent(link, from_master::Body::ShutdownFramework(body));
        }
    }

    /// Tells every agent that runs something of a framework what it says of itself now.
    pub(crate) fn update_at_agents(&mut self, out: &mut Effects, id: &FrameworkId, info: &v1::FrameworkInfo) {
        for link in self.links_of_framework(id) {
            self.changes += 1;
            let body = UpdateFramework { framework: Some(info.clone()) };
            out.tell_agent(link, from_master::Body::UpdateFramework(body));
        }
    }

    /// The links of the agents that run something of a framework.
    fn links_of_framework(&self, id: &FrameworkId) -> Vec<LinkId> {
        let agents = self.frameworks.kept(id).into_iter().flat_map(|kept| kept.agents.keys());
        agents.filter_map(|agent| self.agents.link(agent)).collect()
    }
}
