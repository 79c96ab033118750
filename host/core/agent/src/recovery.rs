//! The start of an agent on a work directory that it may have used before.

use std::collections::BTreeMap;

use mezzo_model::{AgentId, ContainerId, FrameworkId, Mono, TaskId, Wall, container::Ask};
use mezzo_proto::{
    mesos::v1::{self, TaskState, task_status::Reason},
    mezzo::store::v1::{
        AgentCheckpoint, FrameworkCheckpoint, LaunchRecord, TaskRecord, kill_record::Cause,
        task_record::Record,
    },
};
use mezzo_resources::Resources;

use crate::{
    agent::{Agent, Framework, Turn},
    checkpoint,
    effects::{Change, Exit},
    ending::verdict,
    executors::executor_key,
    input::Found,
    loose::Verdict,
    stream::Stream,
    task::{InExecutor, Kill, Log, Phase, Task, TaskKey, is_terminal},
    timers::Timer,
};

impl Agent {
    pub(crate) fn start(&mut self, turn: &mut Turn, found: Found) {
        self.started = turn.now.wall;
        if let Err(exit) = self.recover(turn, &found) {
            turn.out.exit = Some(exit);
            return;
        }
        self.keep_found_sandboxes(turn, found.sandboxes);
        turn.out.write(
            checkpoint::FORMAT_KEY,
            Change::Replace(checkpoint::FORMAT.to_string().into_bytes()),
            true,
        );
        self.write_identity(turn);
        let known =
            self.tasks().filter(|task| !matches!(task.phase, Phase::Ending { .. } | Phase::Ended { .. }));
        let of_tasks = known.filter(|task| task.executor.is_none()).map(|task| task.container.clone());
        let known = of_tasks.chain(self.executors().map(|executor| executor.container.clone())).collect();
        turn.out.node(Ask::Recover { known });
        self.ask_for_volumes(turn);
    }

    fn recover(&mut self, turn: &mut Turn, found: &Found) -> Result<(), Exit> {
        let files: BTreeMap<&str, &[u8]> =
            found.checkpoints.iter().map(|(key, bytes)| (key.as_str(), bytes.as_slice())).collect();
        check_format(&files, &self.config.work_dir)?;
        let own = self.own_checkpoint(&files)?;
        let is_same_boot = own.boot_id == found.boot_id || own.boot_id.is_empty();
        self.identity.boot_id = found.boot_id.clone();
        self.identity.incarnation = own.incarnation + 1;
        self.identity.agent_id = Some(own.agent_id.as_str()).filter(|id| !id.is_empty()).map(AgentId::new);
        let change = own.info.as_ref().and_then(|old| incompatibility(old, &self.info()));
        match change.filter(|_| self.identity.agent_id.is_some()) {
            None => {}
            Some(why) if is_same_boot => {
                return Err(Exit::Failed {
                    reason: format!("the agent's configuration is not the one it was admitted with: {why}"),
                    remedy: format!(
                        "start it as before, or remove `{}/meta` to begin as a new agent (ends the tasks)",
                        self.config.work_dir
                    ),
                });
            }
            Some(why) => {
                turn.out.warn(format!(
                    "after the reboot the configuration has changed ({why}): beginning as a new agent"
                ));
                self.identity.agent_id = None;
            }
        }
        self.recover_resources(&files)?;
        for (key, bytes) in files.iter().filter(|(key, _)| key.starts_with(checkpoint::EXECUTORS)) {
            self.recover_executor(turn, key, bytes);
        }
        for (key, bytes) in files.iter().filter(|(key, _)| key.starts_with(checkpoint::TASKS)) {
            self.recover_task(turn, key, bytes);
        }
        self.recover_tasks_of_executors();
        self.recover_frameworks(&files);
        if !is_same_boot {
            self.end_after_reboot(turn);
        }
        Ok(())
    }

