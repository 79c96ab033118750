//! Custom executors as their authors meet them: a Python program over the v1 executor API, started
//! by a real agent, looked at from outside.
#![forbid(unsafe_code)]
#![allow(clippy::unwrap_used, reason = "a test that panics is a test that failed")]

mod scheduler;
mod volumes;

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use e2e_tests::{Daemons, get_json, is_root, workspace};
use mezzo_proto::mesos::v1::{
    self, CommandInfo, ExecutorInfo, TaskInfo, TaskState, TaskStatus, task_status::Reason,
};
use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use scheduler::{Scheduler, scalar, task};

const MEGABYTE: u64 = 1 << 20;

/// The executor of `executor.py` under this name; 64 MB are its own.
fn executor(name: &str) -> ExecutorInfo {
    let program = workspace().join("tests/e2e/tests/executors/executor.py");
    ExecutorInfo {
        executor_id: v1::ExecutorId { value: name.to_owned() },
        r#type: Some(v1::executor_info::Type::Custom.into()),
        command: Some(CommandInfo {
            value: Some(format!("exec python3 {}", program.display())),
            ..Default::default()
        }),
        resources: vec![scalar("cpus", 0.1), scalar("mem", 64.0)],
        ..Default::default()
    }
}

/// What the kernel lets the container of this status have of memory.
fn memory_limit(status: &TaskStatus) -> Option<u64> {
    let container = status.container_status.as_ref()?.container_id.as_ref()?;
    let file = find(Path::new("/sys/fs/cgroup/memory"), &container.value, 4)?.join("memory.limit_in_bytes");
    fs::read_to_string(file).ok()?.trim().parse().ok()
}

fn find(directory: &Path, name: &str, depth: usize) -> Option<PathBuf> {
    let below =
        fs::read_dir(directory).ok()?.flatten().map(|entry| entry.path()).filter(|path| path.is_dir());
    let below: Vec<_> = below.collect();
    below.iter().find(|path| path.ends_with(name)).cloned().or_else(|| {
        let deeper = depth.checked_sub(1)?;
        below.iter().find_map(|path| find(path, name, deeper))
    })
}

fn pid(status: &TaskStatus) -> u32 {
    status.container_status.as_ref().and_then(|container| container.executor_pid).expect("its process")
}

/// Both tasks in one process; its container grows before the second is handed over; the agent is
/// killed in the middle, and nothing is told twice.
#[test]
fn tasks_share_an_executor_that_outlives_its_agent() {
    let mut daemons = Daemons::start(1).unwrap();
    let mut scheduler = Scheduler::subscribe(daemons.master_port, true);
    let executor = executor("shared");
    let first = scheduler.run(task("t1", 40.0, &executor));
    let before = memory_limit(&first);
    let second = scheduler.run(task("t2", 50.0, &executor));
    assert_eq!(pid(&first), pid(&second), "one process for both");
    if is_root() {
        assert_eq!(before, Some(104 * MEGABYTE), "the executor and the first task");
        assert_eq!(memory_limit(&second), Some(154 * MEGABYTE), "and the second");
    } else {
        println!("SKIPPED: the linux launcher needs root");
    }
    let state = get_json(daemons.agent_ports[0], "/state").unwrap();
    let shown = &state["frameworks"][0]["executors"][0];
    assert_eq!((shown["id"].as_str(), shown["type"].as_str()), (Some("shared"), Some("CUSTOM")));
    assert_eq!(shown["resources"]["mem"], 154.0);
    assert_eq!(shown["tasks"].as_array().map(Vec::len), Some(2), "{shown}");
    let state = get_json(daemons.master_port, "/state").unwrap();
    assert_eq!(state["slaves"][0]["used_resources"]["mem"], 154.0, "the master counts the executor too");

    assert_eq!(scheduler.ask(&first, "hello"), "echo hello");
    daemons.kill_agent(0);
    daemons.start_agent(0).unwrap();
    daemons.wait_for_agents(1).unwrap();
    // Sent while it may not be back yet: the kill is not forgotten.
    scheduler.kill("t1");
    let killed = scheduler.wait_for("t1", TaskState::TaskKilled);
    assert_eq!(pid(&killed), pid(&first), "the same process as before");
    assert_eq!(scheduler.history("t1"), (vec![TaskState::TaskRunning, TaskState::TaskKilled], 2));
    assert_eq!(scheduler.history("t2"), (vec![TaskState::TaskRunning], 1));

    // A third after the restart, and one that ends by itself.
    scheduler.run(task("t3", 10.0, &executor));
    scheduler.launch(task("short", 10.0, &executor));
    scheduler.wait_for("short", TaskState::TaskFinished);

    scheduler.tell(&first, "exit 3");
    assert_eq!(scheduler.wait_for_failure("shared"), 3 << 8);
    for name in ["t2", "t3"] {
        let failed = scheduler.wait_for(name, TaskState::TaskFailed);
        assert_eq!((failed.message(), failed.reason()), ("Executor terminated", Reason::ExecutorTerminated));
    }
}

