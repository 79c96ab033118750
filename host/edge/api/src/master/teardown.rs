//! The end of a framework, for operators: TEARDOWN and `/teardown`.

use mezzo_http::{Request, Response};
use mezzo_model::{
    FrameworkId,
    calls::{Principal, SchedulerCall, SchedulerRequest},
};

use super::MasterBackend;
use crate::{answer, query::Query};

/// `/teardown`, whose body is a form with `frameworkId`.
pub(super) async fn of_form<B: MasterBackend>(backend: &B, request: &Request) -> Response {
    let Ok(form) = std::str::from_utf8(&request.body) else {
        return answer::bad_request("Unable to decode query string: the body is not UTF-8");
    };
    match Query::parse(Some(form)).get("frameworkId") {
        Some(id) => teardown(backend, id.into()).await,
        None => answer::bad_request("Missing 'frameworkId' query parameter in the request body"),
    }
}

/// Ends a framework.
pub(super) async fn teardown<B: MasterBackend>(backend: &B, framework: FrameworkId) -> Response {
    let call = SchedulerRequest {
        request: backend.next_request(),
        principal: Principal::ANONYMOUS,
        framework_id: Some(framework),
        stream_id: None,
        call: SchedulerCall::TeardownByOperator,
    };
    answer::call(backend.call(call).await)
}
