//! Texts and messages, good and bad.

#![allow(deprecated, reason = "the old fields are one of the forms on the wire")]

use mezzo_proto::mesos::v1::{self, Resource, resource::ReservationInfo, value};

use crate::{Form, Resources};

fn cpus(value: f64) -> Resource {
    Resource {
        name: "cpus".to_owned(),
        r#type: value::Type::Scalar as i32,
        scalar: Some(value::Scalar { value }),
        ..Resource::default()
    }
}

fn reservation(kind: i32, role: &str) -> ReservationInfo {
    ReservationInfo { r#type: Some(kind), role: Some(role.to_owned()), ..ReservationInfo::default() }
}

/// The message without its frame, `Resource '…' is invalid: `.
fn refusal(change: impl FnOnce(&mut Resource)) -> String {
    let mut resource = cpus(1.0);
    change(&mut resource);
    let text = Resources::from_wire(&[resource]).unwrap_err().to_string();
    text.split_once("is invalid: ").unwrap().1.to_owned()
}

#[test]
fn every_invalid_resource_is_refused_in_mesos_words() {
    let range = |begin, end| value::Range { begin, end };
    let ranges = |resource: &mut Resource, range: Vec<value::Range>| {
        resource.r#type = value::Type::Ranges as i32;
        resource.scalar = None;
        resource.ranges = Some(value::Ranges { range });
    };
    assert_eq!(refusal(|resource| resource.name.clear()), "Empty resource name");
    assert_eq!(refusal(|resource| *resource = cpus(-1.0)), "Invalid scalar resource: value <= 0");
    assert_eq!(refusal(|resource| *resource = cpus(0.0004)), "Invalid scalar resource: value <= 0");
    assert_eq!(
        refusal(|resource| *resource = cpus(f64::NAN)),
        "Invalid scalar resource: value is not finite"
    );
    assert_eq!(refusal(|resource| resource.scalar = None), "Invalid scalar resource");
    assert_eq!(refusal(|resource| resource.r#type = value::Type::Text as i32), "Unsupported resource type");
    assert_eq!(refusal(|resource| resource.r#type = value::Type::Set as i32), "Invalid set resource");
    assert_eq!(refusal(|resource| resource.r#type = value::Type::Ranges as i32), "Invalid ranges resource");
    assert_eq!(
        refusal(|resource| ranges(resource, vec![range(2, 1)])),
        "Invalid ranges resource: begin > end"
    );
    assert_eq!(
        refusal(|resource| ranges(resource, vec![range(1, 5), range(5, 6)])),
        "Invalid ranges resource: overlapping ranges"
    );
    assert_eq!(
        refusal(|resource| {
            resource.r#type = value::Type::Set as i32;
            resource.scalar = None;
            resource.set = Some(value::Set { item: vec!["a".to_owned(), "a".to_owned()] });
        }),
        "Invalid set resource: duplicated elements"
    );
    assert_eq!(
        refusal(|resource| {
            resource.name = "gpus".to_owned();
            resource.scalar = Some(value::Scalar { value: 1.5 });
        }),
        "The 'gpus' resource must be an unsigned integer"
    );
    assert_eq!(
        refusal(|resource| resource.disk = Some(Default::default())),
        "DiskInfo should not be set for cpus resource"
    );
    assert_eq!(
        refusal(|resource| resource.shared = Some(Default::default())),
        "Resource cpus cannot be shared"
    );
    assert_eq!(
        refusal(|resource| {
            resource.name = "disk".to_owned();
            resource.shared = Some(Default::default());
        }),
        "Only persistent volumes can be shared"
    );
}

#[test]
fn every_invalid_reservation_is_refused() {
    const STATIC: i32 = 1;
    const DYNAMIC: i32 = 2;
    let stack = |entries: &[(i32, &str)]| {
        let entries: Vec<_> = entries.iter().map(|(kind, role)| reservation(*kind, role)).collect();
        refusal(|resource| resource.reservations = entries)
    };
    assert_eq!(stack(&[(DYNAMIC, "*")]), "Invalid reservation: role \"*\" cannot be reserved");
    assert_eq!(stack(&[(DYNAMIC, "a/")]), "Role 'a/' cannot end with a slash");
    assert_eq!(
        stack(&[(0, "a")]),
        "Invalid reservation: 'Resource.ReservationInfo.type' must be set to STATIC or DYNAMIC"
    );
    assert_eq!(
        stack(&[(STATIC, "a"), (STATIC, "a/b")]),
        "Invalid refined reservation: A refined reservation cannot be STATIC"
    );
    assert_eq!(
        stack(&[(STATIC, "a"), (DYNAMIC, "ab")]),
        "Invalid refined reservation: role 'ab' is not a refinement of 'a'"
    );
    assert_eq!(
        refusal(|resource| resource.reservation = Some(Default::default())),
        "Invalid reservation: role \"*\" cannot be reserved"
    );
    assert_eq!(
        refusal(|resource| {
            resource.role = Some("b".to_owned());
            resource.reservations = vec![reservation(DYNAMIC, "a")];
        }),
        "Invalid resource format: 'Resource.role' field with 'b' does not match the role 'a' in \
         'Resource.reservations'"
    );
    assert_eq!(
        refusal(|resource| {
            resource.reservation = Some(Default::default());
            resource.reservations = vec![reservation(STATIC, "a")];
        }),
        "Invalid resource format: 'Resource.reservation' must not be set if the single reservation in \
         'Resource.reservations' is STATIC"
    );
    assert_eq!(
        refusal(|resource| {
            resource.role = Some("a/b".to_owned());
            resource.reservations = vec![reservation(STATIC, "a"), reservation(DYNAMIC, "a/b")];
        }),
        "Invalid resource format: 'Resource.role' must not be set if 'Resource.reservations' has more than one \
         entry"
    );
    assert_eq!(
        refusal(|resource| {
            resource.role = Some("a".to_owned());
            resource.revocable = Some(Default::default());
        }),
        "Invalid reservation: revocable resources cannot be reserved"
    );
}

/// The whole sentence of a recorded refusal.
#[test]
fn an_invalid_resource_is_printed_as_mesos_prints_it() {
    let mut resource = cpus(-1.0);
    resource.allocation_info = Some(v1::resource::AllocationInfo { role: Some("dev".to_owned()) });
    assert_eq!(
        Resources::from_wire(&[resource]).unwrap_err().to_string(),
        "Resource 'cpus(allocated: dev):-1' is invalid: Invalid scalar resource: value <= 0"
    );
}

/// As recorded in the refusal of an over-committed task, and in that of a reservation.
#[test]
fn resources_are_printed_as_mesos_prints_them() {
    let offer = Resources::parse("ports:[31000-32000];cpus:8;mem:4096;disk:8192", "*").unwrap();
    assert_eq!(
        offer.allocated_to("dev").to_string(),
        "ports(allocated: dev):[31000-32000]; cpus(allocated: dev):8; mem(allocated: dev):4096; \
         disk(allocated: dev):8192"
    );
    let reserved = Resources::parse("mem:64", "*").unwrap();
    let dynamic =
        crate::Reservation { is_dynamic: true, role: "other".into(), principal: None, labels: None };
    assert_eq!(reserved.push_reservation(&dynamic).to_string(), "mem(reservations: [(DYNAMIC,other)]):64");
}

#[test]
fn zero_is_left_out_without_complaint() {
    assert!(Resources::from_wire(&[cpus(0.0)]).unwrap().is_empty());
    assert_eq!(Resources::from_wire(&[cpus(0.0), cpus(1.0)]).unwrap().to_string(), "cpus:1");
}

#[test]
fn the_three_forms_of_a_dynamic_reservation() {
    let info = ReservationInfo { principal: Some("p".to_owned()), ..reservation(2, "dev") };
    let bag = Resources::from_wire(&[Resource { reservations: vec![info.clone()], ..cpus(1.0) }]).unwrap();
    let old = ReservationInfo { principal: Some("p".to_owned()), ..ReservationInfo::default() };
    let before = &bag.to_wire_as(Form::PreRefinement)[0];
    assert_eq!((before.role.as_deref(), &before.reservation), (Some("dev"), &Some(old.clone())));
    assert!(before.reservations.is_empty());
    let after = &bag.to_wire_as(Form::PostRefinement)[0];
    assert_eq!((&after.role, &after.reservation, &after.reservations), (&None, &None, &vec![info.clone()]));
    let both = &bag.to_wire_as(Form::Endpoint)[0];
    assert_eq!((both.role.as_deref(), &both.reservation), (Some("dev"), &Some(old)));
    assert_eq!(both.reservations, [info]);
}

#[test]
fn the_three_forms_of_the_unreserved_and_of_the_refined() {
    let plain = Resources::parse("cpus:1", "*").unwrap();
    let role = |form| plain.to_wire_as(form)[0].role.clone();
    assert_eq!(role(Form::PreRefinement).as_deref(), Some("*"));
    assert_eq!(role(Form::PostRefinement), None);
    assert_eq!(role(Form::Endpoint).as_deref(), Some("*"));
    let stack = vec![reservation(1, "a"), reservation(2, "a/b")];
    let refined = Resources::from_wire(&[Resource { reservations: stack.clone(), ..cpus(1.0) }]).unwrap();
    let both = &refined.to_wire_as(Form::Endpoint)[0];
    assert_eq!((&both.role, &both.reservation, &both.reservations), (&None, &None, &stack));
}

#[test]
fn a_framework_sees_the_form_that_it_knows() {
    assert_eq!(Form::for_framework(0), Form::PreRefinement);
    assert_eq!(Form::for_framework(1 << 7), Form::PostRefinement);
}

#[test]
fn labels_keep_reservations_apart_whatever_their_order() {
    let labelled = |keys: &[&str]| {
        let label = |key: &&str| v1::Label { key: (*key).to_owned(), value: None };
        let labels = v1::Labels { labels: keys.iter().map(label).collect() };
        let info = ReservationInfo { labels: Some(labels), ..reservation(2, "dev") };
        Resource { reservations: vec![info], ..cpus(2.0) }
    };
    let bag =
        Resources::from_wire(&[labelled(&["a", "b"]), labelled(&["b", "a"]), labelled(&["a"])]).unwrap();
    assert_eq!(bag.iter().map(|resource| resource.quantity().milli()).collect::<Vec<_>>(), [4000, 2000]);
}

#[test]
fn the_documented_example_is_read() {
    let bag =
        Resources::parse("cpus:24;mem:24576;ports:[21000-24000,30000-34000];bugs(debug_role):{a,b,c}", "*");
    assert_eq!(
        bag.unwrap().to_string(),
        "cpus:24; mem:24576; ports:[21000-24000, 30000-34000]; \
         bugs(reservations: [(STATIC,debug_role)]):{a, b, c}"
    );
}

#[test]
fn every_bad_text_is_refused_in_mesos_words() {
    let refusal = |text: &str| Resources::parse(text, "*").unwrap_err().to_string();
    assert_eq!(refusal("cpus"), "Bad value for resources, missing or extra ':' in cpus");
    assert_eq!(refusal("cpus:1:2"), "Bad value for resources, missing or extra ':' in cpus:1:2");
    assert_eq!(refusal("cpus(a:1"), "Bad value for resources, mismatched parentheses in cpus(a:1");
    assert_eq!(refusal("cpus)a(:1"), "Bad value for resources, mismatched parentheses in cpus)a(:1");
    assert_eq!(refusal("cpus(a/):1"), "Role 'a/' cannot end with a slash");
    assert_eq!(refusal("cpus:many"), "Bad type for resource cpus value many type TEXT");
    assert_eq!(refusal("ports:[1-"), "Failed to parse resource ports value [1- error Mismatched brackets");
    assert_eq!(
        refusal("cpus:-1"),
        "Failed to parse resource cpus value -1 error Invalid scalar value '-1': value < 0"
    );
    assert_eq!(
        refusal("cpus:1;cpus(a):{b}"),
        "Resources with the same name ('cpus') but different types are not allowed"
    );
    assert_eq!(
        refusal("gpus:1.5"),
        "Resource 'gpus:1.5' is invalid: The 'gpus' resource must be an unsigned integer"
    );
}
