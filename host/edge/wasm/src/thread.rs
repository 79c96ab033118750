//! The thread that owns an allocator: questions in by a channel, answers out by a callback.

use std::{
    io,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
        mpsc::{Receiver, SyncSender, sync_channel},
    },
    thread,
};

use mezzo_slots::{Answer, Ask, Failure, Identity};

use crate::{
    allocator::Allocator,
    cache::Cache,
    guest::{Figures, Level, Limits, Line, LogTo},
    load::Plugin,
    runtime::Runtime,
};

/// Stack of the thread: the guest's own and what the compiler needs.
const STACK_BYTES: usize = 8 << 20;

/// What the thread reports.
#[derive(Debug)]
pub enum Said {
    /// The instance is ready, or cannot be made. Comes once, first.
    Loaded {
        /// The instance.
        generation: u64,
        /// Who it is, or why it is not.
        outcome: Result<Identity, Failure>,
    },
    /// What came of an ask.
    Answered(Answer),
}

/// How to run an allocator.
#[derive(Clone, Debug)]
pub struct Start {
    /// The component.
    pub bytes: Arc<[u8]>,
    /// What the instance is called in asks and answers.
    pub generation: u64,
    /// A JSON document for the plugin.
    pub settings: String,
    /// Questions that may wait while it is busy. One that serves is asked one at a time.
    pub questions_max: usize,
    /// What it may use.
    pub limits: Limits,
    /// Compiled plugins.
    pub cache: Option<Cache>,
}

/// An allocator on a thread of its own.
///
/// Nothing here waits for the guest: asking puts the question into a channel, and dropping the
/// value tells the guest to stop, which it does within milliseconds whatever it is doing, or as
/// soon as its compilation is over.
#[derive(Debug)]
pub struct AllocatorThread {
    asks: SyncSender<Ask>,
    is_stopped: Arc<AtomicBool>,
    figures: Figures,
}

impl AllocatorThread {
    /// Starts the thread, which compiles and checks the component and makes the instance.
    ///
    /// `said` is called on that thread and must not block. It hears [`Said::Loaded`] first, and
    /// after a failure nothing else but [`Failure::Gone`]. After the value is dropped it hears
    /// nothing any more, or what was on its way.
    ///
    /// # Errors
    ///
    /// When there is no thread to be had.
    pub fn spawn(
        runtime: &Runtime,
        start: Start,
        said: impl FnMut(Said) + Send + 'static,
    ) -> io::Result<Self> {
        let (asks, questions) = sync_channel(start.questions_max);
        let is_stopped = Arc::new(AtomicBool::new(false));
        let figures = Figures::default();
        let worker = Worker {
            runtime: runtime.clone(),
            start,
            is_stopped: Arc::clone(&is_stopped),
            figures: figures.clone(),
            said: Box::new(said),
        };
        thread::Builder::new()
            .name("allocator".to_owned())
            .stack_size(STACK_BYTES)
            .spawn(move || worker.run(&questions))?;
        Ok(Self { asks, is_stopped, figures })
    }

    /// Sends a question; the answer comes by the callback.
    ///
    /// # Errors
    ///
    /// [`Failure::Gone`] when the thread has ended, or too many earlier questions wait.
    pub fn ask(&self, ask: Ask) -> Result<(), Failure> {
        self.asks.try_send(ask).map_err(|_| Failure::Gone)
    }

    /// The figures that the plugin reports.
    pub fn figures(&self) -> &Figures {
        &self.figures
    }
}

impl Drop for AllocatorThread {
    fn drop(&mut self) {
        self.is_stopped.store(true, Ordering::SeqCst);
    }
}

struct Worker {
    runtime: Runtime,
    start: Start,
    is_stopped: Arc<AtomicBool>,
    figures: Figures,
    said: Box<dyn FnMut(Said) + Send>,
}

impl Worker {
    fn run(mut self, questions: &Receiver<Ask>) {
        let generation = self.start.generation;
        let made = catch_unwind(AssertUnwindSafe(|| self.make())).unwrap_or(Err(Failure::Gone));
        let mut allocator = match made {
            Ok(allocator) => {
                let outcome = Ok(allocator.identity().clone());
                (self.said)(Said::Loaded { generation, outcome });
                Some(allocator)
            }
            Err(failure) => {
                (self.said)(Said::Loaded { generation, outcome: Err(failure) });
                None
            }
        };
        while let Ok(ask) = questions.recv() {
            let (outcome, cpu_us) = answer(&mut allocator, &ask);
            if outcome.is_err() {
                // The memory of a guest that failed is of no use to anyone.
                allocator = None;
            }
            let Ask { slot, generation, batch } = ask;
            (self.said)(Said::Answered(Answer { slot, generation, round: batch.round, outcome, cpu_us }));
        }
    }

    fn make(&self) -> Result<Allocator, Failure> {
        let Start { bytes, settings, limits, cache, generation, questions_max: _ } = &self.start;
        let plugin = Plugin::load(&self.runtime, bytes, cache.as_ref())?;
        let log_to = traced(plugin.digest().to_string(), *generation);
        Allocator::start(
            &plugin,
            *limits,
            settings,
            log_to,
            self.figures.clone(),
            Arc::clone(&self.is_stopped),
        )
    }
}

fn answer(allocator: &mut Option<Allocator>, ask: &Ask) -> (Result<mezzo_slots::Proposal, Failure>, u64) {
    let Some(allocator) = allocator else { return (Err(Failure::Gone), 0) };
    let outcome = catch_unwind(AssertUnwindSafe(|| allocator.step(&ask.batch))).unwrap_or(Err(Failure::Gone));
    (outcome, allocator.cpu_last().as_micros() as u64)
}

/// A plugin's lines in the daemon's log.
fn traced(plugin: String, generation: u64) -> LogTo {
    Arc::new(move |Line { level, text }| match level {
        Level::Debug => tracing::debug!(target: "plugin", plugin, generation, "{text}"),
        Level::Info => tracing::info!(target: "plugin", plugin, generation, "{text}"),
        Level::Warn => tracing::warn!(target: "plugin", plugin, generation, "{text}"),
        Level::Error => tracing::error!(target: "plugin", plugin, generation, "{text}"),
    })
}
