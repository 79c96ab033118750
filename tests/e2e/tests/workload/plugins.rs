//! Allocators that are swapped, rehearsed, taken back and put in quarantine on a live master.

use std::{
    path::{Path, PathBuf},
    process::Output,
    time::Duration,
};

use e2e_tests::{Daemons, get_json, post_bytes, wait_for};
use serde_json::Value;

use crate::wordcount::Wordcount;

const LIMIT: Duration = Duration::from_secs(60);

/// A plugin that is honest, as a file.
fn honest(daemons: &Daemons) -> PathBuf {
    let [_, _, (name, random)] = guests::allocators_shipped();
    file(daemons, name, &random)
}

/// A plugin that passes every check and does its deed in the fifth round or later.
fn that_does(daemons: &Daemons, deed: &str) -> PathBuf {
    file(daemons, deed, &guests::allocator_that_does(deed, 5))
}

fn file(daemons: &Daemons, name: &str, bytes: &[u8]) -> PathBuf {
    let path = daemons.dir.path().join(format!("{name}.wasm"));
    std::fs::write(&path, bytes).unwrap();
    path
}

fn plugin(daemons: &Daemons, words: &[&str]) -> Output {
    daemons.mezzo(&[&["plugin"], words].concat()).output().unwrap()
}

fn swap(daemons: &Daemons, file: &Path, words: &[&str]) -> Output {
    plugin(daemons, &[&["swap", "allocator", &file.display().to_string()], words].concat())
}

/// What was said by a command that went well.
fn said(output: &Output) -> String {
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{out}\n{err}");
    out.into_owned()
}

