use std::fmt;

use mezzo_model::container::Limits;

use crate::{CgroupError, place::Place};

/// The controllers that containers use. The order is that in which groups are entered: the freezer first, so
/// that a process which is in any group can be found and killed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// Stops and finds all processes of a container, to end them.
    Freezer,
    /// Shares and quota of processor time.
    Cpu,
    /// Processor time that was used; on most hosts mounted together with [`Kind::Cpu`].
    CpuAccount,
    /// Memory, and the news that there is none left.
    Memory,
    /// Number of processes and threads.
    Pids,
}

impl Kind {
    /// All of them, in order.
    pub const ALL: [Self; 5] = [Self::Freezer, Self::Cpu, Self::CpuAccount, Self::Memory, Self::Pids];

    /// As the kernel calls it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Freezer => "freezer",
            Self::Cpu => "cpu",
            Self::CpuAccount => "cpuacct",
            Self::Memory => "memory",
            Self::Pids => "pids",
        }
    }

    /// Whether a container with these limits needs it.
    pub fn is_needed(self, limits: &Limits) -> bool {
        match self {
            Self::Freezer => true,
            Self::Cpu | Self::CpuAccount => limits.cpu_shares.is_some() || limits.cpu_quota_us.is_some(),
            Self::Memory => limits.memory_soft_bytes.is_some() || limits.memory_hard_bytes.is_some(),
            Self::Pids => limits.pids_max.is_some(),
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// What one version of the kernel's interface calls a controller's limits.
pub(crate) trait Controller: fmt::Debug + Send + Sync {
    /// Writes the limits of a group that was just made.
    fn set(&self, place: &Place, group: &str, limits: &Limits) -> Result<(), CgroupError>;

    /// Writes changed limits of a group in which processes live.
    fn change(&self, place: &Place, group: &str, limits: &Limits) -> Result<(), CgroupError> {
        self.set(place, group, limits)
    }
}
