//! Swaps, rehearsals and ways back.

use super::*;

/// The script of a swap without a fault: no round between the two is missed, and the one before is let
/// go when the probation is over.
#[test]
fn a_swap_takes_place_between_two_rounds() {
    let (slot, out) = Stage::new(&[DEFAULT]).play(
        "loaded
         ask
         swap cc
         beside loaded
         keep
         propose 1
         fine
         ask
         propose 2
         fine
         beside propose 2
         wait 60",
    );
    assert_eq!(
        lines(&out, &["start", "drop", "forget", "everything", "changes", "check", "keep [", "refused"]),
        [
            "start dd as 1",
            "everything to 1",
            "start cc as 2",
            "keep [\"cc\"], 0 in quarantine",
            "check 1 row(s)",
            "everything to 2",
            "everything to 1",
            "check 2 row(s)",
            "drop 1",
        ],
        "{out}"
    );
    assert_eq!(slot.plugin(), digest("cc"));
    assert_eq!(slot.state(), "serving");
    assert_eq!((slot.tally().counters.rounds, slot.counters().rounds), (1, 2));
}

/// Nothing is lost by a trap in the probation: the one before has answered the same round already.
#[test]
fn a_trap_in_the_probation_is_answered_by_the_one_before_in_the_same_round() {
    let begin = "loaded\nswap cc\nbeside loaded\nkeep\nask\n";
    let (slot, out) = Stage::new(&[DEFAULT]).play(&format!("{begin}beside propose 3\ntrap\nfine\nask\nkeep"));
    assert_eq!(
        lines(&out, &["check", "lost", "waits", "drop", "forget", "changes", "everything", "keep ["]),
        [
            "keep [\"cc\"], 0 in quarantine",
            "everything to 2",
            "everything to 1",
            "check 3 row(s)",
            "drop 2",
            "forget cc",
            "changes to 1",
            "keep [], 0 in quarantine",
        ],
        "{out}"
    );
    assert!(out.contains("is out, `dddddddddddd` serves again: it failed: trapped: unreachable"), "{out}");
    assert_eq!(slot.plugin(), DEFAULT);

    let (slot, out) = Stage::new(&[DEFAULT]).play(&format!("{begin}loop\npropose 3\nfine\nask"));
    assert_eq!(
        lines(&out, &["check", "lost", "waits", "changes"]),
        ["waits", "check 3 row(s)", "changes to 1"]
    );
    assert_eq!(slot.generation(), 1);
}

#[test]
fn a_faulty_row_in_the_probation_brings_the_one_before_back() {
    let (slot, out) = Stage::new(&[DEFAULT])
        .play("loaded\nswap cc\nbeside loaded\nkeep\nask\nbeside propose 1\npropose 2\nfaulty 1\nask");
    assert_eq!(slot.plugin(), DEFAULT);
    assert!(out.contains("it sent 1 faulty row(s), the first: agent slot 99"), "{out}");
    assert_eq!(lines(&out, &["changes"]), ["changes to 1"]);
}

/// A plugin that gives nothing away does no harm that the ledger could see; its users do.
#[test]
fn silence_in_the_probation_is_seen_by_what_the_one_before_would_grant() {
    let round = "ask\nbeside propose 1\npropose 0\nfine\n";
    let begin = "loaded\nswap cc\nbeside loaded\nkeep\n";
    let (slot, _) = Stage::new(&[DEFAULT]).play(&format!("{begin}{}", round.repeat(19)));
    assert_eq!(slot.plugin(), digest("cc"));
    let (slot, out) = Stage::new(&[DEFAULT]).play(&format!("{begin}{}", round.repeat(20)));
    assert_eq!(slot.plugin(), DEFAULT, "{out}");
    assert!(out.contains("it granted nothing in 20 rounds in a row"), "{out}");
    let both_silent = "ask\nbeside propose 0\npropose 0\nfine\n";
    let (slot, _) = Stage::new(&[DEFAULT]).play(&format!("{begin}{}", both_silent.repeat(40)));
    assert_eq!(slot.plugin(), digest("cc"), "there was nothing to grant");
}

