//! The component's exports: records of the world in, records of the world out.

use std::cell::RefCell;

use crate::policy::Policy;

#[allow(missing_docs, unsafe_code, clippy::all, reason = "generated from wit/v1")]
mod bindings {
    wit_bindgen::generate!({ path: "../../wit/v1", world: "allocator" });
}

use bindings::exports::mezzo::plugin::{
    allocation::{Batch, Grants, Guest as Allocation, Proposal, StepError},
    lifecycle::{Guest as Lifecycle, Identity},
};
use bindings::mezzo::plugin::log::{self, Level};

thread_local! {
    static POLICY: RefCell<Policy> = RefCell::new(Policy::new());
}

struct Drf;

impl Lifecycle for Drf {
    fn describe() -> Identity {
        Identity { name: "drf".to_owned(), version: env!("CARGO_PKG_VERSION").to_owned(), extras: Vec::new() }
    }

    fn configure(json: String) -> Result<(), String> {
        let is_empty = json.trim().strip_prefix('{').and_then(|rest| rest.strip_suffix('}'));
        if is_empty.is_some_and(|inner| inner.trim().is_empty()) {
            return Ok(());
        }
        Err("the allocator `drf` has no settings: expected `{}`".to_owned())
    }
}

crate::define_batch_from! {
    fn batch_from(Batch)
}

impl Allocation for Drf {
    fn step(batch: Batch) -> Result<Proposal, StepError> {
        let batch = batch_from(batch);
        let answer = POLICY.with_borrow_mut(|policy| policy.step(&batch));
        match answer {
            Ok(proposal) => {
                if proposal.wants_resync {
                    log::write(
                        Level::Warn,
                        "what was told contradicts what was known: asking for everything",
                    );
                }
                Ok(Proposal {
                    round: proposal.round,
                    grants: Grants {
                        agent: proposal.grants.agent,
                        seeker: proposal.grants.seeker,
                        cap: proposal.grants.cap,
                    },
                    next_wakeup_ms: None,
                    wants_resync: proposal.wants_resync,
                })
            }
            Err(crate::facts::StepError::Inconsistent(why)) => Err(StepError::Inconsistent(why)),
        }
    }
}

bindings::export!(Drf with_types_in bindings);
