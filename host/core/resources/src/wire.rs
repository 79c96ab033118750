//! Between the algebra and the wire messages, with every check on the way in.

use std::sync::Arc;

use mezzo_proto::mesos::v1::{
    self, Labels,
    resource::{AllocationInfo, DiskInfo, ReservationInfo, RevocableInfo, SharedInfo},
    resource::{disk_info::source, reservation_info},
    value,
};

use crate::{
    Amount, AmountError, Distinction, Fault, Items, Ranges, Reservation, Resource, ResourceError, Value,
    roles,
};

/// How reservations are written (spec 02 §2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// `role` and `reservation`: for frameworks without RESERVATION_REFINEMENT.
    PreRefinement,
    /// `reservations`: for those with it, and among masters and agents.
    PostRefinement,
    /// Both: in HTTP answers, for old readers.
    Endpoint,
}

impl Form {
    /// The form for a framework; bit n of `capabilities` is `FrameworkInfo.Capability.Type` n.
    pub fn for_framework(capabilities: u64) -> Form {
        let refinement = v1::framework_info::capability::Type::ReservationRefinement as u64;
        if capabilities >> refinement & 1 == 1 { Form::PostRefinement } else { Form::PreRefinement }
    }
}

/// What becomes of a scalar of exactly zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Zero {
    Ignored,
    Kept,
}

/// The resource that `message` describes; absent when there is nothing of it.
pub(crate) fn from_wire(message: &v1::Resource, zero: Zero) -> Result<Option<Resource>, ResourceError> {
    let checked = || -> Result<Option<Resource>, Fault> {
        let value = value_of(message)?;
        let distinction = distinction_of(message)?;
        let is_nothing = value.is_empty() && (zero == Zero::Ignored || !matches!(value, Value::Scalar(_)));
        if is_nothing {
            return Ok(None);
        }
        let allocated_to =
            message.allocation_info.as_ref().and_then(|info| info.role.as_deref()).map(Arc::from);
        let distinction = (distinction != Distinction::default()).then(|| Arc::new(distinction));
        Ok(Some(Resource {
            name: Arc::from(message.name.as_str()),
            value,
            allocated_to,
            distinction,
            shares: 1,
        }))
    };
    checked().map_err(|why| ResourceError::Invalid { resource: describe(message), why })
}

fn value_of(message: &v1::Resource) -> Result<Value, Fault> {
    if message.name.is_empty() {
        return Err(Fault::EmptyName);
    }
    match (message.r#type(), &message.scalar, &message.ranges, &message.set) {
        (value::Type::Scalar, Some(scalar), None, None) => scalar_of(&message.name, scalar.value),
        (value::Type::Scalar, ..) => Err(Fault::NotScalar),
        (value::Type::Ranges, None, Some(ranges), None) => ranges_of(ranges),
        (value::Type::Ranges, ..) => Err(Fault::NotRanges),
        (value::Type::Set, None, None, Some(set)) => set_of(set),
        (value::Type::Set, ..) => Err(Fault::NotSet),
        (value::Type::Text, ..) => Err(Fault::UnsupportedType),
    }
}

fn scalar_of(name: &str, value: f64) -> Result<Value, Fault> {
    let amount = Amount::from_f64(value).map_err(|error| match error {
        AmountError::Negative => Fault::NotPositive,
        other => Fault::BadAmount(other),
    })?;
    if amount.is_zero() && value != 0.0 {
        return Err(Fault::NotPositive);
    }
    if name == "gpus" && !amount.is_whole() {
        return Err(Fault::FractionalGpus);
    }
    Ok(Value::Scalar(amount))
}

fn ranges_of(ranges: &value::Ranges) -> Result<Value, Fault> {
    if ranges.range.iter().any(|range| range.begin > range.end) {
        return Err(Fault::InvertedRange);
    }
    let mut pairs: Vec<_> = ranges.range.iter().map(|range| (range.begin, range.end)).collect();
    pairs.sort_unstable();
    if pairs.windows(2).any(|pair| pair[1].0 <= pair[0].1) {
        return Err(Fault::OverlappingRanges);
    }
    Ok(Value::Ranges(Arc::new(Ranges::new(pairs))))
}

