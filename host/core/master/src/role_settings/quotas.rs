//! Quotas of roles at the top: what they are guaranteed, and what they may have at most.

use std::{collections::BTreeMap, sync::Arc};

use mezzo_acl::Action;
use mezzo_ledger::Quota;
use mezzo_model::{
    Now,
    calls::{Principal, Refusal},
    offer::Offer,
};
use mezzo_proto::mesos::v1::{quota::QuotaConfig, value::Scalar};
use mezzo_resources::{Amount, Quantities, roles};

use super::Change;
use crate::{Effects, Master, admission::check_scalar};

/// The most of `mem` or `disk` that a quota can name, an exabyte in megabytes …
const MEGABYTES_MAX: f64 = 1_099_511_627_776.0;
/// … and of anything else.
const OTHERS_MAX: f64 = 1e12;

impl Master {
    /// All of the configurations, or none of them.
    pub(super) fn judge_quotas(
        &self,
        principal: &Principal,
        is_forced: bool,
        configs: Vec<QuotaConfig>,
    ) -> Result<Change, Refusal> {
        configs.iter().try_for_each(check_config).map_err(Refusal::bad_request)?;
        if !is_forced {
            for config in &configs {
                self.check_consumption(config).map_err(Refusal::bad_request)?;
            }
        }
        let promised = self.guaranteed_with(&configs);
        let capacity = self.ledger.capacity();
        if !is_forced && !capacity.contains(&promised) {
            return Err(Refusal::bad_request(format!(
                "Invalid QuotaConfig: total quota guarantees '{promised}' exceed cluster capacity \
                 '{capacity}' (use 'force' flag to bypass this check)"
            )));
        }
        for config in &configs {
            self.may_set_quota(principal, &config.role)?;
        }
        // The last word on a role counts; what the registry is told names each role once.
        let by_role: BTreeMap<String, QuotaConfig> =
            configs.into_iter().map(|config| (config.role.clone(), config)).collect();
        Ok(Change::Quotas(by_role.into_values().collect()))
    }

    pub(super) fn judge_remove_quota(
        &self,
        principal: &Principal,
        role: String,
        path: &str,
    ) -> Result<Change, Refusal> {
        if !self.role_settings.in_force.quotas.contains_key(&role) {
            return Err(Refusal::bad_request(format!(
                "Failed to remove quota for path '{path}': Role '{role}' has no quota set"
            )));
        }
        self.may_set_quota(principal, &role)?;
        Ok(Change::Quotas(vec![QuotaConfig { role, ..QuotaConfig::default() }]))
    }

    pub(super) fn may_set_quota(&self, principal: &Principal, role: &str) -> Result<(), Refusal> {
        match self.acls.allows(principal, Action::UpdateQuota { role }) {
            true => Ok(()),
            false => Err(Refusal::forbidden(format!("Not authorized to update the quota of role '{role}'"))),
        }
    }

    /// What is guaranteed to everybody together once these are in force.
    pub(super) fn guaranteed_with(&self, configs: &[QuotaConfig]) -> Quantities {
        let known = self.role_settings.in_force.quotas.iter();
        let mut by_role: BTreeMap<&str, Quantities> =
            known.map(|(role, config)| (role.as_str(), guarantees(config))).collect();
        by_role.extend(configs.iter().map(|config| (config.role.as_str(), guarantees(config))));
        let mut sum = Quantities::new();
        by_role.values().for_each(|guaranteed| sum.add_all(guaranteed));
        sum
    }

    fn check_consumption(&self, config: &QuotaConfig) -> Result<(), String> {
        let (consumed, _) = self.ledger.consumption(&config.role);
        if quota(config).allows(&consumed) {
            return Ok(());
        }
        Err(format!(
            "Invalid QuotaConfig: Role '{}' is already consuming '{consumed}'; this is more than the \
             requested limits '{}' (use 'force' flag to bypass this check)",
            config.role,
            limits_text(config),
        ))
    }

    /// Sets quotas. Offers that a role may no longer have, and those of others that stand between a
    /// role and its guarantee, are rescinded.
    pub(super) fn apply_quotas(&mut self, now: Now, out: &mut Effects, configs: Vec<QuotaConfig>) {
        for config in &configs {
            self.ledger.set_quota(&config.role, in_ledger(config));
            let in_force = Arc::make_mut(&mut self.role_settings.in_force);
            match in_ledger(config) {
                Some(_) => in_force.quotas.insert(config.role.clone(), config.clone()),
                None => in_force.quotas.remove(&config.role),
            };
        }
        configs.iter().for_each(|config| self.rescind_for_quota(now, out, config));
        self.something_changed(now);
    }

