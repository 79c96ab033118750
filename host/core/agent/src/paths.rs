//! Where things lie: sandboxes in Mesos's layout, and the virtual paths of the files API.

use mezzo_model::{AgentId, ContainerId};

use crate::{effects::ResolvedPath, executor::ExecutorKey, task::TaskKey};

/// `<work_dir>/slaves/<agent>/frameworks/<framework>`
pub(crate) fn framework_dir(work_dir: &str, agent: &AgentId, framework: &str) -> String {
    format!("{work_dir}/slaves/{agent}/frameworks/{framework}")
}

/// `…/executors/<executor>`: for a command task the executor has the task's name.
pub(crate) fn executor_dir(work_dir: &str, agent: &AgentId, key: &TaskKey) -> String {
    format!("{}/executors/{}", framework_dir(work_dir, agent, key.framework.as_str()), key.task)
}

/// `…/runs/<container>`
pub(crate) fn sandbox(work_dir: &str, agent: &AgentId, key: &TaskKey, container: &ContainerId) -> String {
    format!("{}/runs/{container}", executor_dir(work_dir, agent, key))
}

/// The sandbox of a custom executor.
pub(crate) fn executor_sandbox(
    work_dir: &str,
    agent: &AgentId,
    key: &ExecutorKey,
    container: &ContainerId,
) -> String {
    let framework = framework_dir(work_dir, agent, key.framework.as_str());
    format!("{framework}/executors/{}/runs/{container}", key.executor)
}

/// Whether an id can be one directory's name: not empty, `.` or `..`, no slash, nothing that
/// does not print, at most 255 bytes.
pub(crate) fn is_directory_name(id: &str) -> bool {
    !matches!(id, "" | "." | "..")
        && id.len() <= 255
        && !id.contains('/')
        && !id.chars().any(char::is_control)
}

/// Where a virtual path of the files API leads, if anywhere (spec 07 §4).
///
/// A sandbox goes by its path on the host, or by `/frameworks/F/executors/E/runs/R` with
/// `latest` for the newest run; the agent's log by `/slave/log`.
pub(crate) fn resolve(
    work_dir: &str,
    agent: Option<&AgentId>,
    log_path: Option<&str>,
    path: &str,
) -> Option<ResolvedPath> {
    let clean = path.trim_end_matches('/');
    if clean == "/slave/log" {
        return log_path.map(|log| ResolvedPath { root: log.to_owned(), rest: String::new() });
    }
    let agent = agent?;
    let slave_dir = format!("{work_dir}/slaves/{agent}");
    let below = match clean.strip_prefix(slave_dir.as_str()) {
        Some(below) => below,
        None => clean
            .strip_prefix("/slaves/")
            .map_or(clean, |rest| rest.strip_prefix(agent.as_str()).unwrap_or("")),
    };
    let parts: Vec<&str> =
        below.strip_prefix('/')?.split('/').filter(|part| !part.is_empty() && *part != ".").collect();
    let ["frameworks", framework, "executors", executor, "runs", run, rest @ ..] = parts.as_slice() else {
        return None;
    };
    if ![framework, executor, run].into_iter().all(|part| is_directory_name(part)) || rest.contains(&"..") {
        return None;
    }
    Some(ResolvedPath {
        root: format!("{slave_dir}/frameworks/{framework}/executors/{executor}/runs/{run}"),
        rest: rest.join("/"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn go(path: &str) -> Option<(String, String)> {
        let agent = AgentId::new("S0");
        resolve("/w", Some(&agent), Some("/var/log/x"), path).map(|found| (found.root, found.rest))
    }

    #[test]
    fn sandbox_is_found_by_both_of_its_names() {
        let run = "/w/slaves/S0/frameworks/F/executors/E/runs/C".to_owned();
        assert_eq!(go("/w/slaves/S0/frameworks/F/executors/E/runs/C"), Some((run.clone(), String::new())));
        assert_eq!(
            go("/w/slaves/S0/frameworks/F/executors/E/runs/C/a//b"),
            Some((run.clone(), "a/b".into()))
        );
        assert_eq!(go("/frameworks/F/executors/E/runs/C/stdout"), Some((run, "stdout".into())));
        let latest = "/w/slaves/S0/frameworks/F/executors/E/runs/latest".to_owned();
        assert_eq!(go("/frameworks/F/executors/E/runs/latest/"), Some((latest, String::new())));
        assert_eq!(go("/slave/log"), Some(("/var/log/x".into(), String::new())));
    }

    /// The files API must show sandboxes and nothing else of the machine.
    #[test]
    fn nothing_else_is_found() {
        for path in [
            "/",
            "",
            "/etc/passwd",
            "/w/meta/agent",
            "/w/slaves/S0",
            "/w/slaves/S1/frameworks/F/executors/E/runs/C",
            "/frameworks/F/executors/E/runs/..",
            "/frameworks/F/executors/../runs/C",
            "/frameworks/F/executors/E/runs/C/../../x",
            "/w/slaves/S0x/frameworks/F/executors/E/runs/C",
            "frameworks/F/executors/E/runs/C",
        ] {
            assert_eq!(go(path), None, "{path}");
        }
    }
}
