use mezzo_model::container::Limits;

use crate::{CgroupError, controller::Controller, place::Place};

/// Has no limits: it is there to count.
#[derive(Debug)]
pub(crate) struct CpuAccount;

impl Controller for CpuAccount {
    fn set(&self, _: &Place, _: &str, _: &Limits) -> Result<(), CgroupError> {
        Ok(())
    }
}

/// Ticks of a second in what the kernel tells processes: the same on every architecture that there is
/// Rust for.
const TICKS_PER_SECOND: f64 = 100.0;

/// Seconds in user mode and in the kernel, of everything that ever ran in `group` and below.
pub(crate) fn used(place: &Place, group: &str) -> Option<(f64, f64)> {
    let text = place.read(&format!("{group}/cpuacct.stat")).ok()?;
    let seconds = |name| Some(super::field(&text, name)? as f64 / TICKS_PER_SECOND);
    Some((seconds("user")?, seconds("system")?))
}
