//! Status updates: made, written, sent, sent again, acknowledged.
//!
//! An update is on disk before it leaves, leaves before the next one of its task, and leaves
//! again until the framework's acknowledgement has come back. Mezzo does so for every
//! framework: `FrameworkInfo.checkpoint = false` does not make a task die with its agent.

use mezzo_model::FrameworkId;
use mezzo_proto::{
    mesos::v1,
    mezzo::{
        link::v1::{StatusUpdate, from_agent},
        store::v1::task_record::Record,
    },
};

use crate::{
    agent::{Agent, CompletedTask, Turn},
    checkpoint,
    config::{REWRITE_FIRST, REWRITE_MOST},
    effects::Change,
    loose::Verdict,
    task::{Phase, Task, TaskKey, is_terminal},
    timers::Timer,
};

impl Agent {
    /// A status with everything that the agent adds to it.
    pub(crate) fn status(&mut self, turn: &Turn, key: &TaskKey, verdict: Verdict) -> v1::TaskStatus {
        self.counters.updates_made += 1;
        let task = self.tasks.get(key);
        v1::TaskStatus {
            task_id: (&key.task).into(),
            state: verdict.state.into(),
            message: Some(verdict.message).filter(|message| !message.is_empty()),
            source: Some(verdict.source.into()),
            reason: verdict.reason.map(Into::into),
            agent_id: self.identity.agent_id.as_ref().map(Into::into),
            executor_id: task.map(executor_id),
            timestamp: Some(turn.now.wall.seconds()),
            uuid: Some(self.names.uuid().to_vec()),
            // Of a task under an executor that is the executor's to say.
            container_status: task.filter(|task| task.executor.is_none()).map(|task| v1::ContainerStatus {
                container_id: Some((&task.container).into()),
                network_infos: vec![network(&self.config.ip)],
                executor_pid: task.pid.and_then(|pid| u32::try_from(pid).ok()),
                ..Default::default()
            }),
            limitation: verdict.limitation,
            ..Default::default()
        }
    }

    /// Writes updates of a task, in order, and sends the first if nothing is before it.
    pub(crate) fn update(
        &mut self,
        turn: &mut Turn,
        key: &TaskKey,
        verdicts: impl IntoIterator<Item = Verdict>,
    ) {
        let statuses: Vec<_> = verdicts.into_iter().map(|verdict| self.status(turn, key, verdict)).collect();
        let mut records = Vec::new();
        for status in &statuses {
            records.extend(checkpoint::task_record(Record::Update(status.clone())));
        }
        self.append(turn, key, records);
        let Some(task) = self.tasks.get_mut(key) else { return };
        let was_idle = task.stream.head().is_none();
        for status in statuses {
            task.remember(&status);
            task.stream.push(status);
        }
        if was_idle {
            self.send_head(turn, key);
        }
    }

    /// Sends the update that waits, and sets the time to send it again.
    pub(crate) fn send_head(&mut self, turn: &mut Turn, key: &TaskKey) {
        let Some(link) = self.serving() else { return };
        let (stream, latest) = match (self.tasks.get_mut(key), self.loose.get_mut(key)) {
            (Some(task), _) if task.log.is_torn => return,
            (Some(task), _) => {
                let latest = task.latest_state();
                (&mut task.stream, latest)
            }
            (None, Some(loose)) => (&mut loose.stream, loose.state),
            (None, None) => return,
        };
        let Some(status) = stream.head().cloned() else { return };
        let wait = stream.sent();
        self.timers.set(Timer::Retry(key.clone()), turn.now.mono + wait);
        self.counters.updates_sent += 1;
        turn.touched.tasks.insert(key.clone());
        let update = StatusUpdate {
            framework_id: Some((&key.framework).into()),
            status: Some(status),
            latest_state: latest.into(),
        };
        turn.out.tell_master(link, from_agent::Body::Update(update));
    }

    /// There is a new link: everything that waits goes out, with short waits again.
    pub(crate) fn send_all_heads(&mut self, turn: &mut Turn) {
        let keys: Vec<_> = self.tasks.keys().chain(self.loose.keys()).cloned().collect();
        for key in keys {
            self.hurry(turn, &key);
        }
    }

    /// Sends what waits at once, with short waits again.
    pub(crate) fn hurry(&mut self, turn: &mut Turn, key: &TaskKey) {
        if let Some(loose) = self.loose.get_mut(key) {
            loose.stream.hurry();
        }
        let has_news = self.tasks.get(key).is_some_and(|task| task.stream.head().is_some());
        if has_news && let Some(task) = self.tasks.get_mut(key) {
            task.stream.hurry();
        }
        self.send_head(turn, key);
    }

    pub(crate) fn retry_update(&mut self, turn: &mut Turn, key: &TaskKey) {
        self.send_head(turn, key);
    }

    /// The framework has heard an update: the next may go, or the task is over.
    pub(crate) fn acknowledged(&mut self, turn: &mut Turn, key: &TaskKey, uuid: &[u8]) {
        if let Some(loose) = self.loose.get_mut(key)
            && loose.stream.acknowledge(uuid).is_some()
        {
            self.loose.remove(key);
            self.timers.cancel(&Timer::Retry(key.clone()));
            return;
        }
        let Some(status) = self.tasks.get_mut(key).and_then(|task| task.stream.acknowledge(uuid)) else {
            return;
        };
        self.timers.cancel(&Timer::Retry(key.clone()));
        if is_terminal(status.state()) {
            return self.complete(turn, key);
        }
        self.append(turn, key, checkpoint::task_record(Record::Acknowledged(uuid.to_vec())));
        self.send_head(turn, key);
    }

