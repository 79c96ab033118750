//! Work directories that an earlier build has written are taken up by this one.
//!
//! `tests/e2e/fixtures/work_dirs/<version>` holds the registry of a master and the checkpoints of an agent
//! with one running task, as they lay there after a kill -9 of both. They are never written again;
//! `MEZZO_BLESS=1` adds those of this version if there are none.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use e2e_tests::{Daemons, wait_for, workspace};
use mezzo_proto::mesos::v1::{TaskState, task_status::Reason};

use crate::{
    can_make_faults,
    scheduler::{LIMIT, Scheduler, Wanted},
    small::run,
};

/// What a restart of an agent must not change is the same here whatever port the test is given.
const ADVERTISED: &str = "--advertise_port=5051";

fn fixtures() -> PathBuf {
    workspace().join("tests/e2e/fixtures/work_dirs")
}

/// Every former version's agent comes back with its id, and its task's framework hears of the end that
/// came since then: by a reboot, or, where the machine has not been started again since, by the kill.
#[test]
fn work_dirs_of_former_versions_are_taken_up() {
    if !can_make_faults() {
        return;
    }
    let own = fixtures().join(env!("CARGO_PKG_VERSION"));
    if !own.exists() && std::env::var_os("MEZZO_BLESS").is_some() {
        record(&own);
    }
    let versions: Vec<_> = fs::read_dir(fixtures()).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert!(!versions.is_empty(), "there is one of each version");
    for version in versions {
        take_up(&version);
    }
}

fn take_up(version: &Path) {
    let facts: serde_json::Value =
        serde_json::from_slice(&fs::read(version.join("facts.json")).unwrap()).unwrap();
    let fact = |name: &str| facts[name].as_str().unwrap().to_owned();
    let mut daemons = Daemons::new(1);
    daemons.agent_flags.push(ADVERTISED.to_owned());
    copy(&version.join("master"), &daemons.dir.path().join("master"));
    copy(&version.join("meta"), &daemons.dir.path().join("agent-0/meta"));
    daemons.start_master().unwrap();
    daemons.start_agent(0).unwrap();
    daemons
        .wait_for_agents(1)
        .unwrap_or_else(|error| panic!("{}: {error}\n{}", version.display(), daemons.last_words("agent-0")));
    let state = daemons.state().unwrap();
    assert_eq!(state["slaves"][0]["id"], fact("agent").as_str(), "{}", version.display());

    let scheduler = Scheduler::resubscribe(&daemons.master_address(), true, &fact("framework"));
    let (state, reason) = match fact("boot_id") == boot_id() {
        false => (TaskState::TaskGone, Reason::AgentRestarted),
        true => (TaskState::TaskFailed, Reason::ExecutorTerminated),
    };
    let (_, status) = scheduler.wait_for("runs", state);
    assert_eq!(status.reason(), reason, "{status:?}");
    scheduler.launch(&Wanted::new("after", "true"));
    scheduler.wait_for("after", TaskState::TaskFinished);
}

/// Of the running kernel, random(4).
fn boot_id() -> String {
    fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap().trim().to_owned()
}

/// Writes down what this version leaves behind.
fn record(version: &Path) {
    let mut daemons = Daemons::new(1);
    daemons.agent_flags.push(ADVERTISED.to_owned());
    daemons.start_master().unwrap();
    daemons.start_agent(0).unwrap();
    daemons.wait_for_agents(1).unwrap();
    let scheduler = Scheduler::subscribe(&daemons.master_address(), true);
    scheduler.run(&Wanted::new("runs", "sleep 1000"));
    let (meta, id) = (daemons.dir.path().join("agent-0/meta"), scheduler.framework());
    let log = || fs::read_dir(meta.join("tasks")).ok()?.next()?.ok().map(|entry| entry.path());
    wait_for("the acknowledgements on disk", LIMIT, || {
        let pending = daemons.words("agent-0");
        (!pending.is_empty() && fs::metadata(log()?).ok()?.len() > 0).then_some(())
    })
    .unwrap();
    let agent = daemons.state().unwrap()["slaves"][0]["id"].clone();
    daemons.kill_agent(0);
    daemons.kill_master();
    copy(&meta, &version.join("meta"));
    fs::create_dir_all(version.join("master")).unwrap();
    let registry = "master/registry.redb";
    fs::copy(daemons.dir.path().join(registry), version.join(registry)).unwrap();
    let facts = serde_json::json!({ "agent": agent, "framework": id, "boot_id": boot_id() });
    fs::write(version.join("facts.json"), format!("{facts:#}\n")).unwrap();
    daemons.start_master().unwrap();
    daemons.start_agent(0).unwrap();
    daemons.wait_for_agents(1).unwrap();
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to.parent().unwrap()).unwrap();
    run(Command::new("cp").args(["-r", "--no-preserve=mode,ownership"]).arg(from).arg(to));
}
