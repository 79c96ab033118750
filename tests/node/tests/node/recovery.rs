//! Containers outlive their agent; another agent finds them, and only them.

use std::fs;

use mezzo_model::ids::ContainerId;
use node_tests::{Left, World, exit_code};

#[test]
fn running_container_is_found_and_its_end_reported() {
    let Some(mut world) = World::linux() else { return };
    let pid = world.launch(world.plan("c1", "while ! [ -e go ]; do sleep 0.02; done; exit 9"));
    world.restart();
    let (found, lost, orphans) = world.recover(&["c1"]);
    assert_eq!((found, lost, orphans), (vec![("c1".into(), pid)], vec![], 0));
    fs::write(world.sandbox("c1").join("go"), "").unwrap();
    assert_eq!(exit_code(&world.exited("c1")), Some(9));
    world.destroy("c1");
}

#[test]
fn found_container_can_be_signalled_and_destroyed() {
    let Some(mut world) = World::linux() else { return };
    world.launch(world.plan("c1", "trap 'exit 3' TERM; echo ready; while :; do sleep 0.02; done"));
    world.launch(world.plan("c2", "sleep 60"));
    world.wait_for_output("c1", "ready");
    world.restart();
    assert_eq!(world.recover(&["c1", "c2"]).0.len(), 2);
    world.ask(mezzo_model::container::Ask::Signal { container: "c1".into(), signal: 15, to_all: false });
    assert_eq!(exit_code(&world.exited("c1")), Some(3));
    world.destroy("c1");
    world.destroy("c2");
    assert_eq!(world.left(), Left::default());
}

#[test]
fn status_is_kept_while_nobody_watches() {
    let Some(mut world) = World::linux() else { return };
    let pid = world.launch(world.plan("c1", "while ! [ -e go ]; do sleep 0.02; done; exit 9"));
    world.stop();
    fs::write(world.sandbox("c1").join("go"), "").unwrap();
    let status = world.runtime_dir().join("containers/c1/status");
    world.wait_while(|| !status.exists(), "the end");
    world.restart();
    assert_eq!(world.recover(&["c1"]), (vec![("c1".into(), pid)], vec![], 0));
    assert_eq!(exit_code(&world.exited("c1")), Some(9));
    world.destroy("c1");
}

#[test]
fn what_nobody_knows_is_destroyed_and_what_is_known_stays() {
    let Some(mut world) = World::linux() else { return };
    let pid = world.launch(world.plan("known", "sleep 60"));
    world.launch(world.plan("running", "sleep 60"));
    world.launch(world.plan("ended", "true"));
    world.exited("ended");
    world.stop();
    let group = format!("/sys/fs/cgroup/pids/{}/only-a-group", world.cgroups_root());
    fs::create_dir(&group).unwrap();
    world.restart();
    let (found, lost, orphans) = world.recover(&["known", "never-was"]);
    assert_eq!(found, [(ContainerId::from("known"), pid)]);
    assert_eq!(lost, [ContainerId::from("never-was")]);
    assert_eq!(orphans, 3);
    let left = world.left();
    assert_eq!(left.files, ["known"]);
    assert!(left.groups.iter().all(|group| group.ends_with("/known")), "{left:?}");
    world.destroy("known");
}

/// A reboot ends everything; what lies in the directory is from before.
#[test]
fn containers_of_a_former_boot_are_lost() {
    let Some(mut world) = World::linux() else { return };
    world.launch(world.plan("c1", "true"));
    world.exited("c1");
    world.stop();
    fs::write(world.runtime_dir().join("boot_id"), "another").unwrap();
    world.restart();
    assert_eq!(world.recover(&["c1"]), (vec![], vec!["c1".into()], 0));
    assert_eq!(world.left(), Left::default());
}

