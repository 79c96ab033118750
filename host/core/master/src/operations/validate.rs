//! Whether an operation on resources may be done, in Mesos's words.

use std::collections::BTreeSet;

use mezzo_proto::mesos::v1::{
    self,
    agent_info::capability::Type as Capability,
    offer::{
        Operation,
        operation::{GrowVolume, Reserve, ShrinkVolume, Type},
    },
    resource::disk_info::source,
    volume::Mode,
};
use mezzo_resources::{Resource, Resources};

use crate::admission::check_id;

/// Who wants it, and of which agent.
#[derive(Debug)]
pub(crate) struct Asked<'a> {
    /// The framework that asks, and its offers' role; absent for an operator.
    pub(crate) framework: Option<(&'a v1::FrameworkInfo, &'a str)>,
    /// Who it is done for.
    pub(crate) principal: Option<&'a str>,
    /// Numbers of the agent's capabilities.
    pub(crate) capabilities: &'a [i32],
    /// Everything that the agent has.
    pub(crate) total: &'a Resources,
    /// What of it tasks hold.
    pub(crate) used: &'a Resources,
}

impl Asked<'_> {
    fn can(&self, capability: Capability) -> bool {
        self.capabilities.contains(&(capability as i32))
    }
}

/// Judges an operation that is neither a launch nor about a provider's disks.
pub(crate) fn operation(operation: &Operation, asked: &Asked<'_>) -> Result<(), String> {
    match operation.r#type() {
        Type::Reserve => reserve(operation.reserve.as_ref(), asked),
        Type::Unreserve => {
            unreserve(operation.unreserve.as_ref().map_or(&[], |part| part.resources.as_slice()))
        }
        Type::Create => create(operation.create.as_ref().map_or(&[], |part| part.volumes.as_slice()), asked),
        Type::Destroy => {
            destroy(operation.destroy.as_ref().map_or(&[], |part| part.volumes.as_slice()), asked)
        }
        Type::GrowVolume => grow(operation.grow_volume.as_ref(), asked),
        Type::ShrinkVolume => shrink(operation.shrink_volume.as_ref(), asked),
        kind @ (Type::CreateDisk | Type::DestroyDisk) => Err(format!(
            "'source' is not managed by a resource provider: {} needs one, and this release has none",
            kind.as_str_name()
        )),
        kind @ (Type::Unknown | Type::Launch | Type::LaunchGroup) => {
            Err(format!("The operation {} is not supported by this release", kind.as_str_name()))
        }
    }
}

/// Resources that are valid, of the agent itself and more than nothing.
fn read(resources: &[v1::Resource]) -> Result<Resources, String> {
    let invalid = |why: String| format!("Invalid resources: {why}");
    let read = Resources::from_wire(resources).map_err(|error| invalid(error.to_string()))?;
    if let Some(provided) = resources.iter().find_map(|resource| resource.provider_id.as_ref()) {
        return Err(invalid(format!("There is no resource provider '{}' on the agent", provided.value)));
    }
    if read.is_empty() {
        // What Mesos says of an empty list.
        return Err(invalid("The resources have multiple resource providers: ".to_owned()));
    }
    let is_nothing = |resource: &v1::Resource| {
        Resources::from_wire(std::slice::from_ref(resource)).is_ok_and(|read| read.is_empty())
    };
    match resources.iter().find(|resource| is_nothing(resource)) {
        Some(nothing) => Err(invalid(format!("Resource '{}' is empty", mezzo_resources::describe(nothing)))),
        None => Ok(read),
    }
}

fn is_dynamically_reserved(resource: &Resource) -> bool {
    resource.reservations().last().is_some_and(|reservation| reservation.is_dynamic)
}

fn reserve(reserve: Option<&Reserve>, asked: &Asked<'_>) -> Result<(), String> {
    let resources = reserve.map_or(&[][..], |part| &part.resources);
    let read_resources = read(resources)?;
    let source = reserve.map_or(&[][..], |part| &part.source);
    if !source.is_empty() {
        if asked.framework.is_some() {
            return Err("Reservation updates are not yet implemented for the scheduler API.".to_owned());
        }
        re_reserve(&read(source)?, &read_resources)?;
    }
    read_resources.iter().try_for_each(|resource| reserve_one(resource, asked))
}

/// `source` and `resources` must be the same but for whom they are reserved to.
fn re_reserve(source: &Resources, resources: &Resources) -> Result<(), String> {
    let plain = |bag: &Resources| bag.without_allocation().to_unreserved();
    if plain(source) != plain(resources) {
        return Err(format!(
            "The 'source' {source} and the 'resources' {resources} of a reservation must be equal apart from their \
             reservations"
        ));
    }
    match source
        .iter()
        .find(|resource| !resource.reservations().is_empty() && !is_dynamically_reserved(resource))
    {
        Some(fixed) => Err(format!("Resource {fixed} in 'source' is not dynamically reserved")),
        None => Ok(()),
    }
}

