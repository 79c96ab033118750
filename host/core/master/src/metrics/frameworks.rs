//! What is counted of each framework for as long as it is there; it goes with the framework.

use mezzo_model::{FrameworkId, calls::SchedulerCall, task::TaskState};
use mezzo_proto::mesos::v1::{
    offer::operation,
    scheduler::{Event, call, event},
};

use crate::{Effects, Envelope, Master};

/// More than the numbers of any of the types that are counted.
const TYPES: usize = 24;

/// Counts by the number of a type.
#[derive(Clone, Debug, Default)]
pub(crate) struct ByType([u64; TYPES]);

/// The counts of one framework.
#[derive(Clone, Debug, Default)]
pub(crate) struct FrameworkCounts {
    pub(crate) calls: ByType,
    pub(crate) events: ByType,
    pub(crate) operations: ByType,
    pub(crate) tasks_ended: ByType,
    pub(crate) offers_sent: u64,
    pub(crate) offers_accepted: u64,
    pub(crate) offers_declined: u64,
    pub(crate) offers_rescinded: u64,
}

impl ByType {
    /// One more of a type.
    pub(crate) fn add(&mut self, number: i32) {
        if let Some(count) = usize::try_from(number).ok().and_then(|number| self.0.get_mut(number)) {
            *count += 1;
        }
    }

    /// The count of a type.
    pub(crate) fn get(&self, number: i32) -> u64 {
        usize::try_from(number).ok().and_then(|number| self.0.get(number)).copied().unwrap_or(0)
    }

    /// All types together.
    pub(crate) fn sum(&self) -> u64 {
        self.0.iter().sum()
    }
}

impl Master {
    /// Counts a call of a framework that may make it.
    pub(crate) fn count_call(&mut self, framework: &FrameworkId, call: &SchedulerCall) {
        if let (Some(kept), Some(kind)) = (self.frameworks.kept_mut(framework), kind(call)) {
            kept.counts.calls.add(kind.into());
        }
    }

    /// Counts an operation of an ACCEPT.
    pub(crate) fn count_operation(&mut self, framework: &FrameworkId, kind: operation::Type) {
        if let Some(kept) = self.frameworks.kept_mut(framework) {
            kept.counts.operations.add(kind.into());
        }
    }

    /// Counts the end of a task, for its framework and for all.
    pub(crate) fn count_end(&mut self, framework: &FrameworkId, state: TaskState) {
        self.counters.task_ended(state);
        if let Some(kept) = self.frameworks.kept_mut(framework)
            && state.is_terminal()
        {
            kept.counts.tasks_ended.add(state.number());
        }
    }

    /// Counts what a turn sends to frameworks.
    pub(crate) fn count_events(&mut self, out: &Effects) {
        for envelope in &out.send {
            match envelope {
                Envelope::Event { stream, event } => {
                    if let Some(counts) = self.frameworks.counts_of(*stream) {
                        counts.event(event);
                    }
                }
                Envelope::OpenStream { stream, .. } => {
                    if let Some(counts) = self.frameworks.counts_of(*stream) {
                        counts.calls.add(call::Type::Subscribe.into());
                    }
                }
                _ => {}
            }
        }
    }
}

impl FrameworkCounts {
    fn event(&mut self, event: &Event) {
        self.events.add(event.r#type.unwrap_or(0));
        match event.r#type() {
            event::Type::Offers => {
                self.offers_sent += event.offers.as_ref().map_or(0, |offers| offers.offers.len() as u64);
            }
            event::Type::Rescind => self.offers_rescinded += 1,
            _ => {}
        }
    }
}

/// The type of a call as the wire has it.
fn kind(call: &SchedulerCall) -> Option<call::Type> {
    use call::Type;

    Some(match call {
        SchedulerCall::Subscribe(_) => Type::Subscribe,
        SchedulerCall::Teardown => Type::Teardown,
        SchedulerCall::Accept { .. } => Type::Accept,
        SchedulerCall::Decline { .. } => Type::Decline,
        SchedulerCall::Revive { .. } => Type::Revive,
        SchedulerCall::Suppress { .. } => Type::Suppress,
        SchedulerCall::Kill { .. } => Type::Kill,
        SchedulerCall::Shutdown { .. } => Type::Shutdown,
        SchedulerCall::Acknowledge { .. } => Type::Acknowledge,
        SchedulerCall::Reconcile { .. } => Type::Reconcile,
        SchedulerCall::AcknowledgeOperation { .. } => Type::AcknowledgeOperationStatus,
        SchedulerCall::ReconcileOperations { .. } => Type::ReconcileOperations,
        SchedulerCall::Message { .. } => Type::Message,
        SchedulerCall::UpdateFramework(_) => Type::UpdateFramework,
        SchedulerCall::Request => Type::Request,
        // Not the framework's own; or not done.
        SchedulerCall::KillByOperator { .. }
        | SchedulerCall::TeardownByOperator
        | SchedulerCall::OperateByOperator { .. }
        | SchedulerCall::NotImplemented(_) => return None,
    })
}
