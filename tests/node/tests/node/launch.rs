//! A command is started, says something, ends; or cannot be started, and says why.

use std::{fs, os::unix::fs::MetadataExt as _, time::Duration};

use mezzo_model::container::{Ask, Fetch, Report, Stage};
use node_tests::{World, exit_code, signal_of};

#[test]
fn command_runs_in_its_sandbox_and_its_status_is_reported() {
    let Some(mut world) = World::linux() else { return };
    let end = world.run(world.plan("c1", "pwd; echo oops >&2; exit 7"));
    assert_eq!(exit_code(&end), Some(7));
    assert_eq!(end.limitation, None);
    assert_eq!(world.stdout("c1").trim(), world.sandbox("c1").to_str().unwrap());
    assert_eq!(world.stderr("c1"), "oops\n");
}

/// With a sandbox below /tmp the private /tmp would cover it.
#[test]
fn sandbox_below_tmp_is_still_at_its_place() {
    let Some(mut world) = World::linux_in("/tmp") else { return };
    let sandbox = world.sandbox("c1").display().to_string();
    let script = format!(
        "pwd; echo x > {sandbox}/made; ls -A /tmp | wc -l; cat /proc/self/mountinfo | grep -c ' /tmp'"
    );
    let end = world.run(world.plan("c1", &script));
    assert_eq!(exit_code(&end), Some(0), "{}", world.stderr("c1"));
    assert_eq!(world.stdout("c1").lines().next(), Some(sandbox.as_str()));
    assert_eq!(fs::read_to_string(world.sandbox("c1").join("made")).unwrap(), "x\n");
    assert_eq!(world.stdout("c1").lines().nth(1), Some("1"));
}

#[test]
fn argv_and_environment_are_exactly_the_plans() {
    let Some(mut world) = World::linux() else { return };
    let mut plan = world.plan("c1", "");
    plan.program = "printenv".to_owned();
    plan.argv = vec!["printenv".to_owned()];
    plan.environment.push(("GREETING".to_owned(), "a b\n=ü".to_owned()));
    let environment: String =
        plan.environment.iter().map(|(name, value)| format!("{name}={value}\n")).collect();
    assert_eq!(exit_code(&world.run(plan)), Some(0));
    assert_eq!(world.stdout("c1"), environment);
}

/// More than a packet holds: the plan travels as a file.
#[test]
fn environment_of_a_megabyte_arrives() {
    let Some(mut world) = World::linux() else { return };
    let mut plan = world.plan("c1", "printenv | wc -c");
    for at in 0..10 {
        plan.environment.push((format!("BIG{at}"), "x".repeat(100_000)));
    }
    assert_eq!(exit_code(&world.run(plan)), Some(0), "{}", world.stderr("c1"));
    assert!(world.stdout("c1").trim().parse::<usize>().unwrap() > 1_000_000);
}

#[test]
fn environment_that_no_kernel_takes_is_refused() {
    let Some(mut world) = World::linux() else { return };
    let mut plan = world.plan("c1", "true");
    plan.environment.push(("BIG".to_owned(), "x".repeat(200_000)));
    let (stage, message) = world.launch_fails(plan.clone());
    assert_eq!(
        (stage, message.as_str()),
        (Stage::Run, "Failed to execute `/bin/sh`: Argument list too long (os error 7)")
    );
    plan.environment.push(("HUGE".to_owned(), "x".repeat(9_000_000)));
    let (stage, message) = world.launch_fails(plan);
    assert_eq!(stage, Stage::Prepare);
    assert!(message.contains("8388608 are the limit"), "{message}");
}

#[test]
fn command_runs_as_its_user_and_owns_its_sandbox() {
    let Some(mut world) = World::linux() else { return };
    let mut plan = world.plan("c1", "id -u; id -g; id -G; touch mine; cat /etc/shadow");
    plan.user = Some("nobody".to_owned());
    assert_eq!(exit_code(&world.run(plan)), Some(1));
    assert_eq!(world.stdout("c1"), "65534\n65534\n65534\n");
    assert!(world.stderr("c1").contains("Permission denied"));
    for file in [world.sandbox("c1"), world.sandbox("c1").join("mine"), world.sandbox("c1").join("stdout")] {
        let about = fs::metadata(&file).unwrap();
        assert_eq!((about.uid(), about.gid()), (65534, 65534), "{}", file.display());
    }
    assert_eq!(fs::metadata(world.sandbox("c1")).unwrap().mode() & 0o777, 0o750);
}

#[test]
fn unknown_user_fails_before_anything_is_made() {
    let Some(mut world) = World::linux() else { return };
    let mut plan = world.plan("c1", "true");
    plan.user = Some("nobody-knows-me".to_owned());
    let (stage, message) = world.launch_fails(plan);
    assert_eq!(stage, Stage::Prepare);
    assert_eq!(message, "Failed to find user `nobody-knows-me`: no such user on this host");
    assert!(!world.sandbox("c1").exists());
}

