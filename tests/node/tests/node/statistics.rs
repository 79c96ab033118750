//! What a container is said to use is what it uses.

use std::fs;

use mezzo_model::{container::Limits, ids::ContainerId};
use node_tests::World;

const MIB: u64 = 1 << 20;

/// Burns about a second of processor time, then holds 64 MiB: `dd` has filled its buffer and waits for
/// somebody who never reads.
const LOAD: &str = "i=0; while [ $i -lt 2000000 ]; do i=$((i+1)); done; echo burnt; \
                    dd if=/dev/zero bs=64M count=1 2>/dev/null | sleep 1000";

/// The same second by the other books of the kernel: of the shell, and of those it waits for.
fn seconds_of(shell: i32) -> f64 {
    let processes = mezzo_linux::process_table::all().expect("/proc is mounted");
    let children = processes.iter().filter(|process| process.parent == shell).map(|process| process.pid);
    children.chain([shell]).map(ticks_of).sum::<f64>() / 100.0
}

fn ticks_of(pid: i32) -> f64 {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).expect("it runs");
    let fields: Vec<&str> = stat.rsplit_once(") ").expect("a name").1.split(' ').collect();
    fields[11..15].iter().map(|field| field.parse::<f64>().expect("ticks")).sum()
}

fn is_near(found: f64, expected: f64) -> bool {
    (found - expected).abs() <= expected * 0.05
}

#[test]
fn numbers_are_those_of_the_load() {
    let Some(mut world) = World::linux() else { return };
    let mut plan = world.plan("c1", LOAD);
    plan.limits = Limits {
        cpu_shares: Some(1024),
        cpu_quota_us: Some(200_000),
        memory_soft_bytes: Some(256 * MIB),
        memory_hard_bytes: Some(256 * MIB),
        pids_max: Some(20),
    };
    let pid = world.launch(plan);
    world.wait_for_output("c1", "burnt");
    let (meter, id) = (world.meter(), ContainerId::new("c1"));
    let now = || meter.statistics(&id, Some(pid)).expect("it is there");
    world.wait_while(|| now().mem_rss_bytes < Some(64 * MIB), "64 MiB");

    let found = now();
    let burnt = found.cpus_user_time_secs.expect("counted") + found.cpus_system_time_secs.expect("counted");
    let expected = seconds_of(pid);
    assert!(is_near(burnt, expected) && expected > 0.2, "{burnt} s of {expected} s");
    let held = found.mem_rss_bytes.expect("counted") as f64;
    assert!(is_near(held, 64.0 * MIB as f64), "{held} bytes");
    assert!(found.mem_total_bytes >= found.mem_rss_bytes, "{found:?}");
    assert!(found.mem_cache_bytes.is_some() && found.mem_mapped_file_bytes.is_some(), "{found:?}");
    assert_eq!(found.mem_anon_bytes, found.mem_rss_bytes);
    // The shell, `dd` and `sleep`.
    assert_eq!((found.processes, found.threads), (Some(3), Some(3)));
    assert!(found.cpus_nr_periods > Some(0), "{found:?}");
    assert!(found.cpus_nr_throttled.is_some() && found.cpus_throttled_time_secs.is_some(), "{found:?}");
    assert!(found.timestamp > 1.5e9, "{}", found.timestamp);
    world.destroy("c1");
    assert_eq!(meter.statistics(&id, Some(pid)), None, "nothing of it is left");
}

/// Without control groups it is the processes that are counted, and what was not counted is not said.
#[test]
fn numbers_of_the_posix_launcher_are_those_of_its_processes() {
    let mut world = World::posix();
    let pid = world.launch(world.plan("c1", LOAD));
    world.wait_for_output("c1", "burnt");
    let (meter, id) = (world.meter(), ContainerId::new("c1"));
    let now = || meter.statistics(&id, Some(pid)).expect("it is there");
    world.wait_while(|| now().mem_rss_bytes < Some(64 * MIB), "64 MiB");
    let found = now();
    let burnt = found.cpus_user_time_secs.expect("counted") + found.cpus_system_time_secs.expect("counted");
    let expected = seconds_of(pid);
    assert!(is_near(burnt, expected), "{burnt} s of {expected} s");
    // What `dd` holds, and a little for each process.
    assert!((64 * MIB..80 * MIB).contains(&found.mem_rss_bytes.expect("counted")), "{found:?}");
    assert_eq!((found.mem_cache_bytes, found.cpus_nr_periods), (None, None));
    world.destroy("c1");
    assert_eq!(meter.statistics(&id, Some(pid)), None, "nothing of it is left");
}
