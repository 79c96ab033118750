//! Operations on agents' resources: those under way, and those whose end nobody has acknowledged.
//!
//! The master counts with an operation's outcome as soon as it has checked it, and sends it to the
//! agent over the link, which loses nothing as long as it is open. When a link ends, what the agent
//! says it has is true: an operation that it does not list was never done.

pub(crate) mod validate;

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use mezzo_model::{
    AgentId, FrameworkId, LinkId, Mono, Now,
    operation::{self, Operation, OperationUuid},
    table::Table,
};
use mezzo_proto::{
    mesos::v1::{self, OperationState},
    mezzo::link::v1::{AcknowledgeOperation, ApplyOperation, OperationState as Listed, from_master},
};
use mezzo_resources::Conversion;

use crate::{Effects, Master, events};

/// The most operations of one agent whose end nobody has acknowledged: the agent writes all of them
/// down with each one.
pub(crate) const UNACKNOWLEDGED_MAX: usize = 1_000;
/// How long an operation of a framework that nobody knows is kept for it, as Mesos does it.
const ORPHAN_AGE: Duration = Duration::from_secs(10 * 60);

/// All operations.
#[derive(Debug, Default)]
pub(crate) struct Operations {
    pub(crate) shown: Table<OperationUuid, Operation>,
    /// Those of frameworks that want to hear of them.
    by_id: BTreeMap<(FrameworkId, String), OperationUuid>,
    begun: u64,
}

impl Operations {
    pub(crate) fn insert(&mut self, operation: Operation) {
        if let (Some(framework), Some(id)) = (&operation.framework, operation.id()) {
            self.by_id.insert((framework.clone(), id.value.clone()), operation.uuid);
        }
        self.shown.insert(operation.uuid, operation);
    }

    pub(crate) fn remove(&mut self, uuid: &OperationUuid) -> Option<Operation> {
        let operation = self.shown.remove(uuid)?;
        if let (Some(framework), Some(id)) = (&operation.framework, operation.id()) {
            let key = (framework.clone(), id.value.clone());
            if self.by_id.get(&key) == Some(uuid) {
                self.by_id.remove(&key);
            }
        }
        Some(operation)
    }

    /// The operation that the framework calls `id`.
    pub(crate) fn named(&self, framework: &FrameworkId, id: &v1::OperationId) -> Option<&Operation> {
        let uuid = self.by_id.get(&(framework.clone(), id.value.clone()))?;
        self.shown.get(uuid)
    }

    /// Those for which `is_wanted` holds.
    pub(crate) fn select(&self, is_wanted: impl Fn(&Operation) -> bool) -> Vec<OperationUuid> {
        let all = self.shown.iter().filter(|(_, operation)| is_wanted(operation));
        all.map(|(uuid, _)| *uuid).collect()
    }

    /// How many there are of an agent.
    pub(crate) fn count_of(&self, agent: &AgentId) -> usize {
        self.shown.values().filter(|operation| operation.agent == *agent).count()
    }

    /// A name that no operation of any master has.
    fn uuid(&mut self, seed: u64) -> OperationUuid {
        self.begun += 1;
        let half = |salt: u64| crate::allocation::mix(seed ^ crate::allocation::mix(2 * self.begun + salt));
        let mut bytes = [0; 16];
        bytes[..8].copy_from_slice(&half(0).to_be_bytes());
        bytes[8..].copy_from_slice(&half(1).to_be_bytes());
        bytes[6] = bytes[6] & 0x0f | 0x40;
        bytes[8] = bytes[8] & 0x3f | 0x80;
        OperationUuid(bytes)
    }
}

impl Master {
    /// Lists an operation whose outcome the ledger has already, and sends it to its agent.
    pub(crate) fn begin_operation(
        &mut self,
        now: Now,
        out: &mut Effects,
        framework: Option<&FrameworkId>,
        (agent, link): (&AgentId, LinkId),
        (info, conversion): (v1::offer::Operation, &Conversion),
    ) {
        self.changes += 1;
        self.counters.add("master/operations/total");
        let uuid = self.operations.uuid(self.config.seed);
        if let Some(agent) = self.agents.get_mut(agent)
            && let Some(total) = agent.total.apply(&conversion.consumed, &conversion.made)
        {
            agent.total = total;
        }
        let body = ApplyOperation {
            framework_id: framework.map(Into::into),
            uuid: uuid.0.to_vec(),
            operation: Some(info.clone()),
        };
        let status = operation::status(info.id.as_ref(), agent, OperationState::OperationPending);
        self.operations.insert(Operation {
            uuid,
            framework: framework.cloned(),
            agent: agent.clone(),
            info: Arc::new(info),
            status,
            known_since: now.mono,
        });
        out.tell_agent(link, from_master::Body::ApplyOperation(body));
    }

