//! The launcher that needs nothing: a session each.

use std::time::Duration;

use mezzo_linux::pidfd::PidFd;
use mezzo_model::container::{Isolation, Stage};
use node_tests::{Left, World, exit_code, linux_walls, signal_of};

#[test]
fn command_runs_in_a_session_of_its_own() {
    let mut world = World::posix();
    let end = world.run(world.plan("c1", "cut -d' ' -f6 /proc/$$/stat; echo $$; exit 7"));
    assert_eq!(exit_code(&end), Some(7));
    let said = world.stdout("c1");
    let lines: Vec<&str> = said.lines().collect();
    assert_eq!(lines[0], lines[1]);
}

#[test]
fn children_that_cut_their_ties_are_destroyed() {
    let mut world = World::posix();
    world.launch(world.plan("c1", "(setsid sh -c 'sleep 60 & touch ready; sleep 60' &) ; sleep 60"));
    let ready = world.sandbox("c1").join("ready");
    world.wait_while(|| !ready.exists(), "the daemon");
    world.destroy("c1");
    assert_eq!(signal_of(&world.exited("c1")), Some(9));
    assert_eq!(world.left(), Left::default());
}

#[test]
fn status_is_kept_and_running_ones_are_found() {
    let mut world = World::posix();
    let pid = world.launch(world.plan("c1", "sleep 60"));
    let other = world.launch(world.plan("c2", "while ! [ -e go ]; do sleep 0.02; done; exit 9"));
    world.stop();
    std::fs::write(world.sandbox("c2").join("go"), "").unwrap();
    let status = world.runtime_dir().join("containers/c2/status");
    world.wait_while(|| !status.exists(), "the end");
    world.restart();
    assert_eq!(world.recover(&["c1", "c2"]).0, [("c1".into(), pid), ("c2".into(), other)]);
    assert_eq!(exit_code(&world.exited("c2")), Some(9));
    world.destroy("c1");
    world.destroy("c2");
    assert_eq!(world.left(), Left::default());
}

#[test]
fn command_does_not_outlive_its_supervisor() {
    let mut world = World::posix();
    let pid = world.launch(world.plan("c1", "sleep 60 & sleep 60"));
    PidFd::of(world.supervisor_of(pid)).unwrap().kill();
    assert_eq!(world.exited("c1").wait_status, None);
    world.wait_while(|| !world.left().processes.is_empty(), "the session's end");
    world.destroy("c1");
}

#[test]
fn walls_are_refused_by_a_node_without_them() {
    let mut world = World::posix();
    let mut plan = world.plan("c1", "true");
    plan.isolation = linux_walls();
    assert_eq!(world.launch_fails(plan).0, Stage::Prepare);
}

/// The whole thing as an ordinary user: this test program again, as `nobody`.
#[test]
fn ordinary_user_runs_containers() {
    if mezzo_linux::account::effective_uid() != 0 {
        // Then every other test in this file was that already.
        return;
    }
    // Built as root, or `nobody` would try to.
    let init = tempfile::Builder::new().prefix("mezzo-init").tempfile_in("/var/tmp").unwrap();
    std::fs::write(init.path(), node_tests::init()).unwrap();
    let program =
        tempfile::Builder::new().prefix("mezzo-test").tempfile_in("/var/tmp").unwrap().into_temp_path();
    std::fs::copy(std::env::current_exe().unwrap(), &program).unwrap();
    for file in [init.path(), &*program] {
        std::fs::set_permissions(file, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    }
    let output = std::process::Command::new("setpriv")
        .args(["--reuid=65534", "--regid=65534", "--clear-groups"])
        .arg(&program)
        .args(["posix::", "start::", "--skip", "ordinary_user", "--test-threads=1"])
        .env("MEZZO_INIT", init.path())
        .current_dir("/var/tmp")
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{said}{}", String::from_utf8_lossy(&output.stderr));
    assert!(said.contains("command_runs_in_a_session_of_its_own ... ok"), "{said}");
}

#[test]
fn another_user_needs_root() {
    let mut world = World::posix();
    let mut plan = world.plan("c1", "id -u");
    plan.user = Some("games".to_owned());
    if mezzo_linux::account::effective_uid() == 0 {
        assert_eq!(exit_code(&world.run(plan)), Some(0));
        return;
    }
    let (stage, message) = world.launch_fails(plan);
    assert_eq!(stage, Stage::Prepare);
    assert_eq!(message, "Cannot run as `games`: the agent is not root but `nobody`");
}

#[test]
fn fork_bomb_is_destroyed() {
    let mut world = World::posix();
    assert_eq!(world.plan("x", "").isolation, Isolation::None);
    world.launch(world.plan(
        "c1",
        "echo ready; for i in 1 2 3 4 5 6 7 8; do (while :; do (sleep 0.01 &); done) & done; wait",
    ));
    world.wait_for_output("c1", "ready");
    std::thread::sleep(Duration::from_millis(200));
    world.destroy("c1");
    assert_eq!(world.left(), Left::default());
}
