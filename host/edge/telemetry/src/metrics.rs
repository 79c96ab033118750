//! Numbers: counters, gauges and timers, by Mesos's names.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use serde_json::{Map, Value};

use crate::samples::{PERCENTILES, Samples};

/// A registry of numbers. Clones are the same registry.
#[derive(Clone, Default)]
pub struct Metrics {
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
    /// A registry that shows the machine's own numbers, `system/…`.
    pub fn with_system() -> Self {
        let metrics = Self::default();
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

    /// Everything, flat, in the order of the names; a timer that never ran is left out.
    pub fn snapshot(&self) -> BTreeMap<String, f64> {
        let mut numbers = BTreeMap::new();
        for (name, entry) in self.entries().iter() {
            match entry {
                Entry::Counter(counter) => {
                    numbers.insert(name.clone(), counter.get() as f64);
                }
                Entry::Gauge(value) => {
                    numbers.insert(name.clone(), value());
                }
                Entry::Timer(timer) => timer.write(name, &mut numbers),
            }
        }
        numbers
    }

    /// `/metrics/snapshot`: this registry and what else there is to show.
    pub fn to_json(&self, more: impl IntoIterator<Item = (String, f64)>) -> String {
        let mut numbers = self.snapshot();
        numbers.extend(more);
        let map: Map<String, Value> =
            numbers.into_iter().map(|(name, value)| (name, Value::from(value))).collect();
        Value::Object(map).to_string()
    }

    fn entries(&self) -> std::sync::MutexGuard<'_, BTreeMap<String, Entry>> {
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

    fn write(&self, name: &str, numbers: &mut BTreeMap<String, f64>) {
        let summary = self.0.lock().unwrap_or_else(PoisonError::into_inner).summary();
        let Some(summary) = summary else { return };
        numbers.insert(name.to_owned(), summary.last);
        numbers.insert(format!("{name}/count"), summary.count as f64);
        numbers.insert(format!("{name}/min"), summary.min);
        numbers.insert(format!("{name}/max"), summary.max);
        for ((share, _), value) in PERCENTILES.iter().zip(summary.percentiles) {
            numbers.insert(format!("{name}/{share}"), value);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
        let snapshot = metrics.snapshot();
        let keys: Vec<&str> =
            snapshot.keys().filter_map(|key| key.rsplit_once("_ms").map(|(_, end)| end)).collect();
        assert_eq!(keys, ["", "/count", "/max", "/min", "/p50", "/p90", "/p95", "/p99", "/p999", "/p9999"]);
        assert_eq!(snapshot["allocator/mesos/allocation_run_ms"], 20.0);
        assert_eq!(snapshot["allocator/mesos/allocation_run_ms/p50"], 15.0);
    }

    /// A name used for two things is a mistake, but not one that may end a master.
    #[test]
    fn a_name_of_another_kind_harms_nobody() {
        let metrics = Metrics::default();
        metrics.counter("x").increment();
        metrics.timer("x").record(Duration::from_secs(1));
        assert_eq!(metrics.snapshot()["x"], 1.0);
    }
}
