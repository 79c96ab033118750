//! What a container cannot see and cannot touch.

use std::fs;

use mezzo_model::container::Isolation;
use node_tests::{World, exit_code};

#[test]
fn processes_of_the_host_are_not_seen() {
    let Some(mut world) = World::linux() else { return };
    let end = world
        .run(world.plan("c1", "cat /proc/1/comm; ls /proc | grep '^[0-9]' | wc -l; echo $$; kill -0 $PPID"));
    assert_eq!(exit_code(&end), Some(0));
    let said = world.stdout("c1");
    let lines: Vec<&str> = said.lines().collect();
    assert_eq!(lines[0], "mezzo-super");
    // The supervisor, the shell and the parts of this pipe.
    assert!(lines[1].parse::<usize>().unwrap() <= 5, "{lines:?}");
    assert_eq!(lines[2], "2");
}

#[test]
fn supervisor_cannot_be_signalled_from_inside() {
    let Some(mut world) = World::linux() else { return };
    let end = world
        .run(world.plan("c1", "kill -KILL 1; kill -TERM 1; kill -STOP 1; kill -HUP 1; sleep 0.2; exit 6"));
    assert_eq!(exit_code(&end), Some(6));
}

#[test]
fn tmp_is_the_containers_own_and_lies_in_the_sandbox() {
    let Some(mut world) = World::linux() else { return };
    let name = format!("{}-probe", world.cgroups_root());
    let host = std::path::Path::new("/tmp").join(&name);
    fs::write(&host, "host").unwrap();
    let mut plan = world.plan("c1", &format!("ls -A /tmp; echo mine > /tmp/{name}; stat -c %a /tmp"));
    plan.user = Some("nobody".to_owned());
    let end = world.run(plan);
    let seen = fs::read_to_string(&host);
    fs::remove_file(&host).unwrap();
    assert_eq!(exit_code(&end), Some(0), "{}", world.stderr("c1"));
    assert_eq!(world.stdout("c1"), "1777\n");
    assert_eq!(seen.unwrap(), "host");
    assert_eq!(fs::read_to_string(world.sandbox("c1").join(".tmp").join(&name)).unwrap(), "mine\n");
}

#[test]
fn mounts_do_not_leave_the_container() {
    let Some(mut world) = World::linux() else { return };
    let end = world.run(
        world.plan("c1", "mkdir m && mount -t tmpfs none m && touch m/x && grep -c \"$PWD/m \" /proc/mounts"),
    );
    assert_eq!(exit_code(&end), Some(0), "{}", world.stderr("c1"));
    let table = fs::read_to_string("/proc/self/mounts").unwrap();
    assert!(!table.contains(world.sandbox("c1").to_str().unwrap()));
    assert!(!world.sandbox("c1").join("m/x").exists());
}

#[test]
fn host_name_is_the_hosts_but_changing_it_changes_nothing_outside() {
    let Some(mut world) = World::linux() else { return };
    let before = fs::read_to_string("/proc/sys/kernel/hostname").unwrap();
    let end = world.run(world.plan("c1", "cat /proc/sys/kernel/hostname; echo inside > /proc/sys/kernel/hostname; cat /proc/sys/kernel/hostname"));
    assert_eq!(exit_code(&end), Some(0), "{}", world.stderr("c1"));
    assert_eq!(world.stdout("c1"), format!("{before}inside\n"));
    assert_eq!(fs::read_to_string("/proc/sys/kernel/hostname").unwrap(), before);
}

#[test]
fn queues_and_shared_memory_are_not_shared() {
    let Some(mut world) = World::linux() else { return };
    let end = world.run(
        world.plan("c1", "ipcmk -M 4096 >/dev/null && ipcs -m | grep -c 0x; readlink /proc/self/ns/ipc"),
    );
    assert_eq!(exit_code(&end), Some(0), "{}", world.stderr("c1"));
    let said = world.stdout("c1");
    assert!(said.starts_with("1\n"), "{said}");
    assert!(!said.contains(fs::read_link("/proc/self/ns/ipc").unwrap().to_str().unwrap()));
}

#[test]
fn control_groups_look_like_the_root_from_inside() {
    let Some(mut world) = World::linux() else { return };
    let mut plan = world.plan("c1", "cat /proc/self/cgroup");
    plan.limits.pids_max = Some(100);
    let end = world.run(plan);
    assert_eq!(exit_code(&end), Some(0));
    let said = world.stdout("c1");
    for controller in ["freezer", "pids"] {
        assert!(said.lines().any(|line| line.ends_with(&format!(":{controller}:/"))), "{said}");
    }
    assert!(!said.contains(world.cgroups_root()), "{said}");
}

/// Each wall by itself: none of them is needed for another.
#[test]
fn every_set_of_walls_works() {
    let Some(mut world) = World::linux() else { return };
    let kinds = ["mnt", "pid", "ipc", "uts", "cgroup"];
    for bits in 0..32u32 {
        let has = |at: usize| bits & (1 << at) != 0;
        let id = format!("c{bits}");
        let mut plan = world.plan(&id, "for n in mnt pid ipc uts cgroup; do readlink /proc/self/ns/$n; done");
        plan.isolation =
            Isolation::Linux { mount: has(0), pid: has(1), ipc: has(2), uts: has(3), cgroup: has(4) };
        let end = world.run(plan);
        assert_eq!(exit_code(&end), Some(0), "{bits:05b} {}", world.stderr(&id));
        let said = world.stdout(&id);
        for (at, (kind, inside)) in kinds.iter().zip(said.lines()).enumerate() {
            let outside = fs::read_link(format!("/proc/self/ns/{kind}")).unwrap();
            // A /proc of one's own needs a mount of one's own.
            let is_walled = has(at) || (*kind == "mnt" && has(1));
            assert_eq!(inside != outside.to_str().unwrap(), is_walled, "{bits:05b} {kind}");
        }
    }
}
