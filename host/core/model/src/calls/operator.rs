//! Reads of an operator: what a snapshot is wanted of.

/// A read that needs the master's state.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum MasterRead {
    /// v1 GET_STATE
    GetState,
    /// v1 GET_AGENTS
    GetAgents,
    /// v1 GET_FRAMEWORKS
    GetFrameworks,
    /// v1 GET_TASKS
    GetTasks,
    /// Legacy `/state`
    State,
    /// Legacy `/metrics/snapshot`: the core's share of the keys
    Metrics,
}

/// A read that needs the agent's state.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum AgentRead {
    /// v1 GET_STATE
    GetState,
    /// Legacy `/state`
    State,
    /// Legacy `/metrics/snapshot`: the core's share of the keys
    Metrics,
    /// Which directory a virtual path of the files API stands for (spec 07 §4)
    ResolvePath(String),
}

/// A part of a long list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Page {
    /// How many to leave out first.
    pub offset: usize,
    /// How many to show at most.
    pub limit: usize,
}