/// A connection that breaks is no end: the executor subscribes again and says what was not heard.
#[test]
fn executor_whose_connection_breaks_goes_on() {
    let daemons = Daemons::start(1).unwrap();
    let mut scheduler = Scheduler::subscribe(daemons.master_port, true);
    let executor = executor("shaky");
    let first = scheduler.run(task("t1", 32.0, &executor));
    assert_eq!(scheduler.ask(&first, "cut"), "echo cut");
    let second = scheduler.run(task("t2", 32.0, &executor));
    assert_eq!(pid(&first), pid(&second));
    assert_eq!(scheduler.history("t1"), (vec![TaskState::TaskRunning], 1));
}

/// SHUTDOWN is a wish; the grace that the executor itself names is how long it may think about it.
#[test]
fn deaf_executor_is_destroyed_after_its_own_grace() {
    let daemons = Daemons::start(1).unwrap();
    let mut scheduler = Scheduler::subscribe(daemons.master_port, true);
    let grace = Duration::from_secs(4);
    let patient = ExecutorInfo {
        shutdown_grace_period: Some(v1::DurationInfo { nanoseconds: grace.as_nanos() as i64 }),
        ..executor("deaf")
    };
    let status = scheduler.run(task("t1", 32.0, &patient));
    assert_eq!(scheduler.ask(&status, "hush"), "echo hush");
    let asked = Instant::now();
    scheduler.shut_down(&status);
    assert_eq!(scheduler.wait_for_failure("deaf") & 0x7f, 9, "killed");
    assert!(asked.elapsed() >= grace, "it had all of its grace");
    scheduler.wait_for("t1", TaskState::TaskFailed);

    let status = scheduler.run(task("t2", 32.0, &executor("willing")));
    scheduler.shut_down(&status);
    assert_eq!(scheduler.wait_for_failure("willing"), 0, "it went by itself");
}

