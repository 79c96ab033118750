//! Weights of roles.

use std::{collections::BTreeMap, sync::Arc};

use mezzo_acl::Action;
use mezzo_model::{
    Now,
    calls::{Principal, Refusal},
};
use mezzo_proto::mesos::v1::WeightInfo;
use mezzo_resources::roles;

use super::Change;
use crate::{Effects, Master};

impl Master {
    pub(super) fn judge_weights(
        &self,
        principal: &Principal,
        infos: Vec<WeightInfo>,
    ) -> Result<Change, Refusal> {
        // One after the other, so that the last word on a role counts.
        let mut weights = BTreeMap::new();
        for info in infos {
            let role = info.role().trim().to_owned();
            check(&role, info.weight).map_err(Refusal::bad_request)?;
            weights.insert(role, info.weight);
        }
        let forbidden =
            weights.keys().find(|role| !self.acls.allows(principal, Action::UpdateWeight { role }));
        match forbidden {
            Some(role) => {
                Err(Refusal::forbidden(format!("Not authorized to update the weight of role '{role}'")))
            }
            None => Ok(Change::Weights(weights.into_iter().collect())),
        }
    }

    /// Sets weights. If somebody subscribes in one of their roles, all open offers are rescinded, so
    /// that the new shares are seen soon.
    pub(super) fn apply_weights(&mut self, now: Now, out: &mut Effects, weights: Vec<(String, f64)>) {
        let in_force = Arc::make_mut(&mut self.role_settings.in_force);
        for (role, weight) in &weights {
            match *weight == 1.0 {
                true => in_force.weights.remove(role),
                false => in_force.weights.insert(role.clone(), *weight),
            };
            self.ledger.set_weight(role, milli(*weight));
        }
        let is_meant =
            |role: &String| weights.iter().any(|(changed, _)| roles::is_same_or_descendant(role, changed));
        if self.frameworks.shown.values().any(|framework| framework.roles.iter().any(is_meant)) {
            let open: Vec<u64> = self.offers.keys().copied().collect();
            open.into_iter().for_each(|number| self.rescind_offer(now, out, number));
        }
        self.ledger.consider_everything();
        self.something_changed(now);
    }
}

/// A weight in thousandths, as the allocator is told it.
pub(super) fn milli(weight: f64) -> u32 {
    // The cast saturates; a weight of less than a thousandth counts as one.
    ((weight * 1000.0).round() as u32).max(1)
}

fn check(role: &str, weight: f64) -> Result<(), String> {
    const WHAT: &str = "Failed to validate update weights request JSON";
    roles::validate(role).map_err(|why| format!("{WHAT}: Invalid role '{role}': {why}"))?;
    if weight <= 0.0 || weight.is_nan() {
        return Err(format!("{WHAT} for role '{role}': Invalid weight '{weight}': Weights must be positive"));
    }
    if weight > f64::from(u32::MAX) / 1000.0 {
        return Err(format!(
            "{WHAT} for role '{role}': Invalid weight '{weight}': Weights must not be greater than 4294967"
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_weight_is_a_positive_number_of_thousandths() {
        assert_eq!(milli(2.5), 2500);
        assert_eq!(milli(0.000_1), 1);
        assert!(check("eng", 0.5).is_ok());
        for wrong in [0.0, -1.0, f64::NAN, f64::INFINITY] {
            assert!(check("eng", wrong).is_err(), "{wrong}");
        }
    }
}
