//! The text format of Prometheus: the same numbers by its conventions.
//!
//! A key becomes a name: `/` is `_`, `mesos_` stands before Mesos's own, what the declaration
//! has in braces becomes a label, and units are base units: `_ms` is `_seconds` (and the value is
//! divided), `_secs` is `_seconds`, `_percent` is `_ratio` since it is from 0 to 1. Counters end in
//! `_total`, and nothing else does.

use std::{collections::BTreeMap, fmt::Write};

use mezzo_model::figure::{Declared, Kind};

use crate::samples::{PERCENTILES, Summary};

/// The value of `Content-Type` of [`text`].
pub const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// Writes everything down, the families in the order of their names.
pub(crate) fn text(
    declared: &[Declared],
    numbers: &BTreeMap<String, f64>,
    timers: &[(String, Summary)],
) -> String {
    let catalogue = Catalogue::new(declared);
    let mut families: BTreeMap<String, Family> = BTreeMap::new();
    for (key, value) in numbers {
        let (found, labels) = catalogue.find(key);
        let (name, divisor) = name(key, found);
        let line = format!("{name}{} {}", braces(&labels), written(*value / divisor));
        families.entry(name).or_insert_with(|| Family::of(found)).lines.push(line);
    }
    for (key, summary) in timers {
        let (found, _) = catalogue.find(key);
        let (name, _) = name(key, found);
        let family = Family { kind: "summary", help: help(found), lines: summary_lines(&name, summary) };
        families.insert(name, family);
    }
    let mut out = String::new();
    for (name, family) in families {
        // Writing to a string does not fail.
        let _ = writeln!(out, "# HELP {name} {}", family.help.replace('\\', "\\\\").replace('\n', "\\n"));
        let _ = writeln!(out, "# TYPE {name} {}", family.kind);
        for line in family.lines {
            let _ = writeln!(out, "{line}");
        }
    }
    out
}

/// Lines that share a name.
struct Family {
    kind: &'static str,
    help: String,
    lines: Vec<String>,
}

impl Family {
    fn of(declared: Option<&Declared>) -> Self {
        let kind = match declared.map(|declared| declared.kind) {
            Some(Kind::Counter) => "counter",
            Some(Kind::Gauge) => "gauge",
            Some(Kind::Timer) | None => "untyped",
        };
        Self { kind, help: help(declared), lines: Vec::new() }
    }
}

/// Declarations, found by key: those without braces at once, the others one after the other.
struct Catalogue<'declared> {
    plain: BTreeMap<&'declared str, &'declared Declared>,
    patterns: Vec<&'declared Declared>,
}

impl<'declared> Catalogue<'declared> {
    fn new(declared: &'declared [Declared]) -> Self {
        let (patterns, plain): (Vec<_>, Vec<_>) =
            declared.iter().partition(|declared| declared.key.contains('{'));
        Self { plain: plain.into_iter().map(|declared| (&*declared.key, declared)).collect(), patterns }
    }

    fn find<'key>(&self, key: &'key str) -> (Option<&'declared Declared>, Vec<(&'declared str, &'key str)>) {
        if let Some(declared) = self.plain.get(key) {
            return (Some(declared), Vec::new());
        }
        let found = self.patterns.iter().find_map(|declared| Some((*declared, declared.labels(key)?)));
        found.map_or((None, Vec::new()), |(declared, labels)| (Some(declared), labels))
    }
}

fn help(declared: Option<&Declared>) -> String {
    declared.map_or_else(|| "no description".to_owned(), |declared| declared.help.clone().into_owned())
}

/// Units of Mesos's names, those of Prometheus's, and how many of the former are one of the latter.
const UNITS: [(&str, &str, f64); 4] = [
    ("_ms", "_seconds", 1e3),
    ("_us", "_seconds", 1e6),
    ("_secs", "_seconds", 1.0),
    ("_percent", "_ratio", 1.0),
];

