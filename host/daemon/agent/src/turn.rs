//! The loop: one input, one turn of the core.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use mezzo_core_agent::{Agent, AtOnce, Exit, Input, Observation};
use mezzo_model::Mono;
use mezzo_process::{Clock, Next};
use mezzo_telemetry::Timer;

use crate::{Inbox, outbox::Outbox, outside::Outside};

/// A turn that takes longer is logged with its input.
const SLOW_TURN: Duration = Duration::from_millis(10);

/// Everything that a turn touches.
pub(crate) struct Turns {
    pub(crate) agent: Agent,
    pub(crate) clock: Clock,
    pub(crate) inbox: Arc<Inbox>,
    pub(crate) outbox: Outbox,
    pub(crate) outside: Arc<Outside>,
}

impl Turns {
    /// Takes turns until the core says that the process may end, and what it wanted is done.
    pub(crate) fn run(mut self) -> Exit {
        let exit = self.take_turns();
        self.outbox.finish();
        exit
    }

    fn take_turns(&mut self) -> Exit {
        let turn_time = self.outside.metrics.timer("mezzo/agent/turn_ms");
        let mut wake_at = None;
        let mut again = false;
        loop {
            let until = wake_at.and_then(|moment: Mono| self.clock.instant(moment));
            let input = match self.inbox.next(if again { Some(Instant::now()) } else { until }) {
                Next::Input(input) => input,
                Next::Wake => Input::Wake,
                Next::Stop => return Exit::Stopped,
            };
            let rest = self.turn(input, &turn_time);
            (wake_at, again) = (rest.wake_at, rest.again);
            if let Some(exit) = rest.exit {
                return exit;
            }
        }
    }

    fn turn(&mut self, input: Input, turn_time: &Timer) -> AtOnce {
        let (name, begun) = (input.name(), Instant::now());
        let effects = self.agent.handle(self.clock.now(), input);
        let took = begun.elapsed();
        turn_time.record(took);
        if took > SLOW_TURN {
            tracing::warn!(input = name, ?took, "a slow turn");
        }
        let (turn, mut rest) = effects.into_turn();
        for observation in &rest.observations {
            match observation {
                Observation::Info(text) => tracing::info!("{text}"),
                Observation::Warning(text) => tracing::warn!("{text}"),
            }
        }
        rest.send.drain(..).for_each(|envelope| self.outside.send(envelope));
        if self.outbox.push(turn).is_err() {
            rest.exit = Some(Exit::Failed {
                reason: "the agent's outbox has ended".to_owned(),
                remedy: "see its last words on standard error, and report them: this is a bug".to_owned(),
            });
        }
        rest
    }
}
