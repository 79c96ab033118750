use std::{fs, path::Path};

use mezzo_model::container::Limits;
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
    field(&control, "oom_kill").is_some_and(|count| count > 0)
}

/// What was asked for and used.
pub(crate) fn usage(place: &Place, group: &str) -> Option<MemoryUsage> {
    Some(MemoryUsage {
        limit_bytes: place.read_number(&hard_file(group)).ok()?,
        used_bytes_max: place.read_number(&format!("{group}/memory.max_usage_in_bytes")).ok()?,
        statistics: place.read(&format!("{group}/memory.stat")).unwrap_or_default(),
    })
}

/// The number behind `name` in lines of the form `name number`.
fn field(text: &str, name: &str) -> Option<u64> {
    let mut lines = text.lines().filter_map(|line| line.split_once(' '));
    lines.find(|(key, _)| *key == name).and_then(|(_, value)| value.trim().parse().ok())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn number_behind_a_name_is_found(before in "[a-z_]{1,9} [0-9]{1,5}", value in any::<u64>()) {
            prop_assume!(!before.starts_with("oom_kill "));
            let text = format!("{before}\noom_kill {value}\n");
            prop_assert_eq!(field(&text, "oom_kill"), Some(value));
        }

        #[test]
        fn any_text_is_survived(text in ".{0,200}") {
            let _ = field(&text, "oom_kill");
        }
    }

    /// `oom_kill_disable` stands before `oom_kill` and begins like it.
    #[test]
    fn longer_name_is_another() {
        assert_eq!(field("oom_kill_disable 1\nunder_oom 0\noom_kill 0\n", "oom_kill"), Some(0));
    }
}
