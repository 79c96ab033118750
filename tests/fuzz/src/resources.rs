//! Text of people that claims to be resources, and resources of frameworks: what is taken adds up.

use mezzo_proto::{Message, mesos::v1};
use mezzo_resources::{Amount, Quantities, Resources, attributes, autodetect::Given};

/// As text of a flag, and as a list of protobuf messages.
pub(crate) fn target(data: &[u8]) {
    if let Ok(text) = std::str::from_utf8(data) {
        if let Ok(resources) = Resources::parse(text, "*") {
            adds_up(&resources);
        }
        if let Ok(amount) = Amount::parse(text) {
            assert_eq!(Amount::parse(&amount.to_string()).expect("it was written by us"), amount);
        }
        let _ = (Quantities::parse(text), attributes::parse(text), Given::parse(text, "role"));
    }
    if let Ok(offer) = v1::Offer::decode(data)
        && let Ok(resources) = Resources::from_wire(&offer.resources)
    {
        adds_up(&resources);
    }
}

fn adds_up(resources: &Resources) {
    let again = Resources::from_wire(&resources.to_wire());
    assert_eq!(again.expect("it was written by us"), *resources, "{resources}");
    let nothing = resources.checked_sub(resources).expect("everything contains itself");
    assert!(nothing.is_empty(), "{resources} less itself is {nothing}");
    let mut twice = Resources::new();
    twice += resources;
    assert_eq!(twice, *resources);
}