    fn rescind_for_quota(&mut self, now: Now, out: &mut Effects, config: &QuotaConfig) {
        let quota = quota(config);
        let (mut held, offered) = self.ledger.consumption(&config.role);
        held.add_all(&offered);
        let is_own = |offer: &Offer| roles::is_same_or_descendant(&offer.role, &config.role);
        let (own, others): (Vec<&Offer>, Vec<&Offer>) = self.offers.values().partition(|offer| is_own(offer));
        let mut rescinded = Vec::new();
        for offer in own {
            if quota.allows(&held) {
                break;
            }
            let freed = offer.resources.unreserved().non_revocable().scalars();
            freed.iter().for_each(|(name, amount)| held.take(name, amount));
            rescinded.push(offer.number);
        }
        // What was rescinded of others counts as had, as it is about to be.
        for offer in others {
            if held.contains(&quota.guarantees) {
                break;
            }
            held.add_all(&offer.resources.unreserved().non_revocable().scalars());
            rescinded.push(offer.number);
        }
        rescinded.into_iter().for_each(|number| self.rescind_offer(now, out, number));
    }
}

/// What a configuration guarantees.
pub(crate) fn guarantees(config: &QuotaConfig) -> Quantities {
    let mut sum = Quantities::new();
    for (name, amount) in named(&config.guarantees) {
        sum.add(&name, amount);
    }
    sum
}

/// What a configuration limits, and to how much.
pub(crate) fn limits(config: &QuotaConfig) -> BTreeMap<Arc<str>, Amount> {
    named(&config.limits).collect()
}

fn named(scalars: &BTreeMap<String, Scalar>) -> impl Iterator<Item = (Arc<str>, Amount)> {
    scalars
        .iter()
        .map(|(name, scalar)| (Arc::from(name.as_str()), Amount::from_f64(scalar.value).unwrap_or_default()))
}

fn quota(config: &QuotaConfig) -> Quota {
    Quota { guarantees: guarantees(config), limits: limits(config) }
}

/// The quota as the ledger holds it: none when nothing is guaranteed or limited.
pub(super) fn in_ledger(config: &QuotaConfig) -> Option<Quota> {
    let is_set = !config.guarantees.is_empty() || !config.limits.is_empty();
    is_set.then(|| quota(config))
}

/// What is wrong with a configuration by itself.
fn check_config(config: &QuotaConfig) -> Result<(), String> {
    let role = &config.role;
    if role.contains('/') {
        return Err(format!("Updating quota on nested role '{role}' is not supported yet"));
    }
    check_role_and_amounts(config).map_err(|why| format!("Invalid QuotaConfig: {why}"))
}

fn check_role_and_amounts(config: &QuotaConfig) -> Result<(), String> {
    roles::validate(&config.role).map_err(|why| format!("Invalid 'QuotaConfig.role': {why}"))?;
    check_size(&config.guarantees).map_err(|why| format!("Invalid 'QuotaConfig.guarantees': {why}"))?;
    check_size(&config.limits).map_err(|why| format!("Invalid 'QuotaConfig.limits': {why}"))?;
    for (kind, scalars) in [("guarantee", &config.guarantees), ("limit", &config.limits)] {
        for (name, scalar) in scalars {
            check_scalar(scalar.value).map_err(|why| {
                format!("Invalid {kind} configuration {{'{name}': {}}}: {why}", scalar.value)
            })?;
        }
    }
    if quota(config).allows(&guarantees(config)) {
        return Ok(());
    }
    Err(format!(
        "'QuotaConfig.guarantees' {} is not contained within the 'QuotaConfig.limits' {}",
        map_text(&config.guarantees),
        map_text(&config.limits)
    ))
}

fn check_size(scalars: &BTreeMap<String, Scalar>) -> Result<(), String> {
    for (name, Scalar { value }) in scalars {
        let (max, words) = match name.as_str() {
            "mem" | "disk" => (MEGABYTES_MAX, "1 exabyte (1099511627776)"),
            _ => (OTHERS_MAX, "1 trillion (1000000000000)"),
        };
        if *value > max {
            return Err(format!(
                "{{'{name}': {value}}} is invalid: values greater than {words} are not supported"
            ));
        }
    }
    Ok(())
}

/// `{ cpus: 2, mem: 512 }`
fn map_text(scalars: &BTreeMap<String, Scalar>) -> String {
    let entries: Vec<String> =
        scalars.iter().map(|(name, scalar)| format!("{name}: {}", scalar.value)).collect();
    format!("{{ {} }}", entries.join(", "))
}

/// `cpus:2; mem:512`
fn limits_text(config: &QuotaConfig) -> String {
    let entries: Vec<String> =
        limits(config).iter().map(|(name, amount)| format!("{name}:{amount}")).collect();
    entries.join("; ")
}
