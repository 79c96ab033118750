//! One round of allocation: the facts of it and the plugin's proposal.

/// What changed since the last round, or everything when `resync` is set.
///
/// A round is a pure function of the plugin's state and this value: time and seed are in it.
/// Amounts are thousandths, `kinds.len()` of them to a row, in the order of `kinds`. The lists
/// apply in the order of the fields.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Batch {
    /// Number of the round; the proposal repeats it.
    pub round: u64,
    /// Milliseconds since 1970 by the host's clock.
    pub now_ms: u64,
    /// For whatever the plugin wants to leave to chance.
    pub seed: u64,
    /// Forget everything: this batch is the whole cluster.
    pub resync: bool,
    /// Names of the resource kinds. Only ever grows; a longer list than before widens every row
    /// the plugin keeps with zeros on the right.
    pub kinds: Vec<String>,
    /// New and changed roles; parents come before their children.
    pub roles: Vec<RoleRow>,
    /// Roles that are gone.
    pub roles_removed: Vec<u32>,
    /// New and changed seekers. A seeker that is new, or was removed before, is eligible on every
    /// agent whose mask row is not in this batch.
    pub seekers: Vec<SeekerRow>,
    /// Seekers that are gone, suppressed or inactive: ineligible everywhere until they stand in
    /// `seekers` again. What they hold goes on to count for their roles until it is recovered.
    /// Applied after `seekers`: in a resync, a seeker that holds something and wants nothing
    /// stands in both lists.
    pub seekers_removed: Vec<u32>,
    /// Agents that are gone or not to be offered for now; they do not count for the cluster's total
    /// until they stand in `agents_added` again. What seekers hold on them still counts.
    pub agents_removed: Vec<u32>,
    /// Agents seen for the first time.
    pub agents_added: Vec<AgentRow>,
    /// The facts of new and changed agents.
    pub agents: AgentColumns,
    /// The eligibility of new and changed agents.
    pub masks: Masks,
    /// Unallocated reservations of the agents in `agents`, sparse: replaces what was known of them.
    pub reservations: Flow,
    /// Given out since the last batch, whoever caused it: adds to the seeker's share.
    pub allocated: Flow,
    /// Come back since the last batch: takes from the seeker's share.
    pub recovered: Flow,
    /// Agents to look at in this round, in the order the host shuffled them.
    pub consider: Vec<u32>,
    /// Look at every known agent: first those in `consider`, then the others in ascending order
    /// of their slots, beginning at `seed` modulo their number.
    pub consider_all: bool,
    /// What each role's own seekers hold by the host's account after this batch, without those of
    /// its children: slot of the role in `agent`, zeros in `seeker`. Sent every hundredth round so
    /// that a mirror that drifted can ask for a resync; otherwise empty.
    pub role_totals: Flow,
}

/// A role, at its place in the tree.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RoleRow {
    /// Its slot.
    pub role: u32,
    /// The role it is a child of; absent at the top.
    pub parent: Option<u32>,
    /// Full name, `eng/backend`.
    pub name: String,
    /// Weight in thousandths; 1000 unless an operator said otherwise.
    pub weight_milli: u32,
    /// Quota guarantee, one amount a kind; empty for none.
    pub guarantee: Vec<i64>,
    /// Quota limit, one amount a kind, -1 where there is none; empty for none at all.
    pub limit: Vec<i64>,
    /// Quota consumption by the host's account; empty where no quota is set.
    pub consumed: Vec<i64>,
    /// Facts that later minors may add, as (key, value); unknown keys are to be ignored.
    pub extras: Vec<(String, String)>,
}

/// A (framework, role) pair that wants offers.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SeekerRow {
    /// Its slot.
    pub seeker: u32,
    /// Slot of its framework; seekers of one framework share it.
    pub framework: u32,
    /// The framework's id, for logs and ties.
    pub framework_id: String,
    /// Slot of its role.
    pub role: u32,
    /// Bit n is `mesos.v1.FrameworkInfo.Capability.Type` n.
    pub capabilities: u64,
    /// Facts that later minors may add, as (key, value); unknown keys are to be ignored.
    pub extras: Vec<(String, String)>,
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
    /// Facts that later minors may add, as (key, value); unknown keys are to be ignored.
    pub extras: Vec<(String, String)>,
}

/// Facts of agents, one row each.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct AgentColumns {
    /// Slots.
    pub agent: Vec<u32>,
    /// Everything the agent has: rows × kinds.
    pub total: Vec<i64>,
    /// What of it is neither offered nor allocated, reserved or revocable: rows × kinds.
    pub open: Vec<i64>,
    /// What is open and can be taken back: rows × kinds, or empty when nobody has any.
    pub revocable: Vec<i64>,
    /// Milliseconds since 1970 from which the agent is planned to be away; `u64::MAX` for never.
    pub unavailable_from_ms: Vec<u64>,
}

/// One bit per (agent, seeker): whether the seeker may be granted the agent.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Masks {
    /// Slots of the agents.
    pub agent: Vec<u32>,
    /// 64-bit words to a row; slots beyond a row's end are not eligible.
    pub words: u32,
    /// Rows × words; bit `s % 64` of word `s / 64` is seeker slot `s`.
    pub bits: Vec<u64>,
}

/// Amounts that moved: one row per (agent, seeker).
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Flow {
    /// Slots of the agents.
    pub agent: Vec<u32>,
    /// Slots of the seekers (in `reservations`: of the roles).
    pub seeker: Vec<u32>,
    /// Rows × kinds.
    pub amounts: Vec<i64>,
}

/// A plugin's answer to a batch.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Proposal {
    /// The batch's round.
    pub round: u64,
    /// Who is next for which agent, in the order of application.
    pub grants: Grants,
    /// Ask again after this many milliseconds even if nothing changes.
    pub next_wakeup_ms: Option<u64>,
    /// The plugin's mirror drifted: the next batch should be the whole cluster.
    pub wants_resync: bool,
}

/// Proposed grants, one row each.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Grants {
    /// Slots of the agents.
    pub agent: Vec<u32>,
    /// Slots of the seekers.
    pub seeker: Vec<u32>,
    /// How much at most: rows × kinds, or empty for everything on every row.
    pub cap: Vec<i64>,
}