    fn own_checkpoint(&self, files: &BTreeMap<&str, &[u8]>) -> Result<AgentCheckpoint, Exit> {
        let Some(bytes) = files.get(checkpoint::AGENT_KEY) else { return Ok(AgentCheckpoint::default()) };
        let (mut found, is_torn) = checkpoint::records::<AgentCheckpoint>(bytes);
        match (found.pop(), is_torn) {
            (Some(own), false) if found.is_empty() => Ok(own),
            _ => Err(Exit::Failed {
                reason: format!("`{}/meta/{}` is damaged", self.config.work_dir, checkpoint::AGENT_KEY),
                remedy: "bring it back from a copy, or remove the whole `meta` directory to begin as a new agent (ends the \
                         tasks)"
                    .into(),
            }),
        }
    }

    /// Makes a task again from its log. A log without a launch belongs to one that was never asked for.
    fn recover_task(&mut self, turn: &mut Turn, key: &str, bytes: &[u8]) {
        let (records, is_torn) = checkpoint::records::<TaskRecord>(bytes);
        let mut records = records.into_iter().filter_map(|record| record.record);
        let task = match records.next() {
            Some(Record::Launch(launch)) => task_of(launch),
            _ => None,
        };
        let Some((mut task, framework)) = task.filter(|_| self.identity.agent_id.is_some()) else {
            turn.out.warn(format!("the checkpoint `{key}` names no task that was launched; it is removed"));
            return turn.remove(key.to_owned());
        };
        task.log_name = key[checkpoint::TASKS.len()..].to_owned();
        task.log.is_torn = is_torn;
        for record in records {
            replay(&mut task, record, turn);
        }
        if is_torn {
            turn.out.warn(format!("the checkpoint of task {} has a torn end, which is dropped", task.key));
            self.timers.set(Timer::Rewrite(task.key.clone()), turn.now.mono);
        }
        if task.is_ended() && task.stream.head().is_none() {
            return turn.remove(key.to_owned());
        }
        if self.holds_resources(&task) {
            self.account.recover(&task.resources);
        }
        let framework_id = task.key.framework.clone();
        self.frameworks.get_or_insert_with(framework_id, || Framework {
            info: framework,
            is_shut_down: false,
            has_file: false,
        });
        if task.executor.is_none() {
            self.containers.insert(task.container.clone(), task.key.clone());
        }
        self.tasks.insert(task.key.clone(), task);
    }

    fn recover_frameworks(&mut self, files: &BTreeMap<&str, &[u8]>) {
        let ids: Vec<_> = self.frameworks.keys().cloned().collect();
        for id in ids {
            let Some(bytes) = files.get(checkpoint::framework_key(id.as_str()).as_str()) else { continue };
            let (mut found, _) = checkpoint::records::<FrameworkCheckpoint>(bytes);
            if let (Some(info), Some(known)) =
                (found.pop().and_then(|file| file.info), self.frameworks.get_mut(&id))
            {
                known.info = info;
                known.has_file = true;
            }
        }
    }

    /// A reboot keeps the agent's id and ends its tasks.
    fn end_after_reboot(&mut self, turn: &mut Turn) {
        let keys: Vec<_> =
            self.tasks().filter(|task| !task.is_ended()).map(|task| task.key.clone()).collect();
        for key in keys {
            let Some(task) = self.tasks.get(&key) else { continue };
            if let Phase::Ending { status } = &task.phase {
                let status = (**status).clone();
                self.ended(turn, &key, status);
                continue;
            }
            let verdict = Verdict::of_agent(
                TaskState::TaskGone,
                Reason::AgentRestarted,
                "The agent's machine was rebooted",
            );
            let verdict = self.for_framework(&key.framework, verdict);
            self.gone(turn, &key, verdict);
        }
        let executors: Vec<_> = self.executors.keys().cloned().collect();
        for key in executors {
            self.forget_executor(turn, &key);
        }
    }

