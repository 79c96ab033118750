//! Where two outcomes of one call differ.

use std::collections::BTreeSet;

use crate::{Body, Outcome, Shape, outcome::Event};

/// The status of what is refused by name because it is not there yet.
const NOT_IMPLEMENTED: u16 = 501;

/// One place at which the sides differ.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Difference {
    /// The call's name.
    pub call: String,
    /// `status`, `reason`, `header NAME`, `text`, `json PATH`, `kind`, `event N`, `event N PATH`.
    pub at: String,
    /// What Mesos says.
    pub mesos: String,
    /// What Mezzo says.
    pub mezzo: String,
}

/// Every difference, the status first.
pub fn compare(call: &str, mesos: &Outcome, mezzo: &Outcome) -> Vec<Difference> {
    let mut found = Vec::new();
    let mut tell = |at: String, theirs: &str, ours: &str| {
        if theirs != ours {
            let (mesos, mezzo) = (theirs.to_owned(), ours.to_owned());
            found.push(Difference { call: call.to_owned(), at, mesos, mezzo });
        }
    };
    tell("status".into(), &mesos.status.to_string(), &mezzo.status.to_string());
    if mezzo.status == NOT_IMPLEMENTED {
        // Nothing else can be alike, and one place is enough to say so.
        return found;
    }
    tell("reason".into(), &mesos.reason, &mezzo.reason);
    let names: BTreeSet<&String> = mesos.headers.keys().chain(mezzo.headers.keys()).collect();
    for name in names {
        let value =
            |outcome: &Outcome| outcome.headers.get(name).map_or_else(|| "absent".to_owned(), Clone::clone);
        tell(format!("header {name}"), &value(mesos), &value(mezzo));
    }
    match (&mesos.body, &mezzo.body) {
        (Body::Text(theirs), Body::Text(ours)) => tell("text".into(), theirs, ours),
        (Body::Shape(theirs), Body::Shape(ours)) => shapes("json ", theirs, ours, &mut tell),
        (Body::Events(theirs), Body::Events(ours)) => events(theirs, ours, &mut tell),
        (theirs, ours) => tell("kind".into(), kind(theirs), kind(ours)),
    }
    events(&mesos.events, &mezzo.events, &mut tell);
    found
}

fn kind(body: &Body) -> &'static str {
    match body {
        Body::Text(_) => "text",
        Body::Shape(_) => "JSON",
        Body::Events(_) => "a stream",
    }
}

fn shapes(prefix: &str, mesos: &Shape, mezzo: &Shape, tell: &mut impl FnMut(String, &str, &str)) {
    for path in mesos.differing(mezzo) {
        tell(format!("{prefix}{path}"), &mesos.kinds(path), &mezzo.kinds(path));
    }
}

fn events(mesos: &[Event], mezzo: &[Event], tell: &mut impl FnMut(String, &str, &str)) {
    for at in 0..mesos.len().max(mezzo.len()) {
        let told = |events: &[Event]| events.get(at).map_or("absent", |event| event.told.as_str()).to_owned();
        tell(format!("event {}", at + 1), &told(mesos), &told(mezzo));
        if let (Some(theirs), Some(ours)) = (mesos.get(at), mezzo.get(at)) {
            shapes(&format!("event {} ", at + 1), &theirs.shape, &ours.shape, tell);
        }
    }
}
