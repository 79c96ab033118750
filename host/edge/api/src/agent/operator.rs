//! `/api/v1` of an agent: the calls of an operator.

use mezzo_http::{Request, Response, StatusCode};
use mezzo_model::calls::{AgentRead, Principal, Refusal};
use mezzo_proto::mesos::v1::agent::{Call, Response as Message, call, response};

use super::{AgentApi, AgentBackend};
use crate::{answer, decode, files, media};

/// Answers one call.
pub(super) async fn handle<B: AgentBackend>(
    api: &AgentApi<B>,
    request: &Request,
) -> Result<Response, Box<Response>> {
    let call: Call = decode::call(request, decode::AGENT)?;
    let kind = validated(&call).map_err(|refusal| Box::new(answer::refused(refusal)))?;
    let encoding = media::of_agents_answer(request)?;
    use call::Type;
    Ok(match kind {
        Type::Unknown => Response::text(StatusCode::NOT_IMPLEMENTED, "501 Not Implemented."),
        Type::GetHealth => answer::message(&health(), encoding),
        Type::GetVersion => answer::message(&version(api), encoding),
        Type::GetState => match api.backend.read(Principal::ANONYMOUS, AgentRead::GetState, encoding).await {
            Ok(body) => Response::new(StatusCode::OK, media::value(encoding), body),
            Err(refusal) => answer::refused(refusal),
        },
        Type::ListFiles => match files::list(api, &call.list_files.unwrap_or_default().path).await {
            Ok(file_infos) => answer::message(&listed(file_infos), encoding),
            Err(refusal) => refusal.into_response(),
        },
        Type::ReadFile => {
            let wanted = call.read_file.unwrap_or_default();
            match files::read_bytes(api, &wanted.path, wanted.offset, wanted.length).await {
                Ok(piece) => answer::message(&piece_read(piece), encoding),
                Err(refusal) => refusal.into_response(),
            }
        }
        other => answer::not_implemented(&format!("The call {}", other.as_str_name())),
    })
}

/// The call's type, once the part of the same name is known to be there.
fn validated(call: &Call) -> Result<call::Type, Refusal> {
    use call::Type;

    let kind = call.r#type.and_then(|number| Type::try_from(number).ok());
    let kind = kind.ok_or_else(|| invalid("type"))?;
    let (is_present, part) = match kind {
        Type::GetMetrics => (call.get_metrics.is_some(), "get_metrics"),
        Type::SetLoggingLevel => (call.set_logging_level.is_some(), "set_logging_level"),
        Type::ListFiles => (call.list_files.is_some(), "list_files"),
        Type::ReadFile => (call.read_file.is_some(), "read_file"),
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

fn health() -> Message {
    Message {
        r#type: Some(response::Type::GetHealth.into()),
        get_health: Some(response::GetHealth { healthy: true }),
        ..Message::default()
    }
}

fn version<B>(api: &AgentApi<B>) -> Message {
    Message {
        r#type: Some(response::Type::GetVersion.into()),
        get_version: Some(response::GetVersion { version_info: api.build.to_wire() }),
        ..Message::default()
    }
}

fn listed(file_infos: Vec<mezzo_proto::mesos::v1::FileInfo>) -> Message {
    Message {
        r#type: Some(response::Type::ListFiles.into()),
        list_files: Some(response::ListFiles { file_infos }),
        ..Message::default()
    }
}

fn piece_read(piece: files::Piece) -> Message {
    Message {
        r#type: Some(response::Type::ReadFile.into()),
        read_file: Some(response::ReadFile { size: piece.size, data: piece.data }),
        ..Message::default()
    }
}
