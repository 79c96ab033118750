//! `/api/v1/executor` of an agent: what an executor's body means, and what is wrong with it.

use std::sync::Arc;

use mezzo_http::{Request, Response, StatusCode, event_stream, header};
use mezzo_model::calls::{Encoding, ExecutorCall, ExecutorRequest, Principal, Refusal, SubscribeExecutor};
use mezzo_proto::mesos::v1::{
    self, TaskState,
    executor::{Call, call},
    task_status::Source,
};

use super::AgentBackend;
use crate::{answer, decode, media};

/// Answers one call.
pub(super) async fn handle<B: AgentBackend>(
    backend: &Arc<B>,
    request: &Request,
) -> Result<Response, Box<Response>> {
    // A real agent words the refusals of this endpoint as a master does.
    let call: Call = decode::call(request, decode::MASTER)?;
    let valid = validated(&call).map_err(|refusal| Box::new(answer::refused(refusal)))?;
    let encoding = media::of_answer(request)?;
    let request = |call_made| ExecutorRequest {
        request: backend.next_request(),
        principal: Principal::ANONYMOUS,
        framework_id: (&call.framework_id).into(),
        executor_id: (&call.executor_id).into(),
        call: call_made,
    };
    Ok(match valid {
        Valid::Subscribe(tasks, updates) => subscribed(backend, tasks, updates, encoding, request).await,
        Valid::Other(made) => answer::call(backend.executor_call(request(made)).await),
    })
}

async fn subscribed<B: AgentBackend>(
    backend: &Arc<B>,
    unacknowledged_tasks: Vec<v1::TaskInfo>,
    unacknowledged_updates: Vec<v1::TaskStatus>,
    encoding: Encoding,
    request: impl Fn(ExecutorCall) -> ExecutorRequest,
) -> Response {
    let stream = backend.next_stream();
    let (events, body) = {
        let backend = Arc::clone(backend);
        let bytes_max = backend.stream_bytes_max();
        event_stream(bytes_max, move |reason| backend.stream_closed(stream, reason))
    };
    let subscribe = SubscribeExecutor { unacknowledged_tasks, unacknowledged_updates, stream, encoding };
    let call = request(ExecutorCall::Subscribe(Box::new(subscribe)));
    match backend.executor_subscribe(call, events).await {
        Ok(()) => Response { status: StatusCode::OK, headers: Vec::new(), body }
            .with(header::CONTENT_TYPE, media::value(encoding)),
        Err(refusal) => answer::refused(refusal),
    }
}

/// A call without fault.
enum Valid {
    Subscribe(Vec<v1::TaskInfo>, Vec<v1::TaskStatus>),
    Other(ExecutorCall),
}

/// Checks what can be checked without state, in Mesos's order and words.
fn validated(call: &Call) -> Result<Valid, Refusal> {
    use call::Type;

    let Some(kind) = call.r#type.and_then(|number| Type::try_from(number).ok()) else {
        return Err(invalid("Expecting 'type' to be present"));
    };
    Ok(Valid::Other(match kind {
        Type::Unknown => return Err(Refusal::not_implemented("501 Not Implemented.")),
        Type::Subscribe => {
            let subscribe = present(call.subscribe.clone(), "subscribe")?;
            let updates = subscribe.unacknowledged_updates.into_iter();
            let updates = updates.map(|update| checked(call, update.status)).collect::<Result<_, _>>()?;
            return Ok(Valid::Subscribe(subscribe.unacknowledged_tasks, updates));
        }
        Type::Update => {
            let update = present(call.update.clone(), "update")?;
            ExecutorCall::Update(Box::new(checked(call, update.status)?))
        }
        Type::Message => {
            let message = present(call.message.clone(), "message")?;
            ExecutorCall::Message { data: message.data }
        }
        Type::Heartbeat => ExecutorCall::Heartbeat,
    }))
}

/// Looks at a status that an executor sends.
fn checked(call: &Call, status: v1::TaskStatus) -> Result<v1::TaskStatus, Refusal> {
    let (executor, framework) = (&call.executor_id.value, &call.framework_id.value);
    let uuid = status.uuid.as_deref().ok_or_else(|| invalid("Expecting 'uuid' to be present"))?;
    if !is_uuid(uuid) {
        return Err(invalid("Not a valid UUID"));
    }
    if let Some(named) = status.executor_id.as_ref().filter(|named| named.value != *executor) {
        return Err(invalid(&format!(
            "ExecutorID in Call: {executor} does not match ExecutorID in TaskStatus: {}",
            named.value
        )));
    }
    if status.source != Some(Source::Executor.into()) {
        return Err(invalid(&format!(
            "Received Call from executor {executor} of framework {framework} with invalid source, \
             expecting 'SOURCE_EXECUTOR'"
        )));
    }
    if status.state() == TaskState::TaskStaging {
        return Err(invalid(&format!(
            "Received TASK_STAGING from executor {executor} of framework {framework} which is not allowed"
        )));
    }
    Ok(status)
}

/// Sixteen bytes with one of the versions 1 to 5: a real agent refuses the nil UUID.
fn is_uuid(bytes: &[u8]) -> bool {
    <[u8; 16]>::try_from(bytes).is_ok_and(|bytes| (1..=5).contains(&(bytes[6] >> 4)))
}

fn present<T>(part: Option<T>, name: &str) -> Result<T, Refusal> {
    part.ok_or_else(|| invalid(&format!("Expecting '{name}' to be present")))
}

fn invalid(why: &str) -> Refusal {
    Refusal::bad_request(format!("Failed to validate Executor::Call: {why}"))
}
