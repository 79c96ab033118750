//! The order in which a daemon takes what comes in.

/// The inbox's three queues, drained in this order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Lane {
    /// Links, reports of the outside, finished writes, ended streams, deadlines.
    Liveness,
    /// Calls that change something.
    Calls,
    /// Reads.
    Reads,
}

/// An input that knows its queue.
pub trait Laned {
    /// The queue that this input waits in.
    fn lane(&self) -> Lane;
}
