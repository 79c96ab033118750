use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;

type TestBox = Outbox<&'static str, &'static str>;

fn turn(
    checkpoints: &[(u64, &'static str)],
    registry: &[(u64, &'static str)],
    sends: &[&'static str],
) -> Turn<&'static str, &'static str> {
    let tickets = |writes: &[(u64, &'static str)]| writes.iter().map(|(n, w)| (Ticket(*n), *w)).collect();
    Turn { checkpoints: tickets(checkpoints), registry: tickets(registry), sends: sends.to_vec() }
}

fn drain(outbox: &mut TestBox) -> Vec<Step<&'static str, &'static str>> {
    std::iter::from_fn(|| outbox.next_step()).collect()
}

#[test]
fn a_send_waits_for_its_checkpoint() {
    let mut outbox = TestBox::new(10);
    outbox.push(turn(&[(1, "task")], &[], &["accepted"]));
    assert_eq!(drain(&mut outbox), [Step::Write(Ticket(1), "task")]);
    outbox.written(Ticket(1), Ok(()));
    assert_eq!(drain(&mut outbox), [Step::Send("accepted")]);
    assert!(outbox.is_empty());
}

/// A later turn has nothing to write, but its message must not arrive before the earlier one.
#[test]
fn a_later_send_does_not_overtake() {
    let mut outbox = TestBox::new(10);
    outbox.push(turn(&[(1, "task")], &[], &["first"]));
    outbox.push(turn(&[], &[], &["second"]));
    assert_eq!(drain(&mut outbox), [Step::Write(Ticket(1), "task")]);
    outbox.written(Ticket(1), Ok(()));
    assert_eq!(drain(&mut outbox), [Step::Send("first"), Step::Send("second")]);
}

#[test]
fn a_failed_checkpoint_drops_the_sends_of_its_turn_only() {
    let mut outbox = TestBox::new(10);
    outbox.push(turn(&[(1, "a"), (2, "b")], &[], &["lost"]));
    outbox.push(turn(&[(3, "c")], &[], &["kept"]));
    assert_eq!(outbox.next_step(), Some(Step::Write(Ticket(1), "a")));
    outbox.written(Ticket(1), Err("no space left".to_owned()));
    let not = |ticket| Step::Report(Outcome::NotPersisted(Ticket(ticket), "no space left".to_owned()));
    assert_eq!(drain(&mut outbox), [not(1), Step::Write(Ticket(3), "c"), not(2)]);
    outbox.written(Ticket(3), Ok(()));
    assert_eq!(drain(&mut outbox), [Step::Send("kept")]);
    assert!(outbox.is_empty());
}

/// The master goes on answering while an agent's admission is on its way to the disk.
#[test]
fn a_registry_write_blocks_nobody_and_comes_back() {
    let mut outbox = TestBox::new(10);
    outbox.push(turn(&[], &[(1, "agent")], &["event"]));
    outbox.push(turn(&[], &[], &["other"]));
    assert_eq!(
        drain(&mut outbox),
        [Step::Send("event"), Step::Write(Ticket(1), "agent"), Step::Send("other")]
    );
    outbox.written(Ticket(1), Ok(()));
    assert_eq!(drain(&mut outbox), [Step::Report(Outcome::Persisted(Ticket(1)))]);
    outbox.push(turn(&[], &[(2, "agent")], &[]));
    assert_eq!(drain(&mut outbox), [Step::Write(Ticket(2), "agent")]);
    outbox.written(Ticket(2), Err("read-only".to_owned()));
    assert_eq!(drain(&mut outbox), [Step::Report(Outcome::NotPersisted(Ticket(2), "read-only".to_owned()))]);
}

#[test]
fn says_when_it_is_full() {
    let mut outbox = TestBox::new(2);
    outbox.push(turn(&[(1, "a")], &[], &[]));
    assert!(outbox.has_room());
    outbox.push(turn(&[(2, "b")], &[], &[]));
    assert!(!outbox.has_room());
    assert_eq!(drain(&mut outbox).len(), 2);
    outbox.written(Ticket(1), Ok(()));
    assert_eq!(drain(&mut outbox), []);
    assert!(outbox.has_room());
}

/// A result that nobody waits for (told twice) changes nothing.
#[test]
fn an_unknown_result_is_ignored() {
    let mut outbox = TestBox::new(2);
    outbox.written(Ticket(7), Ok(()));
    assert!(outbox.is_empty());
}

/// Per turn: checkpoints, registry writes, sends; which tickets will fail; what happens when.
type History = (Vec<(usize, usize, usize)>, BTreeSet<u64>, Vec<u8>);

fn histories() -> impl Strategy<Value = History> {
    let turns = proptest::collection::vec((0..3usize, 0..3usize, 0..3usize), 0..30);
    let fail = proptest::collection::btree_set(0..90u64, 0..15);
    (turns, fail, proptest::collection::vec(any::<u8>(), 0..400))
}

proptest! {
    /// Whatever the order in which a disk finishes: a send never leaves before the checkpoints
    /// of its turn are kept, sends stay in order, each write has one end, nothing is stuck.
    #[test]
    fn the_order_holds((turns, fail, choices) in histories()) {
        let mut outbox: Outbox<(usize, bool), (usize, usize)> = Outbox::new(1000);
        let mut ticket = 0;
        let mut gates: Vec<Vec<u64>> = Vec::new();
        let mut registry = BTreeSet::new();
        let mut waiting = turns.iter().enumerate();
        let (mut open, mut kept, mut ended) = (Vec::new(), BTreeSet::new(), BTreeSet::new());
        let (mut last_send, mut sent) = (None, Vec::new());
        let mut choices = choices.into_iter().chain([1, 0, 0].into_iter().cycle());
        loop {
            let choice = choices.next().expect("endless");
            if choice % 3 == 1 && let Some((number, (checkpoints, writes, sends))) = waiting.next() {
                let mut take = |count: usize, gates: bool| -> Vec<(Ticket, (usize, bool))> {
                    (0..count).map(|_| { ticket += 1; (Ticket(ticket - 1), (number, gates)) }).collect()
                };
                let turn = Turn {
                    checkpoints: take(*checkpoints, true),
                    registry: take(*writes, false),
                    sends: (0..*sends).map(|send| (number, send)).collect(),
                };
                gates.push(turn.checkpoints.iter().map(|(t, _)| t.0).collect());
                registry.extend(turn.registry.iter().map(|(t, _)| t.0));
                outbox.push(turn);
                continue;
            }
            if choice % 3 == 2 && !open.is_empty() {
                let Ticket(done) = open.remove(usize::from(choice) % open.len());
                if !fail.contains(&done) { kept.insert(done); }
                outbox.written(Ticket(done), if fail.contains(&done) { Err("full".into()) } else { Ok(()) });
                continue;
            }
            match outbox.next_step() {
                Some(Step::Write(ticket, _)) => open.push(ticket),
                Some(Step::Send(send)) => {
                    prop_assert!(gates[send.0].iter().all(|ticket| kept.contains(ticket)), "sent too early");
                    prop_assert!(last_send < Some(send), "overtaken");
                    last_send = Some(send);
                    sent.push(send);
                }
                Some(Step::Report(Outcome::Persisted(t))) => {
                    prop_assert!(registry.contains(&t.0) && kept.contains(&t.0) && ended.insert(t.0));
                }
                Some(Step::Report(Outcome::NotPersisted(t, _))) => prop_assert!(!kept.contains(&t.0) && ended.insert(t.0)),
                None if !open.is_empty() => {
                    let Ticket(done) = open.remove(0);
                    if !fail.contains(&done) { kept.insert(done); }
                    outbox.written(Ticket(done), if fail.contains(&done) { Err("full".into()) } else { Ok(()) });
                }
                None if waiting.len() == 0 => break,
                None => {}
            }
        }
        prop_assert!(outbox.is_empty());
        let expected: Vec<(usize, usize)> = turns.iter().enumerate()
            .filter(|(number, _)| gates[*number].iter().all(|ticket| !fail.contains(ticket)))
            .flat_map(|(number, (_, _, sends))| (0..*sends).map(move |send| (number, send)))
            .collect();
        prop_assert_eq!(sent, expected);
        for t in 0..ticket {
            let told = ended.contains(&t);
            prop_assert_eq!(told, registry.contains(&t) || !kept.contains(&t), "ticket {}", t);
        }
    }
}
