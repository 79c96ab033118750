//! Destroying leaves nothing, whatever state a container is in and whatever it tries.

use std::{fs, time::Duration};

use mezzo_model::container::{Ask, Report, Stage};
use node_tests::{Left, World, signal_of};

use crate::launch::fetch;

#[test]
fn running_container_is_ended_and_both_are_reported() {
    let Some(mut world) = World::linux() else { return };
    world.launch(world.plan("c1", "trap '' TERM HUP INT; sleep 60 & sleep 60"));
    world.destroy("c1");
    assert_eq!(signal_of(&world.exited("c1")), Some(9));
    assert_eq!(world.left(), Left::default());
}

#[test]
fn daemon_that_cut_all_ties_is_ended() {
    let Some(mut world) = World::linux() else { return };
    let daemon = "setsid sh -c '(setsid sh -c \"touch ready; sleep 60\" </dev/null >/dev/null 2>&1 &)'";
    world.launch(world.plan("c1", &format!("{daemon}; sleep 60")));
    let ready = world.sandbox("c1").join("ready");
    world.wait_while(|| !ready.exists(), "the daemon");
    world.destroy("c1");
    assert_eq!(world.left(), Left::default());
}

/// The command has ended; what it left behind ends with it, not only when somebody asks.
#[test]
fn daemon_ends_with_the_command() {
    let Some(mut world) = World::linux() else { return };
    world.launch(world.plan("c1", "(setsid sleep 60 &) ; sleep 0.2"));
    world.exited("c1");
    world.wait_while(|| !world.left().processes.is_empty(), "the daemon's end");
    world.destroy("c1");
}

#[test]
fn fork_bomb_is_ended() {
    let Some(mut world) = World::linux() else { return };
    let mut plan = world.plan("c1", "echo ready; b() { b | b & }; b; while :; do b; done");
    plan.limits.pids_max = Some(300);
    world.launch(plan);
    world.wait_for_output("c1", "ready");
    std::thread::sleep(Duration::from_millis(200));
    world.destroy("c1");
    assert_eq!(world.left(), Left::default());
}

/// Without a pid namespace only the freezer holds it still.
#[test]
fn fork_bomb_without_a_pid_namespace_is_ended() {
    let Some(mut world) = World::linux() else { return };
    let mut plan = world.plan("c1", "echo ready; b() { b | b & }; b; while :; do b; done");
    plan.limits.pids_max = Some(100);
    plan.isolation = mezzo_model::container::Isolation::Linux {
        mount: true,
        pid: false,
        ipc: false,
        uts: false,
        cgroup: false,
    };
    world.launch(plan);
    world.wait_for_output("c1", "ready");
    std::thread::sleep(Duration::from_millis(200));
    world.destroy("c1");
    assert_eq!(world.left(), Left::default());
}

/// A task that is root may make groups below its own.
#[test]
fn groups_that_the_task_made_are_removed() {
    let Some(mut world) = World::linux() else { return };
    let root = world.cgroups_root().to_owned();
    let below = format!("/sys/fs/cgroup/freezer/{root}/c1/a/b");
    world.launch(
        world.plan(
            "c1",
            &format!("mkdir -p {below}; sleep 60 & echo $! > {below}/tasks; echo ready; sleep 60"),
        ),
    );
    world.wait_for_output("c1", "ready");
    world.destroy("c1");
    assert_eq!(world.left(), Left::default());
}

#[test]
fn ended_container_is_removed_and_again_is_as_good() {
    let Some(mut world) = World::linux() else { return };
    world.launch(world.plan("c1", "true"));
    world.exited("c1");
    world.destroy("c1");
    world.destroy("c1");
    world.destroy("nobody-knows-it");
    assert_eq!(world.left(), Left::default());
    assert!(world.sandbox("c1").join("stdout").exists());
}

/// Asked twice while it goes on: one report is enough, a second does no harm, none would.
#[test]
fn destruction_that_is_repeated_is_answered() {
    let Some(mut world) = World::linux() else { return };
    world.launch(world.plan("c1", "sleep 60"));
    world.ask(Ask::Destroy { container: "c1".into() });
    world.ask(Ask::Destroy { container: "c1".into() });
    world.destroyed("c1");
    assert_eq!(world.left(), Left::default());
}

#[test]
fn fetch_is_stopped() {
    let Some(mut world) = World::linux() else { return };
    world.fetch_with(async |request: mezzo_containers::FetchRequest| {
        fs::write(request.sandbox.join("begun"), "").map_err(|error| error.to_string())?;
        tokio::time::sleep(Duration::from_secs(3_600)).await;
        Ok(())
    });
    for (at, how) in ["destroy", "signal"].into_iter().enumerate() {
        let id = format!("c{at}");
        let mut plan = world.plan(&id, "true");
        plan.fetch = vec![fetch("x")];
        world.ask(Ask::Launch(Box::new(plan)));
        let begun = world.sandbox(&id).join("begun");
        world.wait_while(|| !begun.exists(), "the fetch");
        if how == "signal" {
            world.ask(Ask::Signal { container: id.as_str().into(), signal: 15, to_all: false });
        } else {
            world.destroy(&id);
        }
        assert_eq!(world.launch_failed(&id).0, Stage::Fetch);
        assert_eq!(world.left(), Left::default());
    }
}

/// At every moment of a launch: the launch is answered, the destruction is answered, nothing stays.
#[test]
fn launch_is_overtaken_at_any_moment() {
    let Some(mut world) = World::linux() else { return };
    for at in 0..60u64 {
        let id = format!("c{at}");
        let mut plan = world.plan(&id, "sleep 60");
        plan.limits.pids_max = Some(10);
        world.ask(Ask::Launch(Box::new(plan)));
        std::thread::sleep(Duration::from_micros(at * 50));
        world.ask(Ask::Destroy { container: id.as_str().into() });
        world.destroyed(&id);
        let is_answer =
            |report: &Report| matches!(report, Report::Launched { .. } | Report::LaunchFailed { .. });
        if let Report::Launched { .. } = world.wait_for(&id, is_answer) {
            world.exited(&id);
        }
        assert_eq!(world.left(), Left::default(), "{at}");
    }
}

/// A supervisor that was stopped answers nobody.
#[test]
fn stopped_supervisor_does_not_hold_up_the_end() {
    let Some(mut world) = World::linux() else { return };
    let pid = world.launch(world.plan("c1", "sleep 60"));
    let supervisor = mezzo_linux::pidfd::PidFd::of(world.supervisor_of(pid)).unwrap();
    supervisor.signal(19).unwrap();
    world.destroy("c1");
    assert_eq!(world.left(), Left::default());
}

#[test]
fn all_at_once_are_ended() {
    let Some(mut world) = World::linux() else { return };
    let ids: Vec<String> = (0..30).map(|at| format!("c{at}")).collect();
    for id in &ids {
        world.ask(Ask::Launch(Box::new(world.plan(id, "sleep 60"))));
    }
    for id in &ids {
        world.ask(Ask::Destroy { container: id.as_str().into() });
    }
    for id in &ids {
        world.destroyed(id);
    }
    assert_eq!(world.left(), Left::default());
}
