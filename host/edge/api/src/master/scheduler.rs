//! `/api/v1/scheduler`: what a scheduler's body means, and what is wrong with it.

use std::sync::Arc;

use mezzo_http::{HeaderName, HeaderValue, Request, Response, StatusCode, event_stream, header};
use mezzo_model::calls::{
    Encoding, Principal, Refusal, SchedulerCall, SchedulerRequest, Subscribe, UpdateFramework,
};
use mezzo_proto::mesos::v1::{
    self,
    scheduler::{Call, call},
};

use super::MasterBackend;
use crate::{answer, decode, media};

/// The header that ties a call to its subscription.
const STREAM_ID: HeaderName = HeaderName::from_static("mesos-stream-id");

/// The most offers, operations and tasks of one ACCEPT, each: it is one turn of the master, in which nobody
/// else is heard. Mesos has no limit here.
const ACCEPT_MAX: usize = 10_000;

const STREAM_ID_UNWANTED: &str = "Subscribe calls should not include the 'Mesos-Stream-Id' header";

/// Answers one call.
pub(super) async fn handle<B: MasterBackend>(
    backend: &Arc<B>,
    request: &Request,
) -> Result<Response, Box<Response>> {
    let call: Call = decode::call(request, decode::MASTER)?;
    let framework_id = call.framework_id.clone().map(Into::into);
    let valid = validated(call).map_err(|refusal| Box::new(answer::refused(refusal)))?;
    let stream_id =
        request.headers.get(STREAM_ID).map(|id| String::from_utf8_lossy(id.as_bytes()).into_owned());
    match valid {
        Valid::Subscribe(_) if stream_id.is_some() => Ok(answer::bad_request(STREAM_ID_UNWANTED)),
        Valid::Subscribe(subscribe) => {
            // No other call has a body to answer with, and Mesos looks at the field for none of them.
            let encoding = media::of_answer(request)?;
            let wanted = Wanted { framework_id, subscribe, encoding };
            Ok(subscribed(backend, wanted).await)
        }
        // Without the header it is refused too, but only once its framework is known to be one.
        Valid::Other(call) => {
            let request = backend.next_request();
            let principal = Principal::ANONYMOUS;
            let call = SchedulerRequest { request, principal, framework_id, stream_id, call };
            Ok(answer::call(backend.call(call).await))
        }
    }
}

/// Answers a KILL that a person sends rather than the task's scheduler: the same body, no stream.
pub(super) async fn kill_by_operator<B: MasterBackend>(
    backend: &Arc<B>,
    request: &Request,
) -> Result<Response, Box<Response>> {
    let call: Call = decode::call(request, decode::MASTER)?;
    let (framework_id, task_id) =
        validated_kill(call).map_err(|refusal| Box::new(answer::refused(refusal)))?;
    let call = SchedulerRequest {
        request: backend.next_request(),
        principal: Principal::ANONYMOUS,
        framework_id: Some(framework_id.into()),
        stream_id: None,
        call: SchedulerCall::KillByOperator { task_id: task_id.into() },
    };
    Ok(answer::call(backend.call(call).await))
}

fn validated_kill(call: Call) -> Result<(v1::FrameworkId, v1::TaskId), Refusal> {
    if call.r#type() != call::Type::Kill {
        return Err(invalid("Expecting 'type' to be KILL"));
    }
    let framework_id = present(call.framework_id, "framework_id")?;
    let kill = present(call.kill, "kill")?;
    if kill.kill_policy.is_some() {
        return Err(invalid(
            "Expecting 'kill.kill_policy' to be absent: an operator's kill uses the task's own",
        ));
    }
    Ok((framework_id, kill.task_id))
}

/// A SUBSCRIBE that found nothing to object to.
struct Wanted {
    framework_id: Option<mezzo_model::FrameworkId>,
    subscribe: Box<call::Subscribe>,
    encoding: Encoding,
}

