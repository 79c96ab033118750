//! Event streams to executors.

use mezzo_proto::mesos::v1::executor::Event;

/// Every open stream.
pub(crate) type Streams = mezzo_api::Streams<Event>;