fn reserve_one(resource: &Resource, asked: &Asked<'_>) -> Result<(), String> {
    let Some(reservation) = resource.reservations().last().filter(|reservation| reservation.is_dynamic)
    else {
        return Err(format!("Resource {resource} is not dynamically reserved"));
    };
    let role = &reservation.role;
    if let Some(principal) = asked.principal {
        match &reservation.principal {
            None => {
                return Err(format!(
                    "A reserve operation was attempted by principal '{principal}', but there is a reserved resource \
                     in the request with no principal set"
                ));
            }
            Some(other) if other != principal => {
                return Err(format!(
                    "A reserve operation was attempted by authenticated principal '{principal}', which does not match \
                     a reserved resource in the request with principal '{other}'"
                ));
            }
            Some(_) => {}
        }
    }
    if let Some((_, allocated_to)) = asked.framework
        && role != allocated_to
    {
        return Err(format!(
            "A reserve operation was attempted for a resource with role '{role}', but the resource was allocated to \
             role '{allocated_to}'"
        ));
    }
    if role.contains('/') && !asked.can(Capability::HierarchicalRole) {
        return Err(format!(
            "Resource {resource} with reservation for hierarchical role '{role}' cannot be reserved on an agent \
             without HIERARCHICAL_ROLE capability"
        ));
    }
    if resource.reservations().len() > 1 && !asked.can(Capability::ReservationRefinement) {
        return Err(format!(
            "Resource {resource} with reservation refinement cannot be reserved on an agent without \
             RESERVATION_REFINEMENT capability"
        ));
    }
    if resource.is_persistent_volume() {
        return Err(format!("A persistent volume {resource} must already be reserved"));
    }
    Ok(())
}

fn unreserve(resources: &[v1::Resource]) -> Result<(), String> {
    for resource in &read(resources)? {
        if !is_dynamically_reserved(resource) {
            return Err(format!("Resource {resource} is not dynamically reserved"));
        }
        if resource.is_persistent_volume() {
            return Err(format!(
                "A dynamically reserved persistent volume {resource} cannot be unreserved directly. Please destroy \
                 the persistent volume first then unreserve the resource"
            ));
        }
    }
    Ok(())
}

fn create(volumes: &[v1::Resource], asked: &Asked<'_>) -> Result<(), String> {
    let made = read(volumes)?;
    persistent_volumes(volumes)?;
    let mut ids: BTreeSet<(String, String)> = asked.total.iter().filter_map(persistence_id).collect();
    for volume in &made {
        if let Some((role, id)) = persistence_id(volume)
            && !ids.insert((role, id.clone()))
        {
            return Err(format!("Persistence ID '{id}' is not unique"));
        }
        if volume.is_shared() {
            return Err("Shared persistent volumes are not supported by this release".to_owned());
        }
    }
    let Some(principal) = asked.principal else { return Ok(()) };
    for persistence in volumes.iter().filter_map(|volume| volume.disk.as_ref()?.persistence.as_ref()) {
        match &persistence.principal {
            None => {
                return Err(format!(
                    "Create volume operation attempted by principal '{principal}', but there is a volume in the \
                     operation with no principal set in 'disk.persistence'"
                ));
            }
            Some(other) if other != principal => {
                return Err(format!(
                    "Create volume operation attempted by authenticated principal '{principal}', which does not match \
                     a volume in the operation with principal '{other}' set in 'disk.persistence'"
                ));
            }
            Some(_) => {}
        }
    }
    Ok(())
}

/// What a volume must be unique by on its agent.
fn persistence_id(volume: &Resource) -> Option<(String, String)> {
    let id = volume.disk()?.persistence.as_ref()?.id.clone();
    Some((volume.reserved_to()?.to_owned(), id))
}

fn persistent_volumes(volumes: &[v1::Resource]) -> Result<(), String> {
    volumes.iter().try_for_each(|volume| {
        persistent_volume(volume).map_err(|why| format!("Not a persistent volume: {why}"))
    })
}