#[test]
fn program_that_cannot_be_executed_is_named_with_the_cause() {
    let Some(mut world) = World::linux() else { return };
    let cases = [
        ("/no/such", "Failed to execute `/no/such`: No such file or directory (os error 2)"),
        (
            "no-such-program",
            "Failed to execute `no-such-program` in PATH `/usr/local/bin:/usr/bin:/bin`: No such file or directory (os error 2)",
        ),
        ("/etc/passwd", "Failed to execute `/etc/passwd`: Permission denied (os error 13)"),
        ("/etc", "Failed to execute `/etc`: Permission denied (os error 13)"),
    ];
    for (at, (program, expected)) in cases.into_iter().enumerate() {
        let mut plan = world.plan(&format!("c{at}"), "");
        plan.program = program.to_owned();
        assert_eq!(world.launch_fails(plan), (Stage::Run, expected.to_owned()));
    }
    assert_eq!(world.left(), node_tests::Left::default());
}

/// As execvp(3) does it, and every scheduler's author expects.
#[test]
fn script_without_its_first_line_is_the_shells() {
    let Some(mut world) = World::linux() else { return };
    let mut plan = world.plan("c1", "");
    fs::create_dir_all(world.sandbox("c1")).unwrap();
    let script = world.sandbox("c1").join("script");
    fs::write(&script, "echo \"$0 $1\"").unwrap();
    fs::set_permissions(&script, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    plan.program = "./script".to_owned();
    plan.argv = vec!["script".to_owned(), "one".to_owned()];
    assert_eq!(exit_code(&world.run(plan)), Some(0), "{}", world.stderr("c1"));
    assert_eq!(world.stdout("c1"), "./script one\n");
}

/// What is fetched must not be able to send a command's output over a file of the host.
#[test]
fn link_in_the_place_of_stdout_is_refused() {
    let Some(mut world) = World::linux() else { return };
    fs::create_dir_all(world.sandbox("c1")).unwrap();
    let victim = world.work_dir().join("victim");
    fs::write(&victim, "intact").unwrap();
    std::os::unix::fs::symlink(&victim, world.sandbox("c1").join("stdout")).unwrap();
    let (stage, message) = world.launch_fails(world.plan("c1", "echo spoiled"));
    assert_eq!(stage, Stage::Run);
    assert!(message.starts_with("Failed to open `stdout` for the command"), "{message}");
    assert_eq!(fs::read_to_string(&victim).unwrap(), "intact");
}

/// The same for the directory that becomes /tmp.
#[test]
fn link_in_the_place_of_tmp_is_refused() {
    let Some(mut world) = World::linux() else { return };
    fs::create_dir_all(world.sandbox("c1")).unwrap();
    std::os::unix::fs::symlink("/etc", world.sandbox("c1").join(".tmp")).unwrap();
    let (stage, message) = world.launch_fails(world.plan("c1", "true"));
    assert_eq!(stage, Stage::Isolate);
    assert!(message.starts_with("Failed to make a private /tmp"), "{message}");
}

#[test]
fn name_that_leads_elsewhere_is_refused() {
    let Some(mut world) = World::linux() else { return };
    let mut plan = world.plan("c1", "true");
    plan.container = "../c1".into();
    assert_eq!(
        world.launch_fails(plan),
        (Stage::Prepare, "`../c1` cannot be the name of a container".to_owned())
    );
    world.destroy("../c1");
}

#[test]
fn command_starts_with_nothing_but_its_three_files_and_no_blocked_signal() {
    let Some(mut world) = World::linux() else { return };
    let script = "ls /proc/self/fd | tr '\\n' ' '; readlink /proc/self/fd/0; grep -E 'Sig(Blk|Ign)' /proc/self/status; umask";
    assert_eq!(exit_code(&world.run(world.plan("c1", script))), Some(0));
    // The fourth is the listing itself.
    let expected = "0 1 2 3 /dev/null\nSigBlk:\t0000000000000000\nSigIgn:\t0000000000000000\n0022\n";
    assert_eq!(world.stdout("c1"), expected);
}

#[test]
fn signal_reaches_the_command() {
    let Some(mut world) = World::linux() else { return };
    world.launch(
        world.plan("c1", "trap 'echo got it; exit 3' TERM; echo ready; while :; do sleep 0.05; done"),
    );
    world.wait_for_output("c1", "ready");
    world.ask(Ask::Signal { container: "c1".into(), signal: 15, to_all: false });
    assert_eq!(exit_code(&world.exited("c1")), Some(3));
    assert!(world.stdout("c1").contains("got it"));
    world.destroy("c1");
}

#[test]
fn signal_to_all_reaches_the_children_too() {
    let Some(mut world) = World::linux() else { return };
    let child = "sh -c \"trap 'echo child; exit' USR1; echo ready; while :; do sleep 0.05; done\"";
    world.launch(world.plan("c1", &format!("trap 'wait; exit 4' USR1; {child} & wait; wait")));
    world.wait_for_output("c1", "ready");
    world.ask(Ask::Signal { container: "c1".into(), signal: 10, to_all: true });
    assert_eq!(exit_code(&world.exited("c1")), Some(4));
    assert!(world.stdout("c1").contains("child"));
    world.destroy("c1");
}

#[test]
fn end_by_a_signal_is_told_from_an_end_by_a_code() {
    let Some(mut world) = World::linux() else { return };
    let end = world.run(world.plan("c1", "kill -SEGV $$"));
    assert_eq!((exit_code(&end), signal_of(&end)), (None, Some(11)));
}

#[test]
fn orphans_of_the_command_are_reaped_while_it_runs() {
    let Some(mut world) = World::linux() else { return };
    let script = "for i in 1 2 3 4 5; do (sleep 0.05 &) ; done; sleep 0.5; ls /proc | grep -c '^[0-9]'; cat /proc/[0-9]*/stat | grep -c ' Z ' ; true";
    assert_eq!(exit_code(&world.run(world.plan("c1", script))), Some(0));
    assert_eq!(world.stdout("c1").lines().nth(1), Some("0"));
}

#[test]
fn files_are_brought_before_the_command_runs() {
    let Some(mut world) = World::linux() else { return };
    world.fetch_with(async |request: mezzo_containers::FetchRequest| {
        tokio::time::sleep(Duration::from_millis(50)).await;
        assert_eq!(request.user.as_deref(), Some("nobody"));
        fs::write(request.sandbox.join("brought"), &request.items[0].uri).map_err(|error| error.to_string())
    });
    let mut plan = world.plan("c1", "cat brought");
    plan.user = Some("nobody".to_owned());
    plan.fetch = vec![fetch("http://here/it")];
    assert_eq!(exit_code(&world.run(plan)), Some(0), "{}", world.stderr("c1"));
    assert_eq!(world.stdout("c1"), "http://here/it");
}

#[test]
fn failed_fetch_fails_the_launch_with_its_words() {
    let Some(mut world) = World::linux() else { return };
    world.fetch_with(async |_| Err("404 for `http://here/it`".to_owned()));
    let mut plan = world.plan("c1", "true");
    plan.fetch = vec![fetch("http://here/it")];
    assert_eq!(world.launch_fails(plan), (Stage::Fetch, "404 for `http://here/it`".to_owned()));
    assert_eq!(world.left(), node_tests::Left::default());
}

/// One that panics must not leave the task starting for ever.
#[test]
fn fetcher_that_panics_fails_the_launch() {
    let Some(mut world) = World::linux() else { return };
    world.fetch_with(async |request: mezzo_containers::FetchRequest| {
        assert!(request.items.is_empty(), "a bug");
        Ok(())
    });
    let mut plan = world.plan("c1", "true");
    plan.fetch = vec![fetch("x")];
    assert_eq!(world.launch_fails(plan).0, Stage::Fetch);
}

/// Fifty slow fetches take as long as one.
#[test]
fn fifty_launches_do_not_wait_for_each_other() {
    let Some(mut world) = World::linux() else { return };
    world.fetch_with(async |_| {
        tokio::time::sleep(Duration::from_millis(500)).await;
        Ok(())
    });
    let begun = std::time::Instant::now();
    let ids: Vec<String> = (0..50).map(|at| format!("c{at}")).collect();
    for id in &ids {
        let mut plan = world.plan(id, &format!("echo {id}; exit 5"));
        plan.fetch = vec![fetch("x")];
        world.ask(Ask::Launch(Box::new(plan)));
    }
    for id in &ids {
        assert_eq!(exit_code(&world.exited(id)), Some(5));
        assert_eq!(world.stdout(id), format!("{id}\n"));
    }
    assert!(begun.elapsed() < Duration::from_secs(20), "{:?}", begun.elapsed());
    for id in &ids {
        world.destroy(id);
    }
}

/// The core may ask again after a restart of its own; the command must not run twice.
#[test]
fn launch_that_is_repeated_starts_nothing_more() {
    let Some(mut world) = World::linux() else { return };
    let plan = world.plan("c1", "echo once; sleep 60");
    let pid = world.launch(plan.clone());
    world.wait_for_output("c1", "once");
    assert_eq!(world.launch(plan), pid);
    world.destroy("c1");
    assert_eq!(world.stdout("c1"), "once\n");
    assert!(
        !world
            .others(Duration::from_millis(20))
            .iter()
            .any(|report| matches!(report, Report::Launched { .. }))
    );
}

#[test]
fn tree_below_the_work_directory_is_removed_and_no_other() {
    let Some(world) = World::linux() else { return };
    let (inside, outside) = (world.work_dir().join("a/b"), world.runtime_dir().join("kept"));
    fs::create_dir_all(&inside).unwrap();
    fs::create_dir_all(&outside).unwrap();
    std::os::unix::fs::symlink(&outside, inside.join("link")).unwrap();
    let escape = format!("{}/../run/kept", world.work_dir().display());
    for path in [escape, outside.display().to_string(), world.work_dir().join("a").display().to_string()] {
        world.ask(Ask::RemoveTree { path });
    }
    world.wait_while(|| world.work_dir().join("a").exists(), "the removal");
    assert!(outside.exists());
}

pub(crate) fn fetch(uri: &str) -> Fetch {
    Fetch { uri: uri.to_owned(), is_executable: false, unpack: false, is_cached: false, output_file: None }
}
