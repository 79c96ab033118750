//! An offer: open until it is accepted, declined, rescinded or timed out, exactly once.

use mezzo_resources::Resources;

use crate::{
    ids::{AgentId, FrameworkId, OfferId},
    time::Mono,
};

/// What one role of one framework may use of one agent.
#[derive(Clone, Debug)]
pub struct Offer {
    /// Counts the offers of this run of the master.
    pub number: u64,
    /// The number behind the master's id.
    pub id: OfferId,
    /// Whose.
    pub framework: FrameworkId,
    /// Of which agent.
    pub agent: AgentId,
    /// For which of the framework's roles.
    pub role: String,
    /// What; allocated to `role`.
    pub resources: Resources,
    /// Since when it is open.
    pub opened_at: Mono,
}
