//! RECONCILE_OPERATIONS: the latest state of operations, named or all (spec 08 §8).

use mezzo_model::{
    AgentId, FrameworkId,
    operation::{self, Operation},
};
use mezzo_proto::mesos::v1::{self, OperationState};

use crate::{Effects, Master, events};

impl Master {
    /// Answers with one event for each operation; nobody acknowledges them.
    pub(super) fn reconcile_operations(
        &mut self,
        out: &mut Effects,
        framework: &FrameworkId,
        asked: Vec<(v1::OperationId, Option<AgentId>)>,
    ) {
        self.counters.add("master/messages_reconcile_operations");
        let Some(stream) = self.frameworks.stream(framework) else { return };
        let statuses: Vec<v1::OperationStatus> = if asked.is_empty() {
            let own = self.operations.shown.values();
            own.filter(|known| known.framework.as_ref() == Some(framework) && known.id().is_some())
                .map(latest)
                .collect()
        } else {
            asked.into_iter().map(|(id, agent)| self.state_of(framework, &id, agent)).collect()
        };
        for status in statuses {
            self.changes += 1;
            out.event(stream, events::operation(status));
        }
    }

    fn state_of(
        &self,
        framework: &FrameworkId,
        id: &v1::OperationId,
        agent: Option<AgentId>,
    ) -> v1::OperationStatus {
        if let Some(known) = self.operations.named(framework, id) {
            return latest(known);
        }
        let (state, why) = match &agent {
            Some(agent) if self.agents.get(agent).is_some() => {
                (OperationState::OperationUnknown, "Reconciliation: Operation is unknown")
            }
            Some(agent) if self.agents.recovered.contains_key(agent) => {
                (OperationState::OperationRecovering, "Reconciliation: Agent is recovering")
            }
            Some(agent) if self.agents.unreachable.contains_key(agent) => {
                (OperationState::OperationUnreachable, "Reconciliation: Agent is unreachable")
            }
            Some(_) => (OperationState::OperationUnknown, "Reconciliation: Operation is unknown"),
            None => (
                OperationState::OperationUnknown,
                "Reconciliation: Operation is unknown and no 'agent_id' was provided",
            ),
        };
        v1::OperationStatus {
            operation_id: Some(id.clone()),
            state: state as i32,
            message: Some(why.to_owned()),
            agent_id: agent.as_ref().map(Into::into),
            ..Default::default()
        }
    }
}

fn latest(known: &Operation) -> v1::OperationStatus {
    let state = known.status.state();
    let mut status = operation::status(known.id(), &known.agent, state);
    status.message = Some("Reconciliation: Latest operation status".to_owned());
    status.converted_resources.clone_from(&known.status.converted_resources);
    status
}