/// What an executor reads its orders from: spec of the executor API.
#[test]
fn environment_is_that_of_mesos() {
    let daemons = Daemons::start(1).unwrap();
    let mut scheduler = Scheduler::subscribe(daemons.master_port, true);
    let status = scheduler.run(task("t1", 32.0, &executor("e1")));
    let said = scheduler.ask(&status, "env");
    let environment: BTreeMap<String, String> = serde_json::from_str(&said).unwrap();
    let told = |name: &str| environment.get(name).map(String::as_str);
    let agent = format!("127.0.0.1:{}", daemons.agent_ports[0]);
    let pid = format!("slave(1)@{agent}");
    for (name, value) in [
        ("MESOS_EXECUTOR_ID", "e1"),
        ("MESOS_AGENT_ENDPOINT", agent.as_str()),
        ("MESOS_SLAVE_ID", status.agent_id.as_ref().unwrap().value.as_str()),
        ("MESOS_SLAVE_PID", pid.as_str()),
        ("MESOS_CHECKPOINT", "1"),
        ("MESOS_RECOVERY_TIMEOUT", "15mins"),
        ("MESOS_SUBSCRIPTION_BACKOFF_MAX", "2secs"),
        ("MESOS_EXECUTOR_SHUTDOWN_GRACE_PERIOD", "5secs"),
        ("MESOS_HTTP_COMMAND_EXECUTOR", "0"),
        ("MESOS_ALLOCATION_ROLE", "*"),
        ("LIBPROCESS_PORT", "0"),
    ] {
        assert_eq!(told(name), Some(value), "{name} in {said}");
    }
    let sandbox = told("MESOS_SANDBOX").unwrap();
    assert_eq!(told("MESOS_DIRECTORY"), Some(sandbox));
    assert!(sandbox.contains("/executors/e1/runs/") && Path::new(sandbox).join("stdout").exists());
    assert!(told("MESOS_FRAMEWORK_ID").is_some_and(|id| sandbox.contains(id)));

    // A command task is told the same, but no secret of the agent's.
    scheduler.launch(command("printenv", "env"));
    scheduler.wait_for("printenv", TaskState::TaskFinished);
    let framework = told("MESOS_FRAMEWORK_ID").unwrap();
    let path =
        format!("/files/read?path=/frameworks/{framework}/executors/printenv/runs/latest/stdout&offset=0");
    let printed = get_json(daemons.agent_ports[0], &path).unwrap()["data"].as_str().unwrap().to_owned();
    let missing =
        environment.keys().filter(|name| name.starts_with("MESOS_") || name.starts_with("LIBPROCESS_"));
    let missing: Vec<_> = missing.filter(|name| !printed.contains(&format!("{name}="))).collect();
    assert!(missing.is_empty(), "a command task lacks {missing:?}:\n{printed}");
    assert!(!printed.contains("AUTHENTICATION_TOKEN") && !said.contains("AUTHENTICATION_TOKEN"));
}

/// After a restart of the agent an executor has two seconds to come back; one that is stopped does not.
#[test]
fn executor_that_does_not_come_back_is_ended() {
    let mut daemons = Daemons::start(1).unwrap();
    let mut scheduler = Scheduler::subscribe(daemons.master_port, true);
    let status = scheduler.run(task("t1", 32.0, &executor("frozen")));
    kill(Pid::from_raw(pid(&status) as i32), Signal::SIGSTOP).unwrap();
    daemons.kill_agent(0);
    daemons.start_agent(0).unwrap();
    let failed = scheduler.wait_for("t1", TaskState::TaskFailed);
    assert_eq!(failed.reason(), Reason::ExecutorReregistrationTimeout);
    assert_eq!(failed.message(), "Executor did not reregister within 2secs");
    assert_eq!(scheduler.wait_for_failure("frozen") & 0x7f, 9);
}

/// A framework that does not checkpoint has its executors end with the agent; nothing is left in doubt.
#[test]
fn executor_of_a_framework_that_does_not_checkpoint_ends_with_its_agent() {
    let mut daemons = Daemons::start(1).unwrap();
    let mut scheduler = Scheduler::subscribe(daemons.master_port, false);
    scheduler.run(task("t1", 32.0, &executor("e1")));
    daemons.kill_agent(0);
    daemons.start_agent(0).unwrap();
    let failed = scheduler.wait_for("t1", TaskState::TaskFailed);
    // FAILURE is told once and not again (spec 05): here it may fall between two links.
    assert_eq!(failed.reason(), Reason::ExecutorTerminated);
}

/// An executor that never subscribes is given its time and no more.
#[test]
fn executor_that_never_subscribes_is_ended() {
    let mut daemons = Daemons::new(1);
    daemons.agent_flags.push("--executor_registration_timeout=1secs".to_owned());
    daemons.start_master().unwrap();
    daemons.start_agent(0).unwrap();
    daemons.wait_for_agents(1).unwrap();
    let mut scheduler = Scheduler::subscribe(daemons.master_port, true);
    let mut mute = executor("mute");
    mute.command = Some(CommandInfo { value: Some("sleep 1000".to_owned()), ..Default::default() });
    scheduler.launch(task("t1", 32.0, &mute));
    let failed = scheduler.wait_for("t1", TaskState::TaskFailed);
    assert_eq!(failed.reason(), Reason::ExecutorRegistrationTimeout);
    assert_eq!(failed.message(), "Executor did not register within 1secs");
}

