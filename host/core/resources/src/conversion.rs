//! What operations on resources trade for what: the same for the master, which does it to an offer
//! at once, and for the agent, which does it to what it has.

use std::sync::Arc;

use mezzo_proto::mesos::v1::{
    self,
    offer::{Operation, operation::Type},
};

use crate::{Amount, Distinction, Resource, ResourceError, Resources, Value};

/// What is given away, and what it becomes: as much of each name on both sides.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Conversion {
    /// What the operation needs.
    pub consumed: Resources,
    /// What is there instead of it.
    pub made: Resources,
}

/// Why an operation trades nothing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ConversionError {
    /// It names a resource that is not valid.
    #[error(transparent)]
    Resource(#[from] ResourceError),
    /// It names no resource, or only such of amount 0.
    #[error("The operation {0} names no resources")]
    Nothing(&'static str),
    /// A volume that becomes larger or smaller by something that is no amount.
    #[error("The size of a volume is a scalar")]
    NotScalar,
    /// It is not about what an agent has.
    #[error("The operation {0} does not convert resources of an agent")]
    NoConversion(&'static str),
}

impl Conversion {
    /// What `operation` does. Marks of whom its resources are allocated to are left out.
    ///
    /// # Errors
    ///
    /// When it names resources that are not valid, or none, or is of another kind.
    pub fn of(operation: &Operation) -> Result<Conversion, ConversionError> {
        let kind = operation.r#type();
        let conversion = match kind {
            Type::Reserve => {
                let reserve = operation.reserve.as_ref();
                let made = read(reserve.map_or(&[], |part| &part.resources))?;
                let source = read(reserve.map_or(&[], |part| &part.source))?;
                let consumed = if source.is_empty() { made.pop_reservation() } else { source };
                Conversion { consumed, made }
            }
            Type::Unreserve => {
                let consumed = read(operation.unreserve.as_ref().map_or(&[], |part| &part.resources))?;
                Conversion { made: consumed.pop_reservation(), consumed }
            }
            Type::Create => {
                let made = read(operation.create.as_ref().map_or(&[], |part| &part.volumes))?;
                Conversion { consumed: made.map(Resource::make_plain_disk), made }
            }
            Type::Destroy => {
                let consumed = read(operation.destroy.as_ref().map_or(&[], |part| &part.volumes))?;
                Conversion { made: consumed.map(Resource::make_plain_disk), consumed }
            }
            Type::GrowVolume => grow(operation.grow_volume.as_ref())?,
            Type::ShrinkVolume => shrink(operation.shrink_volume.as_ref())?,
            Type::Unknown | Type::Launch | Type::LaunchGroup | Type::CreateDisk | Type::DestroyDisk => {
                return Err(ConversionError::NoConversion(kind.as_str_name()));
            }
        };
        match conversion.consumed.is_empty() || conversion.made.is_empty() {
            true => Err(ConversionError::Nothing(kind.as_str_name())),
            false => Ok(conversion),
        }
    }
}

fn read(resources: &[v1::Resource]) -> Result<Resources, ResourceError> {
    Ok(Resources::from_wire(resources)?.without_allocation())
}

fn grow(grow: Option<&v1::offer::operation::GrowVolume>) -> Result<Conversion, ConversionError> {
    let Some(grow) = grow else { return Ok(Conversion::default()) };
    let (volume, addition) = (one(&grow.volume)?, one(&grow.addition)?);
    let (Some(volume), Some(addition)) = (volume, addition) else { return Ok(Conversion::default()) };
    let (before, more) = (size(&volume)?, size(&addition)?);
    let made = resized(&volume, before.plus(more));
    Ok(Conversion { consumed: [volume, addition].into_iter().collect(), made: [made].into_iter().collect() })
}

fn shrink(shrink: Option<&v1::offer::operation::ShrinkVolume>) -> Result<Conversion, ConversionError> {
    let Some(shrink) = shrink else { return Ok(Conversion::default()) };
    let Some(volume) = one(&shrink.volume)? else { return Ok(Conversion::default()) };
    let before = size(&volume)?;
    let less = Amount::from_f64(shrink.subtract.value).map_err(|_| ConversionError::NotScalar)?;
    if less >= before {
        return Err(ConversionError::NotScalar);
    }
    let mut freed = resized(&volume, less);
    freed.make_plain_disk();
    let made = [resized(&volume, before.minus(less)), freed].into_iter().collect();
    Ok(Conversion { consumed: [volume].into_iter().collect(), made })
}

fn one(resource: &v1::Resource) -> Result<Option<Resource>, ResourceError> {
    Ok(read(std::slice::from_ref(resource))?.iter().next().cloned())
}

fn size(resource: &Resource) -> Result<Amount, ConversionError> {
    resource.amount().ok_or(ConversionError::NotScalar)
}

fn resized(volume: &Resource, amount: Amount) -> Resource {
    Resource { value: Value::Scalar(amount), ..volume.clone() }
}

impl Resource {
    /// Takes off the reservations that operations have made.
    pub fn drop_dynamic_reservations(&mut self) {
        let Some(apart) = &self.distinction else { return };
        let mut apart = Distinction::clone(apart);
        apart.reservations.retain(|reservation| !reservation.is_dynamic);
        self.distinction = (apart != Distinction::default()).then(|| Arc::new(apart));
    }

    /// Takes off what makes a persistent volume of a disk.
    pub fn make_plain_disk(&mut self) {
        let Some(apart) = &self.distinction else { return };
        let mut apart = Distinction::clone(apart);
        apart.is_shared = false;
        apart.disk = apart.disk.and_then(|mut disk| {
            (disk.persistence, disk.volume) = (None, None);
            (disk != v1::resource::DiskInfo::default()).then_some(disk)
        });
        self.distinction = (apart != Distinction::default()).then(|| Arc::new(apart));
    }
}
