//! What belongs to one instance of a plugin on the host's side: limits, log lines, figures.

use std::{
    collections::BTreeMap,
    fmt,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use rustix::time::{ClockId, clock_gettime};
use wasmtime::{ResourceLimiter, UpdateDeadline, component::ResourceTable};
use wasmtime_wasi::{WasiCtx, WasiCtxView, WasiView};

use crate::{
    bindings::mezzo::plugin::{log, metric, types},
    inert::{self, Chance},
};

/// What one plugin may use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// All its memories together. A Rust allocator at 50,000 agents and 200 frameworks needs under
    /// 32 MiB, one in Python or JavaScript begins at 128 MiB.
    pub memory_bytes_max: usize,
    /// Entries of all its tables together; an entry costs the host a pointer.
    pub table_elements_max: usize,
    /// Processor time of one step: a quarter of the interval at which Mesos allocates.
    pub step_cpu_max: Duration,
    /// Processor time of everything before the first step.
    pub start_cpu_max: Duration,
    /// What the guest may hand over in one answer or call.
    pub answer_bytes_max: usize,
    /// Log lines it may write in a second.
    pub lines_per_second_max: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            memory_bytes_max: 256 << 20,
            table_elements_max: 100_000,
            step_cpu_max: Duration::from_millis(250),
            start_cpu_max: Duration::from_secs(5),
            answer_bytes_max: 64 << 20,
            lines_per_second_max: 20,
        }
    }
}

/// How much a line of a plugin's log matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    /// For the plugin's author.
    Debug,
    /// Ordinary.
    Info,
    /// Something is not as it should be.
    Warn,
    /// The plugin could not do its work.
    Error,
}

/// A line that a plugin wrote, cut to a sensible length and without control characters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// How much it matters.
    pub level: Level,
    /// What it says.
    pub text: String,
}

/// Where a plugin's lines go.
pub type LogTo = Arc<dyn Fn(Line) + Send + Sync>;

/// The figures a plugin reports: counters and gauges by name.
#[derive(Clone, Default)]
pub struct Figures(Arc<Mutex<BTreeMap<String, f64>>>);

impl Figures {
    /// Names of figures that are kept.
    const NAMES_MAX: usize = 100;

    /// All figures as they are now.
    pub fn all(&self) -> BTreeMap<String, f64> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn change(&self, name: &str, change: impl FnOnce(f64) -> f64) {
        let is_name = (1..=64).contains(&name.len())
            && name.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_'));
        let mut figures = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(figure) = figures.get_mut(name) {
            *figure = change(*figure);
        } else if is_name && figures.len() < Self::NAMES_MAX {
            figures.insert(name.to_owned(), change(0.0));
        }
    }
}

impl fmt::Debug for Figures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.all()).finish()
    }
}

/// A plugin's log with its budget.
#[derive(Clone)]
pub(crate) struct Log(Arc<Mutex<LogState>>);

struct LogState {
    to: LogTo,
    per_second_max: u32,
    second_began: Instant,
    written: u32,
    missing: u64,
}

impl Log {
    /// Bytes of a line that are kept.
    const LINE_BYTES_MAX: usize = 1_000;

    fn new(to: LogTo, per_second_max: u32) -> Self {
        let state = LogState { to, per_second_max, second_began: Instant::now(), written: 0, missing: 0 };
        Self(Arc::new(Mutex::new(state)))
    }

    pub(crate) fn write(&self, level: Level, text: &str) {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if state.second_began.elapsed() >= Duration::from_secs(1) {
            state.second_began = Instant::now();
            state.written = 0;
            if std::mem::take(&mut state.missing) > 0 {
                let text =
                    "more lines were written than the log takes in a second; some are missing".to_owned();
                (state.to)(Line { level: Level::Warn, text });
            }
        }
        if state.written == state.per_second_max {
            state.missing += 1;
            return;
        }
        state.written += 1;
        let cut = text.floor_char_boundary(Self::LINE_BYTES_MAX);
        let printable = |letter: char| if letter.is_control() { ' ' } else { letter };
        let text = text[..cut].chars().map(printable).collect();
        (state.to)(Line { level, text });
    }
}

/// The store's data.
pub(crate) struct Guest {
    wasi: WasiCtx,
    table: ResourceTable,
    pub(crate) chance: Chance,
    /// What clocks say, in milliseconds since 1970.
    pub(crate) now_ms: u64,
    pub(crate) log: Log,
    pub(crate) figures: Figures,
    pub(crate) memory: Memory,
    watch: Watch,
}

