//! Every allocator that is shipped may serve, as a component.

use mezzo_wasm::{Limits, VetError};

use crate::RUNTIME;

fn vet(bytes: &[u8], settings: &str) -> Result<mezzo_wasm::Vetted, VetError> {
    mezzo_wasm::vet(&RUNTIME, bytes, settings, Limits::default(), None)
}

#[test]
fn every_shipped_allocator_passes_the_checks_of_a_swap() {
    let drf = vet(guests::allocator_drf(), "").expect("drf may serve");
    assert_eq!(drf.identity.name, "drf");
    for (name, bytes) in guests::allocators_shipped() {
        let vetted = vet(&bytes, "").unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(vetted.identity.name, name);
    }
}

#[test]
fn settings_are_taken_or_refused_in_the_plugins_words() {
    let [_, (_, priority), (_, random)] = guests::allocators_shipped();
    assert!(vet(&priority, r#"{"floor": 0.2}"#).is_ok());
    let error = vet(&priority, r#"{"floor": 7}"#).expect_err("more than everything").to_string();
    assert!(error.contains("with F from 0 to 1"), "{error}");
    let error = vet(&random, r#"{"floor": 0.2}"#).expect_err("it has none").to_string();
    assert!(error.contains("the allocator `random` has no settings"), "{error}");
}

#[test]
fn a_plugin_that_lies_or_leaves_something_to_chance_is_found_out() {
    let round = |deed: &str, from| vet(&guests::allocator_that_does(deed, from), "").map(drop);
    assert!(matches!(round("ghost", 2), Err(VetError::Wrong { round: 2, .. })));
    assert!(matches!(round("uninvited", 3), Err(VetError::Wrong { round: 3, .. })));
    assert!(matches!(round("wrong-round", 1), Err(VetError::Wrong { round: 1, .. })));
    assert!(matches!(round("trap", 3), Err(VetError::Step { round: 3, .. })));
    assert!(round("trap", 4).is_ok(), "what begins later is for the probation");
}
