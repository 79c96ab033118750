//! Numbers: counters, gauges and timers, by Mesos's names.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use mezzo_model::figure::{Declarations, Declared};
use serde_json::{Map, Value};

use crate::{
    prometheus,
    samples::{PERCENTILES, Samples, Summary},
};

/// A registry of numbers. Clones are the same registry.
///
/// What is declared is shown from the start, at 0; what is not declared is shown once there is
/// something to show.
#[derive(Clone, Default)]
pub struct Metrics {
    declared: Arc<Vec<Declared>>,
    entries: Arc<Mutex<BTreeMap<String, Entry>>>,
}

enum Entry {
    Counter(Counter),
    Gauge(Box<dyn Fn() -> f64 + Send>),
    Timer(Timer),
}

/// A number that only grows. Clones are the same counter.
#[derive(Clone, Default)]
pub struct Counter(Arc<AtomicU64>);

/// How long something takes, over the newest thousand times. Clones are the same timer.
#[derive(Clone, Default)]
pub struct Timer(Arc<Mutex<Samples>>);

impl Metrics {
    /// A registry of these numbers, and of the machine's own, `system/…`.
    pub fn new(declarations: Declarations) -> Self {
        let Declarations(mut declared) = declarations;
        declared.extend(crate::system::declarations().0);
        let metrics = Self { declared: Arc::new(declared), ..Self::default() };
        crate::system::add_to(&metrics);
        metrics
    }

    /// The counter of this name; made if there is none.
    pub fn counter(&self, name: &str) -> Counter {
        let mut entries = self.entries();
        match entries.entry(name.to_owned()).or_insert_with(|| Entry::Counter(Counter::default())) {
            Entry::Counter(counter) => counter.clone(),
            // The name is taken by another kind: count where nobody looks rather than panic.
            Entry::Gauge(_) | Entry::Timer(_) => Counter::default(),
        }
    }

    /// The timer of this name; made if there is none. The name ends in its unit, `_ms`.
    pub fn timer(&self, name: &str) -> Timer {
        let mut entries = self.entries();
        match entries.entry(name.to_owned()).or_insert_with(|| Entry::Timer(Timer::default())) {
            Entry::Timer(timer) => timer.clone(),
            Entry::Gauge(_) | Entry::Counter(_) => Timer::default(),
        }
    }

    /// A number that is asked for when somebody looks. Replaces what had the name.
    pub fn gauge(&self, name: &str, value: impl Fn() -> f64 + Send + 'static) {
        self.entries().insert(name.to_owned(), Entry::Gauge(Box::new(value)));
    }

    /// Everything, flat, in the order of the names: this registry and what else there is. A timer
    /// that never ran is left out.
    pub fn snapshot(&self, more: impl IntoIterator<Item = (String, f64)>) -> BTreeMap<String, f64> {
        let mut numbers = self.plain(more);
        for (name, summary) in self.timers() {
            numbers.insert(name.clone(), summary.last);
            numbers.insert(format!("{name}/count"), summary.count as f64);
            numbers.insert(format!("{name}/min"), summary.min);
            numbers.insert(format!("{name}/max"), summary.max);
            for ((share, _), value) in PERCENTILES.iter().zip(summary.percentiles) {
                numbers.insert(format!("{name}/{share}"), value);
            }
        }
        numbers
    }

    /// `/metrics/snapshot`: this registry and what else there is to show.
    pub fn to_json(&self, more: impl IntoIterator<Item = (String, f64)>) -> String {
        let numbers = self.snapshot(more);
        let map: Map<String, Value> =
            numbers.into_iter().map(|(name, value)| (name, Value::from(value))).collect();
        Value::Object(map).to_string()
    }

    /// The same in the text format of Prometheus, version 0.0.4.
    pub fn to_prometheus(&self, more: impl IntoIterator<Item = (String, f64)>) -> String {
        prometheus::text(&self.declared, &self.plain(more), &self.timers())
    }

