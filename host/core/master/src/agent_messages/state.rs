//! State: everything that an agent has, said once after each Welcome.
//!
//! What the agent lists is true. Tasks that the master does not know are adopted, those of
//! removed frameworks are ended, and those that the agent does not list are asked for.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use mezzo_ledger::{AgentFacts, FrameworkFacts};
use mezzo_model::{
    AgentId, FrameworkId, LinkId, Now, TaskId,
    agent::{Agent, AgentState},
    framework::{Framework, FrameworkState},
    task::{Moved, Task, TaskFacts, TaskState},
};
use mezzo_proto::{
    mesos::v1::{self, agent_info::capability, task_status::Reason},
    mezzo::link::v1::{self as link, Hello, Reconcile, ReconcileTask, ShutdownFramework, from_master},
};
use mezzo_resources::{Resources, roles};

use crate::{
    Effects, Master, Observation,
    deadlines::Deadline,
    events,
    links::Stage,
    scheduler_calls::kill_task,
    tasks::{Held, TaskKey},
};

impl Master {
    pub(super) fn state(&mut self, now: Now, out: &mut Effects, link: LinkId, state: link::State) {
        let Some(open) = self.links.get_mut(&link) else { return };
        let (agent, hello) = match std::mem::replace(&mut open.stage, Stage::Silent) {
            Stage::Joining { agent, hello } => (agent, hello),
            Stage::Silent | Stage::Admitting | Stage::Serving { .. } => {
                return self.drop_link(now, out, link, "the agent said its state before it was welcomed");
            }
        };
        open.stage = Stage::Serving { agent: agent.clone() };
        self.agents.joining.remove(&agent);
        self.deadlines.disarm(&Deadline::Link(link));

        let was_unreachable =
            self.agents.recovered.get(&agent).is_some_and(|recovered| recovered.was_unreachable);
        self.take_agent_in(now, out, &agent, link, &hello, &state.total);
        let removed = self.take_frameworks_in(now, out, &state.frameworks);
        let mut listed = self.take_tasks_in(now, out, &agent, state.tasks, was_unreachable);

        self.take_operations_in(now, out, &agent, state.operations);
        let strangers = self.take_executors_in(now, &agent, state.executors);
        listed.removed.extend(strangers);

        for framework in removed.union(&listed.removed) {
            let body = ShutdownFramework { framework_id: Some(framework.into()) };
            out.tell_agent(link, from_master::Body::ShutdownFramework(body));
        }
        self.ask_for_missing(now, out, link, &agent, &listed.known);
        self.kill_again(out, link, &agent, &listed.known);
        self.ledger.set_agent_active(&agent, true);
        out.observations.push(Observation::AgentReady(agent.clone()));
        self.deadlines.arm(Deadline::Agent(agent), now.mono + self.config.agent_ping_timeout);
        self.something_changed(now);
    }

    /// The agent itself.
    fn take_agent_in(
        &mut self,
        now: Now,
        out: &mut Effects,
        id: &AgentId,
        link: LinkId,
        hello: &Hello,
        total: &[v1::Resource],
    ) {
        let mut info = hello.info.clone().unwrap_or_default();
        info.id = Some(id.into());
        let total = if total.is_empty() { &info.resources } else { total };
        let total = Resources::from_wire(total).unwrap_or_default();
        let before = self.agents.get(id);
        let is_back =
            before.is_some() || self.agents.recovered.contains_key(id) && !hello.agent_id.is_empty();
        self.counters.add(match is_back {
            true => "master/slave_reregistrations",
            false => "master/slave_registrations",
        });
        let agent = Agent {
            id: id.clone(),
            total: total.clone(),
            state: AgentState::Connected(link),
            ip: hello.ip.as_str().into(),
            version: hello.mezzo_version.as_str().into(),
            capabilities: capabilities(hello),
            incarnation: hello.incarnation,
            registered_at: before.map_or(now.wall, |agent| agent.registered_at),
            reregistered_at: is_back.then_some(now.wall),
            info: Arc::new(info),
        };
        let mut facts = AgentFacts::new(id.clone(), agent.info.hostname.clone(), total);
        facts.is_active = false;
        self.ledger.add_agent(facts);
        let is_new = before.is_none();
        self.agents.insert(agent, now.mono);
        if is_new {
            self.show_agent_added(out, id);
        }
    }