#[test]
fn killed_supervisor_takes_the_container_with_it() {
    let Some(mut world) = World::linux() else { return };
    let pid = world.launch(world.plan("c1", "setsid sleep 60 & sleep 60"));
    mezzo_linux::pidfd::PidFd::of(world.supervisor_of(pid)).unwrap().kill();
    assert_eq!(world.exited("c1").wait_status, None);
    world.wait_while(|| !world.left().processes.is_empty(), "the command's end");
    world.destroy("c1");
}

#[test]
fn killed_supervisor_while_nobody_watched_is_a_lost_container() {
    let Some(mut world) = World::linux() else { return };
    let pid = world.launch(world.plan("c1", "sleep 60"));
    let supervisor = mezzo_linux::pidfd::PidFd::of(world.supervisor_of(pid)).unwrap();
    world.stop();
    supervisor.kill();
    supervisor.wait(std::time::Duration::from_secs(10));
    world.restart();
    assert_eq!(world.recover(&["c1"]), (vec![], vec!["c1".into()], 0));
    assert_eq!(world.left(), Left::default());
}

/// Half a record is not a status: a disk was full, or a machine was not quite dead.
#[test]
fn spoiled_status_is_no_status() {
    let Some(mut world) = World::linux() else { return };
    world.launch(world.plan("c1", "true"));
    world.exited("c1");
    world.stop();
    fs::write(world.runtime_dir().join("containers/c1/status"), "half").unwrap();
    world.restart();
    assert_eq!(world.recover(&["c1"]), (vec![], vec!["c1".into()], 0));
}

/// The agent whose root lies above another's must not end the other's containers.
#[test]
fn root_of_another_agent_is_not_an_orphan() {
    let Some(mut outer) = World::linux() else { return };
    let root = format!("{}/agent-1", outer.cgroups_root());
    let Some(mut inner) = World::linux_at(&root) else { return };
    inner.launch(inner.plan("c1", "sleep 60"));
    assert_eq!(outer.recover(&[]), (vec![], vec![], 0));
    inner.restart();
    assert_eq!(inner.recover(&["c1"]).0.len(), 1);
    inner.destroy("c1");
    drop(inner);
}

/// The agent has to be able to come back twice.
#[test]
fn recovery_survives_recovery() {
    let Some(mut world) = World::linux() else { return };
    let pid = world.launch(world.plan("c1", "sleep 60"));
    for _ in 0..3 {
        world.restart();
        for _ in 0..2 {
            assert_eq!(world.recover(&["c1"]), (vec![("c1".into(), pid)], vec![], 0));
        }
    }
    world.destroy("c1");
}

/// A later agent may ask an earlier supervisor for what it does not know; it must say so and go on.
#[test]
fn supervisor_answers_what_it_does_not_know() {
    use mezzo_linux::{frame, packet};
    use mezzo_proto::{Message as _, mezzo::store::v1::SupervisorAnswer};

    let Some(mut world) = World::linux() else { return };
    let pid = world.launch(world.plan("c1", "sleep 60"));
    let socket = world.runtime_dir().join("containers/c1/socket");
    // A request of field 15, which this version has not; then bytes that are no request at all.
    for request in [frame::seal(&[0x7a, 0x00]), b"nonsense".to_vec()] {
        let call = packet::Packets::connect(&socket).unwrap();
        call.send(&request, None).unwrap();
        assert!(call.wait(std::time::Duration::from_secs(10)));
        let mut buffer = vec![0; packet::PACKET_BYTES_MAX];
        let Ok(packet::Received::Packet(length, _)) = call.receive(&mut buffer, false) else {
            panic!("no answer");
        };
        let answer = SupervisorAnswer::decode(frame::open(&buffer[..length]).unwrap()).unwrap();
        assert_eq!((answer.version, answer.pid), (1, pid));
        assert!(!answer.error.is_empty());
    }
    // One that connects and says nothing does not hold it up for long.
    let silent = packet::Packets::connect(&socket).unwrap();
    world.destroy("c1");
    drop(silent);
}