#[test]
fn a_rehearsal_compares_and_then_switches() {
    let (slot, out) = Stage::new(&[DEFAULT]).play(
        "loaded
         ask
         propose 1
         fine
         swap cc shadow=2
         beside loaded
         ask
         propose 2
         fine
         beside propose 2
         ask
         beside propose 1
         propose 2
         keep
         fine
         ask",
    );
    assert!(
        out.contains("has rehearsed: equal in 1 of 2 round(s), 3 row(s) where the one that serves had 4"),
        "{out}"
    );
    assert!(out.contains("first difference in round 3: row 1 is nothing where"), "{out}");
    assert_eq!(
        lines(&out, &["everything", "changes"]),
        [
            "everything to 1",
            "everything to 1",
            "everything to 2",
            "changes to 1",
            "changes to 2",
            "changes to 2",
            "changes to 1"
        ],
        "the candidate was told everything when the rehearsal began, and need not be again"
    );
    assert_eq!(slot.plugin(), digest("cc"));
    let report = slot.report().expect("one was held");
    assert_eq!((report.rounds, report.rounds_equal), (2, 1));
}

#[test]
fn a_rehearsal_that_must_be_equal_dismisses_what_is_not() {
    let (slot, out) = Stage::new(&[DEFAULT]).play(
        "loaded\nswap cc shadow=1 equal\nbeside loaded\nask\npropose 2\nbeside propose 1\nfine\nkeep\nask",
    );
    assert_eq!(slot.plugin(), DEFAULT);
    assert!(out.contains("did not in 1 of 1 round(s): round 1: row 1 is nothing"), "{out}");
    assert_eq!(lines(&out, &["drop", "forget"]), ["drop 2", "forget cc"]);
    assert!(slot.companion().is_none());
}

#[test]
fn a_candidate_that_fails_never_serves() {
    for (script, why) in [
        ("beside unloadable", "cannot be loaded: no component"),
        ("beside loaded\nask\nbeside trap\npropose 1\nfine", "trapped: unreachable"),
        ("beside loaded\nask\nbeside faulty\npropose 1\nfine", "agent slot 99 is not in use"),
        ("beside loaded\nask\npropose 1\nfine\nwait 10", "it gave no answer within 10000 ms"),
        ("wait 60", "it was not loaded within 60 s"),
    ] {
        let (slot, out) = Stage::new(&[DEFAULT]).play(&format!("loaded\nswap cc shadow=5\n{script}\nask"));
        assert_eq!(slot.plugin(), DEFAULT);
        let dismissed = out.lines().find(|line| line.contains("does not come to serve")).unwrap_or_default();
        assert!(dismissed.contains(why), "{why}: {out}");
        assert!(slot.companion().is_none(), "{out}");
    }
}

#[test]
fn a_candidate_that_is_too_far_behind_is_dismissed_and_holds_nobody_up() {
    let round = "ask\npropose 1\nfine\n";
    let script = format!("loaded\nswap cc shadow=500\nbeside loaded\n{}", round.repeat(65));
    let (slot, out) = Stage::new(&[DEFAULT]).play(&script);
    assert!(out.contains("it is 64 rounds behind"), "{out}");
    assert_eq!(slot.counters().proposals, 65);
}

#[test]
fn a_choice_that_cannot_be_made_durable_is_not_made() {
    let (slot, out) =
        Stage::new(&[DEFAULT]).play("loaded\nswap cc\nbeside loaded\ncannot keep\nask\npropose 1\nfine");
    assert_eq!(slot.plugin(), DEFAULT);
    assert!(out.contains("could not be made durable: no space left on device"), "{out}");
}

