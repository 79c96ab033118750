use mezzo_model::container::Limits;

use crate::{CgroupError, controller::Controller, place::Place};

/// Has no limits: it is there to stop and to find processes.
#[derive(Debug)]
pub(crate) struct Freezer;

impl Controller for Freezer {
    fn set(&self, _: &Place, _: &str, _: &Limits) -> Result<(), CgroupError> {
        Ok(())
    }
}

/// Groups below a container's that are looked at. A task that makes more is not helped by it: what lives in
/// the others is found once these are gone.
const GROUPS_MAX: usize = 10_000;

/// `name` and every group below it, parents first.
pub(crate) fn tree(place: &Place, name: &str) -> Result<Vec<String>, CgroupError> {
    let mut groups = vec![name.to_owned()];
    let mut at = 0;
    while at < groups.len() && groups.len() < GROUPS_MAX {
        let below = place.groups_below(&groups[at])?;
        let parent = groups[at].clone();
        groups.extend(below.into_iter().map(|child| format!("{parent}/{child}")));
        at += 1;
    }
    Ok(groups)
}

/// Starts to freeze or to thaw. Freezing is not waited for: a process that is not stopped yet is killed all the
/// same, and the next round finds what it forked.
pub(crate) fn set_frozen(place: &Place, group: &str, is_frozen: bool) -> Result<(), CgroupError> {
    place.write(&format!("{group}/freezer.state"), if is_frozen { "FROZEN" } else { "THAWED" })
}

/// Who is in `group` itself; nobody when it is gone.
pub(crate) fn processes(place: &Place, group: &str) -> Result<Vec<i32>, CgroupError> {
    if !place.has(group) {
        return Ok(Vec::new());
    }
    let list = place.read(&format!("{group}/cgroup.procs"))?;
    Ok(list.lines().filter_map(|line| line.parse().ok()).collect())
}

/// How many processes and how many threads there are in `group` and below.
pub(crate) fn count(place: &Place, group: &str) -> Option<(u32, u32)> {
    let lines = |group: &str, file: &str| {
        // A group that has gone meanwhile holds nobody.
        let lines = place.read(&format!("{group}/{file}")).map_or(0, |list| list.lines().count());
        u32::try_from(lines).unwrap_or(u32::MAX)
    };
    let groups = tree(place, group).ok()?;
    let sum = |file| groups.iter().map(|group| lines(group, file)).fold(0, u32::saturating_add);
    Some((sum("cgroup.procs"), sum("tasks")))
}