/// Memory and tables used so far.
#[derive(Debug, Default)]
pub(crate) struct Memory {
    bytes_max: usize,
    elements_max: usize,
    bytes: usize,
    elements: usize,
    /// The guest was refused more.
    pub(crate) is_exhausted: bool,
}

/// What ends a call before its time.
pub(crate) struct Watch {
    is_stopped: Arc<AtomicBool>,
    began: Duration,
    cpu_max: Duration,
    /// The processor time at which the call was stopped.
    pub(crate) overran: Option<Duration>,
}

impl Guest {
    pub(crate) fn new(limits: &Limits, log_to: LogTo, figures: Figures, is_stopped: Arc<AtomicBool>) -> Self {
        let log = Log::new(log_to, limits.lines_per_second_max);
        let mut table = ResourceTable::new();
        table.set_max_capacity(1_000);
        Self {
            wasi: inert::context(&log),
            table,
            chance: Chance::default(),
            now_ms: 0,
            log,
            figures,
            memory: Memory {
                bytes_max: limits.memory_bytes_max,
                elements_max: limits.table_elements_max,
                ..Memory::default()
            },
            watch: Watch { is_stopped, began: Duration::ZERO, cpu_max: Duration::ZERO, overran: None },
        }
    }

    /// A call begins that may use `cpu_max` of processor time.
    pub(crate) fn begin(&mut self, cpu_max: Duration) {
        self.watch.began = thread_cpu();
        self.watch.cpu_max = cpu_max;
    }

    /// Processor time of the call so far.
    pub(crate) fn cpu_used(&self) -> Duration {
        thread_cpu().saturating_sub(self.watch.began)
    }

    /// Processor time at which the call was stopped, if it was.
    pub(crate) fn overran(&self) -> Option<Duration> {
        self.watch.overran
    }

    /// Called at every tick of the engine's clock while the guest runs, on the guest's thread.
    ///
    /// The clock is only the occasion: on a busy machine much time passes in which the guest did
    /// not run, so what counts is the processor time of its thread.
    pub(crate) fn tick(&mut self) -> UpdateDeadline {
        let used = self.cpu_used();
        if self.watch.is_stopped.load(Ordering::Relaxed) {
            return UpdateDeadline::Interrupt;
        }
        if used > self.watch.cpu_max {
            self.watch.overran = Some(used);
            return UpdateDeadline::Interrupt;
        }
        UpdateDeadline::Continue(1)
    }
}

/// Processor time of the calling thread.
pub(crate) fn thread_cpu() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(time.tv_sec.unsigned_abs(), time.tv_nsec.unsigned_abs() as u32)
}

impl WasiView for Guest {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        WasiCtxView { ctx: &mut self.wasi, table: &mut self.table }
    }
}

impl Memory {
    /// Bytes taken so far.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }
}

impl ResourceLimiter for Memory {
    fn memory_growing(
        &mut self,
        current: usize,
        desired: usize,
        _maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        let wanted = self.bytes.saturating_add(desired.saturating_sub(current));
        if wanted > self.bytes_max {
            self.is_exhausted = true;
            return Err(wasmtime::Error::msg("the memory limit"));
        }
        self.bytes = wanted;
        Ok(true)
    }

    fn table_growing(
        &mut self,
        current: usize,
        desired: usize,
        _maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        let wanted = self.elements.saturating_add(desired.saturating_sub(current));
        if wanted > self.elements_max {
            self.is_exhausted = true;
            return Err(wasmtime::Error::msg("the table limit"));
        }
        self.elements = wanted;
        Ok(true)
    }

    fn instances(&self) -> usize {
        100
    }

    fn tables(&self) -> usize {
        100
    }

    fn memories(&self) -> usize {
        10
    }
}

impl types::Host for Guest {}

impl log::Host for Guest {
    fn write(&mut self, level: log::Level, line: String) {
        let level = match level {
            log::Level::Debug => Level::Debug,
            log::Level::Info => Level::Info,
            log::Level::Warn => Level::Warn,
            log::Level::Error => Level::Error,
        };
        self.log.write(level, &line);
    }
}

impl metric::Host for Guest {
    fn add(&mut self, name: String, delta: u64) {
        self.figures.change(&name, |figure| figure + delta as f64);
    }

    fn set(&mut self, name: String, value: f64) {
        self.figures.change(&name, |_| value);
    }
}
