//! Transcripts of a slot's life: what it hears on the left, what it wants and notes below.

mod swap;

use std::fmt::Write;

use super::*;
use crate::Plan;

const WANTED: Digest = Digest([0xaa; 32]);
const BEFORE: Digest = Digest([0xbb; 32]);
const DEFAULT: Digest = Digest([0xdd; 32]);

/// Plays a script against a slot and writes down what comes of each line.
struct Stage {
    slot: Slot,
    now: Mono,
    round: u64,
    out: String,
}

impl Stage {
    fn new(candidates: &[Digest]) -> Self {
        let candidates = candidates.iter().copied().map(Choice::from).collect();
        let slot = Slot::new(SlotName::Allocator, candidates, SlotConfig::default());
        let mut stage = Self { slot, now: Mono(0), round: 0, out: String::new() };
        stage.orders();
        stage
    }

    fn orders(&mut self) {
        for order in self.slot.take_orders() {
            let line = match order {
                Order::Start { choice, generation } => {
                    let settings = if choice.settings.is_empty() { "" } else { " with settings" };
                    format!("start {} as {generation}{settings}", &choice.plugin.to_string()[..2])
                }
                Order::Drop { generation } => format!("drop {generation}"),
                Order::Forget { plugin } => format!("forget {}", &plugin.to_string()[..2]),
            };
            writeln!(self.out, "  {line}").expect("a string");
        }
    }

    fn verdict(&mut self, verdict: Verdict) {
        let word = match verdict {
            Verdict::Check(proposal) => format!("check {} row(s)", proposal.grants.agent.len()),
            Verdict::Lost => "lost".to_owned(),
            Verdict::Waits => "waits".to_owned(),
            Verdict::Stale => "stale".to_owned(),
        };
        writeln!(self.out, "  {word}").expect("a string");
    }

    fn answer(&mut self, generation: u64, outcome: Result<Proposal, Failure>) {
        let answer = Answer { slot: SlotName::Allocator, generation, round: self.round, outcome, cpu_us: 7 };
        let verdict = self.slot.answered(self.now, answer);
        self.verdict(verdict);
    }

    /// The companion's answer.
    fn beside(&mut self, outcome: Result<Proposal, Failure>, faults: &[&str]) {
        let generation = self.slot.companion().expect("somebody beside").generation;
        let answer = Answer { slot: SlotName::Allocator, generation, round: self.round, outcome, cpu_us: 9 };
        let faults: Vec<String> = faults.iter().map(ToString::to_string).collect();
        self.slot.companion_answered(self.now, answer, &faults);
    }

    fn proposal(&self, rows: u32) -> Proposal {
        let grants =
            crate::Grants { agent: (0..rows).collect(), seeker: vec![0; rows as usize], cap: Vec::new() };
        Proposal { round: self.round, grants, ..Proposal::default() }
    }

    /// What the master does once a choice is durable.
    fn keep(&mut self, is_kept: bool) {
        if !self.slot.take_dirty() {
            return;
        }
        let Record { chosen, quarantined } = self.slot.record();
        let chosen: Vec<String> =
            chosen.iter().map(|choice| choice.plugin.to_string()[..2].to_owned()).collect();
        writeln!(self.out, "  keep {chosen:?}, {} in quarantine", quarantined.len()).expect("a string");
        if let Some(generation) = self.slot.waits_for_record() {
            match is_kept {
                true => self.slot.kept(self.now, generation),
                false => self.slot.not_kept(generation, "no space left on device"),
            }
        }
    }