fn set_of(set: &value::Set) -> Result<Value, Fault> {
    let items = Items::new(set.item.iter().cloned());
    if items.count() != set.item.len() as u64 {
        return Err(Fault::DuplicatedElements);
    }
    Ok(Value::Set(Arc::new(items)))
}

fn distinction_of(message: &v1::Resource) -> Result<Distinction, Fault> {
    check_disk(message)?;
    let reservations = reservations_of(message)?;
    let is_revocable = message.revocable.is_some();
    if is_revocable && !reservations.is_empty() {
        return Err(Fault::ReservedRevocable);
    }
    Ok(Distinction {
        reservations,
        disk: message.disk.clone().filter(|disk| *disk != DiskInfo::default()),
        is_revocable,
        is_shared: message.shared.is_some(),
        provider: message.provider_id.as_ref().map(|id| id.value.clone()),
    })
}

fn check_disk(message: &v1::Resource) -> Result<(), Fault> {
    if message.shared.is_some() {
        if message.name != "disk" {
            return Err(Fault::SharedOther(message.name.clone()));
        }
        if message.disk.as_ref().is_none_or(|disk| disk.persistence.is_none()) {
            return Err(Fault::SharedNonVolume);
        }
    }
    let Some(disk) = &message.disk else { return Ok(()) };
    if message.name != "disk" {
        return Err(Fault::DiskOnOther(message.name.clone()));
    }
    let Some(source) = &disk.source else { return Ok(()) };
    match source.r#type() {
        source::Type::Path if source.path.is_none() => Err(Fault::DiskSource("PATH", "path")),
        source::Type::Mount if source.mount.is_none() => Err(Fault::DiskSource("MOUNT", "mount")),
        source::Type::Unknown => Err(Fault::DiskSourceType),
        source::Type::Path | source::Type::Mount | source::Type::Block | source::Type::Raw => Ok(()),
    }
}

/// The stack, from whichever fields are set; the last entry owns.
#[allow(deprecated, reason = "the old fields are one of the forms on the wire")]
fn reservations_of(message: &v1::Resource) -> Result<Vec<Reservation>, Fault> {
    if message.reservations.is_empty() {
        return before_refinement(message.role(), message.reservation.as_ref());
    }
    let mut stack: Vec<Reservation> = Vec::with_capacity(message.reservations.len());
    for info in &message.reservations {
        let next = reservation_of(info)?;
        if let Some(parent) = stack.last() {
            if !next.is_dynamic {
                return Err(Fault::RefinedStatic);
            }
            if !roles::is_descendant(&next.role, &parent.role) {
                return Err(Fault::NotARefinement { role: next.role, parent: parent.role.clone() });
            }
        }
        stack.push(next);
    }
    check_old_fields(message, &stack)?;
    Ok(stack)
}

fn before_refinement(role: &str, dynamic: Option<&ReservationInfo>) -> Result<Vec<Reservation>, Fault> {
    if role == "*" {
        return if dynamic.is_some() { Err(Fault::ReservedToStar) } else { Ok(Vec::new()) };
    }
    roles::validate(role).map_err(Fault::ReservationRole)?;
    Ok(vec![Reservation {
        is_dynamic: dynamic.is_some(),
        role: role.to_owned(),
        principal: dynamic.and_then(|info| info.principal.clone()),
        labels: dynamic.and_then(|info| sorted(&info.labels)),
    }])
}

fn reservation_of(info: &ReservationInfo) -> Result<Reservation, Fault> {
    let is_dynamic = match info.r#type() {
        reservation_info::Type::Dynamic => true,
        reservation_info::Type::Static => false,
        reservation_info::Type::Unknown => return Err(Fault::ReservationType),
    };
    let role = info.role.clone().ok_or(Fault::ReservationNoRole)?;
    if role == "*" {
        return Err(Fault::ReservedToStar);
    }
    roles::validate(&role).map_err(Fault::ReservationRole)?;
    Ok(Reservation { is_dynamic, role, principal: info.principal.clone(), labels: sorted(&info.labels) })
}

