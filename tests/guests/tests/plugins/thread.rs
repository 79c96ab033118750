//! The thread that owns an allocator: it never holds up whoever asks.

use std::{
    sync::{
        Arc,
        mpsc::{Receiver, channel},
    },
    time::{Duration, Instant},
};

use mezzo_slots::{Answer, Ask, Failure, SlotName};
use mezzo_wasm::{AllocatorThread, Limits, Said, Start};

use super::{RUNTIME, cluster};

/// Long enough for a busy machine to compile a component.
const PATIENCE: Duration = Duration::from_secs(120);

fn spawn(bytes: &[u8], settings: &str, limits: Limits) -> (AllocatorThread, Receiver<Said>, Arc<()>) {
    let (tell, told) = channel();
    // Lives as long as the thread's callback, that is, as long as the thread.
    let alive = Arc::new(());
    let kept = Arc::clone(&alive);
    let start = Start {
        bytes: bytes.into(),
        generation: 7,
        settings: settings.to_owned(),
        questions_max: 1,
        limits,
        cache: None,
    };
    let thread = AllocatorThread::spawn(&RUNTIME, start, move |said| {
        let _alive = &kept;
        // A test that has seen enough no longer listens.
        tell.send(said).unwrap_or_default();
    })
    .expect("a thread");
    (thread, told, alive)
}

fn ask(round: u64) -> Ask {
    Ask { slot: SlotName::Allocator, generation: 7, batch: cluster(round, round == 1) }
}

fn loaded(told: &Receiver<Said>) -> Result<String, Failure> {
    match told.recv_timeout(PATIENCE).expect("it says whether it is loaded") {
        Said::Loaded { generation: 7, outcome } => outcome.map(|identity| identity.name),
        other => panic!("{other:?}"),
    }
}

fn answered(told: &Receiver<Said>) -> Answer {
    match told.recv_timeout(PATIENCE).expect("it answers") {
        Said::Answered(answer) => answer,
        other => panic!("{other:?}"),
    }
}

fn wait_for_end(alive: &Arc<()>) {
    let began = Instant::now();
    while Arc::strong_count(alive) > 1 {
        assert!(began.elapsed() < PATIENCE, "the thread does not end");
        std::thread::sleep(Duration::from_millis(1));
    }
}

#[test]
fn it_loads_answers_and_ends() {
    let (thread, told, alive) = spawn(guests::allocator_drf(), "{}", Limits::default());
    assert_eq!(loaded(&told).as_deref(), Ok("drf"));
    thread.ask(ask(1)).expect("it is free");
    let answer = answered(&told);
    assert_eq!((answer.slot, answer.generation, answer.round), (SlotName::Allocator, 7, 1));
    assert!(answer.cpu_us > 0);
    let grants = answer.outcome.expect("a proposal").grants;
    assert_eq!((grants.agent, grants.seeker), (vec![1, 0], vec![0, 1]));
    drop(thread);
    wait_for_end(&alive);
}

#[test]
fn what_cannot_be_loaded_says_why_and_answers_nothing() {
    let (thread, told, _) = spawn(b"\x7fELF", "{}", Limits::default());
    let failure = loaded(&told).expect_err("not WebAssembly");
    assert!(failure.to_string().contains("this is not WebAssembly"), "{failure}");
    thread.ask(ask(1)).expect("the thread is there");
    assert_eq!(answered(&told).outcome, Err(Failure::Gone));
}

