//! Who is connected, who of them is idle, and who has to leave when there is no room.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use tokio::sync::Notify;

/// How long one who was asked to leave, and does nothing, is still there.
const FAREWELL: Duration = Duration::from_millis(500);

/// One connection, as whoever makes room sees it.
pub(crate) struct Guest {
    number: u64,
    /// Requests whose answers have not left.
    under_way: AtomicUsize,
    /// When it last became idle, in milliseconds since the server's start.
    idle_since_ms: AtomicU64,
    is_leaving: AtomicBool,
    leave: Notify,
    guests: Arc<Guests>,
}

/// All connections of a server.
pub(crate) struct Guests {
    open: Mutex<HashMap<u64, Arc<Guest>>>,
    leaving: AtomicUsize,
    next: AtomicU64,
    started: Instant,
}

/// Says that a request is under way, until its answer is dropped.
pub(crate) struct Busy(Arc<Guest>);

/// Takes a connection off the list when it ends.
pub(crate) struct Seat(pub(crate) Arc<Guest>);

impl Guests {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self {
            open: Mutex::default(),
            leaving: AtomicUsize::new(0),
            next: AtomicU64::new(0),
            started: Instant::now(),
        })
    }

    /// Lists a new connection, which is idle.
    pub(crate) fn enter(self: &Arc<Self>) -> Seat {
        let guest = Arc::new(Guest {
            number: self.next.fetch_add(1, Ordering::Relaxed),
            under_way: AtomicUsize::new(0),
            idle_since_ms: AtomicU64::new(self.now_ms()),
            is_leaving: AtomicBool::new(false),
            leave: Notify::new(),
            guests: Arc::clone(self),
        });
        self.lock().insert(guest.number, Arc::clone(&guest));
        Seat(guest)
    }

    /// How many connections there are that nobody has asked to leave.
    pub(crate) fn staying(&self) -> usize {
        self.lock().len().saturating_sub(self.leaving.load(Ordering::Acquire))
    }

    /// Asks those that have been idle for longest to leave, at most `count`. Says how many.
    pub(crate) fn make_room(&self, count: usize) -> usize {
        let open = self.lock();
        let mut idle: Vec<(u64, &Arc<Guest>)> = open.values().filter_map(idle_since).collect();
        let count = count.min(idle.len());
        if count == 0 {
            return 0;
        }
        idle.select_nth_unstable_by_key(count - 1, |(since, guest)| (*since, guest.number));
        for (_, guest) in &idle[..count] {
            guest.ask_to_leave();
        }
        count
    }

    fn now_ms(&self) -> u64 {
        u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<u64, Arc<Guest>>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn idle_since(guest: &Arc<Guest>) -> Option<(u64, &Arc<Guest>)> {
    let is_idle = guest.under_way.load(Ordering::Acquire) == 0 && !guest.is_leaving.load(Ordering::Acquire);
    is_idle.then(|| (guest.idle_since_ms.load(Ordering::Acquire), guest))
}

impl Guest {
    /// Notes that a request has come.
    pub(crate) fn busy(self: &Arc<Self>) -> Busy {
        self.under_way.fetch_add(1, Ordering::AcqRel);
        Busy(Arc::clone(self))
    }

    /// Waits until there is no room for a connection that does nothing.
    pub(crate) async fn asked_to_leave(&self) {
        self.leave.notified().await;
    }

    /// Waits until one who was asked to leave does nothing any more, and has had a moment to see
    /// the end of what was under way.
    pub(crate) async fn overstays(&self) {
        loop {
            tokio::time::sleep(FAREWELL).await;
            let is_leaving = self.is_leaving.load(Ordering::Acquire);
            if is_leaving && self.under_way.load(Ordering::Acquire) == 0 {
                return;
            }
        }
    }

    fn ask_to_leave(&self) {
        if !self.is_leaving.swap(true, Ordering::AcqRel) {
            self.guests.leaving.fetch_add(1, Ordering::AcqRel);
            self.leave.notify_one();
        }
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        self.0.idle_since_ms.store(self.0.guests.now_ms(), Ordering::Release);
        self.0.under_way.fetch_sub(1, Ordering::AcqRel);
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let guests = &self.0.guests;
        let is_listed = guests.lock().remove(&self.0.number).is_some();
        if is_listed && self.0.is_leaving.load(Ordering::Acquire) {
            guests.leaving.fetch_sub(1, Ordering::AcqRel);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_idlest_leave_and_the_busy_stay() {
        let guests = Guests::new();
        let seats: Vec<Seat> = (0..4).map(|_| guests.enter()).collect();
        let under_way = seats[0].0.busy();
        assert_eq!(guests.make_room(2), 2);
        assert_eq!(guests.staying(), 2);
        seats[1].0.asked_to_leave().await;
        seats[2].0.asked_to_leave().await;
        assert_eq!(guests.make_room(9), 1, "one is busy, two leave already");
        drop(under_way);
        assert_eq!(guests.make_room(9), 1);
        drop(seats);
        assert_eq!(guests.staying(), 0);
    }
}