    /// Frameworks that this master does not know are recovered. Gives those that were removed.
    fn take_frameworks_in(
        &mut self,
        now: Now,
        out: &mut Effects,
        infos: &[v1::FrameworkInfo],
    ) -> BTreeSet<FrameworkId> {
        let mut removed = BTreeSet::new();
        for info in infos {
            let Some(id) = info.id.as_ref().map(FrameworkId::from) else { continue };
            self.changes += 1;
            if self.frameworks.is_completed(&id) {
                removed.insert(id);
            } else if self.frameworks.get(&id).is_none() {
                let roles = roles::of_framework(info).unwrap_or_else(|_| info.roles.clone());
                let mut facts = FrameworkFacts::from_wire(id.clone(), info, roles.clone(), Vec::new());
                facts.is_active = false;
                self.ledger.add_framework(facts);
                self.frameworks.insert(Framework {
                    id: id.clone(),
                    info: Arc::new(info.clone()),
                    roles: roles.into(),
                    state: FrameworkState::Recovered,
                    registered_at: now.wall,
                    reregistered_at: None,
                    unregistered_at: None,
                });
                self.show_framework_added(out, &id);
            }
        }
        removed
    }

    /// The agent's tasks, each as the agent says.
    fn take_tasks_in(
        &mut self,
        now: Now,
        out: &mut Effects,
        agent: &AgentId,
        tasks: Vec<link::TaskState>,
        was_unreachable: bool,
    ) -> Listed {
        let mut listed = Listed::default();
        for state in tasks {
            self.changes += 1;
            let (Some(framework), Some(info)) = (state.framework_id.as_ref(), state.info.as_ref()) else {
                out.warn(format!("agent `{agent}` lists a task without a framework or a description"));
                continue;
            };
            let key = (FrameworkId::from(framework), TaskId::from(&info.task_id));
            if self.frameworks.get(&key.0).is_none() {
                listed.removed.insert(key.0);
                continue;
            }
            listed.known.insert(key.clone());
            self.take_task_in(now, out, agent, key, &state, was_unreachable);
        }
        listed
    }

    fn take_task_in(
        &mut self,
        now: Now,
        out: &mut Effects,
        agent: &AgentId,
        key: TaskKey,
        reported: &link::TaskState,
        was_unreachable: bool,
    ) {
        let latest = TaskState::from_number(reported.latest_state).unwrap_or(TaskState::Staging);
        if let Some(known) = self.tasks.listed.get(&key) {
            if known.facts.agent == *agent {
                let moved = self.move_task(now, &key, latest);
                self.remember_reported(&key, reported);
                if moved != Moved::Ignored {
                    self.show_reported(now, out, &key, latest, reported);
                }
            } else {
                out.warn(format!(
                    "agent `{agent}` lists task `{}`, which agent `{}` has",
                    key.1, known.facts.agent
                ));
            }
            return;
        }
        let before = self.take_unreachable(&key);
        let is_back = before.is_some() || was_unreachable;
        let state_before = before.as_ref().map(|task| task.state);
        let mut task = before.unwrap_or_else(|| {
            let mut info = reported.info.clone().unwrap_or_default();
            info.task_id = (&key.1).into();
            Task::staging(TaskFacts::new(key.0.clone(), agent.clone(), &info))
        });
        let was_terminal = task.state.is_terminal() && task.state != TaskState::Lost;
        task.state = latest;
        if latest.is_terminal() && !was_terminal {
            self.count_end(&key.0, latest);
        }
        let held = match latest.is_terminal() {
            true => None,
            false => self.hold(agent, &key, &task),
        };
        self.list_task(task, held);
        self.remember_reported(&key, reported);
        match state_before {
            None => self.show_task_added(out, &key),
            Some(before) if before == latest => {}
            Some(_) => self.show_reported(now, out, &key, latest, reported),
        }
        let stream = self.frameworks.stream(&key.0).filter(|_| is_back && !was_terminal);
        if let (Some(stream), Some(task)) = (stream, self.tasks.listed.get(&key)) {
            let reason = Reason::AgentReregistered;
            let status = events::status_of(now, task, latest, reason, "Unreachable agent re-reregistered");
            out.event(stream, events::update(status));
        }
    }

