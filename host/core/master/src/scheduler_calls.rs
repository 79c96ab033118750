//! The calls of schedulers, one file each.
//!
//! Every call but SUBSCRIBE, and the KILL and TEARDOWN of an operator, passes the same door first:
//! the framework is known, the principal is its own, its stream is open and the call names that
//! stream.

mod accept;
mod acknowledge;
mod acknowledge_operation;
mod decline;
mod framework_info;
mod kill;
mod message;
mod reconcile;
mod reconcile_operations;
mod shutdown;
mod subscribe;
mod suppress;
mod teardown;
mod update_framework;

pub(crate) use accept::name_of;
pub(crate) use acknowledge::acknowledgement;
pub(crate) use kill::kill_task;

use mezzo_model::{
    FrameworkId, Now,
    calls::{Answer, Principal, Refusal, SchedulerCall, SchedulerRequest},
};

use crate::{Effects, Master};

impl Master {
    /// Takes a scheduler's call and answers it.
    pub(crate) fn scheduler_call(&mut self, now: Now, out: &mut Effects, request: SchedulerRequest) {
        let SchedulerRequest { request, principal, framework_id, stream_id, call } = request;
        if let SchedulerCall::Subscribe(subscribe) = call {
            return self.subscribe(now, out, request, principal, framework_id, *subscribe);
        }
        if let SchedulerCall::KillByOperator { task_id } = call {
            let answer = self.kill_by_operator(out, &principal, framework_id, task_id);
            return out.answer(request, answer);
        }
        if let SchedulerCall::TeardownByOperator = call {
            let answer = self.teardown_by_operator(now, out, &principal, framework_id);
            return out.answer(request, answer);
        }
        if let SchedulerCall::OperateByOperator { agent_id, operation } = call {
            let answer = self.operate_by_operator(now, out, &principal, &agent_id, *operation);
            return out.answer(request, answer);
        }
        let id = match self.admit_call(&principal, framework_id, stream_id.as_deref()) {
            Ok(id) => id,
            Err(refusal) => return out.answer(request, Answer::Refused(refusal)),
        };
        if let SchedulerCall::NotImplemented(name) = call {
            let refusal = Refusal::not_implemented(format!("{name} is not supported by this release"));
            return out.answer(request, Answer::Refused(refusal));
        }
        self.count_call(&id, &call);
        if let SchedulerCall::UpdateFramework(update) = call {
            let answer = self.update_framework(now, out, &principal, &id, *update);
            return out.answer(request, answer);
        }
        out.answer(request, Answer::Accepted);
        self.admitted_call(now, out, &id, call);
    }

    fn admitted_call(&mut self, now: Now, out: &mut Effects, id: &FrameworkId, call: SchedulerCall) {
        match call {
            SchedulerCall::Teardown => self.teardown(now, out, id),
            SchedulerCall::Accept { offer_ids, operations, filters } => {
                self.accept(now, out, id, &offer_ids, operations, filters.as_ref());
            }
            SchedulerCall::Decline { offer_ids, filters } => {
                self.decline(now, out, id, &offer_ids, filters.as_ref());
            }
            SchedulerCall::Revive { roles } => self.revive(now, out, id, &roles),
            SchedulerCall::Suppress { roles } => self.suppress(now, out, id, &roles),
            SchedulerCall::Kill { task_id, agent_id, kill_policy } => {
                self.kill(now, out, id, task_id, agent_id, kill_policy);
            }
            SchedulerCall::Shutdown { executor_id, agent_id } => {
                self.shutdown_executor(out, id, &executor_id, &agent_id);
            }
            SchedulerCall::Acknowledge { agent_id, task_id, uuid } => {
                self.acknowledge(now, out, id, &agent_id, &task_id, uuid);
            }
            SchedulerCall::Reconcile { tasks } => self.reconcile(id, tasks),
            SchedulerCall::AcknowledgeOperation { agent_id, uuid, operation_id } => {
                self.acknowledge_operation(out, id, agent_id.as_ref(), uuid, &operation_id);
            }
            SchedulerCall::ReconcileOperations { operations } => {
                self.reconcile_operations(out, id, operations);
            }
            SchedulerCall::Message { agent_id, executor_id, data } => {
                self.message_to_executor(out, id, &agent_id, &executor_id, data);
            }
            SchedulerCall::Request => self.counters.add("master/messages_resource_request"),
            SchedulerCall::Subscribe(_)
            | SchedulerCall::UpdateFramework(_)
            | SchedulerCall::KillByOperator { .. }
            | SchedulerCall::TeardownByOperator
            | SchedulerCall::OperateByOperator { .. }
            | SchedulerCall::NotImplemented(_) => {
                unreachable!("these were answered before the call was admitted")
            }
        }
    }

    /// The door: gives the framework that may act.
    fn admit_call(
        &self,
        principal: &Principal,
        framework_id: Option<FrameworkId>,
        stream_id: Option<&str>,
    ) -> Result<FrameworkId, Refusal> {
        let Some(id) = framework_id else {
            return Err(Refusal::bad_request(
                "Failed to validate scheduler::Call: Expecting 'framework_id' to be present",
            ));
        };
        let (Some(framework), Some(kept)) = (self.frameworks.get(&id), self.frameworks.kept(&id)) else {
            return Err(Refusal::bad_request("Framework cannot be found"));
        };
        is_own_principal(principal, framework.info.principal.as_deref())?;
        let Some(stream) = &kept.stream else {
            return Err(Refusal::forbidden("Framework is not subscribed"));
        };
        match stream_id {
            None => Err(Refusal::bad_request(
                "All non-subscribe calls should include the 'Mesos-Stream-Id' header",
            )),
            Some(named) if named != stream.name => Err(Refusal::bad_request(format!(
                "The stream ID '{named}' included in this request didn't match the stream ID currently \
                 associated with framework ID {id}"
            ))),
            Some(_) => Ok(id),
        }
    }
}

/// Whether an authenticated principal is the one that the framework names.
///
/// # Errors
/// A refusal, when both are there and differ.
fn is_own_principal(principal: &Principal, named: Option<&str>) -> Result<(), Refusal> {
    match (principal.0.as_deref(), named.filter(|named| !named.is_empty())) {
        (Some(authenticated), Some(named)) if authenticated != named => Err(Refusal::bad_request(format!(
            "Authenticated principal '{authenticated}' does not match principal '{named}' set in \
             'FrameworkInfo'"
        ))),
        _ => Ok(()),
    }
}
