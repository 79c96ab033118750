//! One instance of an allocator, called on the thread that owns it.

use std::{
    sync::{Arc, atomic::AtomicBool},
    time::Duration,
};

use mezzo_slots::{Batch, Failure, Identity, Proposal};
use wasmtime::{Store, Trap};

use crate::{
    bindings::{
        Allocator as Bound,
        exports::mezzo::plugin::{allocation::StepError, lifecycle},
    },
    columns::{self, Lent},
    guest::{Figures, Guest, Limits, LogTo},
    inert::Chance,
    load::Plugin,
    runtime::Runtime,
};

/// An allocator that was told its settings. Dropping it frees all it has.
///
/// Calls run on the calling thread, whose processor time is what the limits count.
pub struct Allocator {
    store: Store<Guest>,
    bound: Bound,
    limits: Limits,
    runtime: Runtime,
    identity: Identity,
    is_over: bool,
    cpu_last: Duration,
}

impl Allocator {
    /// Makes an instance, asks who it is and tells it `settings`, a JSON document; nothing at all
    /// stands for `{}`.
    ///
    /// Setting `is_stopped` ends whatever call is running within a few milliseconds.
    ///
    /// # Errors
    ///
    /// When the guest traps, runs over a limit, or refuses the settings.
    pub fn start(
        plugin: &Plugin,
        limits: Limits,
        settings: &str,
        log_to: LogTo,
        figures: Figures,
        is_stopped: Arc<AtomicBool>,
    ) -> Result<Self, Failure> {
        let runtime = plugin.runtime.clone();
        let ticking = runtime.ticking();
        let guest = Guest::new(&limits, log_to, figures, is_stopped);
        let mut store = Store::new(runtime.engine(), guest);
        store.limiter(|guest| &mut guest.memory);
        store.set_hostcall_fuel(limits.answer_bytes_max);
        store.epoch_deadline_callback(|mut store| Ok(store.data_mut().tick()));
        store.set_epoch_deadline(1);
        store.data_mut().begin(limits.start_cpu_max);

        let bound = plugin.pre.instantiate(&mut store);
        let bound = bound.map_err(|error| failure(store.data(), &limits, limits.start_cpu_max, &error))?;
        let life = bound.mezzo_plugin_lifecycle();
        let identity = life.call_describe(&mut store).and_then(|identity| {
            let settings = if settings.trim().is_empty() { "{}" } else { settings };
            let configured = life.call_configure(&mut store, settings)?;
            Ok((identity, configured))
        });
        let (identity, configured) =
            identity.map_err(|error| failure(store.data(), &limits, limits.start_cpu_max, &error))?;
        configured.map_err(|why| Failure::Refused(format!("the settings do not fit: {why}")))?;
        drop(ticking);
        let identity = identity_of(identity);
        Ok(Self { store, bound, limits, runtime, identity, is_over: false, cpu_last: Duration::ZERO })
    }

    /// Who the plugin says it is.
    pub fn identity(&self) -> &Identity {
        &self.identity
    }

    /// Asks for the proposal of one round.
    ///
    /// # Errors
    ///
    /// After any error the instance is not to be used again; further calls answer
    /// [`Failure::Gone`].
    pub fn step(&mut self, batch: &Batch) -> Result<Proposal, Failure> {
        if self.is_over {
            return Err(Failure::Gone);
        }
        let ticking = self.runtime.ticking();
        let guest = self.store.data_mut();
        guest.now_ms = batch.now_ms;
        guest.chance = Chance::seeded(batch.seed);
        guest.begin(self.limits.step_cpu_max);
        self.store.set_epoch_deadline(1);
        let allocation = self.bound.mezzo_plugin_allocation();
        let answer = Lent::new(batch).with(|batch| allocation.call_step(&mut self.store, batch));
        drop(ticking);
        self.cpu_last = self.store.data().cpu_used();
        let outcome = match answer {
            Ok(Ok(proposal)) => self.shape(batch, columns::proposal(proposal)),
            Ok(Err(StepError::Inconsistent(why) | StepError::Internal(why))) => Err(Failure::Gave(why)),
            Err(error) => Err(failure(self.store.data(), &self.limits, self.limits.step_cpu_max, &error)),
        };
        self.is_over = outcome.is_err();
        outcome
    }

    /// Processor time of the last step.
    pub fn cpu_last(&self) -> Duration {
        self.cpu_last
    }

    /// The bytes of memory the guest has taken.
    pub fn memory_bytes(&self) -> usize {
        self.store.data().memory.bytes()
    }

    /// Columns of one table are of one length; what is in them is for the ledger to judge.
    fn shape(&self, batch: &Batch, proposal: Proposal) -> Result<Proposal, Failure> {
        let grants = &proposal.grants;
        let rows = grants.agent.len();
        if grants.seeker.len() != rows {
            let seekers = grants.seeker.len();
            return Err(Failure::Malformed(format!("{rows} agents and {seekers} seekers in `grants`")));
        }
        // A plugin may not know of a kind yet, but `kinds` is in every batch.
        let wanted = rows.saturating_mul(batch.kinds.len());
        if !grants.cap.is_empty() && grants.cap.len() != wanted {
            let caps = grants.cap.len();
            return Err(Failure::Malformed(format!("{caps} amounts in `grants.cap` where {wanted} belong")));
        }
        Ok(proposal)
    }
}

impl std::fmt::Debug for Allocator {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Allocator").field("identity", &self.identity).finish_non_exhaustive()
    }
}

fn identity_of(identity: lifecycle::Identity) -> Identity {
    Identity { name: identity.name, version: identity.version }
}

/// What an error of the engine means.
fn failure(guest: &Guest, limits: &Limits, cpu_max: Duration, error: &wasmtime::Error) -> Failure {
    if guest.memory.is_exhausted {
        return Failure::Memory { limit_bytes: limits.memory_bytes_max as u64 };
    }
    if let Some(used) = guest.overran() {
        let (cpu_ms, limit_ms) = (used.as_millis() as u64, cpu_max.as_millis() as u64);
        return Failure::Deadline { cpu_ms, limit_ms };
    }
    if let Some(exit) = error.downcast_ref::<wasmtime_wasi::I32Exit>() {
        return Failure::Trap(format!("it exited with status {}", exit.0));
    }
    match error.downcast_ref::<Trap>() {
        Some(Trap::Interrupt) => Failure::Gone,
        Some(trap) => Failure::Trap(trap.to_string()),
        // Neither a trap nor a limit of ours: what came out of the guest's memory is not a value of
        // the type that the world prescribes, or is too much.
        None => {
            let text = error.root_cause().to_string();
            if text.contains("fuel") {
                Failure::TooLarge { limit_bytes: limits.answer_bytes_max as u64 }
            } else {
                Failure::Malformed(text)
            }
        }
    }
}
