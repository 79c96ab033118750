//! ACKNOWLEDGE_OPERATION_STATUS: the way of an operation ends here.

use mezzo_model::{AgentId, FrameworkId};
use mezzo_proto::mesos::v1;

use crate::{Effects, Master};

impl Master {
    /// Passes an acknowledgement on. While the agent cannot be spoken to it is dropped: the status
    /// comes again with the agent.
    pub(super) fn acknowledge_operation(
        &mut self,
        out: &mut Effects,
        framework: &FrameworkId,
        agent: Option<&AgentId>,
        status_uuid: Vec<u8>,
        id: &v1::OperationId,
    ) {
        self.counters.add("master/messages_operation_status_update_acknowledgement");
        let named = self.operations.named(framework, id).filter(|operation| {
            let told = operation.status.uuid.as_ref().is_some_and(|uuid| uuid.value == status_uuid);
            told && agent.is_none_or(|agent| operation.agent == *agent)
        });
        let found = named.map(|operation| (operation.uuid, operation.agent.clone()));
        let Some((uuid, agent)) = found.filter(|(_, agent)| self.agents.link(agent).is_some()) else {
            self.counters.add("master/invalid_operation_status_update_acknowledgements");
            return;
        };
        self.counters.add("master/valid_operation_status_update_acknowledgements");
        self.changes += 1;
        self.operations.remove(&uuid);
        self.confirm_operation(out, &agent, uuid, status_uuid);
    }
}
