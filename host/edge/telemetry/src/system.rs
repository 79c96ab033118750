//! The machine's own numbers, under Mesos's names.

use std::fs;

use crate::Metrics;

/// Adds `system/…` to a registry. What the machine does not tell is left at 0.
pub(crate) fn add_to(metrics: &Metrics) {
    metrics.gauge("system/cpus_total", || {
        std::thread::available_parallelism().map_or(0.0, |cpus| cpus.get() as f64)
    });
    for (name, place) in [("system/load_1min", 0), ("system/load_5min", 1), ("system/load_15min", 2)] {
        metrics.gauge(name, move || {
            load(&fs::read_to_string("/proc/loadavg").unwrap_or_default(), place).unwrap_or(0.0)
        });
    }
    for (name, field) in [("system/mem_total_bytes", "MemTotal:"), ("system/mem_free_bytes", "MemFree:")] {
        metrics.gauge(name, move || {
            memory(&fs::read_to_string("/proc/meminfo").unwrap_or_default(), field).unwrap_or(0.0)
        });
    }
}

/// `0.10 0.20 0.30 1/234 567`
fn load(text: &str, place: usize) -> Option<f64> {
    text.split_whitespace().nth(place)?.parse().ok()
}

/// `MemTotal:  16384 kB`
fn memory(text: &str, field: &str) -> Option<f64> {
    let line = text.lines().find_map(|line| line.strip_prefix(field))?;
    let kibibytes: f64 = line.split_whitespace().next()?.parse().ok()?;
    Some(kibibytes * 1024.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernels_texts_are_read() {
        assert_eq!(load("0.10 0.20 0.30 1/234 567\n", 1), Some(0.2));
        assert_eq!(load("", 0), None);
        let text = "MemTotal:       16384 kB\nMemFree:         8192 kB\n";
        assert_eq!(memory(text, "MemFree:"), Some(8_388_608.0));
        assert_eq!(memory(text, "Nothing:"), None);
    }
}
