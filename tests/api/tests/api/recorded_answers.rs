//! Everything that was recorded of a real Mesos, asked of ours: every difference has a reason in `differences.toml`.

use std::{fs, path::Path};

use api_tests::{Accounted, Call, Outcome, Target, Verdict, compare};
use serde::Deserialize;

use crate::bad_inputs::World;

/// A request, and what was answered.
#[derive(Deserialize)]
struct Recording {
    name: String,
    call: Asked,
    /// The state of a task that ends the events.
    until: Option<String>,
    outcome: Outcome,
}

#[derive(Deserialize)]
struct Asked {
    to: Target,
    method: String,
    path: String,
    headers: Vec<(String, String)>,
    body: String,
}

impl Recording {
    fn call(&self) -> Call {
        Call {
            name: self.name.clone(),
            to: self.call.to,
            method: self.call.method.clone(),
            path: self.call.path.clone(),
            headers: self.call.headers.clone(),
            body: self.call.body.clone(),
            has_events: !self.outcome.events.is_empty() || self.call.body.contains("$offer"),
            until: self.until.clone(),
            ..Call::default()
        }
    }
}

fn read(name: &str) -> Vec<Recording> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/recorded").join(name);
    let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

#[test]
fn recorded_answers_are_ours_but_where_a_reason_is_given() {
    let mut world = World::start();
    let mut accounted = Accounted::read("recorded").unwrap_or_else(|error| panic!("{error:#}"));
    let mut unaccounted = Vec::new();
    let mut asked = 0;
    for file in ["reads.json", "semantic.json", "flow.json", "operations.json"] {
        for recording in read(file) {
            asked += 1;
            let ours = world.side.ask(&recording.call());
            for difference in compare(&recording.name, &recording.outcome, &ours) {
                let Verdict { difference, reason } = accounted.judge(difference);
                if reason.is_none() {
                    let (call, at) = (&difference.call, &difference.at);
                    unaccounted.push(format!("{call} · {at}: {} · {}", difference.mesos, difference.mezzo));
                }
            }
        }
    }
    let stale = accounted.stale();
    assert!(asked > 150, "the recordings are whole: {asked}");
    assert!(unaccounted.is_empty(), "Mesos · Mezzo, without a reason:\n{}", unaccounted.join("\n"));
    assert!(stale.is_empty(), "entries that explain nothing any more:\n{}", stale.join("\n"));
}
