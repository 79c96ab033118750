//! How operations ended: told, told again, acknowledged.

use mezzo_proto::{
    mesos::v1,
    mezzo::link::v1::{AcknowledgeOperation, OperationState, OperationUpdate, from_agent},
};

use super::Operation;
use crate::{
    agent::{Agent, Turn},
    config::{RETRY_FIRST, RETRY_MOST, REWRITE_FIRST},
    timers::Timer,
};

impl Agent {
    /// Tells how an operation ended, and sets the time to tell it again.
    pub(crate) fn tell_operation(&mut self, turn: &mut Turn, uuid: &[u8]) {
        let Some(link) = self.serving() else { return };
        let Some(ended) = self.operations.iter_mut().find(|known| known.uuid == uuid) else { return };
        if ended.status.is_none() {
            return;
        }
        let wait = ended.wait.map_or(RETRY_FIRST, |wait| (wait * 2).min(RETRY_MOST));
        ended.wait = Some(wait);
        self.timers.set(Timer::Operation(uuid.to_vec()), turn.now.mono + wait);
        let update = OperationUpdate {
            framework_id: ended.framework.clone(),
            uuid: ended.uuid.clone(),
            status: ended.status.clone(),
        };
        turn.touched.is_resources |= !turn.out.persist.is_empty();
        turn.out.tell_master(link, from_agent::Body::OperationUpdate(update));
    }

    /// There is a new link: everything that waits goes out, with short waits again.
    pub(crate) fn tell_all_operations(&mut self, turn: &mut Turn) {
        let uuids: Vec<_> = self.operations.iter().map(|known| known.uuid.clone()).collect();
        for uuid in uuids {
            if let Some(known) = self.operations.iter_mut().find(|known| known.uuid == uuid) {
                known.wait = None;
            }
            self.tell_operation(turn, &uuid);
        }
    }

    /// Somebody has heard how an operation ended.
    pub(crate) fn operation_acknowledged(&mut self, turn: &mut Turn, message: &AcknowledgeOperation) {
        let heard = |known: &Operation| {
            let told = known.status.as_ref().and_then(|status| status.uuid.as_ref());
            known.uuid == message.uuid && told.is_some_and(|uuid| uuid.value == message.status_uuid)
        };
        let before = self.operations.len();
        self.operations.retain(|known| !heard(known));
        if self.operations.len() < before {
            self.timers.cancel(&Timer::Operation(message.uuid.clone()));
            self.write_resources(turn);
        }
    }

    /// What the agent has could not be written: nobody was told, and the node was not asked.
    pub(crate) fn resources_not_kept(&mut self, turn: &mut Turn, why: &str) {
        turn.out.warn(format!("cannot write down what operations have changed, trying again: {why}"));
        self.timers.set(Timer::Resources, turn.now.mono + REWRITE_FIRST);
    }

    /// Writes it again, and does what was to be done then.
    pub(crate) fn write_resources_again(&mut self, turn: &mut Turn) {
        self.write_resources(turn);
        self.ask_for_volumes(turn);
        self.tell_all_operations(turn);
    }

    /// Every operation as readers see it.
    pub(crate) fn shown_operations(&self) -> Vec<v1::Operation> {
        let shown = self.operations.iter().map(|known| {
            let pending = || v1::OperationStatus {
                operation_id: known.info.id.clone(),
                state: v1::OperationState::OperationPending as i32,
                ..Default::default()
            };
            let status = known.status.clone().unwrap_or_else(pending);
            v1::Operation {
                framework_id: known.framework.clone(),
                agent_id: self.identity.agent_id.as_ref().map(Into::into),
                info: known.info.clone(),
                latest_status: status.clone(),
                statuses: vec![status],
                uuid: v1::Uuid { value: known.uuid.clone() },
            }
        });
        shown.collect()
    }

    /// Every operation as the master is told of it after each Welcome.
    pub(crate) fn operation_states(&self) -> Vec<OperationState> {
        let states = self.operations.iter().map(|known| OperationState {
            framework_id: known.framework.clone(),
            uuid: known.uuid.clone(),
            operation: Some(known.info.clone()),
            status: known.status.clone(),
        });
        states.collect()
    }
}