    /// Takes what an agent lists for the truth. What it does not list was never done.
    pub(crate) fn take_operations_in(
        &mut self,
        now: Now,
        out: &mut Effects,
        agent: &AgentId,
        listed: Vec<Listed>,
    ) {
        let mut known = std::collections::BTreeSet::new();
        for state in listed {
            let uuid = OperationUuid::from_bytes(&state.uuid);
            let (Some(uuid), Some(info)) = (uuid, state.operation) else {
                out.warn(format!("agent `{agent}` lists an operation without a name or a description"));
                continue;
            };
            self.changes += 1;
            known.insert(uuid);
            let pending = || operation::status(info.id.as_ref(), agent, OperationState::OperationPending);
            let status = state.status.unwrap_or_else(pending);
            let known_since = self.operations.shown.get(&uuid).map_or(now.mono, |known| known.known_since);
            let framework = state.framework_id.map(FrameworkId::from);
            self.operations.insert(Operation {
                uuid,
                framework: framework.filter(|id| !self.frameworks.is_completed(id)),
                agent: agent.clone(),
                info: Arc::new(info),
                status,
                known_since,
            });
        }
        let missing = self
            .operations
            .select(|known_here| known_here.agent == *agent && !known.contains(&known_here.uuid));
        for uuid in missing {
            let Some(lost) = self.operations.remove(&uuid) else { continue };
            if lost.is_pending() {
                self.counters.add("master/operations/dropped");
                self.tell_of_operation(
                    out,
                    &lost,
                    OperationState::OperationDropped,
                    "The agent has not done it",
                );
            }
        }
    }

    /// An agent cannot be reached or is gone, and its operations with it.
    pub(crate) fn lose_operations(&mut self, out: &mut Effects, agent: &AgentId, state: OperationState) {
        for uuid in self.operations.select(|operation| operation.agent == *agent) {
            if let Some(lost) = self.operations.remove(&uuid) {
                self.tell_of_operation(out, &lost, state, "The agent was removed");
            }
        }
    }

    /// A framework is gone: nobody else will acknowledge its operations.
    pub(crate) fn adopt_operations(&mut self, out: &mut Effects, framework: &FrameworkId) {
        for uuid in self.operations.select(|operation| operation.framework.as_ref() == Some(framework)) {
            let Some(mut orphan) = self.operations.remove(&uuid) else { continue };
            orphan.framework = None;
            match (orphan.is_pending(), orphan.status.uuid.clone()) {
                (false, Some(status)) => self.confirm_operation(out, &orphan.agent, uuid, status.value),
                _ => self.operations.insert(orphan),
            }
        }
    }

    /// Tells an agent that it may forget an operation.
    pub(crate) fn confirm_operation(
        &self,
        out: &mut Effects,
        agent: &AgentId,
        uuid: OperationUuid,
        status_uuid: Vec<u8>,
    ) {
        let body = AcknowledgeOperation { uuid: uuid.0.to_vec(), status_uuid };
        if let Some(link) = self.agents.link(agent) {
            out.tell_agent(link, from_master::Body::AcknowledgeOperation(body));
        }
    }

    /// Whether nobody but the master can acknowledge: no framework asked, it does not want to hear, it
    /// is gone, or has not been seen for long.
    pub(crate) fn is_orphan(&self, now: Mono, operation: &Operation) -> bool {
        let Some(framework) = &operation.framework else { return true };
        let is_unknown = self.frameworks.get(framework).is_none();
        operation.id().is_none()
            || self.frameworks.is_completed(framework)
            || is_unknown && now.since(operation.known_since) >= ORPHAN_AGE
    }

    fn tell_of_operation(&self, out: &mut Effects, operation: &Operation, state: OperationState, why: &str) {
        let Some(id) = operation.id() else { return };
        let stream = operation.framework.as_ref().and_then(|framework| self.frameworks.stream(framework));
        if let Some(stream) = stream {
            let mut status = operation::status(Some(id), &operation.agent, state);
            status.message = Some(why.to_owned());
            out.event(stream, events::operation(status));
        }
    }
}
