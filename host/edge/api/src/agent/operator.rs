//! `/api/v1` of an agent: the calls of an operator.

use mezzo_http::{Request, Response, StatusCode};
use mezzo_model::calls::{AgentRead, Encoding, Principal, Refusal};
use mezzo_proto::mesos::v1::agent::{Call, call};

use super::{AgentApi, AgentBackend};
use crate::{
    answer, decode, media,
    process::{self, Calls},
};

/// Answers one call.
pub(super) async fn handle<B: AgentBackend>(
    api: &AgentApi<B>,
    request: &Request,
) -> Result<Response, Box<Response>> {
    let call: Call = decode::call(request, decode::AGENT)?;
    let refused = |refusal| Box::new(answer::refused(refusal));
    if let Some(shared) = call.shared().map_err(refused)? {
        return Ok(process::call(api, shared, media::of_agents_answer(request)?).await);
    }
    let kind = validated(&call).map_err(refused)?;
    let encoding = media::of_agents_answer(request)?;
    use call::Type;
    Ok(match kind {
        Type::Unknown => Response::text(StatusCode::NOT_IMPLEMENTED, "501 Not Implemented."),
        Type::GetState => read(api, AgentRead::GetState, encoding).await,
        Type::GetContainers => read(api, AgentRead::GetContainers, encoding).await,
        Type::GetFrameworks => read(api, AgentRead::GetFrameworks, encoding).await,
        Type::GetExecutors => read(api, AgentRead::GetExecutors, encoding).await,
        Type::GetOperations => read(api, AgentRead::GetOperations, encoding).await,
        Type::GetTasks => read(api, AgentRead::GetTasks, encoding).await,
        Type::GetAgent => read(api, AgentRead::GetAgent, encoding).await,
        Type::GetResourceProviders => read(api, AgentRead::GetResourceProviders, encoding).await,
        other => answer::not_implemented(&format!("The call {}", other.as_str_name())),
    })
}

async fn read<B: AgentBackend>(api: &AgentApi<B>, read: AgentRead, encoding: Encoding) -> Response {
    match api.backend.read(Principal::ANONYMOUS, read, encoding).await {
        Ok(body) => Response::new(StatusCode::OK, media::value(encoding), body),
        Err(refusal) => answer::refused(refusal),
    }
}

/// The call's type, once the part of the same name is known to be there.
fn validated(call: &Call) -> Result<call::Type, Refusal> {
    use call::Type;

    let kind = call.r#type.and_then(|number| Type::try_from(number).ok());
    let kind = kind.ok_or_else(|| invalid("type"))?;
    let (is_present, part) = match kind {
        Type::LaunchContainer => (call.launch_container.is_some(), "launch_container"),
        Type::WaitContainer => (call.wait_container.is_some(), "wait_container"),
        Type::KillContainer => (call.kill_container.is_some(), "kill_container"),
        Type::RemoveContainer => (call.remove_container.is_some(), "remove_container"),
        Type::LaunchNestedContainerSession => {
            (call.launch_nested_container_session.is_some(), "launch_nested_container_session")
        }
        Type::AttachContainerInput => (call.attach_container_input.is_some(), "attach_container_input"),
        Type::AttachContainerOutput => (call.attach_container_output.is_some(), "attach_container_output"),
        Type::AddResourceProviderConfig => {
            (call.add_resource_provider_config.is_some(), "add_resource_provider_config")
        }
        Type::UpdateResourceProviderConfig => {
            (call.update_resource_provider_config.is_some(), "update_resource_provider_config")
        }
        Type::RemoveResourceProviderConfig => {
            (call.remove_resource_provider_config.is_some(), "remove_resource_provider_config")
        }
        Type::MarkResourceProviderGone => {
            (call.mark_resource_provider_gone.is_some(), "mark_resource_provider_gone")
        }
        _ => nested(call, kind),
    };
    if is_present { Ok(kind) } else { Err(invalid(part)) }
}

/// The older names of the container calls, and the calls that have no part.
#[allow(deprecated, reason = "the calls are still Mesos's")]
fn nested(call: &Call, kind: call::Type) -> (bool, &'static str) {
    use call::Type;

    match kind {
        Type::LaunchNestedContainer => (call.launch_nested_container.is_some(), "launch_nested_container"),
        Type::WaitNestedContainer => (call.wait_nested_container.is_some(), "wait_nested_container"),
        Type::KillNestedContainer => (call.kill_nested_container.is_some(), "kill_nested_container"),
        Type::RemoveNestedContainer => (call.remove_nested_container.is_some(), "remove_nested_container"),
        _ => (true, ""),
    }
}

fn invalid(part: &str) -> Refusal {
    Refusal::bad_request(format!("Failed to validate agent::Call: Expecting '{part}' to be present"))
}
