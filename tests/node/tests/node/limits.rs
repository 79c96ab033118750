//! Limits hold, and hitting one is said in the words that people look for.

use std::fs;

use mezzo_model::container::{Ask, Limits, Report};
use mezzo_proto::mesos::v1::task_status::Reason;
use node_tests::{World, exit_code, signal_of};

const MIB: u64 = 1 << 20;

/// Fills memory faster than any sampling would notice.
const GREEDY: &str = "exec dd if=/dev/zero of=/dev/null bs=200M count=1";

#[test]
fn quota_limits_the_share_of_processor_time() {
    let Some(mut world) = World::linux() else { return };
    // Burns for a second by the clock; prints the processor time it got, in clock ticks.
    let script = "end=$(($(cut -d. -f1 /proc/uptime)+3)); while [ $(cut -d. -f1 /proc/uptime) -lt $end ]; do :; done; \
                  cat /proc/self/cgroup >/dev/null; cut -d' ' -f14-17 /proc/$$/stat";
    let used = |world: &World, id: &str| -> u64 {
        world.stdout(id).split_whitespace().map(|ticks| ticks.parse::<u64>().unwrap()).sum()
    };
    let mut plan = world.plan("slow", script);
    plan.limits = Limits { cpu_shares: Some(102), cpu_quota_us: Some(10_000), ..Limits::default() };
    assert_eq!(exit_code(&world.run(plan)), Some(0));
    // A tenth of at most 3 s is 30 ticks; children in between count with it. An unlimited one gets near 200
    // even on a busy machine.
    let slow = used(&world, "slow");
    assert!(slow <= 45, "{slow} ticks");
}

#[test]
fn numbers_are_written_as_they_were_planned() {
    let Some(mut world) = World::linux() else { return };
    let mut plan = world.plan("c1", "sleep 60");
    plan.limits = Limits {
        cpu_shares: Some(512),
        cpu_quota_us: Some(50_000),
        memory_soft_bytes: Some(32 * MIB),
        memory_hard_bytes: Some(64 * MIB),
        pids_max: Some(20),
    };
    let pid = world.launch(plan);
    let read = |controller: &str, file: &str| {
        let path = format!("/sys/fs/cgroup/{controller}/{}/c1/{file}", world.cgroups_root());
        fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}")).trim().to_owned()
    };
    assert_eq!(read("cpu", "cpu.shares"), "512");
    assert_eq!(read("cpu", "cpu.cfs_quota_us"), "50000");
    assert_eq!(read("cpu", "cpu.cfs_period_us"), "100000");
    assert_eq!(read("memory", "memory.soft_limit_in_bytes"), (32 * MIB).to_string());
    assert_eq!(read("memory", "memory.limit_in_bytes"), (64 * MIB).to_string());
    assert_eq!(read("pids", "pids.max"), "20");
    let supervisor = world.supervisor_of(pid).to_string();
    for controller in ["cpu", "memory", "pids", "freezer"] {
        let inside = read(controller, "cgroup.procs");
        assert!(inside.lines().any(|line| line == pid.to_string()), "{controller}");
        // Or the kernel would take the witness with the culprit.
        assert!(!inside.lines().any(|line| line == supervisor), "{controller}");
    }
    world.destroy("c1");
}

/// An executor's container grows before it is given a task, and shrinks when one has ended; memory that
/// may be in use is not taken away.
#[test]
fn container_that_runs_is_resized() {
    let Some(mut world) = World::linux() else { return };
    let mut plan = world.plan("c1", "sleep 60");
    let limits = |cpu_shares, megabytes: u64| Limits {
        cpu_shares: Some(cpu_shares),
        memory_soft_bytes: Some(megabytes * MIB),
        memory_hard_bytes: Some(megabytes * MIB),
        ..Limits::default()
    };
    plan.limits = limits(512, 64);
    world.launch(plan);
    let mut resize = |number, limits| {
        world.ask(Ask::Resize { container: "c1".into(), limits, number });
        let is_that =
            |report: &Report| matches!(report, Report::Resized { number: done, .. } if *done == number);
        let Report::Resized { result, .. } = world.wait_for("c1", is_that) else { panic!("another report") };
        assert_eq!(result, Ok(()));
        let read = |controller: &str, file: &str| {
            let path = format!("/sys/fs/cgroup/{controller}/{}/c1/{file}", world.cgroups_root());
            fs::read_to_string(&path)
                .unwrap_or_else(|error| panic!("{path}: {error}"))
                .trim()
                .parse()
                .unwrap()
        };
        (read("cpu", "cpu.shares"), read("memory", "memory.limit_in_bytes"))
    };
    assert_eq!(resize(1, limits(768, 96)), (768_u64, 96 * MIB));
    assert_eq!(resize(2, limits(256, 32)), (256, 96 * MIB));
    world.destroy("c1");
    world.ask(Ask::Resize { container: "c1".into(), limits: limits(512, 64), number: 3 });
    let report = world.wait_for("c1", |report| matches!(report, Report::Resized { .. }));
    assert!(matches!(report, Report::Resized { result: Err(why), .. } if why == "the container is gone"));
}

