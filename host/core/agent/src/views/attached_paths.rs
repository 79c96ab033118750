//! `/files/debug`: which virtual paths stand for which directories.

use mezzo_model::FrameworkId;
use serde_json::{Map, Value};

use super::View;
use crate::{agent::CompletedTask, paths};

/// Virtual paths and the places they lead to. Of runs of one executor, `latest` is the newest.
pub fn attached_paths(view: &View) -> Value {
    let mut out = Map::new();
    if let Some(log) = &view.config.log_path {
        out.insert("/slave/log".to_owned(), log.as_str().into());
    }
    let Some(agent) = &view.agent_id else { return Value::Object(out) };
    let mut put = |framework: &FrameworkId, executor: &str, sandbox: &str| {
        let runs = format!("executors/{executor}/runs/latest");
        let directory = paths::framework_dir(&view.config.work_dir, agent, framework.as_str());
        out.insert(sandbox.to_owned(), sandbox.into());
        out.insert(format!("{directory}/{runs}"), sandbox.into());
        out.insert(format!("/frameworks/{framework}/{runs}"), sandbox.into());
    };
    let over = view.completed_tasks.iter().map(|CompletedTask { task }| task);
    for task in over.chain(view.tasks.values()).filter(|task| task.executor.is_none()) {
        put(&task.key.framework, task.key.task.as_str(), &task.sandbox);
    }
    for executor in view.completed_executors.iter().chain(view.executors.values()) {
        put(&executor.key.framework, executor.key.executor.as_str(), &executor.sandbox);
    }
    Value::Object(out)
}
