//! What Mesos can do with a task and this release cannot: named, so that nobody wonders.

use mezzo_proto::mesos::v1::{ContainerInfo, TaskInfo, container_info::Type};

/// Refuses what would be half done.
pub(super) fn check(task: &TaskInfo) -> Result<(), String> {
    // A custom executor makes the checks and the container of its tasks itself.
    let refused = if task.executor.is_some() {
        None
    } else if task.health_check.is_some() {
        Some("Health checks")
    } else if task.check.is_some() {
        Some("Checks")
    } else {
        task.container.as_ref().and_then(part_of_container)
    };
    refused.map_or(Ok(()), |what| Err(unsupported(what)))
}

/// The same for an executor's own container.
pub(super) fn check_container(container: &ContainerInfo) -> Result<(), String> {
    part_of_container(container).map_or(Ok(()), |what| Err(unsupported(what)))
}

fn unsupported(what: &str) -> String {
    format!("{what} are not supported by this release")
}

/// The first thing in a container's description that would have to be left out. A description
/// that only names the host's own network asks for what every task gets.
fn part_of_container(container: &ContainerInfo) -> Option<&'static str> {
    let has_image = container.mesos.as_ref().is_some_and(|mesos| mesos.image.is_some());
    let has_network = container.network_infos.iter().any(|network| network.name.is_some());
    let linux = container.linux_info.as_ref();
    #[expect(deprecated, reason = "frameworks in the field still set `capability_info`")]
    let has_capabilities = linux.is_some_and(|linux| {
        linux.capability_info.is_some()
            || linux.bounding_capabilities.is_some()
            || linux.effective_capabilities.is_some()
    });
    let has_namespaces = linux.is_some_and(|linux| {
        linux.share_pid_namespace.is_some() || linux.ipc_mode.is_some() || linux.shm_size.is_some()
    });
    let parts = [
        (container.r#type() == Type::Docker || container.docker.is_some(), "Docker containers"),
        (has_image, "Container images"),
        (!container.volumes.is_empty(), "Volumes"),
        (container.hostname.is_some(), "Host names of containers"),
        (has_network, "Container networks"),
        (has_capabilities, "Linux capabilities"),
        (linux.is_some_and(|linux| linux.seccomp.is_some()), "Seccomp profiles"),
        (has_namespaces, "Namespace settings"),
        (container.rlimit_info.is_some(), "POSIX resource limits (rlimits)"),
        (container.tty_info.is_some(), "Terminals"),
    ];
    parts.into_iter().find(|(is_asked, _)| *is_asked).map(|(_, what)| what)
}