async fn subscribed<B: MasterBackend>(backend: &Arc<B>, wanted: Wanted) -> Response {
    let Some(new_stream_id) = unguessable_id() else {
        return answer::refused(Refusal::unavailable("The system has no random bytes to give"));
    };
    let Ok(stream_header) = HeaderValue::from_str(&new_stream_id) else {
        return answer::refused(Refusal::unavailable("The stream's id cannot be written"));
    };
    let stream = backend.next_stream();
    let (events, body) = {
        let backend = Arc::clone(backend);
        let bytes_max = backend.stream_bytes_max();
        event_stream(bytes_max, move |reason| backend.stream_closed(stream, reason))
    };
    let subscribe = Subscribe {
        framework_info: wanted.subscribe.framework_info,
        suppressed_roles: wanted.subscribe.suppressed_roles,
        offer_constraints: wanted.subscribe.offer_constraints,
        stream,
        new_stream_id,
        encoding: wanted.encoding,
    };
    let call = SchedulerRequest {
        request: backend.next_request(),
        principal: Principal::ANONYMOUS,
        framework_id: wanted.framework_id,
        stream_id: None,
        call: SchedulerCall::Subscribe(Box::new(subscribe)),
    };
    match backend.subscribe(call, events).await {
        Ok(()) => Response { status: StatusCode::OK, headers: Vec::new(), body }
            .with(STREAM_ID, stream_header)
            .with(header::CONTENT_TYPE, media::value(wanted.encoding)),
        Err(refusal) => answer::refused(refusal),
    }
}

/// A random UUID as text.
fn unguessable_id() -> Option<String> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).ok()?;
    bytes[6] = bytes[6] & 0x0f | 0x40;
    bytes[8] = bytes[8] & 0x3f | 0x80;
    let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    Some(format!("{}-{}-{}-{}-{}", &hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]))
}

/// A call without fault.
#[derive(Debug)]
enum Valid {
    Subscribe(Box<call::Subscribe>),
    Other(SchedulerCall),
}

/// Checks what can be checked without state, in Mesos's order and words.
fn validated(call: Call) -> Result<Valid, Refusal> {
    use call::Type;

    let Some(kind) = call.r#type.and_then(|number| Type::try_from(number).ok()) else {
        return Err(invalid("Expecting 'type' to be present"));
    };
    if kind == Type::Subscribe {
        return validated_subscribe(call).map(|subscribe| Valid::Subscribe(Box::new(subscribe)));
    }
    if call.framework_id.is_none() {
        return Err(invalid("Expecting 'framework_id' to be present"));
    }
    let other = match kind {
        Type::Unknown | Type::Subscribe => return Err(Refusal::not_implemented("501 Not Implemented.")),
        Type::Teardown => SchedulerCall::Teardown,
        Type::Accept => accept(present(call.accept, "accept")?)?,
        Type::Decline => decline(present(call.decline, "decline")?),
        Type::Revive => SchedulerCall::Revive { roles: call.revive.unwrap_or_default().roles },
        Type::Suppress => SchedulerCall::Suppress { roles: call.suppress.unwrap_or_default().roles },
        Type::Kill => kill(present(call.kill, "kill")?),
        Type::Shutdown => shutdown(present(call.shutdown, "shutdown")?),
        Type::Acknowledge => acknowledge(present(call.acknowledge, "acknowledge")?)?,
        Type::Reconcile => reconcile(present(call.reconcile, "reconcile")?),
        Type::Message => message(present(call.message, "message")?),
        Type::Request => present(call.request, "request").map(|_| SchedulerCall::Request)?,
        Type::AcceptInverseOffers => present(call.accept_inverse_offers, "accept_inverse_offers")
            .map(|_| later("ACCEPT_INVERSE_OFFERS"))?,
        Type::DeclineInverseOffers => present(call.decline_inverse_offers, "decline_inverse_offers")
            .map(|_| later("DECLINE_INVERSE_OFFERS"))?,
        Type::AcknowledgeOperationStatus => {
            let acknowledged = present(call.acknowledge_operation_status, "acknowledge_operation_status")?;
            check_uuid(&acknowledged.uuid)?;
            acknowledge_operation(acknowledged)?
        }
        Type::ReconcileOperations => {
            reconcile_operations(present(call.reconcile_operations, "reconcile_operations")?)
        }
        Type::UpdateFramework => {
            update_framework(present(call.update_framework, "update_framework")?, call.framework_id.as_ref())?
        }
    };
    Ok(Valid::Other(other))
}

fn validated_subscribe(call: Call) -> Result<call::Subscribe, Refusal> {
    let subscribe = present(call.subscribe, "subscribe")?;
    let inner = subscribe.framework_info.id.as_ref().map_or("", |id| id.value.as_str());
    let outer = call.framework_id.as_ref().map_or("", |id| id.value.as_str());
    if inner != outer {
        return Err(invalid("'framework_id' differs from 'subscribe.framework_info.id'"));
    }
    Ok(subscribe)
}

