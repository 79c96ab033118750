//! What is missing is said at the start, with the way out.

use mezzo_containers::{Controller, LauncherKind, Node, NodeError};
use node_tests::World;

fn refusal(world: &World, change: impl FnOnce(&mut mezzo_containers::NodeConfig)) -> String {
    let mut config = world.config();
    config.runtime_dir = world.work_dir().join("other");
    change(&mut config);
    Node::start(config, |_| {}).expect_err("it must not start").to_string()
}

#[test]
fn second_node_on_the_same_directory_is_refused() {
    let world = World::posix();
    let said = Node::start(world.config(), |_| {}).expect_err("it must not start").to_string();
    assert!(said.contains("another agent uses") && said.contains("--runtime_dir"), "{said}");
}

#[test]
fn missing_controller_is_named_with_the_way_out() {
    let world = World::posix();
    let said = refusal(&world, |config| {
        config.launcher = LauncherKind::Linux {
            cgroups_hierarchy: "/var/tmp".into(),
            cgroups_root: "mezzo-test-never".to_owned(),
            controllers: vec![Controller::Memory],
        };
    });
    if mezzo_linux::account::effective_uid() == 0 {
        assert!(said.contains("`freezer` controller is not mounted below `/var/tmp`"), "{said}");
    }
    assert!(said.contains("--launcher=posix"), "{said}");
}

#[test]
fn ordinary_user_is_told_what_root_is_for() {
    let world = World::posix();
    if mezzo_linux::account::effective_uid() == 0 {
        return;
    }
    let mut config = world.config();
    config.runtime_dir = world.work_dir().join("other");
    config.launcher = LauncherKind::Linux {
        cgroups_hierarchy: "/sys/fs/cgroup".into(),
        cgroups_root: "mezzo-test-never".to_owned(),
        controllers: vec![],
    };
    assert!(matches!(Node::start(config, |_| {}), Err(NodeError::NotRoot)));
}

#[test]
fn program_that_does_not_start_is_an_error_at_the_start() {
    let world = World::posix();
    let said = refusal(&world, |config| config.init = b"not a program".as_slice().into());
    assert!(said.contains("failed to start the launcher"), "{said}");
}

#[test]
fn directory_that_cannot_be_made_is_named() {
    let world = World::posix();
    let said = refusal(&world, |config| config.runtime_dir = "/proc/none/run".into());
    assert!(said.contains("/proc/none/run") && said.contains("--runtime_dir"), "{said}");
}
