//! The machine's own numbers, under Mesos's names.

use std::fs;

use mezzo_model::figure::Declarations;

use crate::Metrics;

/// What the machine says of itself. What it does not tell is 0.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct System {
    /// Load averages over 1, 5 and 15 minutes.
    pub load: [f64; 3],
    /// CPUs that this process may use.
    pub cpus_total: u64,
    /// Memory there is.
    pub memory_total_bytes: u64,
    /// Memory that nobody uses.
    pub memory_free_bytes: u64,
}

impl System {
    /// Asks the kernel. Reads two short files of `/proc`, which wait for no disk.
    pub fn now() -> Self {
        let text = |path| fs::read_to_string(path).unwrap_or_default();
        let (load_text, memory_text) = (text("/proc/loadavg"), text("/proc/meminfo"));
        Self {
            load: [0, 1, 2].map(|place| load(&load_text, place).unwrap_or(0.0)),
            cpus_total: std::thread::available_parallelism().map_or(0, |cpus| cpus.get() as u64),
            memory_total_bytes: memory(&memory_text, "MemTotal:").unwrap_or(0),
            memory_free_bytes: memory(&memory_text, "MemFree:").unwrap_or(0),
        }
    }
}

/// The keys of [`add_to`].
pub(crate) fn declarations() -> Declarations {
    let mut all = Declarations::default();
    all.gauges(
        "system",
        &[
            ("load_1min", "load average of the host over 1 minute"),
            ("load_5min", "load average of the host over 5 minutes"),
            ("load_15min", "load average of the host over 15 minutes"),
            ("cpus_total", "CPUs of the host"),
            ("mem_total_bytes", "memory of the host"),
            ("mem_free_bytes", "free memory of the host"),
        ],
    );
    all
}

/// Adds `system/…` to a registry.
pub(crate) fn add_to(metrics: &Metrics) {
    metrics.gauge("system/cpus_total", || System::now().cpus_total as f64);
    metrics.gauge("system/mem_total_bytes", || System::now().memory_total_bytes as f64);
    metrics.gauge("system/mem_free_bytes", || System::now().memory_free_bytes as f64);
    for (name, place) in [("system/load_1min", 0), ("system/load_5min", 1), ("system/load_15min", 2)] {
        metrics.gauge(name, move || System::now().load[place]);
    }
}

/// `0.10 0.20 0.30 1/234 567`
fn load(text: &str, place: usize) -> Option<f64> {
    text.split_whitespace().nth(place)?.parse().ok()
}

/// `MemTotal:  16384 kB`
fn memory(text: &str, field: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix(field))?;
    let kibibytes: u64 = line.split_whitespace().next()?.parse().ok()?;
    kibibytes.checked_mul(1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernels_texts_are_read() {
        assert_eq!(load("0.10 0.20 0.30 1/234 567\n", 1), Some(0.2));
        assert_eq!(load("", 0), None);
        let text = "MemTotal:       16384 kB\nMemFree:         8192 kB\n";
        assert_eq!(memory(text, "MemFree:"), Some(8_388_608));
        assert_eq!(memory(text, "Nothing:"), None);
    }
}
