//! The older endpoints that show a part of the cluster.

use mezzo_http::{Method, Request, Response};
use mezzo_model::calls::{Encoding, MasterRead, Page, Principal, TasksWanted};

use super::{MasterApi, MasterBackend, roles, routes::Endpoint};
use crate::{answer, query::Query};

/// How many tasks `/tasks` lists unless it is asked for more or fewer.
const TASKS_LISTED: usize = 100;

/// What an endpoint shows; nothing if it is no read.
fn wanted(endpoint: Endpoint, query: &Query) -> Option<MasterRead> {
    let named = |name: &str| query.get(name).filter(|value| !value.is_empty());
    Some(match endpoint {
        Endpoint::State => MasterRead::State,
        Endpoint::StateSummary => MasterRead::StateSummary,
        Endpoint::Slaves => MasterRead::Slaves(named("slave_id").map(Into::into)),
        Endpoint::Frameworks => MasterRead::Frameworks(named("framework_id").map(Into::into)),
        Endpoint::Tasks => MasterRead::Tasks(TasksWanted {
            framework: named("framework_id").map(Into::into),
            task: named("task_id").map(Into::into),
            is_ascending: query.get("order") == Some("asc"),
            page: page(query),
        }),
        Endpoint::Roles => MasterRead::Roles,
        Endpoint::Quota => MasterRead::Quota,
        Endpoint::Weights => MasterRead::Weights,
        Endpoint::MaintenanceSchedule => MasterRead::MaintenanceSchedule,
        Endpoint::MaintenanceStatus => MasterRead::MaintenanceStatus,
        Endpoint::Registry => MasterRead::Registry,
        _ => return None,
    })
}

/// `limit` and `offset`. What cannot be read counts as not given; a limit of -1 is none.
fn page(query: &Query) -> Page {
    let number = |name: &str| query.get(name).and_then(|text| text.trim().parse::<i64>().ok());
    let at_least_0 = |number: i64| usize::try_from(number).unwrap_or(usize::MAX);
    Page {
        offset: number("offset").map_or(0, |offset| usize::try_from(offset).unwrap_or(0)),
        limit: number("limit").map_or(TASKS_LISTED, at_least_0),
    }
}

/// Answers a read, if the endpoint is one.
pub(super) async fn answer<B: MasterBackend>(
    api: &MasterApi<B>,
    endpoint: Endpoint,
    request: &Request,
    query: &Query,
) -> Result<Option<Response>, Box<Response>> {
    let Some(read) = wanted(endpoint, query) else { return Ok(None) };
    api.check_leading(request)?;
    if let MasterRead::Quota | MasterRead::Weights = read
        && let Some(response) = roles::write(api, request, read == MasterRead::Quota).await
    {
        return Ok(Some(response));
    }
    // Of these, what is read works and what is written is of a later release.
    if [Method::POST, Method::PUT, Method::DELETE].contains(&request.method) && is_written(&read) {
        let what = format!("{} of the endpoint '{}'", request.method, request.uri.path());
        return Ok(Some(answer::not_implemented(&what)));
    }
    let reading = api.backend.read(Principal::ANONYMOUS, read, Encoding::Json).await;
    Ok(Some(match reading {
        Ok(reading) => reading.into_legacy(query),
        Err(refusal) => answer::refused(refusal),
    }))
}

fn is_written(read: &MasterRead) -> bool {
    matches!(read, MasterRead::MaintenanceSchedule)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page_of(query: &str) -> (usize, usize) {
        let page = page(&Query::parse(Some(query)));
        (page.offset, page.limit)
    }

    /// As a real 1.11 master reads them.
    #[test]
    fn pages_are_read_as_mesos_reads_them() {
        assert_eq!(page_of(""), (0, 100));
        assert_eq!(page_of("limit=5&offset=7"), (7, 5));
        assert_eq!(page_of("limit=x&offset=y"), (0, 100));
        assert_eq!(page_of("limit=-1"), (0, usize::MAX));
        assert_eq!(page_of("limit=0&offset=-3"), (0, 0));
    }

    #[test]
    fn only_asc_is_ascending() {
        let is_ascending = |query: &str| {
            let Some(MasterRead::Tasks(wanted)) = wanted(Endpoint::Tasks, &Query::parse(Some(query))) else {
                panic!("a read of tasks")
            };
            wanted.is_ascending
        };
        assert!(is_ascending("order=asc"));
        assert!(!is_ascending("order=ASC") && !is_ascending("order=desc") && !is_ascending(""));
    }
}
