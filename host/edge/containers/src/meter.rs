//! What containers use, read from whoever may wait: never from the thread that watches them.

use std::{
    collections::BTreeMap,
    time::{SystemTime, UNIX_EPOCH},
};

use mezzo_cgroups::Root;
use mezzo_linux::process_table;
use mezzo_model::ids::ContainerId;
use mezzo_proto::mesos::v1::ResourceStatistics;

/// Ticks of a second in /proc.
const TICKS_PER_SECOND: f64 = 100.0;

/// Reads what containers use. Clones are as good.
#[derive(Clone, Debug)]
pub struct Meter {
    groups: Option<Root>,
}

impl Meter {
    pub(crate) fn new(groups: Option<Root>) -> Self {
        Self { groups }
    }

    /// What a container has used up to now, and uses; `None` when nothing of it is left. `pid` is the
    /// first process of its command.
    ///
    /// Where there are control groups they count, whoever has ended meanwhile included; elsewhere it is
    /// the command's process and everything it has started.
    pub fn statistics(&self, container: &ContainerId, pid: Option<i32>) -> Option<ResourceStatistics> {
        let timestamp = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0.0, |since| since.as_secs_f64());
        let measured = match &self.groups {
            Some(groups) => {
                let group = groups.find(container.as_str());
                (!group.is_empty()).then(|| group.statistics())?
            }
            None => of_tree(pid?)?,
        };
        Some(ResourceStatistics { timestamp, ..measured })
    }
}

/// Everything that descends from a process, and itself.
fn of_tree(root: i32) -> Option<ResourceStatistics> {
    let mut children: BTreeMap<i32, Vec<i32>> = BTreeMap::new();
    for process in process_table::all().ok()? {
        children.entry(process.parent).or_default().push(process.pid);
    }
    let (mut user, mut system, mut resident, mut is_there) = (0, 0, 0_u64, false);
    let mut waiting = vec![root];
    while let Some(pid) = waiting.pop() {
        let Some(usage) = process_table::usage(pid) else { continue };
        is_there = true;
        user += usage.user_ticks;
        system += usage.system_ticks;
        resident = resident.saturating_add(usage.resident_bytes);
        // Each process has one parent, so none comes twice.
        waiting.extend(children.remove(&pid).unwrap_or_default());
    }
    is_there.then(|| ResourceStatistics {
        cpus_user_time_secs: Some(user as f64 / TICKS_PER_SECOND),
        cpus_system_time_secs: Some(system as f64 / TICKS_PER_SECOND),
        mem_rss_bytes: Some(resident),
        ..ResourceStatistics::default()
    })
}
