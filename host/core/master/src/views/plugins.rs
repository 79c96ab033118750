//! `/api/v1/plugins`: who fills the slots, who stands by, and what happened.

use std::time::Duration;

use mezzo_model::Now;
use mezzo_slots::{Choice, Digest, Report, Share, Tally};
use serde_json::{Map, Value, json};

use crate::{allocation::Allocation, plugins::Chronicle};

/// Every slot; there is one.
pub(super) fn slots(now: Now, allocation: &Allocation) -> Value {
    let Allocation { slot, chronicle, .. } = allocation;
    let (serving, stand_ins) = slot.candidates().split_first().expect("a slot always has a candidate");
    let of = |choice: &Choice| Value::Object(plugin(chronicle, choice));
    let mut shown = plugin(chronicle, serving);
    shown.insert("generation".to_owned(), slot.generation().into());
    shown.insert("figures".to_owned(), figures(slot.tally()));
    let companion = slot.companion().map(|companion| {
        let mut shown = plugin(chronicle, companion.choice);
        shown.insert("state".to_owned(), companion.state.into());
        shown.insert("generation".to_owned(), companion.generation.into());
        if let Some(until) = companion.until {
            shown.insert("stands_by_for_ms".to_owned(), millis(until.since(now.mono)));
        }
        shown.insert("figures".to_owned(), figures(companion.tally));
        Value::Object(shown)
    });
    let quarantined: Vec<Value> = slot
        .quarantined()
        .map(|(digest, why)| json!({"digest": digest.hex(), "name": name(chronicle, digest), "why": why}))
        .collect();
    json!({"slots": [{
        "slot": "allocator",
        "state": slot.state(),
        "serving": shown,
        "companion": companion,
        "stand_ins": stand_ins.iter().map(of).collect::<Vec<_>>(),
        "quarantined": quarantined,
        "rehearsal": slot.report().map(rehearsal),
    }]})
}

/// What happened, oldest first.
pub(super) fn history(allocation: &Allocation) -> Value {
    let events: Vec<Value> = allocation
        .chronicle
        .events()
        .map(|event| {
            let plugin = Digest(event.plugin);
            json!({
                "number": event.number,
                "at": event.at.seconds(),
                "slot": "allocator",
                "plugin": plugin.hex(),
                "name": event.name,
                "generation": event.generation,
                "round": event.round,
                "event": event.kind,
                "text": event.text,
            })
        })
        .collect();
    json!({"history": events})
}

fn plugin(chronicle: &Chronicle, choice: &Choice) -> Map<String, Value> {
    let identity = chronicle.identity(&choice.plugin).cloned().unwrap_or_default();
    let mut shown = Map::new();
    shown.insert("digest".to_owned(), choice.plugin.hex().into());
    shown.insert("name".to_owned(), identity.name.into());
    shown.insert("version".to_owned(), identity.version.into());
    shown.insert("settings".to_owned(), settings(&choice.settings));
    shown
}

fn name<'chronicle>(chronicle: &'chronicle Chronicle, digest: &Digest) -> &'chronicle str {
    chronicle.identity(digest).map_or("", |identity| &identity.name)
}

fn settings(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|_| json!({}))
}

fn figures(tally: &Tally) -> Value {
    let counters = tally.counters;
    json!({
        "rounds": counters.rounds,
        "proposals": counters.proposals,
        "rows": counters.rows,
        "rows_dropped": counters.rows_dropped,
        "rows_faulty": counters.rows_faulty,
        "traps": counters.traps,
        "deadlines": counters.deadlines,
        "memory": counters.memory,
        "other_failures": counters.other_failures,
        "cpu_us_p50": tally.quantile_us(50),
        "cpu_us_p99": tally.quantile_us(99),
        "cpu_us_last": counters.cpu_us_last,
    })
}

fn rehearsal(report: &Report) -> Value {
    let frameworks: Map<String, Value> = report
        .frameworks
        .iter()
        .map(|(id, rows)| (id.clone(), json!({"serving": rows.serving, "candidate": rows.candidate})))
        .collect();
    json!({
        "rounds_wanted": report.rounds_wanted,
        "rounds": report.rounds,
        "rounds_equal": report.rounds_equal,
        "serving": share(&report.serving),
        "candidate": share(&report.candidate),
        "rows_by_framework": frameworks,
        "first_difference": report.first_difference,
    })
}

fn share(share: &Share) -> Value {
    json!({
        "rows": share.rows,
        "rounds_empty": share.rounds_empty,
        "cpu_us": share.cpu_us,
        "cpu_us_max": share.cpu_us_max,
    })
}

fn millis(duration: Duration) -> Value {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX).into()
}
