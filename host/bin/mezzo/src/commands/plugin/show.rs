//! Plugins as a person reads them.

use serde_json::Value;

use super::{output, short};

/// Who fills each slot.
pub(super) fn slots(shown: &Value) -> String {
    let mut rows = Vec::new();
    let mut notes = Vec::new();
    for slot in list(shown, "slots") {
        let name = text(&slot["slot"]);
        rows.push(row(&name, &text(&slot["state"]), &slot["serving"]));
        let companion = &slot["companion"];
        if companion.is_object() {
            rows.push(row("", &text(&companion["state"]), companion));
        }
        for plugin in list(slot, "stand_ins") {
            rows.push(row("", "next", plugin));
        }
        for plugin in list(slot, "quarantined") {
            rows.push(row("", "quarantined", plugin));
            notes.push(format!(
                "`{}` is in quarantine: {}",
                short(&text(&plugin["digest"])),
                text(&plugin["why"])
            ));
        }
        notes.extend(rehearsal(&slot["rehearsal"]));
    }
    let header = [
        "SLOT", "STATE", "NAME", "VERSION", "DIGEST", "ROUNDS", "ROWS", "DROPPED", "FAULTY", "TRAPS", "LATE",
        "P50", "P99",
    ];
    let table = output::table(&header, rows);
    if notes.is_empty() { table } else { format!("{table}\n\n{}", notes.join("\n")) }
}

/// What happened, one line to an event.
pub(super) fn history(shown: &Value) -> String {
    let row = |event: &Value| {
        vec![
            output::moment(event["at"].as_f64().unwrap_or(f64::NAN)),
            text(&event["slot"]),
            text(&event["event"]),
            text(&event["name"]),
            short(&text(&event["plugin"])).to_owned(),
            text(&event["text"]),
        ]
    };
    let rows = list(shown, "history").map(row).collect();
    output::table(&["WHEN", "SLOT", "EVENT", "NAME", "DIGEST", "WHAT"], rows)
}

/// What a component says of itself.
pub(super) fn inspected(shown: &Value) -> String {
    let mut lines = vec![
        format!("digest   {}", text(&shown["digest"])),
        format!("bytes    {}", shown["bytes"]),
        match shown["problem"].as_str() {
            None => "world    mezzo:plugin/allocator@1.0.0".to_owned(),
            Some(problem) => format!("problem  {problem}"),
        },
    ];
    lines.extend(list(shown, "exports").map(|name| format!("export   {}", text(name))));
    lines.extend(list(shown, "imports").map(|name| format!("import   {}", text(name))));
    lines.join("\n")
}

/// What a try found.
pub(super) fn checked(shown: &Value) -> String {
    format!(
        "{} {} ({}) may serve: loaded in {} ms, its longest step took {} us of processor time, it holds {} KiB",
        text(&shown["name"]),
        text(&shown["version"]),
        short(&text(&shown["digest"])),
        shown["load_ms"],
        shown["step_cpu_us_max"],
        shown["memory_bytes"].as_u64().unwrap_or(0) / 1024,
    )
}

/// What comparing a candidate came to so far.
pub(super) fn rehearsal(shown: &Value) -> Vec<String> {
    if !shown.is_object() {
        return Vec::new();
    }
    let mut lines = vec![format!(
        "rehearsal: {} of {} round(s) compared, {} equal",
        shown["rounds"], shown["rounds_wanted"], shown["rounds_equal"]
    )];
    for (side, word) in [("serving", "serves"), ("candidate", "candidate")] {
        let share = &shown[side];
        let number = |name: &str| share[name].as_u64().unwrap_or(0);
        let mean = number("cpu_us") / shown["rounds"].as_u64().unwrap_or(1).max(1);
        lines.push(format!(
            "  {word:<9}  {} row(s), {} empty round(s), {mean} us a step, {} us at most",
            number("rows"),
            number("rounds_empty"),
            number("cpu_us_max")
        ));
    }
    for (framework, rows) in shown["rows_by_framework"].as_object().into_iter().flatten() {
        lines.push(format!("  {framework}: {} row(s), candidate {}", rows["serving"], rows["candidate"]));
    }
    lines.extend(shown["first_difference"].as_str().map(|first| format!("  first difference in {first}")));
    lines
}

fn row(slot: &str, state: &str, plugin: &Value) -> Vec<String> {
    let figures = &plugin["figures"];
    let number = |name: &str| match figures[name].as_u64() {
        Some(number) => number.to_string(),
        None => "-".to_owned(),
    };
    let time = |name: &str| match figures[name].as_u64() {
        Some(us) => format!("{us} us"),
        None => "-".to_owned(),
    };
    vec![
        slot.to_owned(),
        state.to_owned(),
        text(&plugin["name"]),
        text(&plugin["version"]),
        short(&text(&plugin["digest"])).to_owned(),
        number("rounds"),
        number("rows"),
        number("rows_dropped"),
        number("rows_faulty"),
        number("traps"),
        number("deadlines"),
        time("cpu_us_p50"),
        time("cpu_us_p99"),
    ]
}

fn list<'value>(value: &'value Value, name: &str) -> impl Iterator<Item = &'value Value> {
    value[name].as_array().into_iter().flatten()
}

fn text(value: &Value) -> String {
    match value.as_str() {
        Some("") | None => "-".to_owned(),
        Some(text) => text.to_owned(),
    }
}
