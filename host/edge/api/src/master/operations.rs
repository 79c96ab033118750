//! Operations on resources, for operators: RESERVE_RESOURCES and its kin, and `/reserve`…

use mezzo_http::{Request, Response};
use mezzo_model::{
    AgentId,
    calls::{Principal, Refusal, SchedulerCall, SchedulerRequest},
};
use mezzo_proto::{
    json::from_json,
    mesos::v1::{
        self,
        master::{Call, call},
        offer::{
            Operation,
            operation::{Create, Destroy, GrowVolume, Reserve, ShrinkVolume, Type, Unreserve},
        },
    },
};

use super::{MasterBackend, routes::Endpoint};
use crate::{answer, query::Query};

/// The operation that a call asks for, and of which agent; absent for a call of another kind.
pub(super) fn of_call(kind: call::Type, call: &Call) -> Result<Option<(AgentId, Operation)>, Refusal> {
    let missing = || Refusal::bad_request("Missing required fields: agent_id");
    let (agent, operation) = match kind {
        call::Type::ReserveResources => {
            let part = call.reserve_resources.clone().unwrap_or_default();
            let reserve = Reserve { source: part.source, resources: part.resources };
            (Some(part.agent_id), Operation { reserve: Some(reserve), ..of(Type::Reserve) })
        }
        call::Type::UnreserveResources => {
            let part = call.unreserve_resources.clone().unwrap_or_default();
            (Some(part.agent_id), unreserve(part.resources))
        }
        call::Type::CreateVolumes => {
            let part = call.create_volumes.clone().unwrap_or_default();
            (Some(part.agent_id), create(part.volumes))
        }
        call::Type::DestroyVolumes => {
            let part = call.destroy_volumes.clone().unwrap_or_default();
            (Some(part.agent_id), destroy(part.volumes))
        }
        call::Type::GrowVolume => {
            let part = call.grow_volume.clone().unwrap_or_default();
            let grow = GrowVolume { volume: part.volume, addition: part.addition };
            (part.agent_id, Operation { grow_volume: Some(grow), ..of(Type::GrowVolume) })
        }
        call::Type::ShrinkVolume => {
            let part = call.shrink_volume.clone().unwrap_or_default();
            let shrink = ShrinkVolume { volume: part.volume, subtract: part.subtract };
            (part.agent_id, Operation { shrink_volume: Some(shrink), ..of(Type::ShrinkVolume) })
        }
        _ => return Ok(None),
    };
    Ok(Some((agent.ok_or_else(missing)?.into(), operation)))
}

/// `/reserve`, `/unreserve`, `/create-volumes` and `/destroy-volumes`, whose body is a form.
pub(super) async fn of_form<B: MasterBackend>(
    backend: &B,
    endpoint: Endpoint,
    request: &Request,
) -> Response {
    match read_form(endpoint, request) {
        Ok((agent, operation)) => operate(backend, agent, operation).await,
        Err(why) => answer::bad_request(&why),
    }
}

fn read_form(endpoint: Endpoint, request: &Request) -> Result<(AgentId, Operation), String> {
    let form = std::str::from_utf8(&request.body)
        .map_err(|_| "Unable to decode query string: the body is not UTF-8".to_owned())?;
    let form = Query::parse(Some(form));
    let present = |name: &str| {
        form.get(name).ok_or_else(|| format!("Missing '{name}' query parameter in the request body"))
    };
    let agent = AgentId::from(present("slaveId")?);
    let list = |name: &str| read_resources(name, present(name)?);
    let operation = match endpoint {
        Endpoint::Reserve => {
            let reserve = Reserve { source: Vec::new(), resources: list("resources")? };
            Operation { reserve: Some(reserve), ..of(Type::Reserve) }
        }
        Endpoint::Unreserve => unreserve(list("resources")?),
        Endpoint::CreateVolumes => create(list("volumes")?),
        _ => destroy(list("volumes")?),
    };
    Ok((agent, operation))
}

fn read_resources(name: &str, text: &str) -> Result<Vec<v1::Resource>, String> {
    let wrong = |why: String| format!("Error in parsing '{name}' query parameter in the request body: {why}");
    let entries: Vec<serde_json::Value> = serde_json::from_str(text).map_err(|why| wrong(why.to_string()))?;
    let read = |entry: &serde_json::Value| from_json(entry.to_string()).map_err(|why| wrong(why.to_string()));
    entries.iter().map(read).collect()
}

/// Does an operation.
pub(super) async fn operate<B: MasterBackend>(backend: &B, agent: AgentId, operation: Operation) -> Response {
    let call = SchedulerRequest {
        request: backend.next_request(),
        principal: Principal::ANONYMOUS,
        framework_id: None,
        stream_id: None,
        call: SchedulerCall::OperateByOperator { agent_id: agent, operation: Box::new(operation) },
    };
    answer::call(backend.call(call).await)
}

fn of(kind: Type) -> Operation {
    Operation { r#type: Some(kind as i32), ..Operation::default() }
}

fn unreserve(resources: Vec<v1::Resource>) -> Operation {
    Operation { unreserve: Some(Unreserve { resources }), ..of(Type::Unreserve) }
}

fn create(volumes: Vec<v1::Resource>) -> Operation {
    Operation { create: Some(Create { volumes }), ..of(Type::Create) }
}

fn destroy(volumes: Vec<v1::Resource>) -> Operation {
    Operation { destroy: Some(Destroy { volumes }), ..of(Type::Destroy) }
}
