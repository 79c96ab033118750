//! Names of things. Cheap to copy around: an id is a shared string or a number.

use std::{fmt, sync::Arc};

use mezzo_proto::mesos::v1;

macro_rules! text_id {
    ($(#[$doc:meta])* $name:ident, $wire:ty) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Arc<str>);

        impl $name {
            /// Takes `text` as it is; whether it is allowed as an id is checked where it comes in.
            pub fn new(text: impl Into<Arc<str>>) -> Self {
                Self(text.into())
            }

            /// The id as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{:?}", &*self.0)
            }
        }

        impl From<&str> for $name {
            fn from(text: &str) -> Self {
                Self::new(text)
            }
        }

        impl From<String> for $name {
            fn from(text: String) -> Self {
                Self::new(text)
            }
        }

        impl From<&$wire> for $name {
            fn from(wire: &$wire) -> Self {
                Self::new(wire.value.as_str())
            }
        }

        impl From<$wire> for $name {
            fn from(wire: $wire) -> Self {
                Self::new(wire.value)
            }
        }
    };
}

macro_rules! to_wire {
    ($name:ident, $wire:ident) => {
        impl From<&$name> for v1::$wire {
            fn from(id: &$name) -> Self {
                v1::$wire { value: id.as_str().to_owned() }
            }
        }
    };
}

text_id!(
    /// An agent: `<master id>-S<n>`, given once and kept over restarts and reboots.
    AgentId,
    v1::AgentId
);
text_id!(
    /// A framework: `<master id>-<four or more digits>`.
    FrameworkId,
    v1::FrameworkId
);
text_id!(
    /// An offer: `<master id>-O<n>`; void once its master has ended.
    OfferId,
    v1::OfferId
);
text_id!(
    /// A task, named by its scheduler; unique among the framework's tasks that have not ended.
    TaskId,
    v1::TaskId
);
text_id!(
    /// An executor, named by its scheduler; for a command task the task's own name.
    ExecutorId,
    v1::ExecutorId
);
text_id!(
    /// A container: chosen by the agent.
    ContainerId,
    v1::ContainerId
);

to_wire!(AgentId, AgentId);
to_wire!(FrameworkId, FrameworkId);
to_wire!(OfferId, OfferId);
to_wire!(TaskId, TaskId);
to_wire!(ExecutorId, ExecutorId);

impl From<&ContainerId> for v1::ContainerId {
    fn from(id: &ContainerId) -> Self {
        v1::ContainerId { value: id.as_str().to_owned(), parent: None }
    }
}

macro_rules! number_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub u64);
    };
}

number_id!(
    /// One request that waits for its answer. Never used twice in one process.
    RequestId
);
number_id!(
    /// One long-lived answer: a scheduler's or an operator's event stream. Never used twice in one process.
    StreamId
);
number_id!(
    /// One connection between an agent and its master. Never used twice in one process.
    LinkId
);
number_id!(
    /// One wish to make something durable; comes back as persisted or not persisted.
    Ticket
);
