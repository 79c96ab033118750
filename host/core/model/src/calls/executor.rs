//! The calls of an executor (spec 06 §1), `/api/v1/executor` of an agent.

use mezzo_proto::mesos::v1;

use super::{Encoding, Principal};
use crate::ids::{ExecutorId, FrameworkId, RequestId, StreamId};

/// One call as it came in: who, about which executor of which framework.
#[derive(Clone, Debug)]
pub struct ExecutorRequest {
    /// Where the answer goes.
    pub request: RequestId,
    /// Who asks.
    pub principal: Principal,
    /// `Call.framework_id`
    pub framework_id: FrameworkId,
    /// `Call.executor_id`
    pub executor_id: ExecutorId,
    /// What is asked.
    pub call: ExecutorCall,
}

/// An executor's call.
#[derive(Clone, Debug)]
pub enum ExecutorCall {
    /// Opens the event stream.
    Subscribe(Box<SubscribeExecutor>),
    /// How a task is. Its `uuid` is a UUID, its `source` the executor, its state not TASK_STAGING.
    Update(Box<v1::TaskStatus>),
    /// Bytes for the scheduler, best effort.
    Message {
        /// Opaque.
        data: Vec<u8>,
    },
    /// A sign of life.
    Heartbeat,
}

impl ExecutorCall {
    /// The call's name, as `Call.Type` spells it.
    pub fn name(&self) -> &'static str {
        match self {
            ExecutorCall::Subscribe(_) => "SUBSCRIBE",
            ExecutorCall::Update(_) => "UPDATE",
            ExecutorCall::Message { .. } => "MESSAGE",
            ExecutorCall::Heartbeat => "HEARTBEAT",
        }
    }
}

/// SUBSCRIBE, and what the edge made for it.
#[derive(Clone, Debug)]
pub struct SubscribeExecutor {
    /// Tasks that it was given and of which no update was acknowledged yet.
    pub unacknowledged_tasks: Vec<v1::TaskInfo>,
    /// Updates that it has sent and that were not acknowledged, oldest first; each is as in
    /// [`ExecutorCall::Update`].
    pub unacknowledged_updates: Vec<v1::TaskStatus>,
    /// The connection the events will be written to.
    pub stream: StreamId,
    /// How the events are written.
    pub encoding: Encoding,
}