    fn line(&mut self, line: &str) {
        writeln!(self.out, "{line}").expect("a string");
        let words: Vec<&str> = line.split_whitespace().collect();
        let generation = self.slot.generation();
        match words.as_slice() {
            ["loaded"] => {
                self.slot.loaded(self.now, generation, Ok(()));
            }
            ["unloadable"] => {
                let failure = Failure::Refused("not a component".into());
                self.slot.loaded(self.now, generation, Err(failure));
            }
            ["ask"] => {
                self.round += 1;
                let resync = self.slot.needs_resync();
                let batch = Batch { round: self.round, resync, ..Batch::default() };
                for ask in self.slot.ask(self.now, batch) {
                    let word = if ask.batch.resync { "everything" } else { "changes" };
                    writeln!(self.out, "  {word} to {}", ask.generation).expect("a string");
                }
            }
            ["propose"] => self.answer(generation, Ok(Proposal { round: self.round, ..Proposal::default() })),
            ["drifted"] => self.answer(
                generation,
                Ok(Proposal { round: self.round, wants_resync: true, ..Proposal::default() }),
            ),
            ["late"] => self.answer(generation - 1, Ok(Proposal::default())),
            ["trap"] => self.answer(generation, Err(Failure::Trap("unreachable".into()))),
            ["loop"] => self.answer(generation, Err(Failure::Deadline { cpu_ms: 251, limit_ms: 250 })),
            ["fine"] => {
                self.slot.checked(self.now, &[], &[]);
            }
            ["dropped", rows] => {
                let rows = vec!["nothing left on `a1`".to_owned(); rows.parse().expect("a number")];
                self.slot.checked(self.now, &rows, &[]);
            }
            ["faulty", rows] => {
                let rows = vec!["agent slot 99 is not in use".to_owned(); rows.parse().expect("a number")];
                self.slot.checked(self.now, &[], &rows);
            }
            ["wait", seconds] => {
                self.now = self.now + Duration::from_secs(seconds.parse().expect("a number"));
                if let Some(verdict) = self.slot.expire(self.now) {
                    self.verdict(verdict);
                }
            }
            ["swap", plugin, rest @ ..] => {
                let number = |word: &str| {
                    let given = rest.iter().find_map(|pair| pair.strip_prefix(word)?.strip_prefix('='));
                    given.map(|number| number.parse::<u32>().expect("a number"))
                };
                let plan = Plan {
                    shadow_rounds: number("shadow").unwrap_or(0),
                    must_be_equal: rest.contains(&"equal"),
                    probation: Duration::from_secs(number("probation").unwrap_or(60).into()),
                };
                let settings = if rest.contains(&"settings") { "{\"a\":1}" } else { "" };
                let choice = Choice { plugin: digest(plugin), settings: settings.into() };
                if let Err(refused) = self.slot.swap(self.now, choice, plan) {
                    writeln!(self.out, "  refused: {refused}").expect("a string");
                }
            }
            ["roll-back"] => match self.slot.roll_back(self.now) {
                Ok(to) => writeln!(self.out, "  back to {}", &to.to_string()[..2]).expect("a string"),
                Err(refused) => writeln!(self.out, "  refused: {refused}").expect("a string"),
            },
            ["release", plugin] => {
                if let Err(refused) = self.slot.release(digest(plugin)) {
                    writeln!(self.out, "  refused: {refused}").expect("a string");
                }
            }
            ["propose", rows] => {
                let proposal = self.proposal(rows.parse().expect("a number"));
                self.answer(generation, Ok(proposal));
            }
            ["beside", "loaded"] => {
                let generation = self.slot.companion().expect("a candidate").generation;
                self.slot.loaded(self.now, generation, Ok(()));
            }
            ["beside", "unloadable"] => {
                let generation = self.slot.companion().expect("a candidate").generation;
                self.slot.loaded(self.now, generation, Err(Failure::Refused("no component".into())));
            }
            ["beside", "propose", rows] => {
                let proposal = self.proposal(rows.parse().expect("a number"));
                self.beside(Ok(proposal), &[]);
            }
            ["beside", "faulty"] => {
                let proposal = self.proposal(1);
                self.beside(Ok(proposal), &["agent slot 99 is not in use"]);
            }
            ["beside", "trap"] => self.beside(Err(Failure::Trap("unreachable".into())), &[]),
            ["keep"] => self.keep(true),
            ["cannot", "keep"] => self.keep(false),
            other => panic!("no such line: {other:?}"),
        }
        self.orders();
        for incident in self.slot.take_incidents() {
            writeln!(self.out, "  note: {incident}").expect("a string");
        }
    }

    fn play(mut self, script: &str) -> (Slot, String) {
        for line in script.lines().map(str::trim).filter(|line| !line.is_empty()) {
            self.line(line);
        }
        (self.slot, self.out)
    }
}