/// The name of the family that `key` is of, and what its values have to be divided by.
fn name(key: &str, declared: Option<&Declared>) -> (String, f64) {
    let words = declared.and_then(|declared| declared.family).unwrap_or(key);
    let prefix = if key.starts_with("mezzo/") { "" } else { "mesos_" };
    let is_allowed = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let plain: String =
        words.to_ascii_lowercase().chars().map(|c| if is_allowed(c) { c } else { '_' }).collect();
    let mut name = format!("{prefix}{plain}");
    let mut divisor = 1.0;
    for (unit, base, many) in UNITS {
        if let Some(stem) = name.strip_suffix(unit) {
            (name, divisor) = (format!("{stem}{base}"), many);
        }
    }
    let name = match declared.map(|declared| declared.kind) {
        Some(Kind::Counter) if !name.ends_with("_total") => name + "_total",
        Some(Kind::Gauge) => name.strip_suffix("_total").map(str::to_owned).unwrap_or(name),
        Some(Kind::Counter | Kind::Timer) | None => name,
    };
    (name, divisor)
}

fn summary_lines(name: &str, summary: &Summary) -> Vec<String> {
    let seconds = |ms: f64| written(ms / 1000.0);
    let quantiles = PERCENTILES.iter().zip(summary.percentiles);
    let mut lines: Vec<String> = quantiles
        .map(|((_, share), value)| format!("{name}{{quantile=\"{share}\"}} {}", seconds(value)))
        .collect();
    lines.push(format!("{name}_sum {}", seconds(summary.sum_ever)));
    lines.push(format!("{name}_count {}", summary.count_ever));
    lines
}

fn braces(labels: &[(&str, &str)]) -> String {
    if labels.is_empty() {
        return String::new();
    }
    let escaped = |value: &str| value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
    let pairs: Vec<String> =
        labels.iter().map(|(name, value)| format!("{name}=\"{}\"", escaped(value))).collect();
    format!("{{{}}}", pairs.join(","))
}

/// A number as Go reads it.
fn written(value: f64) -> String {
    match value {
        value if value.is_nan() => "NaN".to_owned(),
        value if value.is_infinite() => if value > 0.0 { "+Inf" } else { "-Inf" }.to_owned(),
        value => value.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use mezzo_model::figure::Declarations;

    use crate::Metrics;

    use super::*;

    fn shown() -> String {
        let mut all = Declarations::default();
        all.counters("master", &[("tasks_lost", "tasks lost")]);
        all.gauges("master", &[("uptime_secs", "seconds since start"), ("cpus_percent", "part in use")]);
        all.gauges("master", &[("cpus_total", "CPUs")]);
        all.timers("registrar", &[("state_store_ms", "writes of the registry")]);
        let key = "master/frameworks/{framework}/{framework_id}/calls/{type}";
        all.family(Kind::Counter, key, "master_framework_calls", "calls by type", &[]);
        all.counters("mezzo", &[("cpu_us", "time of plugins")]);
        let metrics = Metrics::new(all);
        metrics.timer("registrar/state_store_ms").record(Duration::from_millis(500));
        metrics.counter("mezzo/cpu_us").add(1500);
        let more = [
            ("master/uptime_secs", 1.5),
            ("master/frameworks/a%20%22b/F-1/calls/accept", 3.0),
            ("nobody/knows", 1.0),
        ];
        metrics.to_prometheus(more.map(|(name, value)| (name.to_owned(), value)))
    }

    #[test]
    fn names_follow_the_conventions() {
        let text = shown();
        for line in [
            "# TYPE mesos_master_tasks_lost_total counter\nmesos_master_tasks_lost_total 0\n",
            "# HELP mesos_master_uptime_seconds seconds since start\n",
            "mesos_master_uptime_seconds 1.5\n",
            "mesos_master_cpus_ratio 0\n",
            "mezzo_cpu_seconds_total 0.0015\n",
            "# TYPE mesos_master_cpus gauge\n",
            "# TYPE mesos_nobody_knows untyped\nmesos_nobody_knows 1\n",
            "mesos_master_framework_calls_total{framework=\"a%20%22b\",framework_id=\"F-1\",type=\"accept\"} 3\n",
        ] {
            assert!(text.contains(line), "{line} is not in {text}");
        }
    }

    #[test]
    fn a_timer_is_a_summary_in_seconds() {
        let text = shown();
        for line in [
            "# TYPE mesos_registrar_state_store_seconds summary\n",
            "mesos_registrar_state_store_seconds{quantile=\"0.5\"} 0.5\n",
            "mesos_registrar_state_store_seconds_sum 0.5\n",
            "mesos_registrar_state_store_seconds_count 1\n",
        ] {
            assert!(text.contains(line), "{line} is not in {text}");
        }
    }
}
