//! Operations trade resources; they never make or lose one.

use mezzo_proto::mesos::v1::{
    self,
    offer::{Operation, operation},
    resource::{DiskInfo, ReservationInfo, disk_info::Persistence, reservation_info},
};
use proptest::prelude::*;

use crate::{Conversion, ConversionError, Form, Resource, Resources, Value};

fn operation(kind: operation::Type) -> Operation {
    Operation { r#type: Some(kind as i32), ..Operation::default() }
}

fn reserve(resources: &Resources, source: &Resources) -> Operation {
    let part = operation::Reserve { resources: resources.to_wire(), source: source.to_wire() };
    Operation { reserve: Some(part), ..operation(operation::Type::Reserve) }
}

fn unreserve(resources: &Resources) -> Operation {
    let part = operation::Unreserve { resources: resources.to_wire() };
    Operation { unreserve: Some(part), ..operation(operation::Type::Unreserve) }
}

fn create(volumes: &Resources) -> Operation {
    let part = operation::Create { volumes: volumes.to_wire() };
    Operation { create: Some(part), ..operation(operation::Type::Create) }
}

fn destroy(volumes: &Resources) -> Operation {
    let part = operation::Destroy { volumes: volumes.to_wire() };
    Operation { destroy: Some(part), ..operation(operation::Type::Destroy) }
}

fn grow(volume: &Resources, addition: &Resources) -> Operation {
    let part =
        operation::GrowVolume { volume: volume.to_wire().remove(0), addition: addition.to_wire().remove(0) };
    Operation { grow_volume: Some(part), ..operation(operation::Type::GrowVolume) }
}

fn shrink(volume: &Resources, subtract: f64) -> Operation {
    let subtract = v1::value::Scalar { value: subtract };
    let part = operation::ShrinkVolume { volume: volume.to_wire().remove(0), subtract };
    Operation { shrink_volume: Some(part), ..operation(operation::Type::ShrinkVolume) }
}

/// `cpus(eng):2` as an operation would have made it.
fn dynamic(text: &str, roles: &[&str], principal: Option<&str>) -> Resources {
    let info = |role: &&str| ReservationInfo {
        r#type: Some(reservation_info::Type::Dynamic as i32),
        role: Some((*role).to_owned()),
        principal: principal.map(str::to_owned),
        labels: None,
    };
    let mut messages = Resources::parse(text, "*").unwrap().to_wire();
    for message in &mut messages {
        message.reservations = roles.iter().map(info).collect();
    }
    Resources::from_wire(&messages).unwrap()
}

fn volume(megabytes: u32, id: &str) -> Resources {
    let mut messages = dynamic(&format!("disk:{megabytes}"), &["eng"], None).to_wire();
    messages[0].disk = Some(DiskInfo {
        persistence: Some(Persistence { id: id.to_owned(), principal: None }),
        volume: Some(v1::Volume {
            container_path: "data".to_owned(),
            mode: v1::volume::Mode::Rw as i32,
            ..v1::Volume::default()
        }),
        ..DiskInfo::default()
    });
    Resources::from_wire(&messages).unwrap()
}

fn done(bag: &Resources, operation: &Operation) -> Resources {
    let Conversion { consumed, made } = Conversion::of(operation).unwrap();
    bag.apply(&consumed, &made).unwrap_or_else(|| panic!("{bag} does not contain {consumed}"))
}

#[test]
fn a_volume_and_back() {
    let start = Resources::parse("cpus:4;disk:100", "*").unwrap();
    let none = Resources::new();
    let reserved = done(&start, &reserve(&dynamic("disk:60", &["eng"], None), &none));
    assert_eq!(reserved.to_string(), "cpus:4; disk:40; disk(reservations: [(DYNAMIC,eng)]):60");
    let created = done(&reserved, &create(&volume(50, "v1")));
    assert_eq!(created.reserved(Some("eng")).len(), 2);
    let grown = done(&created, &grow(&volume(50, "v1"), &dynamic("disk:10", &["eng"], None)));
    assert_eq!(grown.reserved(Some("eng")).to_string(), "disk(reservations: [(DYNAMIC,eng)])[v1:data]:60");
    let shrunk = done(&grown, &shrink(&volume(60, "v1"), 20.0));
    let destroyed = done(&shrunk, &destroy(&volume(40, "v1")));
    assert_eq!(done(&destroyed, &unreserve(&dynamic("disk:60", &["eng"], None))), start);
}

#[test]
fn refined_reservations_fall_back_to_the_ancestor() {
    let eng = dynamic("cpus:4", &["eng"], None);
    let web = dynamic("cpus:3", &["eng", "eng/web"], None);
    let refined = done(&eng, &reserve(&web, &Resources::new()));
    assert_eq!(refined.reserved(Some("eng/web")).scalar("cpus").to_f64(), 3.0);
    assert_eq!(done(&refined, &unreserve(&web)), eng);
}

#[test]
fn a_source_is_reserved_to_another() {
    let before = dynamic("cpus:8", &["a"], Some("ann"));
    let after =
        done(&before, &reserve(&dynamic("cpus:3", &["b"], None), &dynamic("cpus:3", &["a"], Some("ann"))));
    assert_eq!(after.reserved(Some("a")).scalar("cpus").to_f64(), 5.0);
    assert_eq!(after.reserved(Some("b")).scalar("cpus").to_f64(), 3.0);
    assert!(after.unreserved().is_empty());
}

#[test]
fn a_volume_is_the_same_at_another_path() {
    let mut elsewhere = volume(50, "v1").to_wire();
    if let Some(volume) = elsewhere[0].disk.as_mut().and_then(|disk| disk.volume.as_mut()) {
        volume.container_path = "elsewhere".to_owned();
        volume.mode = v1::volume::Mode::Ro as i32;
    }
    let elsewhere = Resources::from_wire(&elsewhere).unwrap();
    assert_eq!(volume(50, "v1"), elsewhere);
    assert_ne!(volume(50, "v2"), elsewhere);
    assert_eq!(elsewhere.to_string(), "disk(reservations: [(DYNAMIC,eng)])[v1:elsewhere]:50");
}

#[test]
fn what_names_nothing_is_refused() {
    let refusal = |operation: &Operation| Conversion::of(operation).unwrap_err().to_string();
    let zero = v1::Resource {
        name: "cpus".to_owned(),
        scalar: Some(v1::value::Scalar { value: 0.0 }),
        ..v1::Resource::default()
    };
    let part = operation::Reserve { resources: vec![zero], source: Vec::new() };
    let of_zero = Operation { reserve: Some(part), ..operation(operation::Type::Reserve) };
    assert_eq!(refusal(&of_zero), "The operation RESERVE names no resources");
    assert_eq!(refusal(&operation(operation::Type::Create)), "The operation CREATE names no resources");
    assert_eq!(
        Conversion::of(&operation(operation::Type::CreateDisk)),
        Err(ConversionError::NoConversion("CREATE_DISK"))
    );
}

/// One thing to try, whether it fits or not.
fn any_operation() -> impl Strategy<Value = Operation> {
    let amount = 1u32..6;
    let roles = prop_oneof![Just(vec!["eng"]), Just(vec!["eng", "eng/web"]), Just(vec!["ops"]),];
    let reserved = (amount.clone(), roles, proptest::option::of(Just("ann")), any::<bool>()).prop_map(
        |(amount, roles, principal, is_disk)| {
            let name = if is_disk { "disk" } else { "cpus" };
            dynamic(&format!("{name}:{amount}"), &roles, principal)
        },
    );
    let volume =
        (amount.clone(), prop_oneof![Just("v1"), Just("v2")]).prop_map(|(size, id)| volume(size, id));
    prop_oneof![
        3 => reserved.clone().prop_map(|made| reserve(&made, &Resources::new())),
        1 => (reserved.clone(), reserved.clone()).prop_map(|(made, mut source)| {
            // As it must be: equal apart from the reservations.
            let like = made.iter().next().cloned();
            source = source.map(|resource| {
                if let Some(like) = &like {
                    resource.name = like.name.clone();
                    resource.value = like.value.clone();
                }
            });
            reserve(&made, &source)
        }),
        2 => reserved.prop_map(|consumed| unreserve(&consumed)),
        2 => volume.clone().prop_map(|volume| create(&volume)),
        1 => volume.clone().prop_map(|volume| destroy(&volume)),
        1 => (volume.clone(), amount.clone())
            .prop_map(|(volume, more)| grow(&volume, &dynamic(&format!("disk:{more}"), &["eng"], None))),
        1 => (volume, amount).prop_map(|(volume, less)| shrink(&volume, f64::from(less))),
    ]
}

proptest! {
    #[test]
    fn no_sequence_of_operations_makes_or_loses_a_resource(
        operations in proptest::collection::vec(any_operation(), 1..40)
    ) {
        let start = Resources::parse("cpus:10;disk:20;disk(ads):3;ports:[1-9]", "*").unwrap();
        let mut bag = start.clone();
        for operation in &operations {
            let Ok(Conversion { consumed, made }) = Conversion::of(operation) else { continue };
            prop_assert_eq!(consumed.quantities(), made.quantities());
            let Some(next) = bag.apply(&consumed, &made) else { continue };
            prop_assert_eq!(next.quantities(), start.quantities());
            prop_assert!(next.contains(&made));
            prop_assert_eq!(&next.apply(&made, &consumed).expect("what was made is there"), &bag);
            // As it is read again after it was written for others.
            for form in [Form::PostRefinement, Form::Endpoint] {
                prop_assert_eq!(&Resources::from_wire(&next.to_wire_as(form)).unwrap(), &next);
            }
            bag = next;
        }
        let amount = |resource: &Resource| match &resource.value {
            Value::Scalar(amount) => amount.milli() > 0,
            Value::Ranges(_) | Value::Set(_) => true,
        };
        prop_assert!(bag.iter().all(amount));
    }
}