/// The order of labels says nothing: reservations that differ in it only are the same.
fn sorted(labels: &Option<Labels>) -> Option<Labels> {
    let mut labels = labels.clone()?;
    labels.labels.sort_by(|one, other| (&one.key, &one.value).cmp(&(&other.key, &other.value)));
    Some(labels)
}

/// The endpoint form has both kinds of fields: they must say the same.
#[allow(deprecated, reason = "the old fields are one of the forms on the wire")]
fn check_old_fields(message: &v1::Resource, stack: &[Reservation]) -> Result<(), Fault> {
    let [only] = stack else {
        if message.role.as_deref().is_some_and(|role| role != "*") {
            return Err(Fault::FormatRefined("Resource.role"));
        }
        if message.reservation.is_some() {
            return Err(Fault::FormatRefined("Resource.reservation"));
        }
        return Ok(());
    };
    if let Some(role) = message.role.as_ref().filter(|role| **role != only.role) {
        return Err(Fault::FormatRole { role: role.clone(), stack: only.role.clone() });
    }
    let Some(old) = &message.reservation else { return Ok(()) };
    if !only.is_dynamic {
        return Err(Fault::FormatStatic);
    }
    if old.principal != only.principal {
        return Err(Fault::FormatMismatch("principal"));
    }
    if sorted(&old.labels) != only.labels {
        return Err(Fault::FormatMismatch("labels"));
    }
    Ok(())
}

/// The wire message of one resource.
#[allow(deprecated, reason = "the old fields are one of the forms on the wire")]
pub(crate) fn to_wire(resource: &Resource, form: Form) -> v1::Resource {
    let mut message = v1::Resource { name: resource.name.to_string(), ..v1::Resource::default() };
    match &resource.value {
        Value::Scalar(amount) => {
            message.set_type(value::Type::Scalar);
            message.scalar = Some(value::Scalar { value: amount.to_f64() });
        }
        Value::Ranges(ranges) => {
            message.set_type(value::Type::Ranges);
            let range = ranges.iter().map(|(begin, end)| value::Range { begin, end }).collect();
            message.ranges = Some(value::Ranges { range });
        }
        Value::Set(items) => {
            message.set_type(value::Type::Set);
            message.set = Some(value::Set { item: items.iter().map(str::to_owned).collect() });
        }
    }
    message.allocation_info =
        resource.allocated_to.as_ref().map(|role| AllocationInfo { role: Some(role.to_string()) });
    if let Some(apart) = &resource.distinction {
        message.disk = apart.disk.clone();
        message.revocable = apart.is_revocable.then(RevocableInfo::default);
        message.shared = apart.is_shared.then(SharedInfo::default);
        message.provider_id = apart.provider.clone().map(|value| v1::ResourceProviderId { value });
    }
    write_reservations(&mut message, resource.reservations(), form);
    message
}

#[allow(deprecated, reason = "the old fields are one of the forms on the wire")]
fn write_reservations(message: &mut v1::Resource, stack: &[Reservation], form: Form) {
    let is_old = form != Form::PostRefinement;
    if form != Form::PreRefinement || stack.len() > 1 {
        message.reservations = stack.iter().map(reservation_info).collect();
    }
    match stack {
        [] if is_old => message.role = Some("*".to_owned()),
        [only] if is_old => {
            message.role = Some(only.role.clone());
            message.reservation = only.is_dynamic.then(|| ReservationInfo {
                principal: only.principal.clone(),
                labels: only.labels.clone(),
                ..ReservationInfo::default()
            });
        }
        _ => {}
    }
}

fn reservation_info(reservation: &Reservation) -> ReservationInfo {
    let kind =
        if reservation.is_dynamic { reservation_info::Type::Dynamic } else { reservation_info::Type::Static };
    ReservationInfo {
        r#type: Some(kind as i32),
        role: Some(reservation.role.clone()),
        principal: reservation.principal.clone(),
        labels: reservation.labels.clone(),
    }
}

