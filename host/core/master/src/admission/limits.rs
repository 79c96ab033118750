//! Limits above what a task asks for: cpus and mem only.

use mezzo_proto::mesos::v1;
use mezzo_resources::{Amount, Resources};

/// Checks a task's limits against what it asks for.
pub(super) fn check(task: &v1::TaskInfo, resources: &Resources, has_limits: bool) -> Result<(), String> {
    let is_apart = task.container.as_ref().and_then(|container| container.linux_info.as_ref());
    if is_apart.is_some_and(|linux| linux.share_cgroups == Some(false)) {
        return Err("Only tasks in a task group may have 'share_cgroups' set to 'false'".to_owned());
    }
    if task.limits.is_empty() {
        return Ok(());
    }
    if !has_limits {
        return Err("Agent is not capable of handling task resource limits".to_owned());
    }
    for (name, limit) in &task.limits {
        let (long, short) = match name.as_str() {
            "cpus" => ("CPU", "cpu"),
            "mem" => ("memory", "memory"),
            _ => return Err("Only cpus and mem may be included in a task's resource limits".to_owned()),
        };
        let asked = resources.scalar(name);
        if asked == Amount::ZERO {
            return Err(format!("When a {long} limit is specified, a {long} request must also be specified"));
        }
        if limit.value.is_nan() || limit.value < asked.to_f64() {
            return Err(format!("The {short} limit must be greater than or equal to the {short} request"));
        }
    }
    Ok(())
}
