//! How much the log says, changed while the process runs (spec 17 §2).
//!
//! Mesos counts verbosity from 0: what the flags want, 1: what a person looks at when something
//! is wrong, 2 and more: every turn and every message. A level that was raised goes back to where it
//! was after a while.

use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use tracing_subscriber::{EnvFilter, Registry, reload};

use crate::Level;

/// The verbosity of this process' one log. Clones are the same.
#[derive(Clone)]
pub struct Verbosity(Arc<Inner>);

struct Inner {
    now: Mutex<Now>,
    apply: Box<dyn Fn(EnvFilter) + Send + Sync>,
    /// What the flags want: the filter of level 0.
    original: String,
}

/// A level, and how often it was changed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Now {
    level: u32,
    changes: u64,
}

/// A change of the level, to be taken back by [`Verbosity::restore`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Raised(u64);

static OF_THIS_PROCESS: OnceLock<Verbosity> = OnceLock::new();

impl Verbosity {
    /// The verbosity of the log that was started; of a process without one, a number that
    /// nothing follows.
    pub fn of_this_process() -> Self {
        OF_THIS_PROCESS.get_or_init(|| Self::new(String::new(), |_| {})).clone()
    }

    /// A filter that can be exchanged, and the way to do it.
    pub(crate) fn of(filter: EnvFilter) -> (reload::Layer<EnvFilter, Registry>, Self) {
        let original = filter.to_string();
        let (layer, handle) = reload::Layer::new(filter);
        // It fails when the log is gone, and then nobody reads it.
        (layer, Self::new(original, move |filter| drop(handle.reload(filter))))
    }

    /// Makes it this process' own.
    pub(crate) fn install(self) {
        // A second log cannot be started.
        drop(OF_THIS_PROCESS.set(self));
    }

    fn new(original: String, apply: impl Fn(EnvFilter) + Send + Sync + 'static) -> Self {
        Self(Arc::new(Inner { now: Mutex::default(), apply: Box::new(apply), original }))
    }

    /// The level: 0 unless it is raised at the moment.
    pub fn level(&self) -> u32 {
        self.now().level
    }

    /// Changes the level until [`Verbosity::restore`] is called with what this gives.
    #[must_use = "the log says more until it is restored"]
    pub fn set(&self, level: u32) -> Raised {
        let mut now = self.now();
        *now = Now { level, changes: now.changes + 1 };
        (self.0.apply)(self.filter(level));
        Raised(now.changes)
    }

    /// Goes back to what the flags want, unless the level was changed again since `raised`.
    pub fn restore(&self, raised: Raised) {
        let mut now = self.now();
        if now.changes == raised.0 && now.level != 0 {
            now.level = 0;
            (self.0.apply)(self.filter(0));
        }
    }

    fn filter(&self, level: u32) -> EnvFilter {
        match level {
            // It was read once, so it can be read again.
            0 => EnvFilter::try_new(&self.0.original).unwrap_or_default(),
            1 => EnvFilter::new(Level::Debug.filter()),
            _ => EnvFilter::new(Level::Trace.filter()),
        }
    }

    fn now(&self) -> MutexGuard<'_, Now> {
        self.0.now.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::io;

    use tracing_subscriber::layer::SubscriberExt;

    use super::*;

    #[derive(Clone, Default)]
    struct Lines(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Lines {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().expect("ok").extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn the_log_says_more_for_a_while() {
        let (filter, verbosity) = Verbosity::of(EnvFilter::new("info"));
        let lines = Lines::default();
        let writer = lines.clone();
        let layer = tracing_subscriber::fmt::layer().with_ansi(false).with_writer(move || writer.clone());
        let log = tracing_subscriber::registry().with(filter).with(layer);
        tracing::subscriber::with_default(log, || {
            let say = |what: &str| tracing::debug!(target: "mezzo_http", "{what}");
            say("before");
            let raised = verbosity.set(1);
            assert_eq!(verbosity.level(), 1);
            say("during");
            verbosity.restore(raised);
            say("after");
            assert_eq!(verbosity.level(), 0);
        });
        let text = String::from_utf8(lines.0.lock().expect("ok").clone()).expect("text");
        assert!(text.contains("during"), "{text}");
        assert!(!text.contains("before") && !text.contains("after"), "{text}");
    }

    /// The end of an earlier change must not cut a later one short.
    #[test]
    fn a_later_change_outlives_the_end_of_an_earlier_one() {
        let (_layer, verbosity) = Verbosity::of(EnvFilter::new("info"));
        let first = verbosity.set(1);
        let second = verbosity.set(3);
        verbosity.restore(first);
        assert_eq!(verbosity.level(), 3);
        verbosity.restore(second);
        assert_eq!(verbosity.level(), 0);
    }
}
