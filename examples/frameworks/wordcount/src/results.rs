//! Reads a task's result out of its sandbox, through the agent's files API.

use std::time::Duration;

use anyhow::{Context, Result, anyhow};
use serde_json::Value;
use tokio::time::{Instant, sleep};

use crate::{
    counts::Counts,
    http::{get_json, in_query},
    job::Place,
};

/// An agent that restarts is back well within this.
const PATIENCE: Duration = Duration::from_secs(60);
/// One that is back but has forgotten the task will not remember it later than this.
const PATIENCE_UNKNOWN: Duration = Duration::from_secs(5);
const PAUSE: Duration = Duration::from_millis(500);
const PAGE_BYTES: usize = 65_536;

/// The counts that the task at `place` left behind. Tries again while the agent is away.
pub async fn read(place: &Place) -> Result<Counts> {
    let begun = Instant::now();
    loop {
        let (error, patience) = match try_read(place).await {
            Ok(Some(counts)) => return Ok(counts),
            Ok(None) => (anyhow!("the agent at {} does not know the task", place.address), PATIENCE_UNKNOWN),
            Err(error) => (error, PATIENCE),
        };
        if begun.elapsed() > patience {
            return Err(error.context(format!("cannot read the result of {}", place.task_id)));
        }
        sleep(PAUSE).await;
    }
}

/// Nothing where the agent answers but does not know the task.
async fn try_read(place: &Place) -> Result<Option<Counts>> {
    let state = get_json(&place.address, "/state").await?;
    let Some(sandbox) = sandbox(&state, &place.framework_id, &place.task_id) else { return Ok(None) };
    let file = format!("{sandbox}/counts.txt");
    Counts::parse(&read_file(&place.address, &file).await?).map(Some)
}

/// Finds the directory of a task: a command task's executor has the task's name.
fn sandbox<'a>(state: &'a Value, framework_id: &str, task_id: &str) -> Option<&'a str> {
    let each = |value: &'a Value, keys: [&str; 2]| {
        keys.map(|key| value[key].as_array()).into_iter().flatten().flatten()
    };
    each(state, ["frameworks", "completed_frameworks"])
        .filter(|framework| framework["id"] == framework_id)
        .flat_map(|framework| each(framework, ["executors", "completed_executors"]))
        .find(|executor| executor["id"] == task_id)?["directory"]
        .as_str()
}

async fn read_file(address: &str, file: &str) -> Result<String> {
    let mut content = String::new();
    loop {
        let query =
            format!("/files/read?path={}&offset={}&length={PAGE_BYTES}", in_query(file), content.len());
        let page = get_json(address, &query).await?;
        match page["data"].as_str().context("a page without data")? {
            "" => return Ok(content),
            data => content.push_str(data),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn sandbox_is_found_while_the_task_runs_and_after() {
        let framework = |executors| json!({"id": "f1", "executors": executors, "completed_executors": []});
        let executor = json!([{"id": "t1", "directory": "/w/t1"}]);
        let running = json!({"frameworks": [{"id": "f0"}, framework(executor.clone())]});
        assert_eq!(sandbox(&running, "f1", "t1"), Some("/w/t1"));
        assert_eq!(sandbox(&running, "f1", "t2"), None);
        assert_eq!(sandbox(&running, "f0", "t1"), None);
        let over = json!({"completed_frameworks": [{"id": "f1", "completed_executors": executor}]});
        assert_eq!(sandbox(&over, "f1", "t1"), Some("/w/t1"));
    }
}
