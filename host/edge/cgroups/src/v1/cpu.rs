use mezzo_model::container::Limits;
use mezzo_proto::mesos::v1::ResourceStatistics;

use crate::{CgroupError, controller::Controller, place::Place};

/// Length of a quota's period. The kernel's own default, so it is written only where it differs.
const PERIOD_US: u64 = 100_000;

#[derive(Debug)]
pub(crate) struct Cpu;

impl Controller for Cpu {
    fn set(&self, place: &Place, group: &str, limits: &Limits) -> Result<(), CgroupError> {
        if let Some(shares) = limits.cpu_shares {
            place.write(&format!("{group}/cpu.shares"), &shares.to_string())?;
        }
        if let Some(quota) = limits.cpu_quota_us {
            place.write(&format!("{group}/cpu.cfs_quota_us"), &quota.to_string())?;
        }
        Ok(())
    }

    fn change(&self, place: &Place, group: &str, limits: &Limits) -> Result<(), CgroupError> {
        let period = format!("{group}/cpu.cfs_period_us");
        if limits.cpu_quota_us.is_some() && place.read_number(&period)? != PERIOD_US {
            place.write(&period, &PERIOD_US.to_string())?;
        }
        self.set(place, group, limits)
    }
}

/// How often the quota was a limit; nothing where there is none.
pub(crate) fn measure(place: &Place, group: &str, statistics: &mut ResourceStatistics) {
    // Without a quota it is -1, which is no number here.
    if place.read_number(&format!("{group}/cpu.cfs_quota_us")).is_err() {
        return;
    }
    let text = place.read(&format!("{group}/cpu.stat")).unwrap_or_default();
    let count = |name| super::field(&text, name).map(|count| u32::try_from(count).unwrap_or(u32::MAX));
    statistics.cpus_nr_periods = count("nr_periods");
    statistics.cpus_nr_throttled = count("nr_throttled");
    statistics.cpus_throttled_time_secs = super::field(&text, "throttled_time").map(|ns| ns as f64 / 1e9);
}
