//! Event streams to schedulers.

use mezzo_proto::mesos::v1::scheduler::Event;

/// Every open stream.
pub(crate) type Streams = mezzo_api::Streams<Event>;
