//! How an operation ended, repeated by its agent until that was acknowledged.

use mezzo_model::{
    AgentId, FrameworkId, LinkId, Now,
    operation::{Operation, OperationUuid},
};
use mezzo_proto::{
    mesos::v1::{self, OperationState},
    mezzo::link::v1::OperationUpdate,
};

use crate::{Effects, Master, events};

impl Master {
    /// Passes the status on to the framework that asked to hear of it; else confirms it itself. One
    /// that failed was counted with: what the agent really has is asked for anew, by a new link.
    pub(super) fn operation_update(
        &mut self,
        now: Now,
        out: &mut Effects,
        link: LinkId,
        agent: &AgentId,
        update: OperationUpdate,
    ) {
        self.counters.add("master/messages_operation_status_update");
        let uuid = OperationUuid::from_bytes(&update.uuid);
        let (Some(uuid), Some(mut status)) = (uuid, update.status) else {
            self.counters.add("master/invalid_operation_status_updates");
            return;
        };
        status.agent_id = Some(agent.into());
        let status_uuid = status.uuid.as_ref().map(|uuid| uuid.value.clone()).unwrap_or_default();
        let is_its_own = self.operations.shown.get(&uuid).is_some_and(|known| known.agent == *agent);
        let Some(mut known) = is_its_own.then(|| self.operations.remove(&uuid)).flatten() else {
            // Acknowledged before, over a link that did not bring it.
            self.counters.add("master/invalid_operation_status_updates");
            return self.confirm_operation(out, agent, uuid, status_uuid);
        };
        self.counters.add("master/valid_operation_status_updates");
        let was_pending = known.is_pending();
        let failed = has_failed(&status);
        known.status = status;
        if was_pending {
            self.count_operation_end(&known);
        }
        if self.is_orphan(now.mono, &known) {
            self.confirm_operation(out, agent, uuid, status_uuid);
        } else {
            let stream = known.framework.as_ref().and_then(|id: &FrameworkId| self.frameworks.stream(id));
            if let Some(stream) = stream {
                out.event(stream, events::operation(known.status.clone()));
            }
            self.operations.insert(known);
        }
        if was_pending && failed {
            self.drop_link(now, out, link, "an operation that was counted with has failed");
        }
    }

    fn count_operation_end(&mut self, operation: &Operation) {
        let name = match operation.status.state() {
            OperationState::OperationFinished => "master/operations/finished",
            OperationState::OperationFailed => "master/operations/failed",
            OperationState::OperationError => "master/operations/error",
            OperationState::OperationDropped => "master/operations/dropped",
            _ => return,
        };
        self.counters.add(name);
    }
}

fn has_failed(status: &v1::OperationStatus) -> bool {
    use OperationState::{OperationDropped, OperationError, OperationFailed};
    matches!(status.state(), OperationFailed | OperationError | OperationDropped)
}
