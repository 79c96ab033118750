//! What holds for any resources whatever.

use std::sync::Arc;

use mezzo_proto::mesos::v1::{
    Label, Labels,
    resource::{
        DiskInfo,
        disk_info::{Persistence, Source, source},
    },
};
use proptest::prelude::*;

use crate::{
    Amount, Distinction, Form, Items, Ranges, Reservation, Resource, Resources, Value, attributes,
    autodetect, roles,
};

fn value() -> impl Strategy<Value = (&'static str, Value)> {
    prop_oneof![
        3 => (prop_oneof!["cpus", "mem", "disk"], 1i64..5000).prop_map(|(name, milli)| {
            let name = ["cpus", "mem", "disk"].into_iter().find(|known| *known == name).unwrap_or("cpus");
            (name, Value::Scalar(Amount::from_milli(milli)))
        }),
        1 => proptest::collection::vec((0u64..30, 0u64..5), 1..4).prop_map(|pairs| {
            let ranges = Ranges::new(pairs.into_iter().map(|(begin, more)| (begin, begin + more)));
            ("ports", Value::Ranges(Arc::new(ranges)))
        }),
        1 => proptest::collection::vec("[a-e]", 1..4)
            .prop_map(|names| ("bugs", Value::Set(Arc::new(Items::new(names))))),
    ]
}

fn reservations() -> impl Strategy<Value = Vec<Reservation>> {
    let labels = proptest::option::of("[kl]")
        .prop_map(|key| key.map(|key| Labels { labels: vec![Label { key, value: Some("v".to_owned()) }] }));
    (0usize..4, any::<bool>(), proptest::option::of("[pq]"), labels).prop_map(
        |(depth, is_dynamic, principal, labels)| {
            let stack = ["eng", "eng/web", "eng/web/x"].into_iter().take(depth).enumerate();
            let entry = |(at, role): (usize, &str)| {
                let is_dynamic = is_dynamic || at > 0;
                let only_dynamic = |value: Option<String>| if is_dynamic { value } else { None };
                Reservation {
                    is_dynamic,
                    role: role.to_owned(),
                    principal: only_dynamic(principal.clone()),
                    labels: if is_dynamic { labels.clone() } else { None },
                }
            };
            stack.map(entry).collect()
        },
    )
}