/// A command task with this shell command.
fn command(name: &str, command: &str) -> TaskInfo {
    TaskInfo {
        executor: None,
        command: Some(CommandInfo { value: Some(command.to_owned()), ..Default::default() }),
        ..task(name, 32.0, &executor("unused"))
    }
}

/// SIGTERM may be ignored; SIGKILL follows after the grace of the kill, the task's own, or 3 s. A second
/// kill can only shorten what is left.
#[test]
fn command_that_ignores_sigterm_dies_after_its_grace() {
    const DEAF: &str = "trap '' TERM; echo deaf; while :; do sleep 0.1; done";
    let long = Duration::from_secs(3600);
    let daemons = Daemons::start(1).unwrap();
    let mut scheduler = Scheduler::subscribe(daemons.master_port, true);
    scheduler.run(command("default", DEAF));
    wait_until_deaf(&daemons, "default");
    let asked = Instant::now();
    scheduler.kill("default");
    scheduler.kill_within("default", long);
    scheduler.wait_for("default", TaskState::TaskKilled);
    assert!(asked.elapsed() >= Duration::from_secs(3), "all of its grace, and not the second's");

    let policy =
        v1::KillPolicy { grace_period: Some(v1::DurationInfo { nanoseconds: long.as_nanos() as i64 }) };
    scheduler.run(TaskInfo { kill_policy: Some(policy), ..command("patient", DEAF) });
    wait_until_deaf(&daemons, "patient");
    scheduler.kill("patient");
    let asked = Instant::now();
    scheduler.kill_within("patient", Duration::from_secs(1));
    scheduler.wait_for("patient", TaskState::TaskKilled);
    assert!(asked.elapsed() >= Duration::from_secs(1));
}

/// Its trap is set once it has said so.
fn wait_until_deaf(daemons: &Daemons, task: &str) {
    e2e_tests::wait_for("the trap", Duration::from_secs(60), || {
        let state = get_json(daemons.agent_ports[0], "/state").ok()?;
        let executors = state["frameworks"][0]["executors"].as_array()?.clone();
        let executor = executors.into_iter().find(|executor| executor["id"] == task)?;
        let stdout = Path::new(executor["directory"].as_str()?).join("stdout");
        fs::read_to_string(stdout).ok()?.contains("deaf").then_some(())
    })
    .unwrap();
}

/// How a command ends is how its task does.
#[test]
fn exit_of_a_command_is_the_end_of_its_task() {
    let daemons = Daemons::start(1).unwrap();
    let mut scheduler = Scheduler::subscribe(daemons.master_port, true);
    let argv = TaskInfo {
        command: Some(CommandInfo {
            shell: Some(false),
            value: Some("/bin/sh".to_owned()),
            arguments: vec![
                "sh".to_owned(),
                "-c".to_owned(),
                "exit $1".to_owned(),
                "x".to_owned(),
                "7".to_owned(),
            ],
            ..Default::default()
        }),
        ..command("argv", "")
    };
    let most = Some(v1::DurationInfo { nanoseconds: 2_000_000_000 });
    let late = TaskInfo { max_completion_time: most, ..command("late", "sleep 100") };
    for (task, state, message, reason) in [
        (command("right", "true"), TaskState::TaskFinished, "Command exited with status 0", None),
        (command("wrong", "exit 3"), TaskState::TaskFailed, "Command exited with status 3", None),
        (argv, TaskState::TaskFailed, "Command exited with status 7", None),
        (command("dead", "kill -9 $$"), TaskState::TaskFailed, "Command terminated with signal Killed", None),
        (late, TaskState::TaskFailed, "", Some(Reason::MaxCompletionTimeReached)),
    ] {
        let name = task.name.clone();
        scheduler.launch(task);
        let status = scheduler.wait_for(&name, state);
        assert!(status.message().starts_with(message), "{name}: {}", status.message());
        assert_eq!(status.reason.map(|_| status.reason()), reason, "{name}");
    }
}
