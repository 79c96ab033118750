//! What an operator sets for roles: weights and quotas.

use mezzo_proto::mesos::v1;

use super::Principal;
use crate::ids::RequestId;

/// One call as it came in.
#[derive(Clone, Debug)]
pub struct RolesRequest {
    /// Where the answer goes.
    pub request: RequestId,
    /// Who asks.
    pub principal: Principal,
    /// What is asked.
    pub call: RolesCall,
}

/// A change of what is set for roles: wholly done or not at all.
#[derive(Clone, Debug)]
pub enum RolesCall {
    /// UPDATE_WEIGHTS, and PUT of `/weights`.
    UpdateWeights(Vec<v1::WeightInfo>),
    /// UPDATE_QUOTA.
    UpdateQuota {
        /// Whether more may be promised than there is, and less allowed than is in use.
        is_forced: bool,
        /// One for each role; without guarantees and limits it takes the quota away.
        configs: Vec<v1::quota::QuotaConfig>,
    },
    /// SET_QUOTA, and POST of `/quota`: a guarantee that is a limit, too.
    SetQuota(v1::quota::QuotaRequest),
    /// REMOVE_QUOTA, and DELETE of `/quota/<role>`.
    RemoveQuota {
        /// Of which role.
        role: String,
        /// The path that was named, for the refusal.
        path: String,
    },
}

impl RolesCall {
    /// The call's name, as `master.Call.Type` spells it.
    pub fn name(&self) -> &'static str {
        match self {
            RolesCall::UpdateWeights(_) => "UPDATE_WEIGHTS",
            RolesCall::UpdateQuota { .. } => "UPDATE_QUOTA",
            RolesCall::SetQuota(_) => "SET_QUOTA",
            RolesCall::RemoveQuota { .. } => "REMOVE_QUOTA",
        }
    }
}
