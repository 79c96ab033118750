//! The first version: one hierarchy per controller.

pub(crate) mod cpu;
pub(crate) mod cpuacct;
pub(crate) mod freezer;
pub(crate) mod memory;
pub(crate) mod pids;

use crate::{Kind, controller::Controller};

pub(crate) fn controller(kind: Kind) -> Box<dyn Controller> {
    match kind {
        Kind::Freezer => Box::new(freezer::Freezer),
        Kind::Cpu => Box::new(cpu::Cpu),
        Kind::CpuAccount => Box::new(cpuacct::CpuAccount),
        Kind::Memory => Box::new(memory::Memory),
        Kind::Pids => Box::new(pids::Pids),
    }
}

/// The number behind `name` in lines of the form `name number`.
pub(crate) fn field(text: &str, name: &str) -> Option<u64> {
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