#[test]
fn a_rollback_is_at_once_in_the_probation_and_by_a_new_instance_after_it() {
    let begin = "loaded\nswap cc\nbeside loaded\nkeep\nask\nbeside propose 1\npropose 1\nfine\n";
    let (slot, out) = Stage::new(&[DEFAULT]).play(&format!("{begin}roll-back\nkeep\nask"));
    assert_eq!(
        lines(&out, &["back", "keep [", "changes"]),
        ["keep [\"cc\"], 0 in quarantine", "back to dd", "keep [], 0 in quarantine", "changes to 1"]
    );
    assert_eq!(slot.plugin(), DEFAULT);

    let (slot, out) =
        Stage::new(&[DEFAULT]).play(&format!("{begin}wait 60\nroll-back\nbeside loaded\nkeep\nask\nkeep"));
    assert_eq!(
        lines(&out, &["start", "forget"]),
        ["start dd as 1", "start cc as 2", "start dd as 3", "forget cc"]
    );
    assert_eq!((slot.plugin(), slot.generation()), (DEFAULT, 3));
    assert!(slot.companion().is_none(), "there is nobody to fall back to from what was rolled back to");
}

#[test]
fn a_rollback_sends_a_candidate_away() {
    let (slot, out) =
        Stage::new(&[DEFAULT]).play("loaded\nswap cc shadow=9\nbeside loaded\nroll-back\nroll-back");
    assert_eq!(
        lines(&out, &["back", "refused"]),
        [
            "back to dd",
            "refused: plugin `dddddddddddd` is the embedded default, and there is none to go back to",
        ]
    );
    assert!(slot.companion().is_none());
}

#[test]
fn swaps_that_make_no_sense_are_refused_in_words() {
    let (_, out) = Stage::new(&[DEFAULT]).play("loaded\nswap dd\nswap cc\nswap bb\nrelease cc");
    assert_eq!(
        lines(&out, &["refused"]),
        [
            "refused: plugin `dddddddddddd` serves already with these parameters",
            "refused: plugin `cccccccccccc` is on its way in (warming): wait for it, or send it away with a rollback first",
            "refused: plugin `cccccccccccc` is not in quarantine",
        ]
    );
    let (slot, _) = Stage::new(&[DEFAULT]).play("loaded\nswap dd settings\nbeside loaded\nkeep");
    assert_eq!(&*slot.candidates()[0].settings, "{\"a\":1}", "other settings are another choice");
}

#[test]
fn a_plugin_that_was_out_three_times_is_in_quarantine_until_it_is_released() {
    let attempt = "swap cc\nbeside loaded\nkeep\nask\nbeside propose 1\ntrap\nfine\nkeep\n";
    let (slot, out) = Stage::new(&[DEFAULT]).play(&format!("loaded\n{}swap cc\nkeep", attempt.repeat(3)));
    assert_eq!(
        lines(&out, &["refused"]),
        [
            "refused: plugin `cccccccccccc` is in quarantine: it was out 3 times, the last time because it failed: trapped: \
          unreachable; repair it, or take it out with a release"
        ]
    );
    assert_eq!(lines(&out, &["keep ["]).last(), Some(&"keep [], 1 in quarantine"));
    assert_eq!(slot.record().quarantined.len(), 1);
    let (_, out) = Stage::new(&[DEFAULT]).play(&format!("loaded\n{}release cc\nswap cc", attempt.repeat(3)));
    assert_eq!(lines(&out, &["refused"]), Vec::<&str>::new());
}

/// The master is told of a candidate only when nothing else can go wrong, so a restart in the middle
/// comes up with whoever served.
#[test]
fn what_is_durable_follows_who_serves() {
    let (slot, _) = Stage::new(&[DEFAULT]).play("loaded\nswap cc shadow=3\nbeside loaded");
    assert_eq!(slot.record().chosen, []);
    let (slot, _) = Stage::new(&[DEFAULT]).play("loaded\nswap cc\nbeside loaded");
    assert_eq!(slot.record().chosen, [digest("cc").into()]);
    let (slot, _) = Stage::new(&[DEFAULT])
        .play("loaded\nswap cc\nbeside loaded\nkeep\nwait 60\nswap bb\nbeside loaded\nkeep");
    assert_eq!(slot.record().chosen, [digest("bb").into(), digest("cc").into()]);
}
