//! The allocator's thread, as the core orders it.

use std::{
    collections::BTreeMap,
    path::Path,
    sync::{Arc, Mutex, PoisonError},
    time::Instant,
};

use mezzo_core_master::Input;
use mezzo_slots::{Answer, Ask, Choice, Digest, Failure, Identity, Order, SlotName};
use mezzo_telemetry::{Metrics, Timer};
use mezzo_wasm::{AllocatorThread, Cache, Limits, LoadError, Plugin, Runtime, Said, Start};

use crate::{Inbox, plugins::Desk, shelf::Shelf};

/// Questions that may wait for an instance. One that serves is asked one at a time; one beside it
/// may be behind, as far as the core allows, and then some.
const QUESTIONS_MAX: usize = 128;

/// The plugins there are to choose from, and those that run.
pub(crate) struct AllocatorHost {
    runtime: Runtime,
    cache: Option<Cache>,
    shelf: Arc<Shelf>,
    /// By generation; two at most.
    running: BTreeMap<u64, AllocatorThread>,
    inbox: Arc<Inbox>,
    rounds: Arc<Rounds>,
}

/// The round that the allocator was asked for last, and how long rounds take. One is asked at a time.
struct Rounds {
    /// Generation and round of the first who was asked, and when.
    asked: Mutex<Option<(u64, u64, Instant)>>,
    took: Timer,
}

impl Rounds {
    fn asked(&self, generation: u64, round: u64) {
        let mut asked = self.asked.lock().unwrap_or_else(PoisonError::into_inner);
        // Whoever is asked the same afterwards does not serve.
        if asked.is_none_or(|(_, before, _)| before != round) {
            *asked = Some((generation, round, Instant::now()));
        }
    }

    fn heard(&self, said: &Said) {
        let Said::Answered(answer) = said else { return };
        let mut asked = self.asked.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((generation, round, since)) = *asked
            && (generation, round) == (answer.generation, answer.round)
        {
            *asked = None;
            self.took.record(since.elapsed());
        }
    }
}

impl AllocatorHost {
    /// A host for these plugins, the wanted one first. Nothing runs before the core orders it.
    ///
    /// # Errors
    ///
    /// When the machine cannot run plugins.
    pub(crate) fn new(
        plugins: Vec<Arc<[u8]>>,
        files: Option<mezzo_disk::PluginFiles>,
        cache_dir: Option<&Path>,
        inbox: Arc<Inbox>,
        metrics: &Metrics,
    ) -> Result<(Self, Vec<Digest>), LoadError> {
        let runtime = Runtime::new()?;
        let cache = cache_dir.and_then(|directory| match Cache::open(directory) {
            Ok(cache) => Some(cache),
            Err(error) => {
                tracing::warn!(%error, "plugins are compiled at every start");
                None
            }
        });
        let order: Vec<Digest> = plugins.iter().map(|bytes| mezzo_wasm::digest(bytes)).collect();
        let shelf = Arc::new(Shelf::new(&plugins, files));
        let rounds =
            Rounds { asked: Mutex::new(None), took: metrics.timer("allocator/mesos/allocation_run_ms") };
        let running = BTreeMap::new();
        Ok((Self { runtime, cache, shelf, running, inbox, rounds: Arc::new(rounds) }, order))
    }

    /// Compiles and checks a plugin, so that a start with a file that is none ends with the reason.
    /// Its thread finds the compiled code in the cache.
    ///
    /// # Errors
    ///
    /// Says what is wrong with the bytes and what to do.
    pub(crate) fn check(&self, plugin: &Digest) -> Result<(), LoadError> {
        match self.shelf.get(plugin) {
            Some(bytes) => Plugin::load(&self.runtime, &bytes, self.cache.as_ref()).map(drop),
            None => Ok(()),
        }
    }

    /// Brings back the plugins that were chosen before a restart.
    pub(crate) fn recover(&self, chosen: impl Iterator<Item = Digest>) {
        self.shelf.recover(chosen);
    }

    /// Where operators hand in more of them.
    pub(crate) fn desk(&self) -> Desk {
        Desk::new(self.runtime.clone(), self.cache.clone(), Arc::clone(&self.shelf))
    }

    /// Compiles every plugin into the cache, on a thread of its own: when one has to stand in for
    /// another, nobody serves until it is ready.
    pub(crate) fn prepare(&self) {
        let (runtime, plugins) = (self.runtime.clone(), self.shelf.all());
        let Some(cache) = self.cache.clone().filter(|_| plugins.len() > 1) else { return };
        let compile = move || {
            // What cannot be loaded is told when it is wanted.
            plugins.iter().for_each(|bytes| drop(Plugin::load(&runtime, bytes, Some(&cache))));
        };
        if let Err(error) = std::thread::Builder::new().name("compiler".to_owned()).spawn(compile) {
            tracing::warn!(%error, "plugins that stand in are compiled when they are wanted");
        }
    }

    /// Does what the core wants of the slot.
    pub(crate) fn carry_out(&mut self, order: Order) {
        match order {
            Order::Start { choice, generation } => self.start(&choice, generation),
            Order::Drop { generation } => drop(self.running.remove(&generation)),
            Order::Forget { plugin } => self.shelf.remove(&plugin),
        }
    }

    fn start(&mut self, choice: &Choice, generation: u64) {
        let plugin = choice.plugin;
        let Some(bytes) = self.shelf.get(&plugin) else {
            let failure = Failure::Refused(format!("plugin `{plugin}` is not here"));
            return self.loaded(generation, Err(failure));
        };
        let start = Start {
            bytes,
            generation,
            settings: choice.settings.to_string(),
            questions_max: QUESTIONS_MAX,
            limits: Limits::default(),
            cache: self.cache.clone(),
        };
        let inbox = Arc::clone(&self.inbox);
        let rounds = Arc::clone(&self.rounds);
        let spawned = AllocatorThread::spawn(&self.runtime, start, move |said| {
            rounds.heard(&said);
            inbox.push_now(heard(said));
        });
        match spawned {
            Ok(thread) => drop(self.running.insert(generation, thread)),
            Err(error) => {
                tracing::error!(%error, "no thread for the allocator");
                self.loaded(generation, Err(Failure::Gone));
            }
        }
    }

    /// Asks the plugin; if nobody can be asked, the core hears that at once.
    pub(crate) fn ask(&self, ask: Ask) {
        let (slot, generation, round) = (ask.slot, ask.generation, ask.batch.round);
        self.rounds.asked(generation, round);
        let asked = match self.running.get(&generation) {
            Some(thread) => thread.ask(ask),
            None => Err(Failure::Gone),
        };
        if let Err(failure) = asked {
            let answer = Answer { slot, generation, round, outcome: Err(failure), cpu_us: 0 };
            self.inbox.push_now(Input::PluginAnswered(answer));
        }
    }

    fn loaded(&self, generation: u64, outcome: Result<Identity, Failure>) {
        self.inbox.push_now(Input::PluginLoaded { slot: SlotName::Allocator, generation, outcome });
    }
}

fn heard(said: Said) -> Input {
    match said {
        Said::Answered(answer) => Input::PluginAnswered(answer),
        Said::Loaded { generation, outcome } => {
            if let Ok(identity) = &outcome {
                tracing::info!(
                    generation,
                    name = identity.name,
                    version = identity.version,
                    "the allocator is loaded"
                );
            }
            Input::PluginLoaded { slot: SlotName::Allocator, generation, outcome }
        }
    }
}