#[test]
fn out_of_memory_ends_the_container_and_is_said() {
    let Some(mut world) = World::linux() else { return };
    let mut plan = world.plan("c1", GREEDY);
    plan.limits =
        Limits { memory_soft_bytes: Some(32 * MIB), memory_hard_bytes: Some(32 * MIB), ..Limits::default() };
    let end = world.run(plan);
    assert_eq!(signal_of(&end), Some(9));
    let limitation = end.limitation.expect("memory was the cause");
    assert_eq!(limitation.reason, Reason::ContainerLimitationMemory);
    let first = limitation.message.lines().next().unwrap_or_default().to_owned();
    assert_eq!(first, "Memory limit exceeded: Requested: 32MB Maximum Used: 32MB");
    assert!(limitation.message.contains("MEMORY STATISTICS"), "{}", limitation.message);
    assert!(limitation.message.contains("\ntotal_rss "), "{}", limitation.message);
    assert_eq!(limitation.resources[0].name, "mem");
}

/// The kernel kills one child; a container that lost a part of itself is ended as a whole.
#[test]
fn out_of_memory_in_a_child_ends_the_command_too() {
    let Some(mut world) = World::linux() else { return };
    let mut plan = world.plan("c1", &format!("(sleep 0.1; {GREEDY}) & sleep 60"));
    plan.limits.memory_hard_bytes = Some(32 * MIB);
    let end = world.run(plan);
    assert_eq!(signal_of(&end), Some(9));
    assert!(end.limitation.is_some());
}

/// Killed by somebody is not killed for memory, even with a memory limit.
#[test]
fn other_deaths_are_not_blamed_on_memory() {
    let Some(mut world) = World::linux() else { return };
    let mut plan = world.plan("c1", "kill -KILL $$");
    plan.limits.memory_hard_bytes = Some(64 * MIB);
    let end = world.run(plan);
    assert_eq!((signal_of(&end), end.limitation), (Some(9), None));
}

/// Nobody was watching when it happened.
#[test]
fn out_of_memory_while_the_agent_was_away_is_said_afterwards() {
    let Some(mut world) = World::linux() else { return };
    let mut plan = world.plan("c1", &format!("while ! [ -e go ]; do sleep 0.02; done; {GREEDY}"));
    plan.limits.memory_hard_bytes = Some(32 * MIB);
    world.launch(plan);
    world.stop();
    fs::write(world.sandbox("c1").join("go"), "").unwrap();
    let status = world.runtime_dir().join("containers/c1/status");
    world.wait_while(|| !status.exists(), "the end");
    world.restart();
    assert_eq!(world.recover(&["c1"]).0.len(), 1);
    assert!(world.exited("c1").limitation.is_some());
    world.destroy("c1");
}

#[test]
fn forks_over_the_limit_fail() {
    let Some(mut world) = World::linux() else { return };
    let mut plan = world.plan("c1", "for i in 1 2 3 4 5 6 7 8 9; do sleep 30 & done; echo never");
    plan.limits.pids_max = Some(5);
    let end = world.run(plan);
    assert_eq!(exit_code(&end), Some(2));
    assert!(world.stderr("c1").contains("annot fork"), "{}", world.stderr("c1"));
    assert_eq!(world.stdout("c1"), "");
}

/// A limit of a controller that this agent was not told to use is refused, not ignored.
#[test]
fn limit_without_its_controller_is_refused() {
    let Some(mut world) = World::linux() else { return };
    world.use_controllers(vec![]);
    let mut plan = world.plan("c1", "true");
    plan.limits.memory_hard_bytes = Some(32 * MIB);
    let (_, message) = world.launch_fails(plan);
    assert!(message.contains("`memory`"), "{message}");
    world.ask(Ask::Destroy { container: "c1".into() });
    world.destroyed("c1");
}
