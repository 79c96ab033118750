//! What the allocator is told and what it answers: the records of the allocator world in plain Rust.
//!
//! The meaning and the units of every field are written in `wit/v1/allocator.wit`; names and order
//! are the same here. Only what a decision can depend on is kept, so names of agents and `extras`
//! are absent.

/// What changed since the batch before, or everything.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Batch {
    /// Number of the round.
    pub round: u64,
    /// Milliseconds since 1970.
    pub now_ms: u64,
    /// For chance.
    pub seed: u64,
    /// Forget everything: this batch is the whole cluster.
    pub resync: bool,
    /// Names of the kinds; only ever grows.
    pub kinds: Vec<String>,
    /// New and changed roles, parents first.
    pub roles: Vec<RoleRow>,
    /// Roles that are gone.
    pub roles_removed: Vec<u32>,
    /// New and changed seekers.
    pub seekers: Vec<SeekerRow>,
    /// Seekers that want nothing for now or for ever.
    pub seekers_removed: Vec<u32>,
    /// Agents that are gone.
    pub agents_removed: Vec<u32>,
    /// Facts of new and changed agents.
    pub agents: AgentColumns,
    /// Eligibility of new and changed agents.
    pub masks: Masks,
    /// Unused reservations of the agents in `agents`; `seeker` holds slots of roles.
    pub reservations: Flow,
    /// Given out since the batch before.
    pub allocated: Flow,
    /// Come back since the batch before.
    pub recovered: Flow,
    /// Agents to look at, in this order.
    pub consider: Vec<u32>,
    /// Then look at all others, too.
    pub consider_all: bool,
    /// What each role's own seekers hold; `agent` holds slots of roles.
    pub role_totals: Flow,
}

/// A role, at its place in the tree.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RoleRow {
    /// Its slot.
    pub role: u32,
    /// The role above.
    pub parent: Option<u32>,
    /// Full name.
    pub name: String,
    /// Weight in thousandths.
    pub weight_milli: u32,
    /// What its quota guarantees, one amount per kind; empty for nothing.
    pub guarantee: Vec<i64>,
    /// What its quota allows at most, one amount per kind, negative for no limit; empty for none.
    pub limit: Vec<i64>,
    /// What is used of its quota, one amount per kind.
    pub consumed: Vec<i64>,
}

/// One framework in one role.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SeekerRow {
    /// Its slot.
    pub seeker: u32,
    /// Decides ties.
    pub framework_id: String,
    /// Slot of its role.
    pub role: u32,
    /// Bit n is capability n.
    pub capabilities: u64,
}

/// Facts of agents, one row each.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct AgentColumns {
    /// Slots.
    pub agent: Vec<u32>,
    /// Rows × kinds.
    pub total: Vec<i64>,
    /// Rows × kinds.
    pub open: Vec<i64>,
    /// Rows × kinds, or empty.
    pub revocable: Vec<i64>,
}

/// One bit per agent and seeker.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Masks {
    /// Slots of the agents.
    pub agent: Vec<u32>,
    /// Words per row.
    pub words: u32,
    /// Rows × words.
    pub bits: Vec<u64>,
}

/// Amounts that belong to pairs of slots.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Flow {
    /// Slots of the agents.
    pub agent: Vec<u32>,
    /// Slots of the seekers.
    pub seeker: Vec<u32>,
    /// Rows × kinds.
    pub amounts: Vec<i64>,
}

/// The answer to a batch.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Proposal {
    /// The batch's round.
    pub round: u64,
    /// Who is next for which agent.
    pub grants: Grants,
    /// What is believed has drifted from the facts.
    pub wants_resync: bool,
}

/// Proposed grants, each for everything that is left, up to its cap.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Grants {
    /// Slots of the agents.
    pub agent: Vec<u32>,
    /// Slots of the seekers.
    pub seeker: Vec<u32>,
    /// Rows × kinds, or empty for everything on every row.
    pub cap: Vec<i64>,
}

/// Why there is no proposal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StepError {
    /// The batch contradicts itself.
    Inconsistent(String),
}

/// Defines `batch_from`, which turns the batch type of another crate or module into a
/// [`Batch`](crate::facts::Batch). The other type has to have the same fields; more are welcome.
///
/// A macro, because the other types are made by a binding generator in one place and belong to
/// the host in another, and this crate depends on neither.
#[macro_export]
macro_rules! define_batch_from {
    ($(#[$doc:meta])* $vis:vis fn batch_from($theirs:ty)) => {
        $(#[$doc])*
        $vis fn batch_from(batch: $theirs) -> $crate::facts::Batch {
            use $crate::facts;

            macro_rules! flow {
                ($flow:expr) => {{
                    let flow = $flow;
                    facts::Flow { agent: flow.agent, seeker: flow.seeker, amounts: flow.amounts }
                }};
            }
            facts::Batch {
                round: batch.round,
                now_ms: batch.now_ms,
                seed: batch.seed,
                resync: batch.resync,
                kinds: batch.kinds,
                roles: batch
                    .roles
                    .into_iter()
                    .map(|row| facts::RoleRow {
                        role: row.role,
                        parent: row.parent,
                        name: row.name,
                        weight_milli: row.weight_milli,
                        guarantee: row.guarantee,
                        limit: row.limit,
                        consumed: row.consumed,
                    })
                    .collect(),
                roles_removed: batch.roles_removed,
                seekers: batch
                    .seekers
                    .into_iter()
                    .map(|row| facts::SeekerRow {
                        seeker: row.seeker,
                        framework_id: row.framework_id,
                        role: row.role,
                        capabilities: row.capabilities,
                    })
                    .collect(),
                seekers_removed: batch.seekers_removed,
                agents_removed: batch.agents_removed,
                agents: facts::AgentColumns {
                    agent: batch.agents.agent,
                    total: batch.agents.total,
                    open: batch.agents.open,
                    revocable: batch.agents.revocable,
                },
                masks: facts::Masks {
                    agent: batch.masks.agent,
                    words: batch.masks.words,
                    bits: batch.masks.bits,
                },
                reservations: flow!(batch.reservations),
                allocated: flow!(batch.allocated),
                recovered: flow!(batch.recovered),
                consider: batch.consider,
                consider_all: batch.consider_all,
                role_totals: flow!(batch.role_totals),
            }
        }
    };
}
