//! Three bounded lanes in front of the core.
//!
//! Whoever has something for a lane waits for room, so a full lane pushes back on its
//! clients' connections. The turn takes from the lanes in their order: liveness, calls,
//! reads.

use std::{
    collections::VecDeque,
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use mezzo_model::{Lane, Laned};
use tokio::sync::Semaphore;

/// Inputs that may wait in each lane. A call or a read is a few kilobytes; an agent's message
/// may be larger, but each link waits with one at most.
const LANE_MAX: [usize; 3] = [16_384, 4_096, 1_024];

/// How long a client waits for room before it is told to come back.
const PATIENCE: Duration = Duration::from_secs(5);

/// The lane was full for too long.
#[derive(Debug)]
pub struct Full;

/// The queue in front of the core.
pub struct Inbox<I> {
    lanes: Mutex<Lanes<I>>,
    arrived: Condvar,
    room: [Arc<Semaphore>; 3],
}

struct Lanes<I> {
    waiting: [VecDeque<I>; 3],
    is_closed: bool,
}

/// What the turn does next.
#[derive(Debug)]
pub enum Next<I> {
    /// Take this.
    Input(I),
    /// The moment that was asked for has come.
    Wake,
    /// End.
    Stop,
}

impl<I: Laned> Inbox<I> {
    /// Empty and open.
    #[allow(clippy::new_without_default, reason = "there is one, and it is made on purpose")]
    pub fn new() -> Self {
        let lanes = Lanes { waiting: [const { VecDeque::new() }; 3], is_closed: false };
        Self {
            lanes: Mutex::new(lanes),
            arrived: Condvar::new(),
            room: LANE_MAX.map(|max| Arc::new(Semaphore::new(max))),
        }
    }

    /// Waits for room, for a client that can be told to come back.
    ///
    /// # Errors
    ///
    /// When there was none for five seconds, or the daemon ends.
    pub async fn push(&self, input: I) -> Result<(), Full> {
        let room = &self.room[input.lane() as usize];
        match tokio::time::timeout(PATIENCE, room.acquire()).await {
            Ok(Ok(permit)) => permit.forget(),
            Ok(Err(_)) | Err(_) => return Err(Full),
        }
        self.add(input);
        Ok(())
    }

    /// Waits for room as long as it takes, for a link that can be slowed down.
    pub async fn push_patiently(&self, input: I) {
        let room = &self.room[input.lane() as usize];
        if let Ok(permit) = room.acquire().await {
            permit.forget();
            self.add(input);
        }
    }

    /// Adds at once, beyond the bound if must be: for what is bounded by its nature, one for
    /// each stream, link, write or question that is open.
    pub fn push_now(&self, input: I) {
        if let Ok(permit) = self.room[input.lane() as usize].try_acquire() {
            permit.forget();
        }
        self.add(input);
    }

    /// How many wait in each lane.
    pub fn waiting(&self) -> [usize; 3] {
        let lanes = self.lock();
        [0, 1, 2].map(|lane| lanes.waiting[lane].len())
    }

    /// What `show` says of the first `max` of those who wait, in the order in which they will be taken.
    pub fn list<T>(&self, max: usize, show: impl Fn(&I) -> T) -> Vec<T> {
        self.lock().waiting.iter().flatten().take(max).map(show).collect()
    }

    /// Takes what is first; waits until `until` for it, or for ever.
    pub fn next(&self, until: Option<Instant>) -> Next<I> {
        let mut lanes = self.lock();
        loop {
            if lanes.is_closed {
                return Next::Stop;
            }
            for (lane, waiting) in lanes.waiting.iter_mut().enumerate() {
                if let Some(input) = waiting.pop_front() {
                    let has_room_again = waiting.len() < LANE_MAX[lane];
                    drop(lanes);
                    if has_room_again && self.room[lane].available_permits() < LANE_MAX[lane] {
                        self.room[lane].add_permits(1);
                    }
                    return Next::Input(input);
                }
            }
            lanes = match until {
                None => self.arrived.wait(lanes).unwrap_or_else(PoisonError::into_inner),
                Some(until) => {
                    let left = until.saturating_duration_since(Instant::now());
                    if left.is_zero() {
                        return Next::Wake;
                    }
                    self.arrived.wait_timeout(lanes, left).unwrap_or_else(PoisonError::into_inner).0
                }
            };
        }
    }

    /// Ends the turn, and everybody who waits for room.
    pub fn close(&self) {
        self.lock().is_closed = true;
        self.arrived.notify_all();
        self.room.iter().for_each(|room| room.close());
    }

    fn add(&self, input: I) {
        let mut lanes = self.lock();
        let lane = input.lane() as usize;
        lanes.waiting[lane].push_back(input);
        drop(lanes);
        self.arrived.notify_one();
    }

    fn lock(&self) -> MutexGuard<'_, Lanes<I>> {
        self.lanes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The lane's place, for metrics.
pub const LANES: [(Lane, &str); 3] =
    [(Lane::Liveness, "liveness"), (Lane::Calls, "calls"), (Lane::Reads, "reads")];

#[cfg(test)]
mod tests {
    use super::*;

    /// An input that is nothing but its lane, and a number to tell it by.
    #[derive(Debug, PartialEq, Eq)]
    struct Ticket(Lane, usize);

    impl Laned for Ticket {
        fn lane(&self) -> Lane {
            self.0
        }
    }

    fn read(number: usize) -> Ticket {
        Ticket(Lane::Reads, number)
    }

    fn taken(next: Next<Ticket>) -> Ticket {
        match next {
            Next::Input(ticket) => ticket,
            other => panic!("{other:?}"),
        }
    }

    /// A flood of readers must not hold up what keeps the cluster alive.
    #[test]
    fn liveness_goes_before_reads() {
        let inbox = Inbox::new();
        inbox.push_now(read(1));
        inbox.push_now(Ticket(Lane::Liveness, 2));
        assert_eq!(taken(inbox.next(None)), Ticket(Lane::Liveness, 2));
        assert_eq!(taken(inbox.next(None)), read(1));
    }

    #[test]
    fn a_deadline_wakes_an_idle_turn() {
        let inbox = Inbox::<Ticket>::new();
        assert!(matches!(inbox.next(Some(Instant::now())), Next::Wake));
        let soon = Instant::now() + Duration::from_millis(20);
        assert!(matches!(inbox.next(Some(soon)), Next::Wake));
        assert!(Instant::now() >= soon);
    }

    #[tokio::test(start_paused = true)]
    async fn a_lane_that_stays_full_turns_clients_away() {
        let inbox = Inbox::new();
        for number in 0..LANE_MAX[2] {
            inbox.push(read(number)).await.expect("room");
        }
        assert!(inbox.push(read(0)).await.is_err());
        // Another lane has room all the same.
        inbox.push(Ticket(Lane::Calls, 0)).await.expect("room");
        // And so has this one, once the turn has taken something.
        assert_eq!(taken(inbox.next(None)), Ticket(Lane::Calls, 0));
        assert_eq!(taken(inbox.next(None)), read(0));
        inbox.push(read(0)).await.expect("room again");
        assert!(inbox.push(read(0)).await.is_err());
    }

    #[tokio::test]
    async fn closing_ends_the_turn_and_those_who_wait() {
        let inbox = Inbox::new();
        inbox.push_now(read(1));
        inbox.close();
        assert!(matches!(inbox.next(None), Next::Stop));
        assert!(inbox.push(read(2)).await.is_err());
    }
}
