//! Reads of an operator: what a snapshot is wanted of.

use crate::ids::{AgentId, FrameworkId, TaskId};

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
    /// v1 GET_EXECUTORS
    GetExecutors,
    /// v1 GET_OPERATIONS
    GetOperations,
    /// v1 GET_ROLES
    GetRoles,
    /// v1 GET_WEIGHTS
    GetWeights,
    /// v1 GET_MASTER
    GetMaster,
    /// v1 GET_QUOTA
    GetQuota,
    /// v1 GET_MAINTENANCE_STATUS
    GetMaintenanceStatus,
    /// v1 GET_MAINTENANCE_SCHEDULE
    GetMaintenanceSchedule,
    /// Ours: which plugins fill the slots
    Plugins,
    /// Ours: what happened in the slots
    PluginHistory,
    /// Legacy `/state`
    State,
    /// Legacy `/state-summary`
    StateSummary,
    /// Legacy `/slaves`, of all agents or of one
    Slaves(Option<AgentId>),
    /// Legacy `/frameworks`, of all or of one
    Frameworks(Option<FrameworkId>),
    /// Legacy `/tasks`
    Tasks(TasksWanted),
    /// Legacy `/roles`
    Roles,
    /// Legacy `/quota`
    Quota,
    /// Legacy `/weights`
    Weights,
    /// Legacy `/maintenance/schedule`
    MaintenanceSchedule,
    /// Legacy `/maintenance/status`
    MaintenanceStatus,
    /// `/registrar(1)/registry`
    Registry,
    /// The core's share of the numbers in `/metrics/snapshot`
    Metrics,
}

/// Which tasks `/tasks` lists.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TasksWanted {
    /// Of this framework only.
    pub framework: Option<FrameworkId>,
    /// Of this id only.
    pub task: Option<TaskId>,
    /// The oldest first; else the newest.
    pub is_ascending: bool,
    /// Which part of the list.
    pub page: Page,
}

/// A read that needs the agent's state.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum AgentRead {
    /// v1 GET_STATE
    GetState,
    /// v1 GET_CONTAINERS
    GetContainers,
    /// v1 GET_FRAMEWORKS
    GetFrameworks,
    /// v1 GET_EXECUTORS
    GetExecutors,
    /// v1 GET_OPERATIONS
    GetOperations,
    /// v1 GET_TASKS
    GetTasks,
    /// v1 GET_AGENT
    GetAgent,
    /// v1 GET_RESOURCE_PROVIDERS
    GetResourceProviders,
    /// Legacy `/state`
    State,
    /// Legacy `/containers`, of the container with this id or of all
    Containers(Option<String>),
    /// Legacy `/monitor/statistics`
    MonitorStatistics,
    /// The core's share of the numbers in `/metrics/snapshot`
    Metrics,
    /// Which directory a virtual path of the files API stands for (spec 07 §4)
    ResolvePath(String),
    /// Legacy `/files/debug`: every virtual path that stands for something
    AttachedPaths,
}

/// A part of a long list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Page {
    /// How many to leave out first.
    pub offset: usize,
    /// How many to show at most.
    pub limit: usize,
}