fn disk() -> impl Strategy<Value = Option<DiskInfo>> {
    let source = |kind: source::Type| Source { r#type: kind as i32, ..Source::default() };
    let persistence = |id: &str| Persistence { id: id.to_owned(), principal: None };
    prop_oneof![
        4 => Just(None),
        1 => "[uv]".prop_map(move |id| Some(DiskInfo { persistence: Some(persistence(&id)), ..DiskInfo::default() })),
        1 => Just(Some(DiskInfo {
            source: Some(Source {
                mount: Some(source::Mount { root: Some("/m".to_owned()) }),
                ..source(source::Type::Mount)
            }),
            ..DiskInfo::default()
        })),
        1 => Just(Some(DiskInfo {
            source: Some(Source {
                path: Some(source::Path { root: Some("/p".to_owned()) }),
                ..source(source::Type::Path)
            }),
            ..DiskInfo::default()
        })),
    ]
}

prop_compose! {
    fn resource()(
        (name, value) in value(),
        reservations in reservations(),
        disk in disk(),
        is_revocable in prop::bool::weighted(0.2),
        is_shared in any::<bool>(),
        provider in proptest::option::weighted(0.1, Just("provider".to_owned())),
        allocated_to in proptest::option::of("[rs]"),
    ) -> Resource {
        let disk = disk.filter(|_| name == "disk");
        let is_volume = disk.as_ref().is_some_and(|disk| disk.persistence.is_some());
        let apart = Distinction {
            is_revocable: is_revocable && reservations.is_empty(),
            is_shared: is_shared && is_volume,
            reservations,
            disk,
            provider,
        };
        let distinction = (apart != Distinction::default()).then(|| Arc::new(apart));
        Resource { name: Arc::from(name), value, allocated_to: allocated_to.map(Arc::from), distinction, shares: 1 }
    }
}

fn entries() -> impl Strategy<Value = Vec<Resource>> {
    proptest::collection::vec(resource(), 0..8)
}

/// Ports and names in both are in their sum only once, and so cannot be taken from it twice.
fn without_common(one: &Resources, other: &Resources) -> Resources {
    other.filter(|resource| {
        !matches!(resource.value, Value::Ranges(_) | Value::Set(_))
            || !one.iter().any(|known| known.is_same_but_for_value(resource))
    })
}

proptest! {
    #[test]
    fn what_was_added_can_be_taken_away(a in entries(), b in entries()) {
        let a: Resources = a.into_iter().collect();
        let b = without_common(&a, &b.into_iter().collect());
        let sum = a.clone() + &b;
        prop_assert!(sum.contains(&a));
        prop_assert!(sum.contains(&b));
        prop_assert_eq!(sum.checked_sub(&b), Some(a.clone()));
        prop_assert_eq!(sum.clone() - &b, a.clone());
        prop_assert_eq!(&sum - &a, b);
    }

    #[test]
    fn the_order_of_entries_never_matters(entries in entries(), seed in any::<u64>()) {
        let mut mixed = entries.clone();
        for at in (1..mixed.len()).rev() {
            mixed.swap(at, (seed >> at) as usize % (at + 1));
        }
        let one: Resources = entries.into_iter().collect();
        let other: Resources = mixed.into_iter().collect();
        prop_assert_eq!(&one, &other);
        prop_assert!(one.contains(&other) && other.contains(&one));
        prop_assert_eq!(one.in_offer_order(), other);
    }

    #[test]
    fn quantities_add_up(a in entries(), b in entries()) {
        let a: Resources = a.into_iter().collect();
        let b = without_common(&a, &b.into_iter().collect());
        // A shared volume is one volume however often it is held.
        let a = a.filter(|resource| !resource.is_shared());
        let b = b.filter(|resource| !resource.is_shared());
        let mut sum = a.scalars();
        sum.add_all(&b.scalars());
        prop_assert_eq!((a + b).scalars(), sum);
    }

    #[test]
    fn contains_is_what_can_be_taken(a in entries(), b in entries()) {
        let (a, b): (Resources, Resources) = (a.into_iter().collect(), b.into_iter().collect());
        prop_assert_eq!(a.contains(&b), a.checked_sub(&b).is_some());
        if let Some(left) = a.checked_sub(&b) {
            prop_assert_eq!(left, a - b);
        }
    }

    #[test]
    fn subtraction_leaves_nothing_negative(a in entries(), b in entries()) {
        let (a, b): (Resources, Resources) = (a.into_iter().collect(), b.into_iter().collect());
        let left = a.clone() - &b;
        prop_assert!(left.iter().all(|resource| !resource.is_empty()));
        prop_assert!(a.contains(&left));
    }

    #[test]
    fn messages_and_back(entries in entries()) {
        let bag: Resources = entries.into_iter().collect();
        prop_assert_eq!(&Resources::from_wire(&bag.to_wire()).unwrap(), &bag);
        prop_assert_eq!(&Resources::from_wire(&bag.to_wire_as(Form::Endpoint)).unwrap(), &bag);
        let simple = bag.filter(|resource| resource.reservations().len() < 2);
        prop_assert_eq!(&Resources::from_wire(&simple.to_wire_as(Form::PreRefinement)).unwrap(), &simple);
    }

    #[test]
    fn text_and_back(entries in entries()) {
        let bag: Resources = entries.into_iter().collect();
        let bag = bag.unreserved().without_allocation().filter(|resource| resource.distinction.is_none());
        prop_assert_eq!(&Resources::parse(&bag.to_string(), "*").unwrap(), &bag);
    }

    #[test]
    fn allocation_marks_come_off_again(entries in entries()) {
        let bag: Resources = entries.into_iter().collect();
        let plain = bag.without_allocation();
        let marked = plain.allocated_to("role");
        prop_assert_eq!(marked.without_allocation(), plain);
        prop_assert!(marked.is_empty() || marked.allocation_roles() == [Arc::from("role")]);
    }

    #[test]
    fn reservations_come_off_again(entries in entries()) {
        let bag: Resources = entries.into_iter().collect();
        let next = Reservation { is_dynamic: true, role: "eng/web/x/y".into(), principal: None, labels: None };
        prop_assert_eq!(bag.push_reservation(&next).pop_reservation(), bag);
    }

    #[test]
    fn no_text_makes_a_parser_panic(text in ".*") {
        let _ = Resources::parse(&text, "*");
        let _ = Resources::parse(&text, &text);
        let _ = Resources::from_json_text(&text);
        let _ = attributes::parse(&text);
        let _ = roles::validate(&text);
        let _ = Amount::parse(&text);
        let _ = autodetect::Given::parse(&text, "*");
        let _ = crate::Quantities::parse(&text);
    }

    /// The same with texts that come close.
    #[test]
    fn no_almost_right_text_makes_a_parser_panic(text in "[a-c:;()\\[\\]{},0-9.eE+*/ -]{0,40}") {
        let _ = Resources::parse(&text, "*");
        let _ = attributes::parse(&text);
        if let Ok(amount) = Amount::parse(&text) {
            prop_assert_eq!(Amount::parse(&amount.to_string()), Ok(amount));
        }
    }

    #[test]
    fn an_amount_survives_the_wire(milli in 0i64..1_000_000_000_000_000) {
        let amount = Amount::from_milli(milli);
        prop_assert_eq!(Amount::from_f64(amount.to_f64()), Ok(amount));
        prop_assert_eq!(Amount::parse(&amount.to_string()), Ok(amount));
    }

    #[test]
    fn text_and_number_give_one_amount(number in 0.0f64..1e9) {
        let text = Amount::parse(&format!("{number:.4}")).unwrap().milli();
        let number = Amount::from_f64(number).unwrap().milli();
        prop_assert!((text - number).abs() <= 1);
    }
}

impl std::ops::Sub<&Resources> for &Resources {
    type Output = Resources;

    fn sub(self, other: &Resources) -> Resources {
        self.clone() - other
    }
}

/// 1.5123 is 1.512, wherever it comes in, and sums stay exact.
#[test]
fn three_decimals_and_no_more() {
    let four = Resources::parse("cpus:4", "*").unwrap();
    let part = Resources::parse("cpus:1.5123", "*").unwrap();
    assert_eq!(part, Resources::parse("cpus:1.512", "*").unwrap());
    assert_eq!((four - part).to_string(), "cpus:2.488");
    let tenths = (0..10).map(|_| Resource::scalar("cpus", Amount::from_f64(0.1).unwrap()));
    assert_eq!(tenths.collect::<Resources>().to_string(), "cpus:1");
}

#[test]
fn what_cannot_be_divided_goes_whole() {
    let volume = Arc::new(Distinction {
        disk: Some(DiskInfo {
            persistence: Some(Persistence { id: "v".to_owned(), principal: None }),
            ..DiskInfo::default()
        }),
        ..Distinction::default()
    });
    let sized = |ones| {
        let mut resource = Resource::scalar("disk", Amount::whole(ones));
        resource.distinction = Some(Arc::clone(&volume));
        Resources::from_iter([resource])
    };
    assert!(!sized(5).contains(&sized(4)));
    assert!(sized(5).contains(&sized(5)));
    assert_eq!((sized(5) + sized(5)).len(), 2);
    assert!(!sized(5).contains(&(sized(5) + sized(5))));
    assert_eq!(sized(5).checked_sub(&sized(5)), Some(Resources::new()));
}

#[test]
fn a_shared_volume_is_counted() {
    let mut volume = Resource::scalar("disk", Amount::whole(5));
    volume.distinction = Some(Arc::new(Distinction {
        disk: Some(DiskInfo {
            persistence: Some(Persistence { id: "v".to_owned(), principal: None }),
            ..DiskInfo::default()
        }),
        is_shared: true,
        ..Distinction::default()
    }));
    let once = Resources::from_iter([volume]);
    let twice = once.clone() + &once;
    assert_eq!((twice.len(), twice.to_wire().len()), (1, 2));
    assert!(twice.contains(&once) && !once.contains(&twice));
    assert_eq!(twice.clone() - &once, once);
    assert_eq!(Resources::from_wire(&twice.to_wire()).unwrap(), twice);
}

#[test]
fn a_role_may_have_its_own_and_its_ancestors() {
    let bag = Resources::parse("cpus:1;cpus(eng):2;cpus(eng/web):4;cpus(ops):8", "*").unwrap();
    let sum = |role: &str| bag.allocatable_to(role).scalar("cpus").milli() / 1000;
    assert_eq!([sum("eng/web"), sum("eng"), sum("ops"), sum("engine"), sum("*")], [7, 3, 9, 1, 1]);
    assert_eq!(bag.reserved(Some("eng")).scalar("cpus"), Amount::whole(2));
    assert_eq!(bag.to_unreserved().to_string(), "cpus:15");
    assert_eq!(bag.reservations().len(), 3);
}
