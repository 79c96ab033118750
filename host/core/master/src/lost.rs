//! Agents that are given up or leave, and what that means for their tasks.

use std::time::Duration;

use mezzo_model::{AgentId, Now, agent::Agent, task::TaskState};
use mezzo_proto::mesos::v1::{self, OperationState, task_status::Reason};
use mezzo_registry::{RegisteredAgent, Write};

use crate::{
    Effects, Master, Observation,
    agents::{Recovered, Unreachable},
    deadlines::Deadline,
    events,
    writes::Pending,
};

impl Master {
    /// An agent was silent for too long: the registry is told first.
    pub(crate) fn give_agent_up(&mut self, now: Now, out: &mut Effects, id: &AgentId) {
        if let Some(link) = self.agents.link(id) {
            self.drop_link(now, out, link, "the agent did not answer pings");
            self.deadlines.disarm(&Deadline::Agent(id.clone()));
        }
        if let Some(link) = self.agents.joining.get(id).copied() {
            self.drop_link(now, out, link, "the agent's state did not come in time");
        }
        let Some(info) = self.agents.get(id).map(|agent| v1::AgentInfo::clone(&agent.info)) else { return };
        self.mark_unreachable(now, out, id, info);
    }

    /// An agent that only the registry knows did not come in time.
    pub(crate) fn recovered_agent_due(&mut self, now: Now, out: &mut Effects, id: &AgentId) {
        let Some(recovered) = self.agents.recovered.get(id) else { return };
        let info = v1::AgentInfo::clone(&recovered.info);
        if let Some(link) = self.agents.joining.get(id).copied() {
            self.drop_link(now, out, link, "the agent's state did not come in time");
        }
        self.mark_unreachable(now, out, id, info);
    }

    fn mark_unreachable(&mut self, now: Now, out: &mut Effects, id: &AgentId, info: v1::AgentInfo) {
        if self.agents.in_writing.contains(id) {
            self.deadlines.arm(Deadline::Agent(id.clone()), now.mono + self.config.agent_ping_timeout);
            return;
        }
        if self.let_go(out, id) {
            return;
        }
        self.counters.add("master/slave_unreachable_scheduled");
        let fact = RegisteredAgent { info, unreachable_since: Some(now.wall) };
        let write = Write::agent(id, &fact);
        self.persist(out, write, Pending::Unreachable { agent: id.clone(), fact });
    }

    /// The registry says that an agent is unreachable: its tasks and everybody are told.
    pub(crate) fn became_unreachable(
        &mut self,
        now: Now,
        out: &mut Effects,
        id: &AgentId,
        fact: RegisteredAgent,
    ) {
        self.counters.add("master/slave_unreachable_completed");
        self.counters.add("master/slave_removals");
        self.counters.add("master/slave_removals/reason_unhealthy");
        if self.agents.recovered.remove(id).is_some() {
            self.counters.add("master/recovery_slave_removals");
        }
        let since = fact.unreachable_since.unwrap_or(now.wall);
        self.agents.unreachable.insert(id.clone(), Unreachable::new(fact, now.mono, Duration::ZERO));
        out.observations.push(Observation::AgentUnreachable(id.clone()));
        if self.agents.get(id).is_none() {
            self.show_agent_removed(out, id);
            return self.tell_of_lost_agent(out, id);
        }
        let tasks = self.agents.kept(id).map(|kept| kept.tasks.clone()).unwrap_or_default();
        for key in tasks {
            let Some(task) = self.tasks.listed.get(&key) else { continue };
            if task.state.is_terminal() {
                // Its end is known; the agent brings it again if it comes back.
                self.set_task_unreachable(now, &key, None);
                continue;
            }
            let is_aware = self.frameworks.capabilities(&key.0).is_partition_aware();
            let state = if is_aware { TaskState::Unreachable } else { TaskState::Lost };
            let reason = Reason::AgentRemoved;
            let mut status = events::status(now, &key.1, Some(id), state, reason, "health check timed out");
            status.unreachable_time = Some(v1::TimeInfo { nanoseconds: nanoseconds(since) });
            self.count_end(&key.0, state);
            self.counters.terminal_status(&status);
            self.set_task_unreachable(now, &key, Some(&status));
            self.show_task_updated(out, &key, state, &status);
            if let Some(stream) = self.frameworks.stream(&key.0) {
                out.event(stream, events::update(status));
            }
        }
        self.lose_operations(out, id, OperationState::OperationUnreachable);
        self.remove_agent(now, out, id);
        self.tell_of_lost_agent(out, id);
    }

    /// The registry has forgotten an agent that left: its tasks are over.
    pub(crate) fn left(&mut self, now: Now, out: &mut Effects, id: &AgentId, reason: &str) {
        self.counters.add("master/slave_removals");
        self.counters.add("master/slave_removals/reason_unregistered");
        self.agents.leaving.remove(id);
        self.agents.unreachable.remove(id);
        out.info(format!("agent `{id}` has left: {reason}"));
        let tasks = self.agents.kept(id).map(|kept| kept.tasks.clone()).unwrap_or_default();
        for key in tasks {
            let Some(task) = self.tasks.listed.get(&key) else { continue };
            if !task.state.is_terminal() {
                let is_aware = self.frameworks.capabilities(&key.0).is_partition_aware();
                let state = if is_aware { TaskState::Gone } else { TaskState::Lost };
                let status = events::status_of(now, task, state, Reason::AgentRemoved, "Agent unregistered");
                self.counters.terminal_status(&status);
                self.end_task(now, out, &key, state, &status);
                if let Some(stream) = self.frameworks.stream(&key.0) {
                    out.event(stream, events::update(status));
                }
            }
            self.complete_task(now, &key);
        }
        self.lose_operations(out, id, OperationState::OperationGoneByOperator);
        self.remove_agent(now, out, id);
        self.tell_of_lost_agent(out, id);
    }

    /// Takes an agent out of every list and of the ledger.
    pub(crate) fn remove_agent(&mut self, now: Now, out: &mut Effects, id: &AgentId) -> Option<Agent> {
        self.rescind_offers_of_agent(now, out, id);
        if let Some(link) = self.link_of(id) {
            self.drop_link(now, out, link, "the agent was removed");
        }
        self.deadlines.disarm(&Deadline::Agent(id.clone()));
        self.unlist_executors_of_agent(now, id);
        let (agent, _) = self.agents.remove(id)?;
        self.ledger.remove_agent(id);
        self.show_agent_removed(out, id);
        self.something_changed(now);
        Some(agent)
    }

    /// Every framework that listens hears that an agent is lost.
    fn tell_of_lost_agent(&mut self, out: &mut Effects, id: &AgentId) {
        for stream in self.frameworks.streams() {
            self.changes += 1;
            out.event(stream, events::failure(id, None));
        }
    }

    /// Notes that an agent is let in by the registry, and waits for its whole state.
    pub(crate) fn expect_state(&mut self, now: Now, id: &AgentId, info: v1::AgentInfo) {
        let was_unreachable = self.agents.unreachable.remove(id).is_some();
        if self.agents.get(id).is_some() {
            return;
        }
        self.agents.recovered.insert(id.clone(), Recovered { info: info.into(), was_unreachable });
        self.deadlines.arm(Deadline::Agent(id.clone()), now.mono + self.patience());
    }
}

/// The moment as the wire has it.
pub(crate) fn nanoseconds(wall: mezzo_model::Wall) -> i64 {
    i64::try_from(wall.0).unwrap_or(i64::MAX)
}
