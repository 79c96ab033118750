use std::{fs, path::Path};

use mezzo_model::container::Limits;
use mezzo_proto::mesos::v1::ResourceStatistics;
use rustix::io::Errno;

use crate::{CgroupError, MemoryUsage, controller::Controller, place::Place};

#[derive(Debug)]
pub(crate) struct Memory;

impl Controller for Memory {
    fn set(&self, place: &Place, group: &str, limits: &Limits) -> Result<(), CgroupError> {
        set_soft(place, group, limits)?;
        match limits.memory_hard_bytes {
            Some(hard) => place.write(&hard_file(group), &hard.to_string()),
            None => Ok(()),
        }
    }

    /// A hard limit below what is in use would end the container on the spot, so it is only raised.
    fn change(&self, place: &Place, group: &str, limits: &Limits) -> Result<(), CgroupError> {
        set_soft(place, group, limits)?;
        match limits.memory_hard_bytes {
            Some(hard) if hard > place.read_number(&hard_file(group))? => {
                place.write(&hard_file(group), &hard.to_string())
            }
            _ => Ok(()),
        }
    }
}

fn hard_file(group: &str) -> String {
    format!("{group}/memory.limit_in_bytes")
}

fn set_soft(place: &Place, group: &str, limits: &Limits) -> Result<(), CgroupError> {
    let Some(soft) = limits.memory_soft_bytes else { return Ok(()) };
    let file = format!("{group}/memory.soft_limit_in_bytes");
    match place.try_write(&file, &soft.to_string()) {
        // A kernel for real time has no soft limits, and gives them no effect.
        Ok(()) | Err(Errno::OPNOTSUPP) => Ok(()),
        Err(error) => Err(CgroupError::io("write", place.path_of(&file))(error)),
    }
}

/// Counts what groups below use as this one's too. Kernels before 5.11 ask for it; later ones always do.
pub(crate) fn count_children(group: &Path) {
    let file = group.join("memory.use_hierarchy");
    if fs::read_to_string(&file).is_ok_and(|value| value.trim() == "0") {
        // Refused where the parent does it, which is as good, or where a group is below already.
        let _ = fs::write(&file, "1");
    }
}

/// Whether the kernel has killed somebody here for want of memory.
pub(crate) fn has_run_out(place: &Place, group: &str) -> bool {
    let control = place.read(&format!("{group}/memory.oom_control")).unwrap_or_default();
    super::field(&control, "oom_kill").is_some_and(|count| count > 0)
}

/// What was asked for and used.
pub(crate) fn usage(place: &Place, group: &str) -> Option<MemoryUsage> {
    Some(MemoryUsage {
        limit_bytes: place.read_number(&hard_file(group)).ok()?,
        used_bytes_max: place.read_number(&format!("{group}/memory.max_usage_in_bytes")).ok()?,
        statistics: place.read(&format!("{group}/memory.stat")).unwrap_or_default(),
    })
}

/// What is used now, of everything that lives in `group` and below.
pub(crate) fn measure(place: &Place, group: &str, statistics: &mut ResourceStatistics) {
    let number = |file: &str| place.read_number(&format!("{group}/memory.{file}")).ok();
    statistics.mem_total_bytes = number("usage_in_bytes");
    statistics.mem_total_memsw_bytes = number("memsw.usage_in_bytes");
    statistics.mem_kmem_usage_bytes = number("kmem.usage_in_bytes");
    statistics.mem_kmem_tcp_usage_bytes = number("kmem.tcp.usage_in_bytes");
    let text = place.read(&format!("{group}/memory.stat")).unwrap_or_default();
    let of = |name: &str| super::field(&text, name);
    // The older names of the same, which Mesos still writes.
    (statistics.mem_cache_bytes, statistics.mem_file_bytes) = (of("total_cache"), of("total_cache"));
    (statistics.mem_rss_bytes, statistics.mem_anon_bytes) = (of("total_rss"), of("total_rss"));
    statistics.mem_mapped_file_bytes = of("total_mapped_file");
    statistics.mem_swap_bytes = of("total_swap");
    statistics.mem_unevictable_bytes = of("total_unevictable");
}
