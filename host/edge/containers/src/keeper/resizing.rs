//! Changing what a container may use while it runs.

use mezzo_model::{
    container::{Limits, Report},
    ids::ContainerId,
};

use super::{Keeper, sentence};

impl Keeper {
    /// Writes the limits into the container's control groups, where it has any, and says so.
    pub(super) fn resize(&mut self, id: ContainerId, limits: &Limits, number: u64) {
        let result = match self.containers.get(&id) {
            None => Err("the container is gone".to_owned()),
            Some(container) => container
                .group
                .as_ref()
                .map_or(Ok(()), |group| group.change(limits))
                .map_err(|error| sentence(&error)),
        };
        self.report(Report::Resized { container: id, number, result });
    }
}
