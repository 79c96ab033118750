//! Requests that wait for what the core says.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use mezzo_api::{Figures, Reading};
use mezzo_model::{
    RequestId,
    calls::{Answer, Encoding, Refusal},
};
use tokio::sync::oneshot;

use crate::watches::Opened;

/// Everybody who waits, by the number of the request.
#[derive(Default)]
pub(crate) struct Waiting {
    requests: Mutex<HashMap<RequestId, Waiter>>,
}

/// What one request waits for.
pub(crate) enum Waiter {
    /// An answer.
    Call(oneshot::Sender<Answer>),
    /// An open stream, or a refusal.
    Subscribe(oneshot::Sender<Result<(), Refusal>>),
    /// Open event streams of operators, or a refusal.
    Watch(oneshot::Sender<Result<Opened, Refusal>>, Encoding),
    /// The core's numbers, or a refusal.
    Figures(oneshot::Sender<Result<Figures, Refusal>>),
    /// A view, or a refusal.
    Read(oneshot::Sender<Result<Reading, Refusal>>, Encoding),
}

/// Forgets a request when whoever waited for it has gone.
pub(crate) struct Seat<'waiting> {
    waiting: &'waiting Waiting,
    request: RequestId,
}

impl Waiting {
    /// Puts a request on the list for as long as the seat is kept.
    pub(crate) fn sit(&self, request: RequestId, waiter: Waiter) -> Seat<'_> {
        self.lock().insert(request, waiter);
        Seat { waiting: self, request }
    }

    /// Takes a request off the list; nobody waits any more when it is `None`.
    pub(crate) fn take(&self, request: RequestId) -> Option<Waiter> {
        self.lock().remove(&request)
    }

    /// Answers a request, whatever it waits for.
    pub(crate) fn answer(&self, request: RequestId, answer: Answer) {
        let refusal = |answer| match answer {
            Answer::Refused(refusal) => refusal,
            Answer::Ok | Answer::Accepted => {
                Refusal::unavailable("The master answered something else than was asked.")
            }
        };
        // Whoever has gone meanwhile does not mind.
        match self.take(request) {
            None => {}
            Some(Waiter::Call(waiter)) => drop(waiter.send(answer)),
            Some(Waiter::Subscribe(waiter)) => drop(waiter.send(Err(refusal(answer)))),
            Some(Waiter::Watch(waiter, _)) => drop(waiter.send(Err(refusal(answer)))),
            Some(Waiter::Figures(waiter)) => drop(waiter.send(Err(refusal(answer)))),
            Some(Waiter::Read(waiter, _)) => drop(waiter.send(Err(refusal(answer)))),
        }
    }

    /// Lets everybody go: the master ends.
    pub(crate) fn clear(&self) {
        self.lock().clear();
    }

    /// How many wait.
    pub(crate) fn len(&self) -> usize {
        self.lock().len()
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<RequestId, Waiter>> {
        self.requests.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Seat<'_> {
    fn drop(&mut self) {
        self.waiting.take(self.request);
    }
}
