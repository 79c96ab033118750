//! What comes in from outside, once it is known to be well formed.
//!
//! `edge/api` and `edge/link` make these; the cores consume them. A call here has
//! passed every check that needs no state: required fields, known enum values,
//! ids of an allowed form. Whether it is *allowed now* is the core's to say.

pub mod answer;
pub mod executor;
pub mod operator;
pub mod roles;
pub mod scheduler;

pub use answer::{Answer, Refusal, Status};
pub use executor::{ExecutorCall, ExecutorRequest, SubscribeExecutor};
pub use operator::{AgentRead, MasterRead, Page, TasksWanted};
pub use roles::{RolesCall, RolesRequest};
pub use scheduler::{SchedulerCall, SchedulerRequest, Subscribe, UpdateFramework};

use std::sync::Arc;

/// Who asks: the authenticated name, or nobody in particular.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Principal(pub Option<Arc<str>>);

impl Principal {
    /// The principal of everything that did not authenticate.
    pub const ANONYMOUS: Principal = Principal(None);
}

/// How a message is written on the wire of a v1 call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Encoding {
    /// `application/json`
    Json,
    /// `application/x-protobuf`
    Protobuf,
}

impl Encoding {
    /// The media type, exactly as it stands in `Content-Type`.
    pub fn media_type(self) -> &'static str {
        match self {
            Encoding::Json => "application/json",
            Encoding::Protobuf => "application/x-protobuf",
        }
    }
}
