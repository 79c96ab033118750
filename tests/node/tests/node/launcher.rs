//! The launcher may die at any moment; nobody but the log notices.

use std::time::Duration;

use mezzo_linux::pidfd::PidFd;
use mezzo_model::container::Ask;
use node_tests::{World, exit_code};

#[test]
fn killed_launcher_is_replaced_and_containers_go_on() {
    let Some(mut world) = World::linux() else { return };
    let pid = world.launch(world.plan("c1", "while ! [ -e go ]; do sleep 0.02; done; exit 9"));
    let launcher = PidFd::of(world.launcher_pid().unwrap()).unwrap();
    launcher.kill();
    launcher.wait(Duration::from_secs(10));
    assert_eq!(exit_code(&world.run(world.plan("c2", "exit 4"))), Some(4));
    assert!(mezzo_linux::process_table::of(pid).is_some());
    std::fs::write(world.sandbox("c1").join("go"), "").unwrap();
    assert_eq!(exit_code(&world.exited("c1")), Some(9));
    world.destroy("c1");
}

/// Killed with plans in its hands: each is begun exactly once.
#[test]
fn launches_in_flight_are_begun_once() {
    let Some(mut world) = World::linux() else { return };
    for round in 0..5 {
        let ids: Vec<String> = (0..20).map(|at| format!("c{round}-{at}")).collect();
        for id in &ids {
            world.ask(Ask::Launch(Box::new(world.plan(id, &format!("echo {id} begun; exit 5")))));
        }
        std::thread::sleep(Duration::from_millis(round * 4));
        if let Some(launcher) = world.launcher_pid().and_then(|pid| PidFd::of(pid).ok()) {
            launcher.kill();
        }
        for id in &ids {
            assert_eq!(exit_code(&world.exited(id)), Some(5), "{id}");
            assert_eq!(world.stdout(id), format!("{id} begun\n"));
            world.destroy(id);
        }
    }
}

/// The agent ends right after it has asked: the next one finds each container or nothing of it.
#[test]
fn launches_of_an_agent_that_ends_are_found_or_were_never() {
    let Some(mut world) = World::linux() else { return };
    let ids: Vec<String> = (0..20).map(|at| format!("c{at}")).collect();
    for id in &ids {
        world.ask(Ask::Launch(Box::new(world.plan(id, "sleep 60"))));
    }
    std::thread::sleep(Duration::from_millis(10));
    world.restart();
    let known: Vec<&str> = ids.iter().map(String::as_str).collect();
    let (found, lost, orphans) = world.recover(&known);
    assert_eq!(found.len() + lost.len(), 20);
    assert_eq!(orphans, 0);
    let left = world.left();
    assert_eq!(left.files.len(), found.len());
    for id in &ids {
        world.destroy(id);
    }
}
