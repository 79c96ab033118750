//! The loop: one input at a time through the core.

use std::{
    io,
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use mezzo_core_master::{Effects, Input, Master};
use mezzo_telemetry::Metrics;
use tokio::sync::watch;

use mezzo_process::{Clock, Next};

use crate::{Inbox, observer::Observer, outbox::Outbox};

/// A turn that takes longer is named in the log: everybody else waits for it.
const SLOW: Duration = Duration::from_millis(10);

/// Says that a thread has ended, however it ended.
pub(crate) struct Ended(pub(crate) watch::Sender<bool>);

impl Drop for Ended {
    fn drop(&mut self) {
        self.0.send_replace(true);
    }
}

/// Starts the loop with the effects of the core's start. It ends when the inbox is closed.
pub(crate) fn spawn(
    master: Master,
    first: Effects,
    clock: Clock,
    inbox: Arc<Inbox>,
    outbox: Outbox,
    metrics: &Metrics,
    ended: Ended,
) -> io::Result<thread::JoinHandle<()>> {
    let observer = Observer::new(metrics);
    let timer = metrics.timer("mezzo/master/turn_ms");
    let turns = metrics.counter("mezzo/master/turns");
    let slow_turns = metrics.counter("mezzo/master/turns_slow");
    thread::Builder::new().name("turn".to_owned()).spawn(move || {
        let _ended = ended;
        let (mut master, mut outbox) = (master, outbox);
        let mut pause = Pause::after(carry_out(first, &observer, &mut outbox), &clock);
        loop {
            let input = match inbox.next(pause.until) {
                Next::Input(input) => input,
                Next::Wake => Input::Wake,
                Next::Stop => break,
            };
            let name = input.name();
            let started = Instant::now();
            let effects = master.handle(clock.now(), input);
            let took = started.elapsed();
            timer.record(took);
            turns.increment();
            if took > SLOW {
                slow_turns.increment();
                tracing::warn!(input = name, took_ms = took.as_secs_f64() * 1000.0, "a slow turn");
            }
            pause = Pause::after(carry_out(effects, &observer, &mut outbox), &clock);
        }
    })
}

/// When the core wants to be called even if nothing happens.
struct Pause {
    until: Option<Instant>,
}

impl Pause {
    fn after(effects: Effects, clock: &Clock) -> Self {
        // `again` means at once, but after whatever waits already: a moment that has passed.
        let until = match (effects.again, effects.wake_at) {
            (true, _) => Some(Instant::now()),
            (false, Some(moment)) => clock.instant(moment),
            (false, None) => None,
        };
        Self { until }
    }
}

/// Does everything but wait for the moment of the next turn.
fn carry_out(mut effects: Effects, observer: &Observer, outbox: &mut Outbox) -> Effects {
    effects.observations.drain(..).for_each(|observation| observer.observe(observation));
    outbox.carry_out(&mut effects);
    effects
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A master whose loop is gone must not go on taking requests that nobody answers.
    #[test]
    fn the_end_of_a_thread_is_seen_even_when_it_panics() {
        let (ended, has_ended) = watch::channel(false);
        let ended = Ended(ended);
        let thread = thread::spawn(move || {
            let _ended = ended;
            panic!("on purpose");
        });
        assert!(thread.join().is_err());
        assert!(*has_ended.borrow());
    }
}
