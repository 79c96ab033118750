//! Who gets what of this machine: resources and ports, divided among the agents.

use std::path::Path;

use anyhow::{Context, bail};

/// What there is to divide, in whole CPUs and megabytes.
pub struct Machine {
    cpus: u64,
    mem_mb: u64,
    disk_mb: u64,
}

/// One agent's part.
#[derive(Debug, PartialEq, Eq)]
pub struct AgentShare {
    /// From 1.
    pub number: u16,
    /// The agent's own port.
    pub port: u16,
    /// As `--resources` takes it.
    pub resources: String,
}

/// Every agent can run something that wants two CPUs, even if the machine is oversold by it.
const CPUS_MIN: u64 = 2;
/// The range Mesos offers by default; the agents share it out.
const PORTS: (u32, u32) = (31_000, 32_000);

impl Machine {
    /// Asks the kernel. Memory and disk keep the reserve that agents leave by themselves (spec 02 §3).
    pub fn measure(dir: &Path) -> anyhow::Result<Self> {
        let cpus = std::thread::available_parallelism().map_or(1, |n| n.get() as u64);
        let meminfo = std::fs::read_to_string("/proc/meminfo").context("cannot read `/proc/meminfo`")?;
        let total_kb = meminfo
            .lines()
            .find_map(|line| line.strip_prefix("MemTotal:"))
            .and_then(|rest| rest.split_whitespace().next()?.parse::<u64>().ok())
            .context("`/proc/meminfo` has no MemTotal line")?;
        let fs = nix::sys::statvfs::statvfs(dir)
            .with_context(|| format!("cannot ask for the size of `{}`", dir.display()))?;
        let disk_mb = fs.blocks() * fs.fragment_size() / (1 << 20);
        Ok(Self { cpus, mem_mb: reserve(total_kb / 1024, 1024), disk_mb: reserve(disk_mb, 5 * 1024) })
    }

    /// Equal parts; ports of agents and of tasks never overlap.
    pub fn divide(&self, agents: u16, first_port: u16) -> anyhow::Result<Vec<AgentShare>> {
        let n = u64::from(agents);
        let per_agent = (PORTS.1 - PORTS.0) / u32::from(agents);
        (0..agents)
            .map(|i| {
                let Some(port) = first_port.checked_add(i) else {
                    bail!("--agent_port {first_port} leaves no room for {agents} agents: ports end at 65535");
                };
                let begin = PORTS.0 + u32::from(i) * per_agent;
                Ok(AgentShare {
                    number: i + 1,
                    port,
                    resources: format!(
                        "cpus:{};mem:{};disk:{};ports:[{}-{}]",
                        (self.cpus / n).max(CPUS_MIN),
                        self.mem_mb / n,
                        self.disk_mb / n,
                        begin,
                        begin + per_agent - 1
                    ),
                })
            })
            .collect()
    }
}

/// All but `keep`, or half of what there is when that is less than twice `keep`.
fn reserve(total: u64, keep: u64) -> u64 {
    if total >= 2 * keep { total - keep } else { total / 2 }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SMALL: Machine = Machine { cpus: 2, mem_mb: 8000, disk_mb: 40_000 };

    /// A laptop with two cores still gets two agents that can each run a two-CPU task.
    #[test]
    fn a_small_machine_is_oversold_rather_than_useless() {
        let shares = SMALL.divide(2, 5051).expect("two agents fit");
        assert_eq!(shares[0].resources, "cpus:2;mem:4000;disk:20000;ports:[31000-31499]");
        assert_eq!(shares[1].resources, "cpus:2;mem:4000;disk:20000;ports:[31500-31999]");
        assert_eq!((shares[0].port, shares[1].port), (5051, 5052));
    }

    #[test]
    fn agents_beyond_the_last_port_are_refused() {
        let error = SMALL.divide(3, 65_534).expect_err("65536 is no port").to_string();
        assert!(error.contains("--agent_port 65534"), "{error}");
    }
}
