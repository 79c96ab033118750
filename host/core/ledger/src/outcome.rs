//! What became of a proposal, and why a move was refused.

use std::sync::Arc;

use mezzo_model::{AgentId, FrameworkId};
use mezzo_resources::Resources;

/// What became of a proposal: all of its rows are in one of the three lists.
#[derive(Clone, Debug, Default)]
#[must_use]
pub struct Applied {
    /// Grants that hold now: each is to be offered.
    pub granted: Vec<Granted>,
    /// Rows that came to nothing, without blame.
    pub dropped: Vec<Dropped>,
    /// Rows that no correct plugin sends; they count against it.
    pub faults: Vec<Fault>,
}

/// Resources that are now offered.
#[derive(Clone, Debug, PartialEq)]
pub struct Granted {
    /// Of which agent.
    pub agent: AgentId,
    /// To which framework.
    pub framework: FrameworkId,
    /// For which role.
    pub role: Arc<str>,
    /// What, in the order of offers and without a mark of whom it is allocated to.
    pub resources: Resources,
}

/// A row that came to nothing.
#[derive(Clone, Debug, PartialEq)]
pub struct Dropped {
    /// Its place in the proposal.
    pub row: usize,
    /// The agent, if it is still there.
    pub agent: Option<AgentId>,
    /// The framework, if it is still there.
    pub framework: Option<FrameworkId>,
    /// Why.
    pub why: DropReason,
}

/// Why a row came to nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, thiserror::Error)]
pub enum DropReason {
    /// The agent was removed or is not to be offered since the batch was made.
    #[error("the agent is not to be offered any more")]
    AgentGone,
    /// The framework wants no offers for the role since the batch was made.
    #[error("the framework wants no offers any more")]
    SeekerGone,
    /// Nothing is left that the seeker may have.
    #[error("nothing is left")]
    NothingLeft,
    /// The limit of the role's quota leaves nothing of it.
    #[error("the limit of the role is reached")]
    OverLimit,
    /// What is left is not worth an offer.
    #[error("what is left is below the minimum")]
    BelowMinimum,
    /// The framework refused it since the batch was made, or refuses what the cap leaves of it.
    #[error("the framework has refused it")]
    Filtered,
}

/// What no correct plugin sends.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Fault {
    /// The answer to another batch, or to none. Nothing of it is applied.
    #[error("the proposal is for round {proposed}, but the round is {}", asked.map_or("none".to_owned(), |round| round.to_string()))]
    WrongRound {
        /// In the proposal.
        proposed: u64,
        /// In flight.
        asked: Option<u64>,
    },
    /// Columns of different lengths. Nothing of it is applied.
    #[error("the proposal has {agents} agents, {seekers} seekers and {caps} amounts for {kinds} kinds")]
    Misshapen {
        /// Length of the column.
        agents: usize,
        /// Length of the column.
        seekers: usize,
        /// Length of the column.
        caps: usize,
        /// Kinds in the batch.
        kinds: usize,
    },
    /// More rows than any use could be made of. Nothing of it is applied.
    #[error("the proposal has {rows} rows, at most {rows_max} are allowed")]
    TooManyRows {
        /// In the proposal.
        rows: usize,
        /// Allowed.
        rows_max: usize,
    },
    /// A slot that stood for no agent when the batch was made.
    #[error("row {row}: agent slot {agent} is not in use")]
    UnknownAgent {
        /// Its place in the proposal.
        row: usize,
        /// The slot.
        agent: u32,
    },
    /// A slot that stood for no seeker when the batch was made.
    #[error("row {row}: seeker slot {seeker} is not in use")]
    UnknownSeeker {
        /// Its place in the proposal.
        row: usize,
        /// The slot.
        seeker: u32,
    },
    /// A pair whose bit was not set in the masks.
    #[error("row {row}: seeker slot {seeker} is not eligible on agent slot {agent}")]
    NotEligible {
        /// Its place in the proposal.
        row: usize,
        /// The slot.
        agent: u32,
        /// The slot.
        seeker: u32,
    },
    /// A cap below zero.
    #[error("row {row}: a cap is negative")]
    NegativeCap {
        /// Its place in the proposal.
        row: usize,
    },
}

/// Why a move on the account was refused, wholly or in part.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum MoveError {
    /// The agent is not in the account: what it had is gone with it.
    #[error("agent `{0}` is not in the account")]
    UnknownAgent(AgentId),
    /// Less is held than was to be moved.
    #[error("framework `{framework}` in role `{role}` holds `{held}` of agent `{agent}`, not `{asked}`")]
    NotHeld {
        /// The agent.
        agent: AgentId,
        /// The framework.
        framework: FrameworkId,
        /// The role.
        role: String,
        /// What is held in that way.
        held: Resources,
        /// What was to be moved.
        asked: Resources,
    },
}

/// Why an operation on resources was refused.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum ConvertError {
    /// The agent is not in the account.
    #[error("agent `{0}` is not in the account")]
    UnknownAgent(AgentId),
    /// Not all of what it needs is there.
    #[error("{there} does not contain {wanted}")]
    NotThere {
        /// What there is.
        there: Resources,
        /// What it needs.
        wanted: Resources,
    },
}
