//! A hostile allocator serves a live master while a task goes on printing.

use std::{
    fs,
    io::{BufRead, BufReader},
    process::Stdio,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use e2e_tests::{Daemons, get, wait_for};

/// No answer of a healthy master takes this long, however busy the machine.
const ANSWER_MAX: Duration = Duration::from_secs(3);

/// The guest is honest for four rounds, traps on its fifth, loops for ever on its sixth and then grants
/// what does not exist: first the same plugin begins anew, then the embedded one takes over.
#[test]
fn task_prints_on_while_the_allocator_misbehaves() {
    bears(guests::allocator_hostile(), &["trapped", "no answer after", "faulty row"]);
}

#[test]
fn master_bears_a_memory_bomb() {
    bears(&guests::allocator_that_does("memory", 4), &["wanted more than its 268435456 bytes of memory"]);
}

#[test]
fn master_bears_a_huge_answer() {
    bears(&guests::allocator_that_does("huge", 4), &["answered with more than 67108864 bytes"]);
}

#[test]
fn master_bears_answers_for_the_wrong_round() {
    bears(
        &guests::allocator_that_does("wrong-round", 4),
        &["the proposal is for round 3, but the round is 4"],
    );
}

/// Whatever the plugin does: the master stays right and responsive, the task never notices, and the
/// slot recovers by itself. The log says which plugin did what in which round.
fn bears(guest: &[u8], signs: &[&str]) {
    let mut daemons = Daemons::new(1);
    let plugin = daemons.dir.path().join("hostile.wasm");
    fs::write(&plugin, guest).unwrap();
    daemons.master_flags.push(format!("--allocator={}", plugin.display()));
    daemons.start_master().unwrap();
    daemons.start_agent(0).unwrap();
    daemons.wait_for_agents(1).unwrap();

    let words = ["run", "--name=printer", "--command=while sleep 0.05; do echo tick; done"];
    let mut printer = daemons.mezzo(&words).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let ticks = Arc::new(AtomicUsize::new(0));
    let (lines, counted) = (BufReader::new(printer.stdout.take().unwrap()), Arc::clone(&ticks));
    let reader = std::thread::spawn(move || {
        for line in lines.lines().map_while(Result::ok) {
            assert_eq!(line, "tick");
            counted.fetch_add(1, Ordering::Relaxed);
        }
    });
    wait_for("the task's first line", Duration::from_secs(20), || {
        (ticks.load(Ordering::Relaxed) > 0).then_some(())
    })
    .unwrap();

    let slowest = until_the_embedded_one_serves(&daemons);
    assert!(slowest < ANSWER_MAX, "the master once took {slowest:?} to answer");
    let before = ticks.load(Ordering::Relaxed);
    wait_for("more lines", Duration::from_secs(10), || {
        (ticks.load(Ordering::Relaxed) > before + 5).then_some(())
    })
    .unwrap();

    let log = daemons.words("master");
    let told: Vec<_> = log.lines().filter(|l| l.contains("plugin `") && l.contains("round ")).collect();
    for sign in signs.iter().chain(&["takes over"]) {
        assert!(told.iter().any(|line| line.contains(sign)), "the log never said `{sign}`:\n{log}");
    }
    let ended = daemons.mezzo(&["run", "--name=after", "--command=true"]).status().unwrap();
    assert!(ended.success(), "a new task runs with the embedded allocator");
    let state = daemons.state().unwrap();
    assert_eq!(
        state["slaves"][0]["used_resources"]["cpus"], 0.1,
        "only the printer holds something: {state}"
    );

    printer.kill().unwrap();
    printer.wait().unwrap();
    reader.join().unwrap();
}

/// A start with a file that is no allocator ends with one error: the file, what is wrong with it, and
/// what to do.
#[test]
fn a_file_that_is_no_allocator_is_refused_at_the_start() {
    let whole = guests::allocator_drf();
    let bad: [(&[u8], &str); 5] = [
        (b"#!/bin/sh\n", "this is not WebAssembly"),
        (&whole[..whole.len() / 2], "truncated or damaged, build or copy it again"),
        (b"\0asm\x01\0\0\0", "build it for a component target"),
        (&guests::component(&[]), "build it against wit/v1 with that world"),
        (
            &guests::importing("wasi:http/outgoing-handler@0.2.3"),
            "imports `wasi:http/outgoing-handler@0.2.3`, which needs the grant `http`",
        ),
    ];
    let daemons = Daemons::new(0);
    let plugin = daemons.dir.path().join("bad.wasm");
    for (bytes, remedy) in bad {
        fs::write(&plugin, bytes).unwrap();
        let ended = daemons
            .mezzo(&["master", "--registry=in_memory", &format!("--port={}", daemons.master_port)])
            .arg(format!("--allocator={}", plugin.display()))
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&ended.stderr);
        assert!(!ended.status.success(), "{said}");
        assert!(said.contains(&plugin.display().to_string()) && said.contains(remedy), "{remedy}: {said}");
        assert_eq!(said.matches("rror").count(), 1, "one error: {said}");
    }
}

/// Makes rounds happen until the guest is out, and tells the master's slowest answer on the way.
fn until_the_embedded_one_serves(daemons: &Daemons) -> Duration {
    let mut slowest = Duration::ZERO;
    let mut number = 0;
    let mut short_tasks = Vec::new();
    wait_for("the embedded allocator to take over", Duration::from_secs(90), || {
        let asked = Instant::now();
        let status = get(daemons.master_port, "/health").map(|(status, _)| status).unwrap_or_default();
        assert_eq!(status, 200, "the master answers");
        slowest = slowest.max(asked.elapsed());
        if short_tasks.len() < 40 {
            number += 1;
            let words = [&format!("--name=short-{number}"), "--command=true"];
            let command = [&["run"], &words[..]].concat();
            short_tasks
                .push(daemons.mezzo(&command).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap());
        }
        std::thread::sleep(Duration::from_millis(100));
        daemons.words("master").contains("takes over").then_some(())
    })
    .unwrap_or_else(|error| panic!("{error}\n{}", daemons.last_words("master")));
    for mut task in short_tasks {
        let ended = wait_for("a short task", Duration::from_secs(60), || task.try_wait().unwrap());
        assert!(ended.unwrap().success(), "every short task ran in the end");
    }
    slowest
}
