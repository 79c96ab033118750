//! What an allocator is told and what it answers, in plain Rust.
//!
//! Meaning, units and the order of application of every field are written in `wit/v1/allocator.wit`;
//! the names are the same here.

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
    /// Agents that are gone or not to be offered for now.
    pub agents_removed: Vec<u32>,
    /// Names of agents that are new or back.
    pub agents_added: Vec<AgentRow>,
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
}

/// One framework in one role.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SeekerRow {
    /// Its slot.
    pub seeker: u32,
    /// Slot of its framework.
    pub framework: u32,
    /// The framework's id.
    pub framework_id: String,
    /// Slot of its role.
    pub role: u32,
    /// Bit n is capability n.
    pub capabilities: u64,
}

/// An agent's names.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct AgentRow {
    /// Its slot.
    pub agent: u32,
    /// Its id.
    pub agent_id: String,
    /// Its host.
    pub hostname: String,
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
}

/// Proposed grants, each for everything that is left.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Grants {
    /// Slots of the agents.
    pub agent: Vec<u32>,
    /// Slots of the seekers.
    pub seeker: Vec<u32>,
}