#[test]
fn after_a_trap_only_gone_is_answered() {
    let (thread, told, _) = spawn(guests::allocator_hostile(), r#"{"do":"trap"}"#, Limits::default());
    assert_eq!(loaded(&told).as_deref(), Ok("hostile"));
    thread.ask(ask(1)).expect("it is free");
    assert!(matches!(answered(&told).outcome, Err(Failure::Trap(_))));
    thread.ask(ask(2)).expect("it is free");
    assert_eq!(answered(&told).outcome, Err(Failure::Gone));
}

/// A guest in an endless loop with an hour to spend: asking does not wait, dropping does not wait,
/// and the thread ends nevertheless.
#[test]
fn a_looping_guest_never_holds_anybody_up() {
    let limits = Limits { step_cpu_max: Duration::from_secs(3_600), ..Limits::default() };
    let (thread, told, alive) = spawn(guests::allocator_hostile(), r#"{"do":"loop"}"#, limits);
    loaded(&told).expect("it starts well");
    thread.ask(ask(1)).expect("it is free");
    std::thread::sleep(Duration::from_millis(20));
    let began = Instant::now();
    // One question may wait in the channel; a third finds no room, and nobody waits for it.
    thread.ask(ask(2)).expect("room for one");
    assert_eq!(thread.ask(ask(3)), Err(Failure::Gone));
    drop(thread);
    assert!(began.elapsed() < Duration::from_secs(5), "somebody waited");
    wait_for_end(&alive);
}

/// The script of the end-to-end test, played against the state machine of the slot: the default
/// takes over and answers from the ledger's word alone.
#[test]
fn the_slot_recovers_from_the_hostile_guest_by_itself() {
    use mezzo_slots::{Order, Slot, SlotConfig, Verdict};

    let (hostile, drf) =
        (mezzo_wasm::digest(guests::allocator_hostile()), mezzo_wasm::digest(guests::allocator_drf()));
    let candidates = vec![hostile.into(), drf.into()];
    let mut slot = Slot::new(SlotName::Allocator, candidates, SlotConfig::default());
    let limits = Limits { step_cpu_max: Duration::from_millis(30), ..Limits::default() };
    let (tell, told) = channel();
    let mut thread: Option<AllocatorThread> = None;
    let mut served = Vec::new();
    let now = mezzo_model::Mono(1);
    let mut round = 0;
    loop {
        for order in slot.take_orders() {
            let Order::Start { choice, generation } = order else { continue };
            let is_hostile = choice.plugin == hostile;
            let bytes = if is_hostile { guests::allocator_hostile() } else { guests::allocator_drf() };
            let settings = "{}".to_owned();
            let start =
                Start { bytes: bytes.into(), generation, settings, questions_max: 1, limits, cache: None };
            let tell = tell.clone();
            thread =
                AllocatorThread::spawn(&RUNTIME, start, move |said| tell.send(said).unwrap_or_default()).ok();
            match told.recv_timeout(PATIENCE).expect("loaded") {
                Said::Loaded { generation, outcome } => {
                    slot.loaded(now, generation, outcome.map(|_| ()));
                }
                Said::Answered(answer) => panic!("{answer:?}"),
            }
        }
        while slot.is_ready() {
            round += 1;
            let needs_resync = slot.needs_resync();
            let ask = slot.ask(now, cluster(round, needs_resync)).remove(0);
            thread.as_ref().expect("started").ask(ask).expect("it is free");
            match slot.answered(now, answered(&told)) {
                Verdict::Check(proposal) => {
                    let ghosts: Vec<String> = proposal
                        .grants
                        .agent
                        .iter()
                        .filter(|agent| **agent > 1)
                        .map(u32::to_string)
                        .collect();
                    served.push((slot.plugin() == drf, ghosts.len()));
                    slot.checked(now, &[], &ghosts);
                }
                Verdict::Lost => {}
                Verdict::Waits | Verdict::Stale => panic!("nobody else answers"),
            }
            if round == 9 {
                let counters = slot.counters();
                assert_eq!((counters.traps, counters.deadlines, counters.rows_faulty), (1, 1, 1));
                assert_eq!(counters.fallbacks, 1);
                let honest = (false, 0);
                assert_eq!(served, [honest, honest, honest, honest, (false, 1), (true, 0), (true, 0)]);
                return;
            }
        }
    }
}
