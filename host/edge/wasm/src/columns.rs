//! The core's batches and proposals in the shapes of the bindings.
//!
//! Columns are lent, not copied; only the cold records are made anew.

use mezzo_slots::{Batch, Flow, Grants, Proposal};

use crate::bindings::{
    exports::mezzo::plugin::allocation::{
        AgentColumns, AgentRow, Batch as GuestBatch, Masks, Proposal as GuestProposal, RoleRow, SeekerRow,
    },
    mezzo::plugin::types::{Flow as GuestFlow, LabelParam},
};

/// The cold lists of a batch, made for lending them to the guest.
pub(crate) struct Lent<'a> {
    batch: &'a Batch,
    kinds: Vec<&'a str>,
    role_extras: Vec<Vec<LabelParam<'a>>>,
    seeker_extras: Vec<Vec<LabelParam<'a>>>,
    agent_extras: Vec<Vec<LabelParam<'a>>>,
}

fn labels(extras: &[(String, String)]) -> Vec<LabelParam<'_>> {
    extras.iter().map(|(key, value)| LabelParam { key, value }).collect()
}

fn flow(flow: &Flow) -> GuestFlow<'_> {
    GuestFlow { agent: &flow.agent, seeker: &flow.seeker, amounts: &flow.amounts }
}

impl<'a> Lent<'a> {
    pub(crate) fn new(batch: &'a Batch) -> Self {
        Self {
            batch,
            kinds: batch.kinds.iter().map(String::as_str).collect(),
            role_extras: batch.roles.iter().map(|row| labels(&row.extras)).collect(),
            seeker_extras: batch.seekers.iter().map(|row| labels(&row.extras)).collect(),
            agent_extras: batch.agents_added.iter().map(|row| labels(&row.extras)).collect(),
        }
    }

    /// Calls `call` with the batch as the guest's bindings want it.
    pub(crate) fn with<R>(&self, call: impl FnOnce(GuestBatch<'_>) -> R) -> R {
        let batch = self.batch;
        let (roles, seekers, agents_added) = (self.roles(), self.seekers(), self.agents_added());
        call(GuestBatch {
            round: batch.round,
            now_ms: batch.now_ms,
            seed: batch.seed,
            resync: batch.resync,
            kinds: &self.kinds,
            roles: &roles,
            roles_removed: &batch.roles_removed,
            seekers: &seekers,
            seekers_removed: &batch.seekers_removed,
            agents_removed: &batch.agents_removed,
            agents_added: &agents_added,
            agents: AgentColumns {
                agent: &batch.agents.agent,
                total: &batch.agents.total,
                open: &batch.agents.open,
                revocable: &batch.agents.revocable,
                unavailable_from_ms: &batch.agents.unavailable_from_ms,
            },
            masks: Masks { agent: &batch.masks.agent, words: batch.masks.words, bits: &batch.masks.bits },
            reservations: flow(&batch.reservations),
            allocated: flow(&batch.allocated),
            recovered: flow(&batch.recovered),
            consider: &batch.consider,
            consider_all: batch.consider_all,
            role_totals: flow(&batch.role_totals),
        })
    }

    fn roles(&self) -> Vec<RoleRow<'_>> {
        let rows = self.batch.roles.iter().zip(&self.role_extras);
        rows.map(|(row, extras)| RoleRow {
            role: row.role,
            parent: row.parent,
            name: &row.name,
            weight_milli: row.weight_milli,
            guarantee: &row.guarantee,
            limit: &row.limit,
            consumed: &row.consumed,
            extras,
        })
        .collect()
    }

    fn seekers(&self) -> Vec<SeekerRow<'_>> {
        let rows = self.batch.seekers.iter().zip(&self.seeker_extras);
        rows.map(|(row, extras)| SeekerRow {
            seeker: row.seeker,
            framework: row.framework,
            framework_id: &row.framework_id,
            role: row.role,
            capabilities: row.capabilities,
            extras,
        })
        .collect()
    }

    fn agents_added(&self) -> Vec<AgentRow<'_>> {
        let rows = self.batch.agents_added.iter().zip(&self.agent_extras);
        rows.map(|(row, extras)| AgentRow {
            agent: row.agent,
            agent_id: &row.agent_id,
            hostname: &row.hostname,
            extras,
        })
        .collect()
    }
}

/// A proposal as the core has it; nothing in it is checked yet.
pub(crate) fn proposal(proposal: GuestProposal) -> Proposal {
    Proposal {
        round: proposal.round,
        grants: Grants {
            agent: proposal.grants.agent,
            seeker: proposal.grants.seeker,
            cap: proposal.grants.cap,
        },
        next_wakeup_ms: proposal.next_wakeup_ms,
        wants_resync: proposal.wants_resync,
    }
}