/// A resource as messages print it, valid or not: `cpus(allocated: dev):0.5`.
#[allow(deprecated, reason = "the old fields are one of the forms on the wire")]
pub fn describe(message: &v1::Resource) -> String {
    let mut text = message.name.clone();
    if let Some(info) = &message.allocation_info {
        text.push_str(&format!("(allocated: {})", info.role()));
    }
    let stack: Vec<String> = match (message.reservations.as_slice(), message.role()) {
        ([], "*") => Vec::new(),
        ([], role) => {
            let kind = if message.reservation.is_some() { "DYNAMIC" } else { "STATIC" };
            vec![describe_reservation(kind, role, message.reservation.as_ref())]
        }
        (stack, _) => stack
            .iter()
            .map(|info| describe_reservation(info.r#type().as_str_name(), info.role(), Some(info)))
            .collect(),
    };
    if !stack.is_empty() {
        text.push_str(&format!("(reservations: [{}])", stack.join(",")));
    }
    if let Some(disk) = &message.disk {
        text.push_str(&format!("[{}]", describe_disk(disk)));
    }
    if message.revocable.is_some() {
        text.push_str("{REV}");
    }
    if message.shared.is_some() {
        text.push_str("<SHARED>");
    }
    text.push(':');
    text.push_str(&describe_value(message));
    text
}

fn describe_value(message: &v1::Resource) -> String {
    match message.r#type() {
        value::Type::Scalar => describe_number(message.scalar.unwrap_or_default().value),
        value::Type::Ranges => {
            let ranges = message.ranges.as_ref().map_or(&[][..], |ranges| &ranges.range);
            let ranges: Vec<_> =
                ranges.iter().map(|range| format!("{}-{}", range.begin, range.end)).collect();
            format!("[{}]", ranges.join(", "))
        }
        value::Type::Set => {
            format!("{{{}}}", message.set.as_ref().map_or(String::new(), |set| set.item.join(", ")))
        }
        value::Type::Text => String::new(),
    }
}

fn describe_number(value: f64) -> String {
    let milli = (value * 1000.0).round();
    if milli.abs() < 1e18 { Amount::from_milli(milli as i64).to_string() } else { value.to_string() }
}

fn describe_reservation(kind: &str, role: &str, info: Option<&ReservationInfo>) -> String {
    let mut text = format!("({kind},{role}");
    if let Some(principal) = info.and_then(|info| info.principal.as_ref()) {
        text.push_str(&format!(",{principal}"));
    }
    if let Some(labels) = info.and_then(|info| info.labels.as_ref()) {
        text.push_str(&format!(",{}", describe_labels(labels)));
    }
    text.push(')');
    text
}

fn describe_labels(labels: &Labels) -> String {
    let each = labels.labels.iter().map(|label| match &label.value {
        Some(value) => format!("{}: {value}", label.key),
        None => label.key.clone(),
    });
    format!("{{{}}}", each.collect::<Vec<_>>().join(", "))
}

fn describe_disk(disk: &DiskInfo) -> String {
    let mut text = String::new();
    if let Some(source) = &disk.source {
        text.push_str(source.r#type().as_str_name());
        let root = source.path.as_ref().and_then(|path| path.root.as_ref());
        if let Some(root) = root.or_else(|| source.mount.as_ref().and_then(|mount| mount.root.as_ref())) {
            text.push_str(&format!(":{root}"));
        }
        if source.id.is_some() || source.profile.is_some() {
            text.push_str(&format!("({},{},{})", source.vendor(), source.id(), source.profile()));
        }
    }
    if let Some(persistence) = &disk.persistence {
        let comma = if disk.source.is_some() { "," } else { "" };
        text.push_str(&format!("{comma}{}", persistence.id));
    }
    if let Some(volume) = &disk.volume {
        text.push_str(&format!(":{}", volume.container_path));
    }
    text
}