fn update_framework(
    update: call::UpdateFramework,
    framework_id: Option<&v1::FrameworkId>,
) -> Result<SchedulerCall, Refusal> {
    if update.framework_info.id.as_ref() != framework_id {
        return Err(invalid("'framework_id' differs from 'update_framework.framework_info.id'"));
    }
    Ok(SchedulerCall::UpdateFramework(Box::new(UpdateFramework {
        framework_info: update.framework_info,
        suppressed_roles: update.suppressed_roles,
        offer_constraints: update.offer_constraints,
    })))
}

fn accept(accept: call::Accept) -> Result<SchedulerCall, Refusal> {
    let tasks: usize = accept.operations.iter().map(tasks_in).sum();
    for (count, what) in
        [(accept.offer_ids.len(), "offers"), (accept.operations.len(), "operations"), (tasks, "tasks")]
    {
        if count > ACCEPT_MAX {
            return Err(invalid(&format!(
                "Expecting at most {ACCEPT_MAX} {what} in one ACCEPT, found {count}"
            )));
        }
    }
    Ok(SchedulerCall::Accept {
        offer_ids: accept.offer_ids.into_iter().map(Into::into).collect(),
        operations: accept.operations,
        filters: accept.filters,
    })
}

fn tasks_in(operation: &v1::offer::Operation) -> usize {
    let launch = operation.launch.as_ref().map_or(0, |launch| launch.task_infos.len());
    let group = operation.launch_group.as_ref().map_or(0, |launch| launch.task_group.tasks.len());
    launch + group
}

fn decline(decline: call::Decline) -> SchedulerCall {
    SchedulerCall::Decline {
        offer_ids: decline.offer_ids.into_iter().map(Into::into).collect(),
        filters: decline.filters,
    }
}

fn kill(kill: call::Kill) -> SchedulerCall {
    SchedulerCall::Kill {
        task_id: kill.task_id.into(),
        agent_id: kill.agent_id.map(Into::into),
        kill_policy: kill.kill_policy,
    }
}

fn shutdown(shutdown: call::Shutdown) -> SchedulerCall {
    SchedulerCall::Shutdown { executor_id: shutdown.executor_id.into(), agent_id: shutdown.agent_id.into() }
}

fn acknowledge(acknowledge: call::Acknowledge) -> Result<SchedulerCall, Refusal> {
    check_uuid(&acknowledge.uuid)?;
    Ok(SchedulerCall::Acknowledge {
        agent_id: acknowledge.agent_id.into(),
        task_id: acknowledge.task_id.into(),
        uuid: acknowledge.uuid,
    })
}

fn reconcile(reconcile: call::Reconcile) -> SchedulerCall {
    let tasks = reconcile.tasks.into_iter();
    SchedulerCall::Reconcile {
        tasks: tasks
            .map(|task| (task.task_id.into(), task.agent_id.map(|id: v1::AgentId| id.into())))
            .collect(),
    }
}

fn acknowledge_operation(acknowledged: call::AcknowledgeOperationStatus) -> Result<SchedulerCall, Refusal> {
    let agent = present(acknowledged.agent_id, "agent_id")?;
    Ok(SchedulerCall::AcknowledgeOperation {
        agent_id: Some(agent.into()),
        uuid: acknowledged.uuid,
        operation_id: acknowledged.operation_id,
    })
}

fn reconcile_operations(reconcile: call::ReconcileOperations) -> SchedulerCall {
    let named = reconcile.operations.into_iter();
    let operations =
        named.map(|asked| (asked.operation_id, asked.agent_id.map(|id: v1::AgentId| id.into()))).collect();
    SchedulerCall::ReconcileOperations { operations }
}

fn message(message: call::Message) -> SchedulerCall {
    SchedulerCall::Message {
        agent_id: message.agent_id.into(),
        executor_id: message.executor_id.into(),
        data: message.data,
    }
}

/// A call that is refused by the core, which knows whether its framework would even be heard.
fn later(name: &'static str) -> SchedulerCall {
    SchedulerCall::NotImplemented(name)
}

fn check_uuid(uuid: &[u8]) -> Result<(), Refusal> {
    if uuid.len() == 16 { Ok(()) } else { Err(invalid("Not a valid UUID")) }
}

fn present<T>(part: Option<T>, name: &str) -> Result<T, Refusal> {
    part.ok_or_else(|| invalid(&format!("Expecting '{name}' to be present")))
}

fn invalid(why: &str) -> Refusal {
    Refusal::bad_request(format!("Failed to validate scheduler::Call: {why}"))
}
