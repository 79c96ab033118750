//! The allocator's place: the shipped policy, natively or as the compiled component, and its bad days.

use allocator_drf::policy;
use mezzo_slots::{Answer, Ask, Failure, Grants, Proposal};

use crate::{
    faults::{Counts, Fault},
    plan::Plan,
    rng::Rng,
};

/// Something that answers a batch.
pub trait Policy: Send {
    /// One round.
    ///
    /// # Errors
    /// When the instance is not to be used again.
    fn step(&mut self, batch: &mezzo_slots::Batch) -> Result<Proposal, Failure>;
}

/// The allocator of one master's life.
pub struct Allocator {
    policy: Box<dyn Policy>,
    rng: Rng,
}

allocator_drf::define_batch_from! {
    fn batch_from(mezzo_slots::Batch)
}

/// The shipped policy, compiled into this program.
struct Native(policy::Policy);

impl Policy for Native {
    fn step(&mut self, batch: &mezzo_slots::Batch) -> Result<Proposal, Failure> {
        let proposal = self
            .0
            .step(&batch_from(batch.clone()))
            .map_err(|policy_error| Failure::Gave(format!("{policy_error:?}")))?;
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

/// A new instance of the shipped policy.
pub fn native() -> Box<dyn Policy> {
    Box::new(Native(policy::Policy::new()))
}

/// Makes the policy of a new instance.
pub type MakePolicy = fn() -> Box<dyn Policy>;

impl Allocator {
    /// A new instance, which knows nothing.
    pub fn new(make: MakePolicy, rng: Rng) -> Self {
        Self { policy: make(), rng }
    }

    /// Answers, after so many milliseconds; badly where chance has it and `is_resting` does not forbid it.
    pub fn answer(&mut self, ask: Ask, is_resting: bool, plan: &Plan, counts: &mut Counts) -> (u64, Answer) {
        let mut wait_ms = self.rng.between(1, 4);
        let mut outcome = self.policy.step(&ask.batch);
        if !is_resting && self.rng.between(0, 1000) < plan.permille * 2 {
            match self.rng.between(0, 4) {
                0 => {
                    counts.add(Fault::PluginTrap);
                    outcome = Err(Failure::Trap("wasm `unreachable` instruction executed".to_owned()));
                }
                1 => {
                    counts.add(Fault::PluginSlow);
                    wait_ms = self.rng.between(200, 15_000);
                }
                _ => {
                    counts.add(Fault::PluginLie);
                    outcome = outcome.map(|p| self.lie(p, ask.batch.kinds.len()));
                }
            }
        }
        let answer = Answer {
            slot: ask.slot,
            generation: ask.generation,
            round: ask.batch.round,
            outcome,
            cpu_us: 100,
        };
        (wait_ms, answer)
    }

    fn lie(&mut self, mut proposal: Proposal, kinds: usize) -> Proposal {
        let grants = &mut proposal.grants;
        match self.rng.between(0, 5) {
            0 => proposal.round += 1,
            1 => {
                grants.agent.push(self.rng.between(0, 100_000) as u32);
                grants.seeker.push(self.rng.between(0, 100_000) as u32);
            }
            2 => grants.cap = vec![i64::MIN; grants.agent.len() * kinds + 1],
            3 => {
                // The same agent for everybody, over and over.
                let (agents, seekers) = (grants.agent.clone(), grants.seeker.clone());
                grants.agent.extend(agents.iter().rev());
                grants.seeker.extend(seekers);
            }
            _ => grants.cap = vec![i64::MAX; grants.agent.len() * kinds],
        }
        proposal
    }
}
