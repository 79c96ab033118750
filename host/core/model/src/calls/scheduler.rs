//! The calls of a scheduler (spec 05), `/api/v1/scheduler`.

use mezzo_proto::mesos::v1;

use super::{Encoding, Principal};
use crate::ids::{AgentId, ExecutorId, FrameworkId, OfferId, RequestId, StreamId, TaskId};

/// One call as it came in: who, about which framework, over which stream.
#[derive(Clone, Debug)]
pub struct SchedulerRequest {
    /// Where the answer goes.
    pub request: RequestId,
    /// Who asks.
    pub principal: Principal,
    /// `Call.framework_id`; absent only for a first SUBSCRIBE.
    pub framework_id: Option<FrameworkId>,
    /// The `Mesos-Stream-Id` header, if there was one. The edge refuses a SUBSCRIBE that has
    /// one; the core judges whether any other call has the current one.
    pub stream_id: Option<String>,
    /// What is asked.
    pub call: SchedulerCall,
}

/// A scheduler's call.
#[derive(Clone, Debug)]
pub enum SchedulerCall {
    /// Opens the event stream.
    Subscribe(Box<Subscribe>),
    /// Ends the framework and everything it runs.
    Teardown,
    /// Uses offers of one agent.
    Accept {
        /// The offers, combined in this order.
        offer_ids: Vec<OfferId>,
        /// What to do with them, in order.
        operations: Vec<v1::offer::Operation>,
        /// What becomes of the rest; absent means the default filter.
        filters: Option<v1::Filters>,
    },
    /// Gives offers back.
    Decline {
        /// The offers; unknown ones are ignored.
        offer_ids: Vec<OfferId>,
        /// For how long not to be offered the same again; absent means the default filter.
        filters: Option<v1::Filters>,
    },
    /// Wants offers again, filters forgotten. No roles means all of the framework's.
    Revive {
        /// For these roles only.
        roles: Vec<String>,
    },
    /// Wants no offers. No roles means all of the framework's.
    Suppress {
        /// For these roles only.
        roles: Vec<String>,
    },
    /// Ends a task.
    Kill {
        /// Which.
        task_id: TaskId,
        /// Where it is thought to be.
        agent_id: Option<AgentId>,
        /// Instead of the task's own.
        kill_policy: Option<v1::KillPolicy>,
    },
    /// Ends a task on behalf of a person, over a path of our own: asks for no stream, and not
    /// that the scheduler is connected.
    KillByOperator {
        /// Which.
        task_id: TaskId,
    },
    /// Ends a framework on behalf of a person: TEARDOWN of the operator API, and `/teardown`. Asks
    /// for no stream, and not that the scheduler is connected.
    TeardownByOperator,
    /// Ends an executor.
    Shutdown {
        /// Which.
        executor_id: ExecutorId,
        /// Where.
        agent_id: AgentId,
    },
    /// Confirms a status update that had a uuid.
    Acknowledge {
        /// The agent that keeps the update.
        agent_id: AgentId,
        /// The task it is about.
        task_id: TaskId,
        /// The update: 16 bytes.
        uuid: Vec<u8>,
    },
    /// Asks for the state of these tasks, or of all when empty.
    Reconcile {
        /// Task and, maybe, its agent.
        tasks: Vec<(TaskId, Option<AgentId>)>,
    },
    /// Confirms how an operation ended.
    AcknowledgeOperation {
        /// The agent that it was done on.
        agent_id: Option<AgentId>,
        /// Of the status: 16 bytes.
        uuid: Vec<u8>,
        /// The operation.
        operation_id: v1::OperationId,
    },
    /// Asks for the state of these operations, or of all when empty.
    ReconcileOperations {
        /// Operation and, maybe, its agent.
        operations: Vec<(v1::OperationId, Option<AgentId>)>,
    },
    /// Does an operation on an agent's resources on behalf of a person: RESERVE_RESOURCES and its
    /// kin of the operator API, and `/reserve`… No framework is named.
    OperateByOperator {
        /// Whose resources.
        agent_id: AgentId,
        /// What is to be done.
        operation: Box<v1::offer::Operation>,
    },
    /// Bytes for an executor, best effort.
    Message {
        /// Where it runs.
        agent_id: AgentId,
        /// Which executor.
        executor_id: ExecutorId,
        /// Opaque.
        data: Vec<u8>,
    },
    /// Replaces what the framework says of itself, and what it wants offers of.
    UpdateFramework(Box<UpdateFramework>),
    /// Says what would be welcome: a hint to the allocator, which the one of Mesos ignores too.
    Request,
    /// A call that Mesos has and this build refuses: its name, for the refusal.
    NotImplemented(&'static str),
}

impl SchedulerCall {
    /// The call's name, as `Call.Type` spells it.
    pub fn name(&self) -> &'static str {
        match self {
            SchedulerCall::Subscribe(_) => "SUBSCRIBE",
            SchedulerCall::Teardown => "TEARDOWN",
            SchedulerCall::Accept { .. } => "ACCEPT",
            SchedulerCall::Decline { .. } => "DECLINE",
            SchedulerCall::Revive { .. } => "REVIVE",
            SchedulerCall::Suppress { .. } => "SUPPRESS",
            SchedulerCall::Kill { .. } => "KILL",
            SchedulerCall::KillByOperator { .. } => "KILL_BY_OPERATOR",
            SchedulerCall::TeardownByOperator => "TEARDOWN_BY_OPERATOR",
            SchedulerCall::Shutdown { .. } => "SHUTDOWN",
            SchedulerCall::Acknowledge { .. } => "ACKNOWLEDGE",
            SchedulerCall::Reconcile { .. } => "RECONCILE",
            SchedulerCall::AcknowledgeOperation { .. } => "ACKNOWLEDGE_OPERATION_STATUS",
            SchedulerCall::ReconcileOperations { .. } => "RECONCILE_OPERATIONS",
            SchedulerCall::OperateByOperator { .. } => "OPERATE_BY_OPERATOR",
            SchedulerCall::Message { .. } => "MESSAGE",
            SchedulerCall::UpdateFramework(_) => "UPDATE_FRAMEWORK",
            SchedulerCall::Request => "REQUEST",
            SchedulerCall::NotImplemented(name) => name,
        }
    }
}

/// SUBSCRIBE, and what the edge made for it.
#[derive(Clone, Debug)]
pub struct Subscribe {
    /// What the framework says of itself.
    pub framework_info: v1::FrameworkInfo,
    /// Roles that want no offers from the start.
    pub suppressed_roles: Vec<String>,
    /// Which agents it wants offers of, by role; none means all.
    pub offer_constraints: Option<v1::scheduler::OfferConstraints>,
    /// The connection the events will be written to.
    pub stream: StreamId,
    /// Unguessable; becomes the `Mesos-Stream-Id` of this subscription.
    pub new_stream_id: String,
    /// How the events are written.
    pub encoding: Encoding,
}

/// UPDATE_FRAMEWORK: everything in it replaces what was said before, also by being absent.
#[derive(Clone, Debug)]
pub struct UpdateFramework {
    /// What the framework says of itself from now on; `id` is its own.
    pub framework_info: v1::FrameworkInfo,
    /// Roles that want no offers from now on.
    pub suppressed_roles: Vec<String>,
    /// Which agents it wants offers of, by role; none means all.
    pub offer_constraints: Option<v1::scheduler::OfferConstraints>,
}