    /// Keeps the newest status that the agent has handed to its update stream.
    fn remember_reported(&mut self, key: &TaskKey, reported: &link::TaskState) {
        let Some(status) = &reported.status else { return };
        let Some(task) = self.tasks.listed.get_mut(key) else { return };
        task.remember(status);
        if let (Some(state), Some(uuid)) = (TaskState::from_number(status.state), &status.uuid) {
            task.told = Some((state, uuid.clone()));
        }
    }

    /// Shows those who watch what an agent says of a task: by its newest status, or by one of the
    /// master's where the agent has handed none on yet.
    fn show_reported(
        &self,
        now: Now,
        out: &mut Effects,
        key: &TaskKey,
        latest: TaskState,
        reported: &link::TaskState,
    ) {
        let own = || {
            let task = self.tasks.listed.get(key)?;
            let reason = Reason::AgentReregistered;
            Some(events::status_of(now, task, latest, reason, "The agent reported it when it came back"))
        };
        if let Some(status) = reported.status.clone().or_else(own) {
            self.show_task_updated(out, key, latest, &status);
        }
    }

    /// Books what an adopted task holds.
    fn hold(&mut self, agent: &AgentId, key: &TaskKey, task: &Task) -> Option<Held> {
        let marked = Resources::from_wire(&task.facts.resources()).unwrap_or_default();
        let role = marked.allocation_roles().first().map(|role| role.to_string());
        let role = role.or_else(|| self.frameworks.get(&key.0)?.roles.first().cloned())?;
        let resources = marked.without_allocation();
        let moved = self.ledger.allocate(agent, &key.0, &role, &resources);
        self.booked(moved);
        Some(Held { role, resources })
    }

    /// Asks for the tasks that the agent should have and did not list.
    fn ask_for_missing(
        &mut self,
        now: Now,
        out: &mut Effects,
        link: LinkId,
        agent: &AgentId,
        listed: &BTreeSet<TaskKey>,
    ) {
        let Some(kept) = self.agents.kept(agent) else { return };
        let missing: Vec<TaskKey> = kept.tasks.difference(listed).cloned().collect();
        let mut asked = Vec::new();
        for key in missing {
            self.changes += 1;
            if self.tasks.listed.get(&key).is_some_and(|task| task.state.is_terminal()) {
                // Its end was acknowledged, and this master did not hear of it.
                self.complete_task(now, &key);
                continue;
            }
            asked.push(ReconcileTask {
                framework_id: Some((&key.0).into()),
                task_id: Some((&key.1).into()),
                is_partition_aware: self.frameworks.capabilities(&key.0).is_partition_aware(),
            });
        }
        if !asked.is_empty() {
            out.tell_agent(link, from_master::Body::Reconcile(Reconcile { tasks: asked }));
        }
    }

    /// Sends the kills again that the agent may not have heard of.
    fn kill_again(&mut self, out: &mut Effects, link: LinkId, agent: &AgentId, listed: &BTreeSet<TaskKey>) {
        let kills: BTreeMap<_, _> =
            self.agents.kept(agent).map(|kept| kept.kills.clone()).unwrap_or_default();
        for ((framework, task), policy) in kills.into_iter().filter(|(key, _)| listed.contains(key)) {
            self.changes += 1;
            out.tell_agent(link, kill_task(&framework, &task, policy));
        }
    }
}

/// Which tasks an agent has listed.
#[derive(Default)]
struct Listed {
    /// Those of frameworks that are known.
    known: BTreeSet<TaskKey>,
    /// Frameworks of the others.
    removed: BTreeSet<FrameworkId>,
}

/// The numbers of the capabilities that an agent names; unknown names are left out.
fn capabilities(hello: &Hello) -> Arc<[i32]> {
    let known = hello.capabilities.iter().filter_map(|name| capability::Type::from_str_name(name));
    known.map(|capability| capability as i32).collect()
}
