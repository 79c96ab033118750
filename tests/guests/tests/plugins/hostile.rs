//! Whatever a guest does, it is stopped, named, and gone.

use std::time::{Duration, Instant};

use mezzo_slots::{Failure, Proposal};
use mezzo_wasm::{Level, Limits};

use super::{HOSTILE, Lines, cluster, start};

fn after(deed: &str, limits: Limits) -> (Result<Proposal, Failure>, Result<Proposal, Failure>, Lines) {
    let settings = format!(r#"{{"do":"{deed}","from":2}}"#);
    let (mut guest, lines, _) = start(&HOSTILE, &settings, limits).expect("it starts well");
    let honest = guest.step(&cluster(1, true)).expect("its first round is honest");
    assert_eq!(honest.grants.agent, [0, 1]);
    let outcome = guest.step(&cluster(2, false));
    let next = guest.step(&cluster(3, false));
    (outcome, next, lines)
}

fn failure_of(deed: &str, limits: Limits) -> Failure {
    let (outcome, next, _) = after(deed, limits);
    // A guest that failed may hold its state half changed: it is never asked again.
    assert_eq!(next, Err(Failure::Gone));
    outcome.expect_err("the deed is a failure")
}

fn short() -> Limits {
    Limits { step_cpu_max: Duration::from_millis(30), ..Limits::default() }
}

#[test]
fn a_panic_is_a_trap() {
    let (outcome, _, lines) = after("trap", Limits::default());
    assert!(matches!(outcome, Err(Failure::Trap(_))), "{outcome:?}");
    let said = lines.all();
    assert!(said.iter().any(|line| line.level == Level::Warn && line.text.contains("as told")), "{said:?}");
}

/// On a busy machine the clock passes without the guest running, so its deadline is one of
/// processor time; an endless loop uses that up, however slowly.
#[test]
fn a_loop_ends_at_its_deadline_of_processor_time() {
    match failure_of("loop", short()) {
        Failure::Deadline { cpu_ms, limit_ms: 30 } => assert!((30..1_000).contains(&cpu_ms), "{cpu_ms} ms"),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_hoarder_stops_at_its_memory() {
    let limits = Limits { memory_bytes_max: 16 << 20, ..Limits::default() };
    assert_eq!(failure_of("memory", limits), Failure::Memory { limit_bytes: 16 << 20 });
}

#[test]
fn a_recursion_ends_with_its_stack() {
    let failure = failure_of("recurse", Limits::default());
    // Which stack ends first, the engine's or the one in the guest's memory, is the toolchain's affair.
    let is_stack = |why: &str| why.contains("stack") || why.contains("out of bounds memory");
    assert!(matches!(&failure, Failure::Trap(why) if is_stack(why)), "{failure:?}");
}

#[test]
fn an_answer_beyond_its_bytes_is_not_taken_in() {
    let failure = failure_of("huge", Limits { answer_bytes_max: 1 << 20, ..Limits::default() });
    assert_eq!(failure, Failure::TooLarge { limit_bytes: 1 << 20 });
}

#[test]
fn columns_of_different_lengths_are_malformed() {
    let failure = failure_of("ragged", Limits::default());
    assert_eq!(failure, Failure::Malformed("5 agents and 2 seekers in `grants`".to_owned()));
}

#[test]
fn an_exit_is_a_trap_that_says_so() {
    // WASI tells success from failure only, whatever number the guest gave.
    assert_eq!(failure_of("exit", Limits::default()), Failure::Trap("it exited with status 1".to_owned()));
}

/// A sleeping guest would hold the host's thread where no deadline reaches.
#[test]
fn a_guest_that_waits_traps_at_once() {
    let began = Instant::now();
    let failure = failure_of("sleep", Limits::default());
    assert!(failure.to_string().contains("a plugin cannot wait"), "{failure}");
    assert!(began.elapsed() < Duration::from_secs(60));
}

#[test]
fn giving_up_is_a_failure_with_the_plugins_words() {
    assert_eq!(failure_of("give-up", Limits::default()), Failure::Gave("not today".to_owned()));
}

#[test]
fn a_flood_of_lines_is_cut() {
    let limits =
        Limits { lines_per_second_max: 5, step_cpu_max: Duration::from_secs(60), ..Limits::default() };
    let (outcome, _, lines) = after("flood", limits);
    outcome.expect("writing much is no failure");
    let count = lines.all().len();
    assert!((5..500).contains(&count), "{count} of 20,000 lines came through");
}

/// Clocks stand at the batch's time and chance follows from its seed: two instances told the same
/// give the same answer, even through a hash map's random order.
#[test]
fn time_and_chance_come_from_the_batch() {
    let tell = |seed| {
        let (mut guest, ..) = start(&HOSTILE, r#"{"do":"tell"}"#, Limits::default()).expect("it starts");
        let batch = mezzo_slots::Batch { seed, ..cluster(1, true) };
        guest.step(&batch).expect("an answer").next_wakeup_ms.expect("it tells")
    };
    let told = tell(42);
    assert_eq!(told / 100_000, 1_700_000_000_123);
    assert_eq!(told, tell(42));
    assert!((0..20).any(|seed| tell(seed) != told), "chance follows from the seed");
}

/// What the ledger judges comes through as it is: the edge knows no slots.
#[test]
fn ghosts_and_wrong_rounds_are_for_the_ledger() {
    let (ghosts, ..) = after("ghost", Limits::default());
    assert_eq!(ghosts.expect("a proposal").grants.agent, [0, 1, 4_000_000_000]);
    let (wrong, ..) = after("wrong-round", Limits::default());
    assert_eq!(wrong.expect("a proposal").round, 1);
}

#[test]
fn figures_are_kept_by_name() {
    let (mut guest, _, figures) =
        start(&HOSTILE, r#"{"do":"honest"}"#, Limits::default()).expect("it starts");
    guest.step(&cluster(1, true)).expect("an answer");
    guest.step(&cluster(2, false)).expect("an answer");
    assert_eq!(figures.all().get("rounds"), Some(&2.0));
}

#[test]
fn settings_that_the_plugin_refuses_are_told() {
    let failure = start(&HOSTILE, r#"{"do":"good"}"#, Limits::default()).expect_err("an unknown deed");
    let text = failure.to_string();
    assert_eq!(text, "cannot be loaded: the settings do not fit: no deed is called `good`");
}
