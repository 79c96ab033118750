use mezzo_model::container::Limits;

use crate::{CgroupError, controller::Controller, place::Place};

#[derive(Debug)]
pub(crate) struct Pids;

impl Controller for Pids {
    fn set(&self, place: &Place, group: &str, limits: &Limits) -> Result<(), CgroupError> {
        match limits.pids_max {
            Some(most) => place.write(&format!("{group}/pids.max"), &most.to_string()),
            None => Ok(()),
        }
    }
}
