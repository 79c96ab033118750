//! Views made into answers, beside the loop: on one thread, which gives way to all others.
//!
//! A reader holds its snapshot and asks for one piece after the other, so what it costs in memory
//! does not depend on how large the cluster is or how slowly it reads. Readers that come while
//! nothing has changed share a rendering, and pieces that one of them had made a moment ago.

mod shared;

use std::{
    collections::VecDeque,
    io,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Arc, mpsc::RecvTimeoutError},
    thread,
    time::Duration,
};

use bytes::Bytes;
use futures_util::stream;
use mezzo_api::{Pieces, Reading};
use mezzo_core_master::views::{Place, View};
use mezzo_model::calls::{Encoding, MasterRead};
use mezzo_telemetry::{Metrics, Timer};
use tokio::sync::oneshot;

use shared::{Kept, Shared};

/// How much less than others the thread is given where all want to run.
const NICE: i32 = 10;

/// How long a view is kept for the next reader: everything that changes meanwhile is copied.
const KEPT_FOR: Duration = Duration::from_millis(200);

/// The way to the thread.
#[derive(Clone)]
pub(crate) struct Renderer {
    // Everybody who waits has one job here at most.
    jobs: std::sync::mpsc::Sender<Job>,
}

enum Job {
    /// A new reader.
    Begin { read: MasterRead, encoding: Encoding, view: Arc<View>, reply: oneshot::Sender<Begun> },
    /// The next piece for a reader.
    Next { shared: Arc<Shared>, from: Place, reply: oneshot::Sender<Piece> },
}

/// A piece, and where the next one begins.
type Piece = (Bytes, Option<Place>);

struct Begun {
    shared: Arc<Shared>,
    first: Piece,
}

impl Renderer {
    /// Starts the thread; it ends when nobody can ask any more.
    pub(crate) fn spawn(metrics: &Metrics) -> io::Result<Self> {
        let (jobs, waiting) = std::sync::mpsc::channel();
        let timer = metrics.timer("mezzo/master/render_ms");
        let shared = metrics.counter("mezzo/master/render_shared");
        thread::Builder::new().name("render".to_owned()).spawn(move || {
            mezzo_linux::thread::give_way(NICE);
            Thread { kept: Kept::new(shared), timer }.run(&waiting);
        })?;
        Ok(Self { jobs })
    }

    /// What `read` shows of `view`; `None` when the master ends.
    pub(crate) async fn begin(
        &self,
        read: MasterRead,
        encoding: Encoding,
        view: Arc<View>,
    ) -> Option<Reading> {
        let (reply, begun) = oneshot::channel();
        self.jobs.send(Job::Begin { read, encoding, view, reply }).ok()?;
        let Begun { shared, first } = begun.await.ok()?;
        Some(match first {
            (bytes, None) => Reading::Whole(bytes),
            first => Reading::Pieces(self.clone().pieces(shared, first)),
        })
    }

    fn pieces(self, shared: Arc<Shared>, (first, next): Piece) -> Pieces {
        let rest = stream::unfold((self, shared, next), |(renderer, shared, next)| async move {
            let from = next?;
            let (reply, made) = oneshot::channel();
            let asked = renderer.jobs.send(Job::Next { shared: Arc::clone(&shared), from, reply });
            let made = match asked {
                Ok(()) => made.await.ok(),
                Err(_) => None,
            };
            let Some((bytes, next)) = made else {
                return Some((Err("the master ended".into()), (renderer, shared, None)));
            };
            Some((Ok(bytes), (renderer, shared, next)))
        });
        Box::pin(futures_util::StreamExt::chain(stream::iter([Ok(first)]), rest))
    }
}

struct Thread {
    kept: Kept,
    timer: Timer,
}

impl Thread {
    fn run(mut self, jobs: &std::sync::mpsc::Receiver<Job>) {
        let mut waiting: VecDeque<Job> = VecDeque::new();
        loop {
            waiting.extend(jobs.try_iter());
            let job = match next_of(&mut waiting) {
                Some(job) => Ok(job),
                None if self.kept.is_empty() => jobs.recv().map_err(|_| RecvTimeoutError::Disconnected),
                None => jobs.recv_timeout(KEPT_FOR),
            };
            match job {
                // A bug in a view must not take the reads of all others with it: whoever asked is
                // told nothing, which ends that answer.
                Ok(job) => drop(catch_unwind(AssertUnwindSafe(|| self.take(job)))),
                Err(RecvTimeoutError::Timeout) => self.kept.clear(),
                Err(RecvTimeoutError::Disconnected) => return,
            }
        }
    }