    /// The framework knows how the task ended: only its sandbox is kept, for a while.
    fn complete(&mut self, turn: &mut Turn, key: &TaskKey) {
        if let Some(task) = self.tasks.get(key) {
            self.completed_tasks.push(CompletedTask { task: task.clone() });
        }
        self.forget(turn, key);
    }

    /// Removes a task whose container is gone, and its checkpoint.
    pub(crate) fn forget(&mut self, turn: &mut Turn, key: &TaskKey) {
        for file in self.take_out(turn, key) {
            turn.remove(file);
        }
    }

    /// The same where writes fail just now: what the removal would delay must go out.
    pub(crate) fn forget_unwritten(&mut self, turn: &mut Turn, key: &TaskKey) {
        let files = self.take_out(turn, key);
        self.removals_not_kept(turn, files);
    }

    /// Takes a task out of everything. Returns the files that are of no use any more.
    fn take_out(&mut self, turn: &Turn, key: &TaskKey) -> Vec<String> {
        let Some(task) = self.tasks.remove(key) else { return Vec::new() };
        self.timers.cancel_task(key);
        self.containers.remove(&task.container);
        match &task.executor {
            None => self.keep_sandbox(turn, &task),
            Some(part) => self.leave_executor(&part.key, key),
        }
        let mut files = vec![checkpoint::task_key(&task.log_name)];
        files.extend(self.take_framework_out_if_idle(&key.framework));
        files
    }

    /// Takes a framework out that has neither tasks nor executors. Returns its file, if it has one.
    pub(crate) fn take_framework_out_if_idle(&mut self, id: &FrameworkId) -> Option<String> {
        if self.is_in_use(id) {
            return None;
        }
        let framework = self.frameworks.remove(id)?;
        let file = framework.has_file.then(|| checkpoint::framework_key(id.as_str()));
        self.completed_frameworks.push(framework.info);
        file
    }

    /// Whether a framework has tasks or executors here.
    pub(crate) fn is_in_use(&self, id: &FrameworkId) -> bool {
        self.tasks.keys().any(|key| key.framework == *id)
            || self.executors.keys().any(|key| key.framework == *id)
    }

    /// A write about the task failed: its log is written anew, and then what relied on it is done.
    pub(crate) fn log_not_kept(&mut self, turn: &mut Turn, key: &TaskKey, why: &str) {
        let Some(task) = self.tasks.get_mut(key) else { return };
        task.log.is_torn = true;
        let wait = REWRITE_FIRST.saturating_mul(1 << task.log.failures.min(6)).min(REWRITE_MOST);
        task.log.failures = task.log.failures.saturating_add(1);
        turn.out
            .warn(format!("the checkpoint of task {key} cannot be written, trying again in {wait:?}: {why}"));
        self.timers.cancel(&Timer::Retry(key.clone()));
        self.timers.set(Timer::Rewrite(key.clone()), turn.now.mono + wait);
    }

    pub(crate) fn rewrite_log(&mut self, turn: &mut Turn, key: &TaskKey) {
        let (Some(task), Some(framework)) = (self.tasks.get(key), self.frameworks.get(&key.framework)) else {
            return;
        };
        if !task.log.is_torn {
            return;
        }
        let log = checkpoint::task_log(task, &framework.info);
        turn.touched.tasks.insert(key.clone());
        turn.out.write(checkpoint::task_key(&task.log_name), Change::Replace(log), false);
        if let Some(task) = self.tasks.get_mut(key) {
            task.log.is_torn = false;
        }
        self.ask_again(turn, key);
        self.hurry(turn, key);
    }

    /// Asks the node again for what a turn that was dropped may have asked.
    fn ask_again(&mut self, turn: &mut Turn, key: &TaskKey) {
        let Some(task) = self.tasks.get(key) else { return };
        if let Some(part) = &task.executor {
            let executor = part.key.clone();
            self.acknowledge_again(turn, key);
            return self.hand_over_again(turn, &executor, key);
        }
        match (&task.phase, task.kill) {
            (Phase::Ending { .. }, _) => self.destroy(turn, key),
            (Phase::Running, Some(kill)) if kill.escalate_at <= turn.now.mono => self.destroy(turn, key),
            (Phase::Running, Some(_)) => self.signal(turn, key),
            (Phase::Running, None) | (Phase::Waiting | Phase::Launching | Phase::Ended { .. }, _) => {}
        }
    }

    pub(crate) fn removals_not_kept(&mut self, turn: &mut Turn, removed: Vec<String>) {
        if !removed.is_empty() {
            self.removals.extend(removed);
            self.timers.set(Timer::Removals, turn.now.mono + REWRITE_MOST);
        }
    }

    pub(crate) fn remove_again(&mut self, turn: &mut Turn) {
        for key in std::mem::take(&mut self.removals) {
            turn.remove(key);
        }
    }
}

/// The executor of a task: a command task's has the task's own name.
fn executor_id(task: &Task) -> v1::ExecutorId {
    match &task.executor {
        Some(part) => (&part.key.executor).into(),
        None => v1::ExecutorId { value: task.key.task.as_str().to_owned() },
    }
}

/// The host's network, as Mesos shows it for a container that joined it.
pub(crate) fn network(ip: &str) -> v1::NetworkInfo {
    let protocol =
        if ip.contains(':') { v1::network_info::Protocol::IPv6 } else { v1::network_info::Protocol::IPv4 };
    v1::NetworkInfo {
        ip_addresses: vec![v1::network_info::IpAddress {
            protocol: Some(protocol.into()),
            ip_address: Some(ip.to_owned()),
        }],
        ..Default::default()
    }
}
