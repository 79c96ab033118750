//! Registry facts, made durable on a thread of its own: what waits together is written together.

use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
        mpsc,
    },
    thread,
};

use mezzo_disk::Store;
use mezzo_model::Ticket;
use mezzo_registry::Write;
use mezzo_telemetry::Metrics;

/// Where facts are kept.
pub(crate) enum Registry {
    /// In the embedded store.
    Disk(Store),
    /// Nowhere.
    Memory,
}

/// Writes of one group at most; a group is one transaction.
const GROUP_MAX: usize = 1_000;

/// The thread that writes. It ends when the value is dropped and everything is written.
pub(crate) struct Writer {
    /// Absent once the thread is to end.
    writes: Option<mpsc::Sender<(Ticket, Write)>>,
    thread: Option<thread::JoinHandle<()>>,
    /// Writes that are not made yet.
    queued: Arc<AtomicUsize>,
}

impl Writer {
    /// Starts the thread; `written` hears of every ticket, on that thread.
    pub(crate) fn spawn(
        registry: Registry,
        metrics: &Metrics,
        written: impl Fn(Ticket, Result<(), String>) + Send + 'static,
    ) -> io::Result<Self> {
        let (writes, waiting) = mpsc::channel();
        let timer = metrics.timer("registrar/state_store_ms");
        let queued = Arc::new(AtomicUsize::new(0));
        let (left, shown) = (Arc::clone(&queued), Arc::clone(&queued));
        metrics.gauge("registrar/queued_operations", move || shown.load(Ordering::Relaxed) as f64);
        let thread = thread::Builder::new().name("registry".to_owned()).spawn(move || {
            while let Ok(first) = waiting.recv() {
                let mut group: Vec<(Ticket, Write)> = vec![first];
                group.extend(waiting.try_iter().take(GROUP_MAX - 1));
                let count = group.len();
                timer.time(|| keep(&registry, group, &written));
                left.fetch_sub(count, Ordering::Relaxed);
            }
        })?;
        Ok(Self { writes: Some(writes), thread: Some(thread), queued })
    }

    /// Hands a write over. How many wait is bounded by the core, which asks one for each fact.
    pub(crate) fn write(&self, ticket: Ticket, write: Write) {
        if let Some(writes) = &self.writes {
            self.queued.fetch_add(1, Ordering::Relaxed);
            let _ = writes.send((ticket, write));
        }
    }
}

impl Drop for Writer {
    /// Waits until everything is written, so that the store is closed when this returns.
    fn drop(&mut self) {
        self.writes = None;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// Writes a group at once; if that fails, each by itself, so that one cannot fail the others.
fn keep(registry: &Registry, group: Vec<(Ticket, Write)>, written: &impl Fn(Ticket, Result<(), String>)) {
    let whole: Vec<&Write> = group.iter().map(|(_, write)| write).collect();
    match commit(registry, &whole) {
        Ok(()) => group.iter().for_each(|(ticket, _)| written(*ticket, Ok(()))),
        Err(why) if group.len() == 1 => written(group[0].0, Err(why)),
        Err(_) => group.iter().for_each(|(ticket, write)| written(*ticket, commit(registry, &[write]))),
    }
}

fn commit(registry: &Registry, writes: &[&Write]) -> Result<(), String> {
    let Registry::Disk(store) = registry else { return Ok(()) };
    let changes = writes.iter().flat_map(|write| &write.changes);
    let changes: Vec<(&str, Option<&[u8]>)> =
        changes.map(|change| (change.key.as_str(), change.value.as_deref())).collect();
    store.commit(&changes).map_err(|error| error.sentence())
}

#[cfg(test)]
mod tests {
    use super::*;
    use mezzo_registry::Change;
    use std::sync::mpsc::channel;

    fn write(key: &str) -> Write {
        Write { changes: vec![Change { key: key.into(), value: Some(vec![1]) }] }
    }

    #[test]
    fn what_is_written_is_found_at_the_next_start() {
        let directory = tempfile::tempdir().expect("a directory");
        let work_dir = mezzo_disk::WorkDir::open(directory.path().join("w")).expect("made");
        let store = Store::open(&work_dir).expect("made");
        let (said, heard) = channel();
        let writer = Writer::spawn(Registry::Disk(store), &Metrics::default(), move |ticket, outcome| {
            said.send((ticket, outcome)).expect("listening");
        })
        .expect("a thread");
        for number in 0..10 {
            writer.write(Ticket(number), write(&format!("agent/{number}")));
        }
        for number in 0..10 {
            assert_eq!(heard.recv().expect("an answer"), (Ticket(number), Ok(())));
        }
        drop(writer);
        assert!(heard.recv().is_err(), "the thread has ended");
        let store = Store::open(&work_dir).expect("there");
        assert_eq!(store.load_all().expect("readable").len(), 10);
    }
}