fn persistent_volume(message: &v1::Resource) -> Result<(), String> {
    let Some(disk) = &message.disk else {
        return Err(format!("Resource {} does not have DiskInfo", mezzo_resources::describe(message)));
    };
    let Some(persistence) = &disk.persistence else {
        return Err("'persistence' is not set in DiskInfo".to_owned());
    };
    let is_reserved = Resources::from_wire(std::slice::from_ref(message))
        .is_ok_and(|read| read.iter().all(|resource| resource.reserved_to().is_some()));
    if message.revocable.is_some() {
        return Err("Persistent volumes cannot be created from revocable resources".to_owned());
    }
    if !is_reserved {
        return Err("Persistent volumes cannot be created from unreserved resources".to_owned());
    }
    let Some(volume) = &disk.volume else {
        return Err("Expecting 'volume' to be set for persistent volume".to_owned());
    };
    if volume.mode() == Mode::Ro {
        return Err("Read-only persistent volume not supported".to_owned());
    }
    if volume.host_path.is_some() {
        return Err("Expecting 'host_path' to be unset for persistent volume".to_owned());
    }
    check_id(&persistence.id)
        .map_err(|why| format!("Invalid persistence ID for persistent volume: {why}"))?;
    let kind = disk.source.as_ref().map(|source| source.r#type());
    match kind {
        Some(source::Type::Block) => Err("Persistent volumes cannot be created on a BLOCK disk".to_owned()),
        Some(source::Type::Raw) => Err("Persistent volumes cannot be created on a RAW disk".to_owned()),
        _ => Ok(()),
    }
}

fn destroy(volumes: &[v1::Resource], asked: &Asked<'_>) -> Result<(), String> {
    let named = read(volumes)?.without_allocation();
    persistent_volumes(volumes)?;
    if !asked.total.contains(&named) {
        return Err("Persistent volumes not found".to_owned());
    }
    match named.iter().any(|volume| asked.used.contains(&Resources::from_iter([volume.clone()]))) {
        true => Err("Persistent volumes in use".to_owned()),
        false => Ok(()),
    }
}

fn grow(grow: Option<&GrowVolume>, asked: &Asked<'_>) -> Result<(), String> {
    let Some(GrowVolume { volume: wire, addition }) = grow else {
        return Err("Expecting 'grow_volume' to be present".to_owned());
    };
    let volume = volume_of(wire, "GrowVolume")?;
    if volume.is_shared() {
        return Err("Growing a shared persistent volume is not supported".to_owned());
    }
    if addition.scalar.unwrap_or_default().value <= 0.0 {
        return Err("The size of 'GrowVolume.addition' field must be greater than zero".to_owned());
    }
    let addition = one(addition, "GrowVolume.addition")?;
    let mut stripped = volume.clone();
    stripped.make_plain_disk();
    // A MOUNT disk is one whole: nothing can be added to it.
    if stripped.is_indivisible() || !stripped.is_same_but_for_value(&addition) {
        let fields = "'GrowVolume.volume' and 'GrowVolume.addition'";
        return Err(format!("Incompatible resources in the {fields} fields"));
    }
    unless_resizable(asked, &volume, "grown")
}

fn shrink(shrink: Option<&ShrinkVolume>, asked: &Asked<'_>) -> Result<(), String> {
    let Some(ShrinkVolume { volume: wire, subtract }) = shrink else {
        return Err("Expecting 'shrink_volume' to be present".to_owned());
    };
    let volume = volume_of(wire, "ShrinkVolume")?;
    if volume.is_shared() {
        return Err("Shrinking a shared persistent volume is not supported".to_owned());
    }
    let mut stripped = volume.clone();
    stripped.make_plain_disk();
    if stripped.is_indivisible() {
        return Err("Shrinking a volume on a MOUNT disk is not supported".to_owned());
    }
    let less = mezzo_resources::Amount::from_f64(subtract.value).unwrap_or_default();
    if less.is_zero() {
        return Err("The size of 'ShrinkVolume.subtract' field must be greater than zero".to_owned());
    }
    if volume.amount().is_none_or(|size| size <= less) {
        return Err("The size of 'ShrinkVolume.subtract' field must be smaller than the size of 'ShrinkVolume.volume'"
            .to_owned());
    }
    unless_resizable(asked, &volume, "shrunk")
}

/// The one resource of a field.
fn one(message: &v1::Resource, field: &str) -> Result<Resource, String> {
    let read = read(std::slice::from_ref(message));
    let read = read.map_err(|why| format!("Invalid resource in the '{field}' field: {why}"))?;
    let first = read.iter().next().cloned();
    first.ok_or_else(|| format!("Invalid resource in the '{field}' field: it is empty"))
}

fn volume_of(message: &v1::Resource, call: &str) -> Result<Resource, String> {
    let volume = one(message, &format!("{call}.volume"))?;
    persistent_volume(message)
        .map_err(|why| format!("Invalid persistent volume in the '{call}.volume' field: {why}"))?;
    Ok(volume)
}

fn unless_resizable(asked: &Asked<'_>, volume: &Resource, how: &str) -> Result<(), String> {
    match asked.can(Capability::ResizeVolume) {
        true => Ok(()),
        false => Err(format!("Volume {volume} cannot be {how} on an agent without RESIZE_VOLUME capability")),
    }
}
