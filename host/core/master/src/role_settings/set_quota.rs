//! SET_QUOTA, the older form: a guarantee that is a limit, too, for a role that has no quota yet.

use std::collections::{BTreeMap, BTreeSet};

use mezzo_model::calls::{Principal, Refusal};
use mezzo_proto::mesos::v1::{
    Resource,
    quota::{QuotaConfig, QuotaRequest},
    value::{Scalar, Type},
};
use mezzo_resources::{Resources, roles};

use super::Change;
use crate::Master;

impl Master {
    pub(super) fn judge_set_quota(
        &self,
        principal: &Principal,
        wanted: &QuotaRequest,
    ) -> Result<Change, Refusal> {
        let role = wanted.role().to_owned();
        let invalid =
            |why: String| Refusal::bad_request(format!("Failed to validate set quota request: {why}"));
        Resources::from_wire(&wanted.guarantee)
            .map_err(|why| invalid(format!("QuotaInfo with invalid resource: {why}")))?;
        check(wanted).map_err(invalid)?;
        if self.role_settings.in_force.quotas.contains_key(&role) {
            return Err(invalid(format!("Cannot set quota for role '{role}' which already has quota")));
        }
        if role.contains('/') {
            return Err(Refusal::bad_request(format!(
                "Setting quota on nested role '{role}' is not supported yet"
            )));
        }
        let amounts: BTreeMap<String, Scalar> = wanted
            .guarantee
            .iter()
            .map(|resource| (resource.name.clone(), resource.scalar.unwrap_or_default()))
            .collect();
        let config = QuotaConfig { role, guarantees: amounts.clone(), limits: amounts };
        if !wanted.force() {
            self.check_capacity(&config)?;
        }
        self.may_set_quota(principal, &config.role)?;
        Ok(Change::Quotas(vec![config]))
    }

    fn check_capacity(&self, config: &QuotaConfig) -> Result<(), Refusal> {
        let promised = self.guaranteed_with(std::slice::from_ref(config));
        let capacity = self.ledger.capacity();
        if capacity.contains(&promised) {
            return Ok(());
        }
        Err(Refusal::conflict(format!(
            "Quota guarantees overcommit the cluster (use 'force' to bypass this check): Total quota \
             guarantees '{promised}' exceed cluster capacity '{capacity}'"
        )))
    }
}

fn check(wanted: &QuotaRequest) -> Result<(), String> {
    let Some(role) = &wanted.role else { return Err("QuotaInfo must specify a role".to_owned()) };
    roles::validate(role).map_err(|why| format!("QuotaInfo with invalid role: {why}"))?;
    if wanted.guarantee.is_empty() {
        return Err("QuotaInfo with empty 'guarantee'".to_owned());
    }
    let mut names = BTreeSet::new();
    for resource in &wanted.guarantee {
        check_resource(resource)?;
        if !names.insert(&resource.name) {
            return Err(format!("QuotaInfo contains duplicate resource name '{}'", resource.name));
        }
    }
    Ok(())
}

#[allow(deprecated, reason = "the older form of a reservation is one, too")]
fn check_resource(resource: &Resource) -> Result<(), String> {
    let is_reserved = !resource.reservations.is_empty()
        || resource.reservation.is_some()
        || resource.role.as_deref().is_some_and(|role| role != roles::DEFAULT);
    let faults = [
        (is_reserved, "QuotaInfo must not contain any ReservationInfo"),
        (resource.disk.is_some(), "QuotaInfo must not contain DiskInfo"),
        (resource.revocable.is_some(), "QuotaInfo must not contain RevocableInfo"),
        (resource.r#type() != Type::Scalar, "QuotaInfo must not include non-scalar resources"),
    ];
    match faults.into_iter().find(|(is_so, _)| *is_so) {
        Some((_, why)) => Err(why.to_owned()),
        None => Ok(()),
    }
}
