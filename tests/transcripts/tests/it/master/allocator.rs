//! The allocator's place: the shipped policy, and its bad days.

use std::collections::VecDeque;

use allocator_drf::policy::Policy;
use mezzo_slots::{Answer, Ask, Failure, Grants, Proposal};

allocator_drf::define_batch_from! {
    fn batch_from(mezzo_slots::Batch)
}

/// The instance, and what it will do instead of answering.
#[derive(Default)]
pub struct Allocator {
    policy: Policy,
    pub days: VecDeque<Day>,
}

/// How an answer, or a start, goes wrong.
#[derive(Clone, Copy, Debug)]
pub enum Day {
    /// The guest traps.
    Trap,
    /// It grants a slot that nobody has.
    Lie,
    /// It never answers.
    Silence,
    /// It cannot be loaded.
    Unloadable,
}

impl Allocator {
    /// Makes a new instance.
    pub fn start(&mut self) -> Result<(), Failure> {
        self.policy = Policy::default();
        if let Some(Day::Unloadable) = self.days.front() {
            self.days.pop_front();
            return Err(Failure::Refused("it imports `wasi:http`, which is not granted".to_owned()));
        }
        Ok(())
    }

    /// Answers a question.
    pub fn answer(&mut self, ask: Ask) -> Option<Answer> {
        let day = match self.days.front() {
            Some(Day::Unloadable) | None => None,
            Some(_) => self.days.pop_front(),
        };
        let outcome = match day {
            Some(Day::Silence) => return None,
            Some(Day::Trap) => Err(Failure::Trap("unreachable".to_owned())),
            Some(Day::Lie) => Ok(Proposal {
                round: ask.batch.round,
                grants: Grants { agent: vec![900], seeker: vec![0], cap: Vec::new() },
                ..Proposal::default()
            }),
            Some(Day::Unloadable) | None => self.step(&ask),
        };
        let round = ask.batch.round;
        Some(Answer { slot: ask.slot, generation: ask.generation, round, outcome, cpu_us: 100 })
    }

    fn step(&mut self, ask: &Ask) -> Result<Proposal, Failure> {
        let proposal = self
            .policy
            .step(&batch_from(ask.batch.clone()))
            .map_err(|error| Failure::Gave(format!("{error:?}")))?;
        Ok(Proposal {
            round: proposal.round,
            grants: Grants {
                agent: proposal.grants.agent,
                seeker: proposal.grants.seeker,
                cap: proposal.grants.cap,
            },
            next_wakeup_ms: None,
            wants_resync: proposal.wants_resync,
        })
    }
}