    /// The node has looked for the containers that the checkpoints name.
    pub(crate) fn recovered(
        &mut self,
        turn: &mut Turn,
        found: Vec<(ContainerId, i32)>,
        lost: Vec<ContainerId>,
        orphans: usize,
    ) {
        if orphans > 0 {
            turn.out.warn(format!("{orphans} containers that no checkpoint names were destroyed"));
        }
        for (container, pid) in found {
            self.found_again(turn, &container, pid);
        }
        for container in lost {
            self.lost(turn, &container);
        }
        // How these end was written by an earlier life, and the node has destroyed whatever it was
        // not told to keep. Those with a timer were concluded since: `Destroyed` follows.
        let gone = self.tasks().filter_map(|task| Some((task.key.clone(), task.held()?.clone())));
        let gone: Vec<_> =
            gone.filter(|(key, _)| !self.timers.is_set(&Timer::Destroy(key.clone()))).collect();
        for (key, status) in gone {
            self.ended(turn, &key, status);
        }
        self.end_tasks_without_executor(turn);
        self.identity.is_recovered = true;
        let took = turn.now.wall.seconds() - self.started.seconds();
        self.identity.recovery_seconds = Some(took.max(0.0));
        self.dial_if_ready(turn);
    }

    fn found_again(&mut self, turn: &mut Turn, container: &ContainerId, pid: i32) {
        if let Some(key) = self.executor_containers.get(container).cloned() {
            return self.executor_found_again(turn, &key, pid);
        }
        let Some(key) = self.containers.get(container).cloned() else { return };
        let Some(task) = self.tasks.get_mut(&key) else { return };
        if task.phase != Phase::Launching {
            return;
        }
        if task.history.is_empty() {
            return self.launched(turn, container, pid);
        }
        task.phase = Phase::Running;
        task.pid = Some(pid);
        if let Some(kill) = task.kill {
            self.timers.set(Timer::Escalate(key.clone()), kill.escalate_at);
        }
        let running = task.history.iter().find(|status| status.state() == TaskState::TaskRunning);
        if let (Some(most), Some(since)) =
            (&task.info.max_completion_time, running.and_then(|status| status.timestamp))
        {
            let end = since * 1e9 + most.nanoseconds as f64;
            // A clock on the wall that was set back gives no task more than it was promised.
            let left = (end - turn.now.wall.0 as f64).clamp(0.0, most.nanoseconds.max(0) as f64) as u64;
            self.timers.set(Timer::Completion(key), Mono(turn.now.mono.0.saturating_add(left)));
        }
    }

    /// Neither a process nor an exit status was found.
    fn lost(&mut self, turn: &mut Turn, container: &ContainerId) {
        if let Some(key) = self.executor_containers.get(container).cloned() {
            self.set_terminating(&key, None);
            return self.executor_gone(turn, &key);
        }
        let Some(key) = self.containers.get(container).cloned() else { return };
        let Some(task) = self.tasks.get(&key) else { return };
        let verdict = match (&task.phase, task.kill) {
            (Phase::Launching | Phase::Running, Some(_)) => {
                verdict(task, mezzo_model::container::End { wait_status: None, limitation: None })
            }
            (Phase::Launching | Phase::Running, None) => Verdict::of_agent(
                TaskState::TaskFailed,
                Reason::ExecutorTerminated,
                "The container was not found when the agent was started again",
            ),
            (Phase::Waiting | Phase::Ending { .. } | Phase::Ended { .. }, _) => return,
        };
        self.gone(turn, &key, verdict);
    }
}

/// A newer form than ours may mean anything: it is not touched.
fn check_format(files: &BTreeMap<&str, &[u8]>, work_dir: &str) -> Result<(), Exit> {
    let Some(bytes) = files.get(checkpoint::FORMAT_KEY) else { return Ok(()) };
    let format = std::str::from_utf8(bytes).ok().and_then(|text| text.trim().parse::<u32>().ok());
    match format {
        Some(format) if format <= checkpoint::FORMAT => Ok(()),
        Some(format) => Err(Exit::Failed {
            reason: format!(
                "`{work_dir}/meta` has format {format}, and this build reads up to {}",
                checkpoint::FORMAT
            ),
            remedy: "start the newer build that wrote it, or use another --work_dir".into(),
        }),
        None => Err(Exit::Failed {
            reason: format!("`{work_dir}/meta/{}` is damaged", checkpoint::FORMAT_KEY),
            remedy: format!(
                "it held the number {}; write it back, or remove the whole `meta` directory",
                checkpoint::FORMAT
            ),
        }),
    }
}

