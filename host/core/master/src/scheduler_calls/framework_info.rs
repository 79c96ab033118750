//! What a framework says of itself and what it wants offers of: judged alike by SUBSCRIBE and
//! UPDATE_FRAMEWORK (spec 02 §5, 05 §1).

use std::collections::BTreeSet;

use mezzo_acl::Action;
use mezzo_model::{
    FrameworkId,
    calls::Principal,
    framework::{self},
};
use mezzo_proto::mesos::v1::{self, scheduler::OfferConstraints};
use mezzo_resources::roles;

use crate::{Master, admission};

impl Master {
    /// What is wrong with the words of a framework, if anything; otherwise its roles.
    pub(super) fn check_info(&self, info: &v1::FrameworkInfo) -> Result<Vec<String>, String> {
        let roles = roles::of_framework(info).map_err(|error| error.to_string())?;
        let id = info.id.as_ref().map(|id| id.value.as_str()).filter(|id| !id.is_empty());
        if let Some(id) = id {
            admission::check_id(id)?;
        }
        check_filters(&roles, info)?;
        framework::failover_timeout(info)?;
        if info.user == "root" && !self.config.root_submissions {
            return Err(
                "User 'root' is not allowed to run frameworks without --root_submissions set".to_owned()
            );
        }
        if id.is_some_and(|id| self.frameworks.is_completed(&FrameworkId::from(id))) {
            return Err("Framework has been removed".to_owned());
        }
        Ok(roles)
    }

    /// Whether the principal may subscribe in all of `roles`.
    ///
    /// # Errors
    /// Names the first that it may not.
    pub(super) fn may_use_roles(&self, principal: &Principal, roles: &[String]) -> Result<(), String> {
        let forbidden =
            roles.iter().find(|role| !self.acls.allows(principal, Action::RegisterFramework { role }));
        match forbidden {
            Some(role) => Err(format!("Not authorized to use role '{role}'")),
            None => Ok(()),
        }
    }
}

/// What is wrong with the roles that want no offers, and with the constraints, if anything.
pub(super) fn check_wishes(
    roles: &[String],
    suppressed: &[String],
    constraints: Option<&OfferConstraints>,
) -> Result<(), String> {
    check_suppressed(roles, suppressed)?;
    match constraints {
        Some(_) => Err("Offer constraints are not supported by this release".to_owned()),
        None => Ok(()),
    }
}

fn check_suppressed(roles: &[String], suppressed: &[String]) -> Result<(), String> {
    let foreign: BTreeSet<&str> =
        suppressed.iter().filter(|role| !roles.contains(role)).map(String::as_str).collect();
    if foreign.is_empty() {
        return Ok(());
    }
    let foreign: Vec<&str> = foreign.into_iter().collect();
    Err(format!("Suppressed roles {{ {} }} are not contained in the set of roles", foreign.join(", ")))
}

/// Offer filters are for the framework's own roles, and their amounts are amounts.
fn check_filters(roles: &[String], info: &v1::FrameworkInfo) -> Result<(), String> {
    for (role, filters) in &info.offer_filters {
        if !roles.contains(role) {
            return Err(format!(
                "'FrameworkInfo.offer_filters' is invalid: role '{role}' is not contained in the set of roles"
            ));
        }
        for alternative in filters.min_allocatable_resources.iter().flat_map(|minimum| &minimum.quantities) {
            if alternative.quantities.is_empty() {
                return Err("Resource quantities must contain at least one quantity".to_owned());
            }
            for (name, amount) in &alternative.quantities {
                admission::check_scalar(amount.value)
                    .map_err(|why| format!("Invalid resource quantity for '{name}': {why}"))?;
            }
        }
    }
    Ok(())
}
