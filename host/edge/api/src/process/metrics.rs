//! `/metrics/snapshot`, `/metrics` and GET_METRICS: one registry in three forms.

use std::{collections::BTreeMap, time::Duration};

use mezzo_http::{HeaderValue, Response, StatusCode};
use mezzo_model::calls::{Refusal, Status};
use mezzo_process::flags;
use mezzo_telemetry::PROMETHEUS;

use super::{Figures, Own};
use crate::{answer, query::Query};

/// `/metrics/snapshot[?timeout=5secs]`
pub(super) async fn snapshot(own: &impl Own, query: &Query) -> Response {
    let timeout = match query.get("timeout").map(flags::duration).transpose() {
        Ok(timeout) => timeout,
        Err(why) => {
            return answer::bad_request(format!(
                "Invalid timeout '{}': {why}.",
                query.get("timeout").unwrap_or("")
            ));
        }
    };
    match figures(own, timeout).await {
        Ok(figures) => answer::legacy_json(own.process().metrics.to_json(figures), query),
        Err(refusal) => answer::refused(refusal),
    }
}

/// `/metrics`
pub(super) async fn prometheus(own: &impl Own) -> Response {
    match figures(own, None).await {
        Ok(figures) => Response::new(
            StatusCode::OK,
            HeaderValue::from_static(PROMETHEUS),
            own.process().metrics.to_prometheus(figures),
        ),
        Err(refusal) => answer::refused(refusal),
    }
}

/// GET_METRICS
pub(super) async fn numbers(
    own: &impl Own,
    timeout: Option<Duration>,
) -> Result<BTreeMap<String, f64>, Refusal> {
    Ok(own.process().metrics.snapshot(figures(own, timeout).await?))
}

/// The core's numbers. Those that do not come in time are left out, as Mesos leaves them out.
async fn figures(own: &impl Own, timeout: Option<Duration>) -> Result<Figures, Refusal> {
    let Some(timeout) = timeout else { return own.figures().await };
    match tokio::time::timeout(timeout, own.figures()).await {
        Ok(Err(refusal)) if refusal.status != Status::Unavailable => Err(refusal),
        Ok(figures) => Ok(figures.unwrap_or_default()),
        Err(_) => Ok(Figures::new()),
    }
}
