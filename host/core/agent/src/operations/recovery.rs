//! What operations have made of the agent's resources, found again by a later life.

use std::collections::BTreeMap;

use mezzo_model::container::{Ask, VolumeChange, VolumePlace};
use mezzo_proto::mezzo::store::v1::ResourcesCheckpoint;
use mezzo_resources::{Conversion, Resource, Resources};

use super::Operation;
use crate::{
    account::Account,
    agent::{Agent, Turn},
    checkpoint,
    effects::Exit,
    volumes,
};

impl Agent {
    /// Takes in what an earlier life has written down: what is reserved and made volumes of what the
    /// flags give now.
    pub(crate) fn recover_resources(&mut self, files: &BTreeMap<&str, &[u8]>) -> Result<(), Exit> {
        let Some(bytes) = files.get(checkpoint::RESOURCES_KEY) else { return Ok(()) };
        let path = format!("{}/meta/{}", self.config.work_dir, checkpoint::RESOURCES_KEY);
        let damaged = || Exit::Failed {
            reason: format!("`{path}` is damaged"),
            remedy:
                "bring it back from a copy, or remove it: reservations are forgotten then, and the data of \
                     volumes stays where it is"
                    .into(),
        };
        let (mut found, is_torn) = checkpoint::records::<ResourcesCheckpoint>(bytes);
        let own = found.pop().filter(|_| !is_torn && found.is_empty()).ok_or_else(damaged)?;
        let kept = Resources::from_wire(&own.total).map_err(|_| damaged())?;
        let given = &self.config.resources;
        let total = renewed(given, &kept).ok_or_else(|| Exit::Failed {
            reason: format!(
                "the agent has {given}, which is not enough for what is reserved and made volumes of it: {}",
                changed_by_operations(&kept)
            ),
            remedy: "start it with at least as much as before".into(),
        })?;
        self.account = Account::new(total);
        self.operations = own
            .operations
            .into_iter()
            .filter_map(|record| {
                Some(Operation {
                    framework: record.framework_id,
                    uuid: record.uuid,
                    info: record.operation?,
                    status: record.status,
                    wait: None,
                })
            })
            .collect();
        Ok(())
    }

    /// Asks the node for the part of every operation that has not ended. A volume that was made again
    /// since is not removed: its place belongs to the new one.
    pub(crate) fn ask_for_volumes(&mut self, turn: &mut Turn) {
        let own: Vec<VolumePlace> =
            self.account.total().iter().filter_map(|resource| self.volume_place(resource)).collect();
        for known in self.operations.iter().filter(|known| known.status.is_none()) {
            let Ok(conversion) = Conversion::of(&known.info) else { continue };
            let Ok(Some(Ask::ChangeVolumes { operation, change, mut volumes })) =
                self.work_of(&known.uuid, &known.info, &conversion)
            else {
                continue;
            };
            if change == VolumeChange::Remove {
                volumes.retain(|place| !own.contains(place));
            }
            turn.out.node(Ask::ChangeVolumes { operation, change, volumes });
        }
    }

    fn volume_place(&self, resource: &Resource) -> Option<VolumePlace> {
        resource.is_persistent_volume().then(|| volumes::place(&self.config.work_dir, resource).ok())?
    }
}

/// Whether an operation has made the resource what it is.
fn is_changed(resource: &Resource) -> bool {
    resource.is_persistent_volume()
        || resource.reservations().iter().any(|reservation| reservation.is_dynamic)
}

fn changed_by_operations(total: &Resources) -> Resources {
    total.filter(is_changed)
}

/// What the flags give, with everything done to it that operations have done to `kept`.
fn renewed(given: &Resources, kept: &Resources) -> Option<Resources> {
    let changed = changed_by_operations(kept);
    let before = changed.map(|resource| {
        resource.make_plain_disk();
        resource.drop_dynamic_reservations();
    });
    given.apply(&before, &changed)
}

#[cfg(test)]
mod tests {
    use mezzo_resources::Reservation;

    use super::*;

    fn bag(text: &str) -> Resources {
        Resources::parse(text, "*").unwrap()
    }

    /// After a reboot an agent may have other resources: reservations stay as long as there is enough.
    #[test]
    fn reservations_survive_other_flags() {
        let role = "eng/web".to_owned();
        let reservation = Reservation { is_dynamic: true, role, principal: None, labels: None };
        let refined = bag("cpus(eng):2").push_reservation(&reservation);
        let kept = bag("cpus:2;mem:100;cpus(eng):1") + &refined;
        assert_eq!(renewed(&bag("cpus:2;cpus(eng):3;mem:100"), &kept), Some(kept.clone()));
        let more = renewed(&bag("cpus:9;cpus(eng):3"), &kept).unwrap();
        assert_eq!(more, bag("cpus:9;cpus(eng):1") + &refined);
        assert_eq!(renewed(&bag("cpus:9"), &kept), None);
    }
}
