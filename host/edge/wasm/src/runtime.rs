//! The engine that all plugins of a process share, and the clock that interrupts them.

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    thread::{self, Thread},
    time::Duration,
};

use wasmtime::{Config, Engine, EngineWeak, component::Component};

use crate::load::LoadError;

/// How often a running guest is looked at.
const TICK: Duration = Duration::from_millis(1);

/// Ticks without a call before the clock stops: while rounds follow each other at the pace of busy
/// times nobody has to wake it, and a single one costs no more than a few ticks.
const IDLE_TICKS_MAX: u32 = 10;

/// Stack of a guest. A recursion that needs more than this is a runaway.
const GUEST_STACK_BYTES: usize = 1 << 20;

/// The engine. Clones are the same engine.
#[derive(Clone)]
pub struct Runtime(Arc<Shared>);

struct Shared {
    engine: Engine,
    clock: Arc<Clock>,
    ticker: Thread,
}

/// What the ticker and the callers both see.
#[derive(Default)]
struct Clock {
    calls: AtomicUsize,
    is_parked: AtomicBool,
    is_over: AtomicBool,
}

impl Runtime {
    /// An engine with its clock, which is a thread that sleeps while no guest runs.
    ///
    /// # Errors
    ///
    /// When the machine cannot run compiled guests, or refuses another thread.
    pub fn new() -> Result<Self, LoadError> {
        let engine = Engine::new(&config()).map_err(|error| LoadError::Engine(format!("{error:#}")))?;
        let clock = Arc::new(Clock::default());
        let (seen, weak) = (Arc::clone(&clock), engine.weak());
        let ticker = thread::Builder::new()
            .name("plugin-clock".to_owned())
            .spawn(move || tick(&seen, &weak))
            .map_err(|error| LoadError::Engine(format!("cannot start the clock's thread: {error}")))?;
        Ok(Self(Arc::new(Shared { engine, clock, ticker: ticker.thread().clone() })))
    }

    pub(crate) fn engine(&self) -> &Engine {
        &self.0.engine
    }

    /// Turns a component into code for this machine.
    pub(crate) fn compile(&self, bytes: &[u8]) -> Result<Vec<u8>, LoadError> {
        precompile(self.engine(), bytes)
    }

    /// Takes back what [`compile`] made.
    ///
    /// `compiled` is machine code and is trusted: it must come from [`compile`] in this process, or
    /// from a file that nobody but this user could have written. [`crate::Cache`] is the only caller
    /// with a file.
    #[allow(unsafe_code, reason = "the one place where compiled code enters the process")]
    pub(crate) fn load_compiled(&self, compiled: &[u8]) -> Result<Component, LoadError> {
        // SAFETY: the callers uphold what the comment above demands; the engine itself checks
        // version and settings, not the code.
        let component = unsafe { Component::deserialize(self.engine(), compiled) };
        component.map_err(|error| LoadError::Engine(format!("compiled code does not load: {error:#}")))
    }

    /// Keeps the clock ticking as long as the value lives.
    pub(crate) fn ticking(&self) -> Ticking {
        let clock = &self.0.clock;
        clock.calls.fetch_add(1, Ordering::SeqCst);
        if clock.is_parked.load(Ordering::SeqCst) {
            self.0.ticker.unpark();
        }
        Ticking(Arc::clone(clock))
    }
}

impl fmt::Debug for Runtime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Runtime").field("calls", &self.0.clock.calls).finish_non_exhaustive()
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        self.clock.is_over.store(true, Ordering::SeqCst);
        self.ticker.unpark();
    }
}

/// A call in progress.
pub(crate) struct Ticking(Arc<Clock>);

impl Drop for Ticking {
    fn drop(&mut self) {
        self.0.calls.fetch_sub(1, Ordering::SeqCst);
    }
}

/// Turns a component into code for this machine: the work of `mezzo helper compile`.
///
/// The bytes are hostile until proven otherwise and compiling has no time limit of its own, so a
/// daemon runs this in a process with limits. Pure: the same bytes give the same code.
///
/// # Errors
///
/// Says what the plugin's author has to do.
pub fn compile(bytes: &[u8]) -> Result<Vec<u8>, LoadError> {
    let engine = Engine::new(&config()).map_err(|error| LoadError::Engine(format!("{error:#}")))?;
    precompile(&engine, bytes)
}

fn precompile(engine: &Engine, bytes: &[u8]) -> Result<Vec<u8>, LoadError> {
    LoadError::look_at(bytes)?;
    engine.precompile_component(bytes).map_err(|error| LoadError::Damaged(format!("{error:#}")))
}

fn config() -> Config {
    let mut config = Config::new();
    config
        .epoch_interruption(true)
        // A step is a pure function with nothing to wait for, and calls cost a third without it.
        .concurrency_support(false)
        .wasm_memory64(false)
        .wasm_relaxed_simd(false)
        .max_wasm_stack(GUEST_STACK_BYTES);
    config
}

fn tick(clock: &Clock, engine: &EngineWeak) {
    let mut idle = 0;
    while !clock.is_over.load(Ordering::SeqCst) {
        if clock.calls.load(Ordering::SeqCst) > 0 {
            idle = 0;
        } else {
            idle += 1;
        }
        if idle > IDLE_TICKS_MAX {
            clock.is_parked.store(true, Ordering::SeqCst);
            if clock.calls.load(Ordering::SeqCst) == 0 && !clock.is_over.load(Ordering::SeqCst) {
                thread::park();
            }
            clock.is_parked.store(false, Ordering::SeqCst);
            idle = 0;
            continue;
        }
        thread::sleep(TICK);
        let Some(engine) = engine.upgrade() else { return };
        engine.increment_epoch();
    }
}