fn digest(name: &str) -> Digest {
    match name {
        "aa" => WANTED,
        "bb" => BEFORE,
        "cc" => Digest([0xcc; 32]),
        "dd" => DEFAULT,
        other => panic!("no such plugin: {other}"),
    }
}

/// The lines of a transcript that begin with one of `words`, without their indentation.
fn lines<'a>(out: &'a str, words: &[&str]) -> Vec<&'a str> {
    out.lines().map(str::trim).filter(|line| words.iter().any(|word| line.starts_with(word))).collect()
}

#[test]
fn a_new_instance_is_told_everything_once() {
    let (slot, out) = Stage::new(&[DEFAULT]).play(
        "loaded
         ask
         propose
         fine
         ask
         propose
         fine",
    );
    assert_eq!(
        lines(&out, &["start", "everything", "changes"]),
        ["start dd as 1", "everything to 1", "changes to 1"]
    );
    assert_eq!(slot.counters().rounds, 2);
    assert_eq!(slot.counters().proposals, 2);
    assert_eq!(slot.counters().cpu_us, 14);
    assert_eq!(slot.counters().cpu_us_last, 7);
}

#[test]
fn a_trap_costs_one_round_and_the_next_instance_is_told_everything() {
    let (slot, out) = Stage::new(&[WANTED, DEFAULT]).play(
        "loaded
         ask
         trap
         loaded
         ask
         propose
         fine",
    );
    assert_eq!(
        lines(&out, &["start", "everything", "lost", "note"]),
        [
            "start aa as 1",
            "note: allocator plugin `aaaaaaaaaaaa` (generation 1, round 0) is ready",
            "everything to 1",
            "lost",
            "start aa as 2",
            "note: allocator plugin `aaaaaaaaaaaa` (generation 1, round 1) failed: trapped: unreachable",
            "note: allocator plugin `aaaaaaaaaaaa` (generation 2, round 1) is ready",
            "everything to 2",
        ]
    );
    assert_eq!(slot.counters().traps, 1);
    assert_eq!(slot.counters().starts, 2);
}

/// The hostile guest of the end-to-end test: a trap, then a loop, then grants of what does not
/// exist. The third is one too many, so the digest before takes over, then the default.
#[test]
fn three_faults_in_a_minute_hand_the_slot_down_to_the_default() {
    let one_bad_minute = "loaded
         ask
         trap
         loaded
         wait 10
         ask
         loop
         loaded
         wait 10
         ask
         propose
         faulty 2";
    let script = format!("{one_bad_minute}\n{one_bad_minute}\nloaded\nask\npropose\nfine");
    let (slot, out) = Stage::new(&[WANTED, BEFORE, WANTED, DEFAULT]).play(&script);
    assert_eq!(
        lines(&out, &["start"]),
        [
            "start aa as 1",
            "start aa as 2",
            "start aa as 3",
            "start bb as 4",
            "start bb as 5",
            "start bb as 6",
            "start dd as 7"
        ]
    );
    assert!(out.contains("failed too often: `bbbbbbbbbbbb` takes over"), "{out}");
    assert!(out.contains("sent 2 faulty row(s), the first: agent slot 99 is not in use"), "{out}");
    assert_eq!(slot.plugin(), DEFAULT);
    let counters = slot.counters();
    assert_eq!((counters.traps, counters.deadlines, counters.rows_faulty), (2, 2, 4));
    assert_eq!(counters.fallbacks, 2);
}

#[test]
fn faults_further_apart_than_a_minute_are_forgiven() {
    let (slot, out) = Stage::new(&[WANTED, DEFAULT]).play(
        "loaded
         ask
         trap
         loaded
         wait 40
         ask
         trap
         loaded
         wait 40
         ask
         trap
         loaded",
    );
    assert_eq!(lines(&out, &["start"]), ["start aa as 1", "start aa as 2", "start aa as 3", "start aa as 4"]);
    assert_eq!(slot.plugin(), WANTED);
}

