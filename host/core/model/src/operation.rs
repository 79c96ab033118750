//! An operation on an agent's resources, until its end was acknowledged.
//!
//! ```text
//!  Pending ──▶ Finished | Failed | Error | Dropped ──▶ (acknowledged)
//! ```
//!
//! The master counts with its outcome from the moment it was checked; the agent says how it ended.

use std::sync::Arc;

use mezzo_proto::mesos::v1::{self, OperationState};

use crate::{
    ids::{AgentId, FrameworkId},
    time::Mono,
};

/// What an operation is told apart by: given by the master, never twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct OperationUuid(pub [u8; 16]);

impl OperationUuid {
    /// The one with these bytes, if they are 16.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(Self)
    }
}

/// One operation.
#[derive(Clone, Debug)]
pub struct Operation {
    /// Its name between master and agent.
    pub uuid: OperationUuid,
    /// Who asked; absent for an operator, and once the framework was removed.
    pub framework: Option<FrameworkId>,
    /// On which agent.
    pub agent: AgentId,
    /// What was asked.
    pub info: Arc<v1::offer::Operation>,
    /// How it stands.
    pub status: v1::OperationStatus,
    /// Since when this master knows of it.
    pub known_since: Mono,
}

impl Operation {
    /// Whether its agent has not said yet how it ended.
    pub fn is_pending(&self) -> bool {
        self.status.state() == OperationState::OperationPending
    }

    /// The scheduler's name for it, if it wants to hear of it.
    pub fn id(&self) -> Option<&v1::OperationId> {
        self.info.id.as_ref()
    }

    /// As readers are shown it.
    pub fn to_wire(&self) -> v1::Operation {
        v1::Operation {
            framework_id: self.framework.as_ref().map(Into::into),
            agent_id: Some((&self.agent).into()),
            info: (*self.info).clone(),
            latest_status: self.status.clone(),
            statuses: vec![self.status.clone()],
            uuid: v1::Uuid { value: self.uuid.0.to_vec() },
        }
    }
}

/// A status of an operation.
pub fn status(id: Option<&v1::OperationId>, agent: &AgentId, state: OperationState) -> v1::OperationStatus {
    v1::OperationStatus {
        operation_id: id.cloned(),
        state: state as i32,
        agent_id: Some(agent.into()),
        ..Default::default()
    }
}
