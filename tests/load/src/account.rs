//! What processes cost, as the kernel counts it.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result};

/// A group in which processor time is counted: nothing that a process leaves to another escapes.
pub struct Account(PathBuf);

impl Account {
    /// Makes a group of this name.
    pub fn new(name: &str) -> Result<Self> {
        let path = Path::new("/sys/fs/cgroup/cpuacct").join(name);
        fs::create_dir_all(&path).with_context(|| format!("make `{}`", path.display()))?;
        Ok(Self(path))
    }

    /// Moves a process in; its children begin there.
    pub fn enter(&self, pid: u32) -> Result<()> {
        Ok(fs::write(self.0.join("cgroup.procs"), pid.to_string())?)
    }

    /// Moves this process back to where no benchmark counts.
    pub fn leave() -> Result<()> {
        Ok(fs::write("/sys/fs/cgroup/cpuacct/cgroup.procs", std::process::id().to_string())?)
    }

    /// Microseconds that everybody in the group has taken so far.
    pub fn used(&self) -> Result<f64> {
        Ok(fs::read_to_string(self.0.join("cpuacct.usage"))?.trim().parse::<f64>()? / 1e3)
    }

    /// Microseconds that `work` costs everybody in the group.
    pub fn measured(&self, work: impl FnOnce() -> Result<()>) -> Result<f64> {
        let before = self.used()?;
        work()?;
        Ok(self.used()? - before)
    }

    /// Where the group is.
    pub fn path(&self) -> &Path {
        &self.0
    }
}

/// Microseconds of processor time that a process has taken, its ended threads included, in steps
/// of 10 ms.
pub fn cpu_of(pid: u32) -> Result<f64> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat"))?;
    let after = stat.rsplit_once(") ").context("read /proc/PID/stat")?.1;
    // Fields 14 and 15 of proc(5); this begins with field 3.
    let ticks: f64 = after.split(' ').skip(11).take(2).filter_map(|ticks| ticks.parse::<f64>().ok()).sum();
    Ok(ticks * 1e4)
}

/// A line of `/proc/PID/status` or `smaps_rollup` that counts kilobytes.
pub fn kilobytes(pid: u32, file: &str, name: &str) -> Result<f64> {
    let path = format!("/proc/{pid}/{file}");
    let text = fs::read_to_string(&path).with_context(|| format!("read `{path}`"))?;
    let value = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
    let value = value.with_context(|| format!("`{path}` has no `{name}`"))?;
    Ok(value.trim().trim_end_matches(" kB").parse()?)
}

/// Forgets how much memory a process once had, so that `VmHWM` begins anew.
pub fn forget_peak(pid: u32) -> Result<()> {
    Ok(fs::write(format!("/proc/{pid}/clear_refs"), "5")?)
}
