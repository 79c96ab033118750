//! Requests that wait for what the core says.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use bytes::Bytes;
use mezzo_api::{Attached, Figures};
use mezzo_model::{
    RequestId,
    calls::{Answer, Encoding, Refusal, Status},
};
use tokio::sync::oneshot;

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
    /// A view, or a refusal.
    Read(oneshot::Sender<Result<Bytes, Refusal>>, Encoding),
    /// The core's numbers.
    Figures(oneshot::Sender<Result<Figures, Refusal>>),
    /// Where a path leads, if anywhere.
    Path(oneshot::Sender<Result<Option<Attached>, Refusal>>),
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

    /// Answers a request, whatever it waits for. Whoever has gone meanwhile does not mind.
    pub(crate) fn answer(&self, request: RequestId, answer: Answer) {
        let waiter = self.take(request);
        if let Some(Waiter::Call(waiter)) = waiter {
            return drop(waiter.send(answer));
        }
        let refusal = match answer {
            Answer::Refused(refusal) => refusal,
            Answer::Ok | Answer::Accepted => {
                Refusal::unavailable("The agent answered something else than was asked.")
            }
        };
        match waiter {
            None | Some(Waiter::Call(_)) => {}
            Some(Waiter::Subscribe(waiter)) => drop(waiter.send(Err(refusal))),
            Some(Waiter::Read(waiter, _)) => drop(waiter.send(Err(refusal))),
            Some(Waiter::Figures(waiter)) => drop(waiter.send(Err(refusal))),
            Some(Waiter::Path(waiter)) if refusal.status == Status::NotFound => drop(waiter.send(Ok(None))),
            Some(Waiter::Path(waiter)) => drop(waiter.send(Err(refusal))),
        }
    }

    /// Lets everybody go: the agent ends.
    pub(crate) fn clear(&self) {
        self.lock().clear();
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
