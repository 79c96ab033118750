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

use e2e_tests::{Daemons, get, get_json, wait_for};

/// No answer of a healthy master takes this long, however busy the machine.
const ANSWER_MAX: Duration = Duration::from_secs(3);

/// The guest is honest for four rounds, traps on its fifth, loops for ever on its sixth and then grants
/// what does not exist. The master stays right and responsive, the task never notices, and the slot
/// recovers by itself: first with the same plugin and the ledger's facts, then with the embedded one.
#[test]
fn task_prints_on_while_the_allocator_misbehaves() {
    let mut daemons = Daemons::new(1);
    let plugin = daemons.dir.path().join("hostile.wasm");
    fs::write(&plugin, guests::allocator_hostile()).unwrap();
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

    let log = fs::read_to_string(daemons.dir.path().join("master.log")).unwrap();
    for sign in ["trapped", "no answer after", "faulty row", "takes over"] {
        assert!(log.contains(sign), "the log never said `{sign}`:\n{log}");
    }
    let ended = daemons.mezzo(&["run", "--name=after", "--command=true"]).status().unwrap();
    assert!(ended.success(), "a new task runs with the embedded allocator");
    let state = get_json(daemons.master_port, "/state").unwrap();
    assert_eq!(
        state["slaves"][0]["used_resources"]["cpus"], 0.1,
        "only the printer holds something: {state}"
    );

    printer.kill().unwrap();
    printer.wait().unwrap();
    reader.join().unwrap();
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
        let log = fs::read_to_string(daemons.dir.path().join("master.log")).unwrap_or_default();
        log.contains("takes over").then_some(())
    })
    .unwrap_or_else(|error| panic!("{error}\n{}", daemons.last_words("master")));
    for mut task in short_tasks {
        let ended = wait_for("a short task", Duration::from_secs(60), || task.try_wait().unwrap());
        assert!(ended.unwrap().success(), "every short task ran in the end");
    }
    slowest
}
