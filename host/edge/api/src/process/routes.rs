//! The paths of both daemons.

use super::Endpoint;
use crate::route::{
    Methods::{Any, Only},
    Route, routes,
};

/// Every path that both daemons have.
pub(crate) const TABLE: &[Route<Endpoint>] = routes![Endpoint:
    "/health" Daemon Any, Health, "200 for as long as the process serves";
    "/flags" Daemon Any, Flags, "the flags in force";
    "/version" Process Any, Version, "the version, and what is known of the build";
    "/metrics/snapshot" Process Any, MetricsSnapshot, "every number by its name; `timeout` leaves out slow ones";
    "/metrics" Process Any, Prometheus, "the same numbers in the text format of Prometheus";
    "/logging/toggle" Process Any, LoggingToggle, "how much the log says; `level` and `duration` change it for a while";
    "/files/browse" Process Any, FilesBrowse, "lists the directory `path`";
    "/files/read" Process Any, FilesRead, "`length` bytes of the file `path` from `offset` on";
    "/files/download" Process Any, FilesDownload, "the whole file `path`";
    "/files/debug" Process Only(&["GET"]), FilesDebug, "which paths can be browsed and read, and where they lie";
    "/help" Tree Any, Help, "this page";
    "/system/stats.json" Process Any, SystemStats, "load, CPUs and memory of the host";
    "/__processes__" Process Any, Processes, "the parts of the process and what waits for them";
];