    /// Counters and gauges.
    fn plain(&self, more: impl IntoIterator<Item = (String, f64)>) -> BTreeMap<String, f64> {
        let mut numbers: BTreeMap<String, f64> = BTreeMap::new();
        for declared in self.declared.iter() {
            numbers.extend(declared.keys_from_the_start().into_iter().map(|key| (key, 0.0)));
        }
        for (name, entry) in self.entries().iter() {
            match entry {
                Entry::Counter(counter) => drop(numbers.insert(name.clone(), counter.get() as f64)),
                Entry::Gauge(value) => drop(numbers.insert(name.clone(), value())),
                Entry::Timer(_) => {}
            }
        }
        numbers.extend(more);
        numbers
    }

    fn timers(&self) -> Vec<(String, Summary)> {
        let entries = self.entries();
        let timers = entries.iter().filter_map(|(name, entry)| match entry {
            Entry::Timer(timer) => Some((name.clone(), timer.summary()?)),
            Entry::Counter(_) | Entry::Gauge(_) => None,
        });
        timers.collect()
    }

    fn entries(&self) -> MutexGuard<'_, BTreeMap<String, Entry>> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Counter {
    /// Adds one.
    pub fn increment(&self) {
        self.add(1);
    }

    /// Adds some.
    pub fn add(&self, more: u64) {
        self.0.fetch_add(more, Ordering::Relaxed);
    }

    /// The count.
    pub fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

impl Timer {
    /// Adds one measurement.
    pub fn record(&self, took: Duration) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).add(took.as_secs_f64() * 1000.0);
    }

    /// Measures `work`.
    pub fn time<T>(&self, work: impl FnOnce() -> T) -> T {
        let started = Instant::now();
        let done = work();
        self.record(started.elapsed());
        done
    }

    fn summary(&self) -> Option<Summary> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).summary()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOTHING: [(String, f64); 0] = [];

    #[test]
    fn a_snapshot_is_flat_sorted_and_of_floats() {
        let metrics = Metrics::default();
        metrics.counter("master/x").add(2);
        metrics.counter("master/x").increment();
        metrics.gauge("master/uptime_secs", || 1.5);
        metrics.timer("never_ms");
        let text = metrics.to_json([("master/elected".to_owned(), 1.0)]);
        assert_eq!(text, r#"{"master/elected":1.0,"master/uptime_secs":1.5,"master/x":3.0}"#);
    }

    #[test]
    fn a_timer_has_the_keys_of_mesos() {
        let metrics = Metrics::default();
        let timer = metrics.timer("allocator/mesos/allocation_run_ms");
        timer.record(Duration::from_millis(10));
        timer.record(Duration::from_millis(20));
        let snapshot = metrics.snapshot(NOTHING);
        let keys: Vec<&str> =
            snapshot.keys().filter_map(|key| key.rsplit_once("_ms").map(|(_, end)| end)).collect();
        assert_eq!(keys, ["", "/count", "/max", "/min", "/p50", "/p90", "/p95", "/p99", "/p999", "/p9999"]);
        assert_eq!(snapshot["allocator/mesos/allocation_run_ms"], 20.0);
        assert_eq!(snapshot["allocator/mesos/allocation_run_ms/p50"], 15.0);
    }

    /// A dashboard must find its numbers before anything has happened.
    #[test]
    fn what_is_declared_is_there_from_the_start() {
        let mut declarations = Declarations::default();
        declarations.counters("slave", &[("tasks_lost", "tasks lost")]);
        declarations.timers("registrar", &[("state_store_ms", "writes")]);
        let snapshot = Metrics::new(declarations).snapshot([("slave/more".to_owned(), 2.0)]);
        assert_eq!((snapshot["slave/tasks_lost"], snapshot["slave/more"]), (0.0, 2.0));
        assert!(snapshot["system/mem_total_bytes"] > 0.0);
        assert!(!snapshot.contains_key("registrar/state_store_ms"));
    }

    /// A name used for two things is a mistake, but not one that may end a master.
    #[test]
    fn a_name_of_another_kind_harms_nobody() {
        let metrics = Metrics::default();
        metrics.counter("x").increment();
        metrics.timer("x").record(Duration::from_secs(1));
        assert_eq!(metrics.snapshot(NOTHING)["x"], 1.0);
    }
}
