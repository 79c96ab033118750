//! What operators set for roles: weights and quotas (spec 03 §7, §8).
//!
//! A call is judged, written to the registry and only then in force. While one is being written,
//! others wait: each is judged by what is in force then.

mod quotas;
mod set_quota;
mod weights;

pub(crate) use quotas::{guarantees, limits};

use std::{
    collections::{BTreeMap, VecDeque},
    sync::Arc,
};

use mezzo_model::{
    Now, RequestId,
    calls::{Answer, Principal, Refusal, RolesCall, RolesRequest},
};
use mezzo_proto::mesos::v1::quota::QuotaConfig;
use mezzo_registry::Write;

use crate::{Effects, Master, writes::Pending};

/// Most calls that wait for the registry; one more is asked to come back.
const WAITING_MAX: usize = 100;

/// What is in force, and who waits.
#[derive(Debug, Default)]
pub(crate) struct RoleSettings {
    pub(crate) in_force: Arc<InForce>,
    is_in_writing: bool,
    waiting: VecDeque<RolesRequest>,
}

/// What is in force.
#[derive(Clone, Debug, Default)]
pub(crate) struct InForce {
    /// Where they are not 1.
    pub(crate) weights: BTreeMap<String, f64>,
    pub(crate) quotas: BTreeMap<String, QuotaConfig>,
}

/// A change that nothing speaks against.
#[derive(Debug)]
pub(crate) enum Change {
    Weights(Vec<(String, f64)>),
    Quotas(Vec<QuotaConfig>),
}

impl InForce {
    /// The weight of a role, 1 unless an operator said otherwise.
    pub(crate) fn weight(&self, role: &str) -> f64 {
        self.weights.get(role).copied().unwrap_or(1.0)
    }
}

impl Master {
    /// Takes in what the registry holds.
    pub(crate) fn recover_role_settings(
        &mut self,
        weights: BTreeMap<String, f64>,
        quotas: BTreeMap<String, QuotaConfig>,
    ) {
        weights.iter().for_each(|(role, weight)| self.ledger.set_weight(role, weights::milli(*weight)));
        for (role, config) in &quotas {
            self.ledger.set_quota(role, quotas::in_ledger(config));
        }
        self.role_settings.in_force = Arc::new(InForce { weights, quotas });
    }

    /// Takes an operator's call, now or when those before it are done.
    pub(crate) fn roles_call(&mut self, now: Now, out: &mut Effects, request: RolesRequest) {
        if !self.role_settings.is_in_writing {
            return self.judge_roles_call(now, out, request);
        }
        if self.role_settings.waiting.len() >= WAITING_MAX {
            let why = "Too many changes of roles wait for the registry; ask again later";
            return out.answer(request.request, Answer::Refused(Refusal::unavailable(why)));
        }
        self.role_settings.waiting.push_back(request);
    }

    fn judge_roles_call(&mut self, now: Now, out: &mut Effects, request: RolesRequest) {
        let RolesRequest { request, principal, call } = request;
        match self.judged(&principal, call) {
            Ok(change) if change.is_empty() => out.answer(request, Answer::Ok),
            Ok(change) => {
                self.role_settings.is_in_writing = true;
                let write = change.write();
                self.persist(out, write, Pending::Roles { request, change });
            }
            Err(refusal) => out.answer(request, Answer::Refused(refusal)),
        }
        self.something_changed(now);
    }

    fn judged(&self, principal: &Principal, call: RolesCall) -> Result<Change, Refusal> {
        match call {
            RolesCall::UpdateWeights(infos) => self.judge_weights(principal, infos),
            RolesCall::UpdateQuota { is_forced, configs } => self.judge_quotas(principal, is_forced, configs),
            RolesCall::SetQuota(wanted) => self.judge_set_quota(principal, &wanted),
            RolesCall::RemoveQuota { role, path } => self.judge_remove_quota(principal, role, &path),
        }
    }

    /// A change is durable: it is in force from now on, and whoever asked for it is told.
    pub(crate) fn roles_written(&mut self, now: Now, out: &mut Effects, request: RequestId, change: Change) {
        match change {
            Change::Weights(weights) => self.apply_weights(now, out, weights),
            Change::Quotas(configs) => self.apply_quotas(now, out, configs),
        }
        out.answer(request, Answer::Ok);
        self.judge_next(now, out);
    }

    /// A change could not be made durable: nothing has changed.
    pub(crate) fn roles_not_written(&mut self, now: Now, out: &mut Effects, request: RequestId, why: &str) {
        out.warn(format!("the registry does not hold what was set for roles: {why}"));
        let refusal = Refusal::unavailable(format!("The master's registry could not be written: {why}"));
        out.answer(request, Answer::Refused(refusal));
        self.judge_next(now, out);
    }

    fn judge_next(&mut self, now: Now, out: &mut Effects) {
        self.role_settings.is_in_writing = false;
        while !self.role_settings.is_in_writing
            && let Some(request) = self.role_settings.waiting.pop_front()
        {
            self.judge_roles_call(now, out, request);
        }
    }
}

impl Change {
    fn is_empty(&self) -> bool {
        match self {
            Change::Weights(weights) => weights.is_empty(),
            Change::Quotas(configs) => configs.is_empty(),
        }
    }

    fn write(&self) -> Write {
        match self {
            Change::Weights(weights) => {
                Write::weights(weights.iter().map(|(role, weight)| (role.as_str(), *weight)))
            }
            Change::Quotas(configs) => Write::quotas(configs),
        }
    }
}
