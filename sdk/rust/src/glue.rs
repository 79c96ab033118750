//! A policy as the component's exports: records of the world in, records of the world out.

use crate::{
    Instance, Policy,
    bindings::exports::mezzo::plugin::{
        allocation::{self, StepError},
        lifecycle::Identity,
    },
    facts,
};

/// Who a policy is.
pub fn describe<P: Policy>() -> Identity {
    Identity { name: P::NAME.to_owned(), version: P::VERSION.to_owned(), extras: Vec::new() }
}

/// Answers one batch of the world.
///
/// # Errors
///
/// When the batch contradicts itself.
pub fn step<P: Policy>(
    instance: &mut Instance<P>,
    batch: allocation::Batch,
) -> Result<allocation::Proposal, StepError> {
    let proposal = instance.step(&batch_from(batch)).map_err(StepError::Inconsistent)?;
    let facts::Grants { agent, seeker } = proposal.grants;
    Ok(allocation::Proposal {
        round: proposal.round,
        grants: allocation::Grants { agent, seeker, cap: Vec::new() },
        next_wakeup_ms: None,
        wants_resync: false,
    })
}

fn batch_from(batch: allocation::Batch) -> facts::Batch {
    let flow = |flow: crate::bindings::mezzo::plugin::types::Flow| facts::Flow {
        agent: flow.agent,
        seeker: flow.seeker,
        amounts: flow.amounts,
    };
    let role = |row: allocation::RoleRow| facts::RoleRow {
        role: row.role,
        parent: row.parent,
        name: row.name,
        weight_milli: row.weight_milli,
    };
    let seeker = |row: allocation::SeekerRow| facts::SeekerRow {
        seeker: row.seeker,
        framework: row.framework,
        framework_id: row.framework_id,
        role: row.role,
        capabilities: row.capabilities,
    };
    let agent = |row: allocation::AgentRow| facts::AgentRow {
        agent: row.agent,
        agent_id: row.agent_id,
        hostname: row.hostname,
    };
    facts::Batch {
        round: batch.round,
        now_ms: batch.now_ms,
        seed: batch.seed,
        resync: batch.resync,
        kinds: batch.kinds,
        roles: batch.roles.into_iter().map(role).collect(),
        roles_removed: batch.roles_removed,
        seekers: batch.seekers.into_iter().map(seeker).collect(),
        seekers_removed: batch.seekers_removed,
        agents_removed: batch.agents_removed,
        agents_added: batch.agents_added.into_iter().map(agent).collect(),
        agents: facts::AgentColumns {
            agent: batch.agents.agent,
            total: batch.agents.total,
            open: batch.agents.open,
            revocable: batch.agents.revocable,
        },
        masks: facts::Masks { agent: batch.masks.agent, words: batch.masks.words, bits: batch.masks.bits },
        reservations: flow(batch.reservations),
        allocated: flow(batch.allocated),
        recovered: flow(batch.recovered),
        consider: batch.consider,
        consider_all: batch.consider_all,
    }
}

/// Makes a component of a [`Policy`].
#[macro_export]
macro_rules! export_allocator {
    ($policy:ty) => {
        ::std::thread_local! {
            static INSTANCE: ::std::cell::RefCell<$crate::Instance<$policy>> =
                ::std::cell::RefCell::default();
        }

        struct Exported;

        impl $crate::bindings::exports::mezzo::plugin::lifecycle::Guest for Exported {
            fn describe() -> $crate::bindings::exports::mezzo::plugin::lifecycle::Identity {
                $crate::glue::describe::<$policy>()
            }

            fn configure(json: ::std::string::String) -> ::std::result::Result<(), ::std::string::String> {
                INSTANCE.with_borrow_mut(|instance| $crate::Policy::configure(&mut instance.policy, &json))
            }
        }

        impl $crate::bindings::exports::mezzo::plugin::allocation::Guest for Exported {
            fn step(
                batch: $crate::bindings::exports::mezzo::plugin::allocation::Batch,
            ) -> ::std::result::Result<
                $crate::bindings::exports::mezzo::plugin::allocation::Proposal,
                $crate::bindings::exports::mezzo::plugin::allocation::StepError,
            > {
                INSTANCE.with_borrow_mut(|instance| $crate::glue::step(instance, batch))
            }
        }

        $crate::bindings::export!(Exported with_types_in $crate::bindings);
    };
}
