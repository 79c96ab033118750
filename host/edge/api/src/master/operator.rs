//! `/api/v1`: the calls of an operator.

use mezzo_http::{Request, Response, StatusCode, header};
use mezzo_model::calls::{Encoding, MasterRead, Principal, Refusal, RolesCall};
use mezzo_proto::mesos::v1::master::{Call, call};

use super::{MasterApi, MasterBackend, operations, roles, teardown};
use crate::{
    answer, decode, media,
    process::{self, Calls},
};

/// Answers one call.
pub(super) async fn handle<B: MasterBackend>(
    api: &MasterApi<B>,
    request: &Request,
) -> Result<Response, Box<Response>> {
    let call: Call = decode::call(request, decode::MASTER)?;
    let refused = |refusal| Box::new(answer::refused(refusal));
    if let Some(shared) = call.shared().map_err(refused)? {
        return Ok(process::call(api, shared, media::of_answer(request)?).await);
    }
    let kind = validated(&call).map_err(refused)?;
    let encoding = media::of_answer(request)?;
    // What is not about the cluster was answered above.
    if kind != call::Type::Unknown {
        api.check_leading(request)?;
    }
    if let Some((agent, operation)) = operations::of_call(kind, &call).map_err(refused)? {
        return Ok(operations::operate(&*api.backend, agent, operation).await);
    }
    use call::Type;
    Ok(match kind {
        Type::Unknown => Response::text(StatusCode::NOT_IMPLEMENTED, "501 Not Implemented."),
        Type::Subscribe => watched(api, encoding).await,
        Type::GetState => read(api, MasterRead::GetState, encoding).await,
        Type::GetAgents => read(api, MasterRead::GetAgents, encoding).await,
        Type::GetFrameworks => read(api, MasterRead::GetFrameworks, encoding).await,
        Type::GetTasks => read(api, MasterRead::GetTasks, encoding).await,
        Type::GetExecutors => read(api, MasterRead::GetExecutors, encoding).await,
        Type::GetOperations => read(api, MasterRead::GetOperations, encoding).await,
        Type::GetRoles => read(api, MasterRead::GetRoles, encoding).await,
        Type::GetWeights => read(api, MasterRead::GetWeights, encoding).await,
        Type::GetMaster => read(api, MasterRead::GetMaster, encoding).await,
        Type::GetQuota => read(api, MasterRead::GetQuota, encoding).await,
        Type::GetMaintenanceStatus => read(api, MasterRead::GetMaintenanceStatus, encoding).await,
        Type::GetMaintenanceSchedule => read(api, MasterRead::GetMaintenanceSchedule, encoding).await,
        Type::UpdateWeights => {
            let update = call.update_weights.unwrap_or_default();
            roles::set(api, RolesCall::UpdateWeights(update.weight_infos)).await
        }
        Type::UpdateQuota => {
            roles::set(api, roles::update_quota(call.update_quota.unwrap_or_default())).await
        }
        #[allow(deprecated, reason = "the call is still Mesos's")]
        Type::SetQuota => {
            let wanted = call.set_quota.unwrap_or_default().quota_request;
            roles::set(api, RolesCall::SetQuota(wanted)).await
        }
        #[allow(deprecated, reason = "the call is still Mesos's")]
        Type::RemoveQuota => {
            roles::set(api, roles::remove_quota(call.remove_quota.unwrap_or_default())).await
        }
        Type::Teardown => {
            let framework = call.teardown.unwrap_or_default().framework_id;
            teardown::teardown(&*api.backend, framework.into()).await
        }
        other => answer::not_implemented(&format!("The call {}", other.as_str_name())),
    })
}

async fn read<B: MasterBackend>(api: &MasterApi<B>, read: MasterRead, encoding: Encoding) -> Response {
    match api.backend.read(Principal::ANONYMOUS, read, encoding).await {
        Ok(reading) => reading.into_message(encoding),
        Err(refusal) => answer::refused(refusal),
    }
}

async fn watched<B: MasterBackend>(api: &MasterApi<B>, encoding: Encoding) -> Response {
    match api.backend.watch(Principal::ANONYMOUS, encoding).await {
        Ok(body) => Response { status: StatusCode::OK, headers: Vec::new(), body }
            .with(header::CONTENT_TYPE, media::value(encoding)),
        Err(refusal) => answer::refused(refusal),
    }
}

/// The call's type, once the part of the same name is known to be there.
fn validated(call: &Call) -> Result<call::Type, Refusal> {
    use call::Type;

    let kind = call.r#type.and_then(|number| Type::try_from(number).ok());
    let kind = kind.ok_or_else(|| invalid("type"))?;
    let (is_present, part) = match kind {
        Type::UpdateWeights => (call.update_weights.is_some(), "update_weights"),
        Type::ReserveResources => (call.reserve_resources.is_some(), "reserve_resources"),
        Type::UnreserveResources => (call.unreserve_resources.is_some(), "unreserve_resources"),
        Type::CreateVolumes => (call.create_volumes.is_some(), "create_volumes"),
        Type::DestroyVolumes => (call.destroy_volumes.is_some(), "destroy_volumes"),
        Type::GrowVolume => (call.grow_volume.is_some(), "grow_volume"),
        Type::ShrinkVolume => (call.shrink_volume.is_some(), "shrink_volume"),
        Type::UpdateMaintenanceSchedule => {
            (call.update_maintenance_schedule.is_some(), "update_maintenance_schedule")
        }
        Type::StartMaintenance => (call.start_maintenance.is_some(), "start_maintenance"),
        Type::StopMaintenance => (call.stop_maintenance.is_some(), "stop_maintenance"),
        Type::DrainAgent => (call.drain_agent.is_some(), "drain_agent"),
        Type::DeactivateAgent => (call.deactivate_agent.is_some(), "deactivate_agent"),
        Type::ReactivateAgent => (call.reactivate_agent.is_some(), "reactivate_agent"),
        Type::UpdateQuota => (call.update_quota.is_some(), "update_quota"),
        #[allow(deprecated, reason = "the call is still Mesos's")]
        Type::SetQuota => (call.set_quota.is_some(), "set_quota"),
        #[allow(deprecated, reason = "the call is still Mesos's")]
        Type::RemoveQuota => (call.remove_quota.is_some(), "remove_quota"),
        Type::Teardown => (call.teardown.is_some(), "teardown"),
        Type::MarkAgentGone => (call.mark_agent_gone.is_some(), "mark_agent_gone"),
        Type::Unknown
        | Type::GetHealth
        | Type::GetFlags
        | Type::GetVersion
        | Type::GetMetrics
        | Type::GetLoggingLevel
        | Type::SetLoggingLevel
        | Type::ListFiles
        | Type::ReadFile
        | Type::GetState
        | Type::GetAgents
        | Type::GetFrameworks
        | Type::GetExecutors
        | Type::GetOperations
        | Type::GetTasks
        | Type::GetRoles
        | Type::GetWeights
        | Type::GetMaster
        | Type::Subscribe
        | Type::GetMaintenanceStatus
        | Type::GetMaintenanceSchedule
        | Type::GetQuota => (true, ""),
    };
    if is_present { Ok(kind) } else { Err(invalid(part)) }
}

fn invalid(part: &str) -> Refusal {
    Refusal::bad_request(format!("Failed to validate master::Call: Expecting '{part}' to be present"))
}
