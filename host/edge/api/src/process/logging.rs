//! `/logging/toggle`, GET_LOGGING_LEVEL and SET_LOGGING_LEVEL.

use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};

use mezzo_http::{Response, StatusCode};
use mezzo_process::flags;
use mezzo_telemetry::Verbosity;
use tokio::task::AbortHandle;

use crate::{answer, query::Query};

/// What makes the log say as much as the flags want again; one for the process, as its log is.
static RESTORING: Mutex<Option<AbortHandle>> = Mutex::new(None);

/// How much the log says.
pub(super) fn level() -> u32 {
    Verbosity::of_this_process().level()
}

/// `/logging/toggle[?level=2&duration=10secs]`
pub(super) fn toggle(query: &Query) -> Response {
    let (level, duration) = match (query.get("level"), query.get("duration")) {
        (None, None) => return Response::text(StatusCode::OK, format!("{}\n", self::level())),
        (None, Some(_)) => return answer::bad_request("Expecting 'level=value' in query.\n"),
        (Some(_), None) => return answer::bad_request("Expecting 'duration=value' in query.\n"),
        (Some(level), Some(duration)) => (level, duration),
    };
    let Ok(level) = level.parse() else {
        return answer::bad_request(format!("Invalid level '{level}': expecting a number of 0 or more.\n"));
    };
    match flags::duration(duration) {
        Ok(duration) => set(level, duration),
        Err(why) => answer::bad_request(format!("Invalid duration '{duration}': {why}.\n")),
    }
}

/// Changes the level, and has it go back by itself.
pub(super) fn set(level: u32, duration: Duration) -> Response {
    let verbosity = Verbosity::of_this_process();
    let raised = verbosity.set(level);
    tracing::info!(level, ?duration, "the log's verbosity was changed");
    let restoring = tokio::spawn(async move {
        tokio::time::sleep(duration).await;
        verbosity.restore(raised);
    });
    let mut last = RESTORING.lock().unwrap_or_else(PoisonError::into_inner);
    // The one before has nothing left to do.
    if let Some(before) = last.replace(restoring.abort_handle()) {
        before.abort();
    }
    Response::empty(StatusCode::OK)
}
