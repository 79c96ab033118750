//! What operators set for roles: `/weights`, `/quota` and the v1 calls of the same meaning.

use mezzo_http::{Method, Request, Response};
use mezzo_model::calls::{Principal, RolesCall, RolesRequest};
use mezzo_proto::{
    json::{self, JsonError},
    mesos::v1::{
        master::call::{self, UpdateWeights},
        quota::QuotaRequest,
    },
};

use super::{MasterApi, MasterBackend};
use crate::{answer, query::unescaped};

/// PUT of `/weights`: a list of roles and weights.
pub(super) async fn put_weights<B: MasterBackend>(api: &MasterApi<B>, request: &Request) -> Response {
    match weights(&request.body) {
        Ok(update) => set(api, RolesCall::UpdateWeights(update.weight_infos)).await,
        Err(why) => answer::bad_request(why),
    }
}

/// POST of `/quota`: what a role is guaranteed, and may have at most.
pub(super) async fn post_quota<B: MasterBackend>(api: &MasterApi<B>, request: &Request) -> Response {
    let text = String::from_utf8_lossy(&request.body);
    match json::from_json::<QuotaRequest>(&request.body) {
        Ok(wanted) => set(api, RolesCall::SetQuota(wanted)).await,
        Err(JsonError::Syntax(why)) => {
            answer::bad_request(format!("Failed to parse set quota request JSON '{text}': {why}"))
        }
        Err(why) => answer::bad_request(format!("Failed to validate set quota request JSON '{text}': {why}")),
    }
}

/// DELETE of `/quota/<role>`.
pub(super) async fn delete_quota<B: MasterBackend>(api: &MasterApi<B>, request: &Request) -> Response {
    let path = unescaped(request.uri.path(), false);
    let below = path.strip_prefix("/master").unwrap_or(&path);
    let path = format!("/master{below}");
    match below.trim_end_matches('/').strip_prefix("/quota/") {
        Some(role) => set(api, RolesCall::RemoveQuota { role: role.to_owned(), path }).await,
        None => answer::bad_request(format!(
            "Failed to parse remove quota request for path '{path}': expected 3 tokens, found 2 tokens"
        )),
    }
}

/// A write of the older endpoints, if it is one of these.
pub(super) async fn write<B: MasterBackend>(
    api: &MasterApi<B>,
    request: &Request,
    is_quota: bool,
) -> Option<Response> {
    match request.method {
        Method::PUT if !is_quota => Some(put_weights(api, request).await),
        Method::POST if is_quota => Some(post_quota(api, request).await),
        Method::DELETE if is_quota => Some(delete_quota(api, request).await),
        _ => None,
    }
}

/// UPDATE_QUOTA.
pub(super) fn update_quota(update: call::UpdateQuota) -> RolesCall {
    RolesCall::UpdateQuota { is_forced: update.force(), configs: update.quota_configs }
}

/// REMOVE_QUOTA.
#[allow(deprecated, reason = "the call is still Mesos's")]
pub(super) fn remove_quota(remove: call::RemoveQuota) -> RolesCall {
    let path = format!("/master/quota/{}", remove.role);
    RolesCall::RemoveQuota { role: remove.role, path }
}

/// Carries out a change.
pub(super) async fn set<B: MasterBackend>(api: &MasterApi<B>, call: RolesCall) -> Response {
    let request = api.backend.next_request();
    let call = RolesRequest { request, principal: Principal::ANONYMOUS, call };
    answer::call(api.backend.set_roles(call).await)
}

/// The list as the call that it stands for.
fn weights(body: &[u8]) -> Result<UpdateWeights, String> {
    let text = String::from_utf8_lossy(body);
    let what = format!("Failed to parse update weights request JSON '{text}'");
    if let Err(JsonError::Syntax(why)) = json::from_json::<UpdateWeights>(body) {
        return Err(format!("{what}: {why}"));
    }
    if !text.trim_start().starts_with('[') {
        return Err(format!("{what}: Unexpected JSON type parsed: expected an array"));
    }
    json::from_json(format!("{{\"weight_infos\":{text}}}"))
        .map_err(|why| format!("Failed to convert weights JSON array to protobuf '{text}': {why}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weights_are_a_list() {
        let update = weights(br#"[{"role":"eng","weight":2.5}]"#).expect("a list");
        assert_eq!((update.weight_infos[0].role(), update.weight_infos[0].weight), ("eng", 2.5));
        assert!(weights(b"[]").expect("an empty one").weight_infos.is_empty());
        for (text, start) in [
            ("[", "Failed to parse update weights request JSON '[': "),
            ("{}", "Failed to parse update weights request JSON '{}': "),
            ("[7]", "Failed to convert weights JSON array to protobuf '[7]': "),
            (r#"[{"role":"eng"}]"#, "Failed to convert weights JSON array to protobuf "),
        ] {
            let why = weights(text.as_bytes()).expect_err(text);
            assert!(why.starts_with(start), "{why}");
        }
    }
}