/// What was said by a command that failed.
fn refused(output: &Output) -> String {
    assert!(!output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn slot(daemons: &Daemons) -> Value {
    get_json(daemons.master_port, "/api/v1/plugins").unwrap()["slots"][0].clone()
}

/// What happened, as pairs of a plugin's name and an event.
fn history(daemons: &Daemons) -> Vec<(String, String)> {
    let shown = get_json(daemons.master_port, "/api/v1/plugins/history").unwrap();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let events = shown["history"].as_array().unwrap().iter();
    events.map(|event| (text(&event["name"]), text(&event["event"]))).collect()
}

/// Waits until the plugin of this name serves: who it is, is known once it is loaded.
fn until_serves(daemons: &Daemons, name: &str) {
    let serves = || (slot(daemons)["serving"]["name"] == name).then_some(());
    wait_for(name, LIMIT, serves).unwrap_or_else(|error| panic!("{error}: {}", slot(daemons)));
}

/// Makes rounds happen: a task that runs to its end.
fn task(daemons: &Daemons) {
    let ended = daemons.mezzo(&["run", "--name=short", "--command=true"]).output().unwrap();
    assert!(ended.status.success(), "{}", String::from_utf8_lossy(&ended.stderr));
}

/// What an operator swapped in serves on after a kill -9, until it is taken back.
#[test]
fn a_swapped_plugin_outlasts_the_master_and_can_be_taken_back() {
    let mut daemons = Daemons::start(1).unwrap();
    until_serves(&daemons, "drf");
    let text = said(&swap(&daemons, &honest(&daemons), &["--probation=3600"]));
    assert!(text.starts_with("random ") && text.contains("serves"), "{text}");
    let shown = slot(&daemons);
    assert_eq!((&shown["state"], &shown["companion"]["state"]), (&"probation".into(), &"standing-by".into()));
    task(&daemons);

    daemons.kill_master();
    daemons.start_master().unwrap();
    daemons.wait_for_agents(1).unwrap();
    task(&daemons);
    let after = slot(&daemons);
    assert_eq!(after["serving"]["digest"], shown["serving"]["digest"], "the choice is durable");
    assert!(after["serving"]["figures"]["rows"].as_u64() > Some(0), "it granted the task's offer: {after}");
    assert!(history(&daemons).contains(&("random".into(), "swapped".into())), "so is the history");

    let back = said(&plugin(&daemons, &["rollback", "allocator"]));
    assert!(back.contains("allocator"), "{back}");
    until_serves(&daemons, "drf");
    task(&daemons);
    daemons.kill_master();
    daemons.start_master().unwrap();
    // So is the way back.
    until_serves(&daemons, "drf");
    let none = refused(&plugin(&daemons, &["rollback", "allocator"]));
    assert!(none.contains("there is none to go back to"), "{none}");
}

/// Good plugins and bad ones come and go while a workload runs; it ends right, and whatever trapped or
/// lied is out again by itself.
#[test]
fn a_workload_ends_right_while_its_allocator_is_swapped() {
    let daemons = Daemons::start(2).unwrap();
    let run = Wordcount::start(&daemons, &["--linger", "1"]);
    let files = [honest(&daemons), that_does(&daemons, "trap"), that_does(&daemons, "ghost")];
    for file in files.iter().chain([&files[0]]) {
        // A bad one may be out before the command has seen it serve.
        swap(&daemons, file, &[]);
        task(&daemons);
    }
    let result = run.finish();
    assert_eq!(result.result()["equal"], true);
    let shown = slot(&daemons);
    assert_eq!(shown["serving"]["digest"], slot(&daemons)["serving"]["digest"]);
    let events = history(&daemons);
    let count = |kind: &str| events.iter().filter(|(_, event)| event == kind).count();
    assert!(count("swapped") >= 3, "{events:?}");
    assert_eq!(count("rests"), 0, "somebody always served: {events:?}");
    let last = get_json(daemons.master_port, "/api/v1/plugins/history").unwrap();
    let texts: Vec<&str> =
        last["history"].as_array().unwrap().iter().filter_map(|event| event["text"].as_str()).collect();
    for why in ["trapped", "faulty row"] {
        assert!(
            texts.iter().any(|text| text.contains("serves again") && text.contains(why)),
            "{why}: {texts:#?}"
        );
    }
}

/// A plugin that is out again and again is not taken any more, and says why.
#[test]
fn repeated_faults_end_in_quarantine() {
    let daemons = Daemons::start(1).unwrap();
    for _ in 0..5 {
        task(&daemons);
    }
    let trap = that_does(&daemons, "trap");
    for time in 1..=3 {
        swap(&daemons, &trap, &[]);
        task(&daemons);
        wait_for("the way back", LIMIT, || {
            let back = history(&daemons).iter().filter(|(_, event)| event == "went-back").count();
            (back == time).then_some(())
        })
        .unwrap();
        until_serves(&daemons, "drf");
    }
    let text = refused(&swap(&daemons, &trap, &[]));
    assert!(text.contains("is in quarantine: it was out 3 times") && text.contains("trapped"), "{text}");
    let listed = said(&plugin(&daemons, &["list"]));
    assert!(listed.contains("quarantined") && listed.contains("it was out 3 times"), "{listed}");
    let digest = slot(&daemons)["quarantined"][0]["digest"].as_str().unwrap().to_owned();
    said(&plugin(&daemons, &["release", "allocator", &digest[..12]]));
    assert_eq!(slot(&daemons)["quarantined"], serde_json::json!([]));
}

#[test]
fn a_rehearsal_tells_who_would_have_got_what() {
    let daemons = Daemons::start(1).unwrap();
    let text = said(&swap(&daemons, &honest(&daemons), &["--shadow=3"]));
    assert!(text.contains("rehearsal: 3 of 3 round(s) compared"), "{text}");
    let report = slot(&daemons)["rehearsal"].clone();
    assert_eq!((&report["rounds"], &report["rounds_wanted"]), (&3.into(), &3.into()));

    let before = slot(&daemons)["serving"]["digest"].clone();
    let text = refused(&swap(&daemons, &that_does(&daemons, "trap"), &["--shadow=20"]));
    assert!(text.contains("does not come to serve: it failed: trapped"), "{text}");
    assert_eq!(slot(&daemons)["serving"]["digest"], before);
}

/// Whatever is handed in that cannot serve is told so in words for its author, and nothing changes.
#[test]
fn what_cannot_serve_is_refused_with_the_reason() {
    let daemons = Daemons::start(0).unwrap();
    let drf = guests::allocator_drf();
    let deed = |deed: &str| guests::allocator_that_does(deed, 1);
    let bodies: Vec<(Vec<u8>, &str)> = vec![
        (b"#!/bin/sh\n".to_vec(), "this is not WebAssembly"),
        (drf[..drf.len() / 2].to_vec(), "truncated or damaged"),
        (b"\0asm\x01\0\0\0".to_vec(), "build it for a component target"),
        (guests::component(&[]), "build it against wit/v1 with that world"),
        (guests::importing("wasi:http/outgoing-handler@0.2.3"), "which needs the grant `http`"),
        (guests::importing("wasi:cli/stdin@0.3.0"), "which this host does not have"),
        (deed("trap"), "in round 1, the plugin failed: trapped"),
        (deed("loop"), "no answer after"),
        // On a slow machine the time is over before the memory is.
        (deed("memory"), "in round 1, the plugin failed: "),
        (deed("recurse"), "in round 1, the plugin failed: trapped"),
        (deed("huge"), "in round 1, the plugin failed: "),
        (deed("ragged"), "malformed answer"),
        (deed("exit"), "it exited with status 1"),
        (deed("give-up"), "gave up: not today"),
        (deed("wrong-round"), "it is for round 0"),
        (deed("ghost"), "which is not in use"),
        (deed("uninvited"), "which the masks exclude"),
        (Vec::new(), "the bytes of a component"),
    ];
    for (body, why) in bodies {
        let (status, answer) =
            post_bytes(daemons.master_port, "/api/v1/plugins/swap?kind=allocator", &body).unwrap();
        let answer = String::from_utf8_lossy(&answer);
        assert_eq!(status, 400, "{why}: {answer}");
        assert!(answer.contains(why), "{why}: {answer}");
    }
    let queries = [
        ("swap", "", 400, "to name a slot: allocator"),
        ("swap", "?kind=sorter", 400, "There is no slot 'sorter'"),
        ("swap", "?kind=allocator&shadow=-1", 400, "'shadow' to be a whole number"),
        ("swap", "?kind=allocator&shadows=1", 400, "'shadows' is no parameter"),
        ("swap", "?kind=allocator&require_equal=true", 400, "'require_equal' needs 'shadow'"),
        ("swap", "?kind=allocator&settings=[1]", 400, "to be an object of JSON"),
        ("swap", "?kind=allocator&settings=%7B%22a%22%3A1%7D", 400, "the allocator `drf` has no settings"),
        ("swap", "?kind=allocator", 409, "serves already with these parameters"),
        ("rollback", "?kind=allocator", 409, "there is none to go back to"),
        ("release", "?kind=allocator", 400, "Expecting 'plugin'"),
        ("release", "?kind=allocator&plugin=ab", 400, "give at least six of its digits"),
        ("release", "?kind=allocator&plugin=abcdef", 404, "no plugin `abcdef` is in quarantine"),
        ("swop", "?kind=allocator", 404, "Not Found"),
        ("history", "", 405, "Expecting one of { 'GET' }"),
    ];
    for (path, query, wanted, why) in queries {
        let path = format!("/api/v1/plugins/{path}{query}");
        let (status, answer) = post_bytes(daemons.master_port, &path, drf).unwrap();
        let answer = String::from_utf8_lossy(&answer);
        assert_eq!(status, wanted, "{path}: {answer}");
        assert!(answer.contains(why), "{path}: {answer}");
    }
    until_serves(&daemons, "drf");
    assert_eq!(history(&daemons).iter().filter(|(_, event)| event != "started").count(), 0);
    let kept = daemons.dir.path().join("master/plugins/sha256");
    assert_eq!(std::fs::read_dir(kept).unwrap().count(), 0, "nothing of it is kept");
}

/// The author's own tools, which need no cluster.
#[test]
fn a_file_is_inspected_and_checked_without_a_cluster() {
    let daemons = Daemons::new(0);
    let good = honest(&daemons).display().to_string();
    let text = said(&plugin(&daemons, &["inspect", &good]));
    assert!(
        text.contains("export   mezzo:plugin/allocation@1.0.0") && text.contains("mezzo:plugin/allocator"),
        "{text}"
    );
    let checked: Value = serde_json::from_str(&said(&plugin(&daemons, &["check", &good, "--json"]))).unwrap();
    assert_eq!(checked["name"], "random");
    let text = refused(&plugin(&daemons, &["check", &good, "--param", "speed=1"]));
    assert!(text.contains("has no settings"), "{text}");
    let bad = file(&daemons, "bad", &guests::allocator_that_does("ghost", 2)).display().to_string();
    let text = refused(&plugin(&daemons, &["check", &bad]));
    assert!(text.contains("in round 2") && text.contains("which is not in use"), "{text}");
    let none = file(&daemons, "none", b"text").display().to_string();
    let text = refused(&plugin(&daemons, &["inspect", &none]));
    assert!(text.contains("is no plugin") && text.contains("this is not WebAssembly"), "{text}");
}
