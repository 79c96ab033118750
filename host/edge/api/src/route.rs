//! Which path means what: two static tables and how a path is looked up in them.

use mezzo_http::{Method, Response};

use crate::{answer, query::unescaped};

/// One row of a daemon's table.
pub(crate) struct Route<E: 'static> {
    /// The path, bare.
    pub(crate) path: &'static str,
    /// Where it is served.
    pub(crate) place: Place,
    /// What it takes.
    pub(crate) methods: Methods,
    /// What it means.
    pub(crate) endpoint: E,
}

/// Whose a path is.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    /// The daemon's: bare, and below the name of the daemon (`/master/…`, `/slave(1)/…`).
    Daemon,
    /// The process': bare only.
    Process,
}

/// Which methods a path takes.
#[derive(Clone, Copy)]
pub(crate) enum Methods {
    /// It does not look at the method.
    Any,
    /// These; any other is 405.
    Only(&'static [&'static str]),
}

/// Finds the endpoint for a path and checks the method.
///
/// # Errors
///
/// 404 and 405, as responses.
pub(crate) fn find<'table, E>(
    table: &'table [Route<E>],
    daemon: &str,
    path: &str,
    method: &Method,
) -> Result<&'table E, Box<Response>> {
    let path = unescaped(path, false);
    let path = path.trim_end_matches('/');
    let below = path
        .strip_prefix('/')
        .and_then(|rest| rest.strip_prefix(daemon))
        .filter(|rest| rest.starts_with('/'));
    let fits = |route: &&Route<E>| match route.place {
        Place::Daemon => route.path == path || Some(route.path) == below,
        Place::Process => route.path == path,
    };
    let Some(route) = table.iter().find(fits) else { return Err(Box::new(answer::not_found())) };
    match route.methods {
        Methods::Only(allowed) if !allowed.contains(&method.as_str()) => {
            Err(Box::new(answer::method_not_allowed(allowed, method)))
        }
        Methods::Only(_) | Methods::Any => Ok(&route.endpoint),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TABLE: &[Route<u8>] = &[
        Route { path: "/state", place: Place::Daemon, methods: Methods::Any, endpoint: 1 },
        Route { path: "/version", place: Place::Process, methods: Methods::Any, endpoint: 2 },
        Route { path: "/quota", place: Place::Daemon, methods: Methods::Only(&["GET", "POST"]), endpoint: 3 },
    ];

    fn go(method: Method, path: &str) -> Result<u8, (u16, String)> {
        find(TABLE, "slave(1)", path, &method)
            .copied()
            .map_err(|response| (response.status.as_u16(), answer::body_text(&response)))
    }

    #[test]
    fn bare_and_below_the_name_with_or_without_a_last_slash() {
        for path in ["/state", "/state/", "/slave(1)/state", "/slave%281%29/state/"] {
            assert_eq!(go(Method::GET, path), Ok(1), "{path}");
        }
        assert_eq!(go(Method::GET, "/version"), Ok(2));
    }

    #[test]
    fn other_paths_are_404() {
        let refused = Err((404, "404 Not Found.".to_owned()));
        for path in
            ["/", "", "/state.json", "/slave/state", "/slave(1)state", "/slave(1)/version", "/slave(1)"]
        {
            assert_eq!(go(Method::GET, path), refused, "{path}");
        }
    }

    #[test]
    fn other_methods_are_405() {
        let text =
            "405 Method Not Allowed. Expecting one of { 'GET', 'POST' }, but received 'PUT'.".to_owned();
        assert_eq!(go(Method::PUT, "/quota"), Err((405, text)));
    }
}
