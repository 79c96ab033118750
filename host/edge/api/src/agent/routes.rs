//! The agent's paths.

use crate::route::{
    Methods::{Any, Only},
    Route, routes,
};

/// What a path means that only the agent has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Endpoint {
    Operator,
    Executor,
    State,
    Containers,
    MonitorStatistics,
    /// Mesos has it; refused by name until it works.
    Later,
}

/// The paths that only the agent has; those of both daemons are in `process`.
pub(crate) const TABLE: &[Route<Endpoint>] = routes![Endpoint:
    "/api/v1" Daemon Only(&["POST"]), Operator, "calls of operators, in JSON or protobuf";
    "/api/v1/executor" Daemon Only(&["POST"]), Executor, "calls of executors, and the stream of their events";
    "/state" Daemon Any, State, "what the agent knows: its resources, frameworks, executors and tasks";
    "/containers" Daemon Any, Containers, "containers with their status and what they use; `container_id` names one";
    "/monitor/statistics" Daemon Any, MonitorStatistics, "what the executors' containers use";

    "/api/v1/resource_provider" Daemon Only(&["POST"]), Later;
    "/containerizer/debug" Daemon Any, Later;
    "/profiler/start" Process Any, Later;
    "/profiler/stop" Process Any, Later;
];
