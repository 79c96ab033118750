//! UPDATE_FRAMEWORK: a framework replaces what it said of itself, all of it or nothing (spec 05 §2).

use std::sync::Arc;

use mezzo_ledger::FrameworkFacts;
use mezzo_model::{
    FrameworkId, Now,
    calls::{Answer, Principal, Refusal, UpdateFramework},
};
use mezzo_proto::mesos::v1;

use super::framework_info::check_wishes;
use crate::{Effects, Master};

impl Master {
    pub(super) fn update_framework(
        &mut self,
        now: Now,
        out: &mut Effects,
        principal: &Principal,
        id: &FrameworkId,
        mut update: UpdateFramework,
    ) -> Answer {
        if update.framework_info.principal.as_deref().unwrap_or_default().is_empty() {
            update.framework_info.principal = principal.0.as_deref().map(str::to_owned);
        }
        match self.check_update(principal, id, &update) {
            Ok(roles) => {
                self.take_over(now, out, id, update, roles);
                Answer::Ok
            }
            Err(refusal) => Answer::Refused(refusal),
        }
    }

    /// What is wrong with the update, if anything; otherwise the framework's roles from now on.
    fn check_update(
        &self,
        principal: &Principal,
        id: &FrameworkId,
        update: &UpdateFramework,
    ) -> Result<Vec<String>, Refusal> {
        let info = &update.framework_info;
        let roles = self
            .check_info(info)
            .map_err(|why| Refusal::bad_request(format!("Supplied FrameworkInfo is not valid: {why}")))?;
        if let Some(known) = self.frameworks.get(id) {
            check_fixed(&known.info, info)
                .map_err(|why| Refusal::bad_request(format!("FrameworkInfo update is not valid: {why}")))?;
        }
        check_wishes(&roles, &update.suppressed_roles, update.offer_constraints.as_ref())
            .map_err(|why| Refusal::bad_request(format!("'UpdateFramework' call is not valid: {why}")))?;
        self.may_use_roles(principal, &roles).map_err(Refusal::forbidden)?;
        Ok(roles)
    }

    fn take_over(
        &mut self,
        now: Now,
        out: &mut Effects,
        id: &FrameworkId,
        update: UpdateFramework,
        roles: Vec<String>,
    ) {
        let UpdateFramework { framework_info: info, suppressed_roles, .. } = update;
        let Some(framework) = self.frameworks.get_mut(id) else { return };
        let is_other = *framework.info != info;
        framework.info = Arc::new(info.clone());
        framework.roles = roles.as_slice().into();
        if let Some(kept) = self.frameworks.kept_mut(id) {
            kept.suppressed = suppressed_roles.iter().cloned().collect();
        }
        self.rescind_offers_outside(now, out, id, &roles);
        self.ledger.update_framework(FrameworkFacts::from_wire(id.clone(), &info, roles, suppressed_roles));
        if is_other {
            self.update_at_agents(out, id, &info);
            self.show_framework_updated(out, id);
        }
        self.something_changed(now);
    }

    /// Rescinds the open offers of a framework for roles that it has left. Those for suppressed roles
    /// stay open.
    fn rescind_offers_outside(&mut self, now: Now, out: &mut Effects, id: &FrameworkId, roles: &[String]) {
        let open = self.frameworks.kept(id).into_iter().flat_map(|kept| &kept.offers);
        let has_left =
            |number: &u64| self.offers.get(number).is_some_and(|offer| !roles.contains(&offer.role));
        let left: Vec<u64> = open.copied().filter(has_left).collect();
        for number in left {
            self.rescind_offer(now, out, number);
        }
    }
}

/// What a framework may not change once it has subscribed.
fn check_fixed(old: &v1::FrameworkInfo, new: &v1::FrameworkInfo) -> Result<(), String> {
    if old.principal != new.principal {
        return Err("Changing framework's principal is not allowed.".to_owned());
    }
    if old.user != new.user {
        return Err(format!(
            "Updating 'FrameworkInfo.user' is unsupported; attempted to update from '{}' to '{}'",
            old.user, new.user
        ));
    }
    if old.checkpoint() != new.checkpoint() {
        return Err(format!(
            "Updating 'FrameworkInfo.checkpoint' is unsupported; attempted to update from '{}' to '{}'",
            old.checkpoint(),
            new.checkpoint()
        ));
    }
    Ok(())
}