    fn take(&mut self, job: Job) {
        match job {
            // Whoever has left in the meantime needs nothing.
            Job::Begin { reply, .. } if reply.is_closed() => {}
            Job::Next { reply, .. } if reply.is_closed() => {}
            Job::Begin { read, encoding, view, reply } => {
                let begun = self.timer.time(|| {
                    let shared = self.kept.rendering(read, encoding, view);
                    let first = self.kept.piece(&shared, Place::default());
                    Begun { shared, first }
                });
                drop(reply.send(begun));
            }
            Job::Next { shared, from, reply } => {
                let piece = self.timer.time(|| self.kept.piece(&shared, from));
                drop(reply.send(piece));
            }
        }
    }
}

/// The next job: the first, or, of those that want a piece of the same rendering, the one that is
/// furthest behind. So its readers come together, and each piece is made once for all of them.
fn next_of(waiting: &mut VecDeque<Job>) -> Option<Job> {
    let (number, from) = match waiting.front()? {
        Job::Begin { .. } => return waiting.pop_front(),
        Job::Next { shared, from, .. } => (shared.number(), *from),
    };
    let places = waiting.iter().enumerate().filter_map(|(at, job)| match job {
        Job::Next { shared, from, .. } if shared.number() == number => Some((*from, at)),
        Job::Next { .. } | Job::Begin { .. } => None,
    });
    let (_, at) = places.min().unwrap_or((from, 0));
    waiting.remove(at)
}

impl Shared {
    fn made(&self, from: Place) -> Piece {
        let (bytes, next) = self.rendering.piece(from);
        (bytes.into(), next)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use mezzo_core_master::{Master, MasterConfig, Recovered};
    use mezzo_model::{Mono, Now, Wall, calls::Principal};
    use mezzo_slots::Digest;

    fn view_of(master: &Master) -> Arc<View> {
        Arc::new(master.view(Now { mono: Mono(1), wall: Wall(1) }, &Principal::ANONYMOUS))
    }

    fn master() -> Master {
        let config = MasterConfig::new("m", [127, 0, 0, 1].into(), 5050, "localhost");
        let now = Now { mono: Mono(1), wall: Wall(1) };
        Master::new(config, Recovered::default(), &[Digest([1; 32])], now).0
    }

    #[tokio::test]
    async fn a_short_answer_comes_at_once() {
        let metrics = Metrics::default();
        let renderer = Renderer::spawn(&metrics).expect("a thread");
        let reading = renderer.begin(MasterRead::Weights, Encoding::Json, view_of(&master())).await;
        match reading.expect("the thread runs") {
            Reading::Whole(bytes) => assert_eq!(&bytes[..], b"[]"),
            Reading::Pieces(_) => panic!("two bytes in pieces"),
        }
    }

    /// Otherwise each of many pollers of a quiet cluster would cost as much as the first.
    #[test]
    fn readers_of_one_state_share_a_rendering() {
        let mut kept = Kept::new(Metrics::default().counter("shared"));
        let (master, other) = (master(), self::master());
        let rendering =
            |kept: &mut Kept, master| kept.rendering(MasterRead::GetState, Encoding::Json, view_of(master));
        let one = rendering(&mut kept, &master);
        assert!(Arc::ptr_eq(&one, &rendering(&mut kept, &master)));
        let protobuf = kept.rendering(MasterRead::GetState, Encoding::Protobuf, view_of(&master));
        assert!(!Arc::ptr_eq(&one, &protobuf));
        assert!(!Arc::ptr_eq(&one, &rendering(&mut kept, &other)), "another master's state");
        let first = kept.piece(&one, Place::default());
        assert_eq!(first.0, kept.piece(&one, Place::default()).0);
        kept.clear();
        assert!(kept.is_empty());
    }

    /// Those who are behind go first, so that all come to want the same piece.
    #[test]
    fn the_reader_that_is_behind_goes_first() {
        let mut kept = Kept::new(Metrics::default().counter("shared"));
        let shared = kept.rendering(MasterRead::GetState, Encoding::Json, view_of(&master()));
        let job = |from| Job::Next { shared: Arc::clone(&shared), from, reply: oneshot::channel().0 };
        let later = Place::default().next_item();
        let mut waiting = VecDeque::from([job(later), job(Place::default()), job(later)]);
        let order: Vec<Place> = std::iter::from_fn(|| match next_of(&mut waiting)? {
            Job::Next { from, .. } => Some(from),
            Job::Begin { .. } => None,
        })
        .collect();
        assert_eq!(order, [Place::default(), later, later]);
    }
}