/// What of an agent's description differs, under `--reconfiguration_policy=equal`.
fn incompatibility(old: &v1::AgentInfo, new: &v1::AgentInfo) -> Option<String> {
    if old.hostname != new.hostname {
        return Some(format!("hostname was `{}` and is `{}`", old.hostname, new.hostname));
    }
    if old.port() != new.port() {
        return Some(format!("port was {} and is {}", old.port(), new.port()));
    }
    let (before, after) =
        (Resources::from_wire(&old.resources).ok()?, Resources::from_wire(&new.resources).ok()?);
    if before != after {
        return Some(format!("resources were {before} and are {after}"));
    }
    (old.attributes != new.attributes).then(|| "the attributes are not the same".to_owned())
}

/// The task that a launch record describes, as if the node had just been asked.
fn task_of(launch: LaunchRecord) -> Option<(Task, v1::FrameworkInfo)> {
    let (info, framework) = (launch.task?, launch.framework?);
    let key = TaskKey {
        framework: FrameworkId::new(framework.id.as_ref()?.value.as_str()),
        task: TaskId::new(info.task_id.value.as_str()),
    };
    let executor = info.executor.as_ref().map(|info| InExecutor::new(executor_key(&key, info)));
    let task = Task {
        key,
        executor,
        log_name: launch.container_id.clone(),
        resources: Resources::from_wire(&info.resources).ok()?.without_allocation(),
        info,
        container: ContainerId::new(launch.container_id),
        sandbox: launch.sandbox,
        received: Wall(launch.received_ns),
        phase: Phase::Launching,
        kill: None,
        pid: None,
        stream: Stream::default(),
        history: Vec::new(),
        log: Log::default(),
    };
    Some((task, framework))
}

/// Does to the task what the record says was done.
fn replay(task: &mut Task, record: Record, turn: &Turn) {
    match record {
        Record::Launch(_) => {}
        Record::Delivered(_) => task.phase = Phase::Running,
        Record::Update(status) if task.executor.is_some() => replay_update(task, status),
        Record::Update(status) if is_terminal(status.state()) => {
            task.phase = Phase::Ending { status: Box::new(status) }
        }
        Record::Update(status) => {
            let pid = status.container_status.as_ref().and_then(|container| container.executor_pid);
            task.pid = pid.and_then(|pid| i32::try_from(pid).ok()).or(task.pid);
            task.remember(&status);
            task.stream.push(status);
        }
        Record::Acknowledged(uuid) => {
            task.stream.acknowledge(&uuid);
        }
        Record::Kill(kill) => {
            // Records of before it was kept have none.
            let grace_ns = kill.grace_ns.unwrap_or(u64::MAX);
            let left = kill.escalate_ns.saturating_sub(turn.now.wall.0).min(grace_ns);
            task.kill = Some(Kill {
                cause: Cause::try_from(kill.cause).unwrap_or(Cause::Request),
                escalate_at: Mono(turn.now.mono.0.saturating_add(left)),
                escalate_wall: Wall(kill.escalate_ns),
                grace_ns,
            });
        }
    }
}

/// The same for an update of a task under an executor, whose container is not the task's.
fn replay_update(task: &mut Task, status: v1::TaskStatus) {
    if let (Some(part), Some(uuid)) = (&mut task.executor, &status.uuid) {
        part.see(uuid);
    }
    task.phase = match is_terminal(status.state()) {
        true => Phase::Ended { state: status.state() },
        false => Phase::Running,
    };
    task.remember(&status);
    task.stream.push(status);
}