/// A row that lost a race is nobody's fault; a row that cannot be right is. Only the second may
/// cost a plugin its place.
#[test]
fn dropped_rows_are_counted_but_never_held_against_the_plugin() {
    let (slot, out) = Stage::new(&[WANTED, DEFAULT]).play(
        "loaded
         ask
         propose
         dropped 500
         ask
         propose
         dropped 1
         ask
         propose
         dropped 1
         ask
         propose
         dropped 1",
    );
    assert_eq!(lines(&out, &["start"]), ["start aa as 1"]);
    assert!(out.contains("had 500 row(s) dropped, the first: nothing left on `a1`"), "{out}");
    assert_eq!(slot.counters().rows_dropped, 503);
    assert_eq!(slot.counters().rows_faulty, 0);
}

#[test]
fn what_cannot_be_loaded_is_not_tried_again() {
    let (slot, out) = Stage::new(&[WANTED, BEFORE, DEFAULT]).play(
        "unloadable
         unloadable
         loaded
         ask",
    );
    assert_eq!(
        lines(&out, &["start", "everything"]),
        ["start aa as 1", "start bb as 2", "start dd as 3", "everything to 3"]
    );
    assert_eq!(slot.counters().other_failures, 2);
}

/// While nobody serves nothing new is offered; the pauses double so that a broken default does
/// not eat the machine.
#[test]
fn a_broken_default_rests_longer_and_longer() {
    let minute = "loaded
         ask
         trap
         loaded
         ask
         trap
         loaded
         ask
         trap";
    let (slot, out) = Stage::new(&[DEFAULT]).play(&format!("{minute}\nwait 1\n{minute}\nwait 1\nwait 1"));
    assert!(out.contains("pause of 1000 ms"), "{out}");
    assert!(out.contains("pause of 2000 ms"), "{out}");
    assert_eq!(lines(&out, &["start"]).len(), 7, "{out}");
    assert_eq!(slot.generation(), 7);
}

#[test]
fn a_good_round_makes_the_next_pause_short_again() {
    let bad = "loaded\nask\ntrap\n";
    let minute = bad.repeat(3);
    let script = format!("{minute}wait 1\n{minute}wait 2\nloaded\nask\npropose\nfine\nask\ntrap\n{bad}{bad}");
    let (_, out) = Stage::new(&[DEFAULT]).play(&script);
    let notes: Vec<&str> = lines(&out, &["note"]).into_iter().filter(|line| line.contains("pause")).collect();
    assert!(notes[1].ends_with("pause of 2000 ms") && notes[2].ends_with("pause of 1000 ms"), "{notes:?}");
}

#[test]
fn an_answer_of_an_older_instance_is_void() {
    let (slot, out) = Stage::new(&[WANTED, DEFAULT]).play(
        "loaded
         ask
         trap
         late
         loaded
         ask
         late
         propose
         fine
         propose",
    );
    assert_eq!(lines(&out, &["stale"]).len(), 3, "{out}");
    assert_eq!(slot.counters().stale, 3);
    assert_eq!(slot.counters().proposals, 1);
}

#[test]
fn silence_is_a_fault_after_the_patience_of_the_slot() {
    let (slot, out) = Stage::new(&[WANTED, DEFAULT]).play(
        "loaded
         ask
         wait 9
         wait 1
         loaded
         ask",
    );
    assert_eq!(lines(&out, &["start"]), ["start aa as 1", "start aa as 2"]);
    assert!(out.contains("failed: no answer within 10000 ms"), "{out}");
    assert_eq!(slot.counters().deadlines, 1);
    assert_eq!(slot.wake_at(), Some(Mono(20_000_000_000)));
}

#[test]
fn a_mirror_that_drifted_is_told_everything() {
    let (_, out) = Stage::new(&[DEFAULT]).play("loaded\nask\ndrifted\nfine\nask\npropose\nfine\nask");
    assert_eq!(
        lines(&out, &["everything", "changes"]),
        ["everything to 1", "everything to 1", "changes to 1"]
    );
}

#[test]
fn incidents_nobody_takes_are_bounded() {
    let mut slot = Slot::new(SlotName::Allocator, vec![DEFAULT.into()], SlotConfig::default());
    for _ in 0..2 * INCIDENTS_MAX {
        slot.note(Happened::Started);
    }
    assert_eq!(slot.take_incidents().len(), INCIDENTS_MAX);
}
