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
    /// What it is for, in one sentence for `/help`; empty while it is refused.
    pub(crate) about: &'static str,
}

/// A path and what it is for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Topic {
    /// The path, bare.
    pub(crate) path: &'static str,
    /// Where it is served.
    pub(crate) place: Place,
    /// One sentence.
    pub(crate) about: &'static str,
}

/// What a table serves, leaving out what is refused.
pub(crate) fn topics<E>(table: &'static [Route<E>]) -> impl Iterator<Item = Topic> {
    table
        .iter()
        .map(|route| Topic { path: route.path, place: route.place, about: route.about })
        .filter(|topic| !topic.about.is_empty())
}

/// Whose a path is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// The daemon's: bare, and below the name of the daemon (`/master/…`, `/slave(1)/…`).
    Daemon,
    /// The daemon's, as whatever stands below the path.
    Branch,
    /// The process': bare only.
    Process,
    /// The process', with everything below it.
    Tree,
}

/// Which methods a path takes.
#[derive(Clone, Copy)]
pub(crate) enum Methods {
    /// It does not look at the method.
    Any,
    /// These; any other is 405.
    Only(&'static [&'static str]),
}

/// Finds the endpoint for a path, if the table has it, and checks the method.
///
/// # Errors
///
/// 405, as a response.
pub(crate) fn find<'table, E>(
    table: &'table [Route<E>],
    daemon: &str,
    path: &str,
    method: &Method,
) -> Result<Option<&'table E>, Box<Response>> {
    let path = unescaped(path, false);
    let path = path.trim_end_matches('/');
    let below = path
        .strip_prefix('/')
        .and_then(|rest| rest.strip_prefix(daemon))
        .filter(|rest| rest.starts_with('/'));
    let fits = |route: &&Route<E>| match route.place {
        Place::Daemon => route.path == path || Some(route.path) == below,
        Place::Branch => [Some(path), below]
            .into_iter()
            .flatten()
            .any(|path| path.strip_prefix(route.path).is_some_and(|rest| rest.starts_with('/'))),
        Place::Process => route.path == path,
        Place::Tree => {
            path.strip_prefix(route.path).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        }
    };
    let Some(route) = table.iter().find(fits) else { return Ok(None) };
    match route.methods {
        Methods::Only(allowed) if !allowed.contains(&method.as_str()) => {
            Err(Box::new(answer::method_not_allowed(allowed, method)))
        }
        Methods::Only(_) | Methods::Any => Ok(Some(&route.endpoint)),
    }
}

/// Rows of a table: `"/path" Place Methods, Endpoint, "what it is for";`
macro_rules! routes {
    ($endpoints:ident: $($path:literal $place:ident $methods:expr, $endpoint:ident $(, $about:literal)?;)*) => {
        &[$($crate::route::Route {
            path: $path,
            place: $crate::route::Place::$place,
            methods: $methods,
            endpoint: $endpoints::$endpoint,
            about: concat!($($about)?),
        }),*]
    };
}
pub(crate) use routes;

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Clone, Copy, Debug, PartialEq)]
    enum To {
        State,
        Version,
        Quota,
        Help,
    }

    const TABLE: &[Route<To>] = routes![To:
        "/state" Daemon Methods::Any, State, "the state";
        "/version" Process Methods::Any, Version;
        "/quota" Daemon Methods::Only(&["GET", "POST"]), Quota;
        "/help" Tree Methods::Any, Help;
    ];

    fn go(method: Method, path: &str) -> Result<Option<To>, (u16, String)> {
        find(TABLE, "slave(1)", path, &method)
            .map(Option::<&To>::copied)
            .map_err(|response| (response.status.as_u16(), answer::body_text(&response)))
    }

    #[test]
    fn bare_and_below_the_name_with_or_without_a_last_slash() {
        for path in ["/state", "/state/", "/slave(1)/state", "/slave%281%29/state/"] {
            assert_eq!(go(Method::GET, path), Ok(Some(To::State)), "{path}");
        }
        assert_eq!(go(Method::GET, "/version"), Ok(Some(To::Version)));
        assert_eq!(go(Method::GET, "/help/slave(1)/state"), Ok(Some(To::Help)));
        assert_eq!(TABLE[0].about, "the state");
    }

    #[test]
    fn other_paths_are_not_found() {
        for path in [
            "/",
            "",
            "/state.json",
            "/slave/state",
            "/slave(1)state",
            "/slave(1)/version",
            "/slave(1)",
            "/helpers",
        ] {
            assert_eq!(go(Method::GET, path), Ok(None), "{path}");
        }
    }

    #[test]
    fn other_methods_are_405() {
        let text =
            "405 Method Not Allowed. Expecting one of { 'GET', 'POST' }, but received 'PUT'.".to_owned();
        assert_eq!(go(Method::PUT, "/quota"), Err((405, text)));
    }
}
