//! `/help`: what is served, in a sentence each.

use mezzo_http::{Request, Response};
use serde_json::{Value, json};

use super::{Own, TABLE, wants_html};
use crate::{
    answer,
    query::{Query, unescaped},
    route::{Place, Topic, topics},
};

impl Topic {
    /// The part of the process that serves it, as Mesos names it.
    fn process(&self, daemon: &'static str) -> &'static str {
        if self.place == Place::Daemon {
            return daemon;
        }
        self.path.trim_start_matches('/').split('/').next().unwrap_or(daemon)
    }

    /// Its name within that part; of the part itself, `/`.
    fn name(&self) -> &'static str {
        if self.place == Place::Daemon {
            return self.path;
        }
        self.path.trim_start_matches('/').find('/').map_or("/", |at| &self.path[at + 1..])
    }

    /// Where it is found.
    fn address(&self, daemon: &str) -> String {
        if self.place == Place::Daemon { format!("/{daemon}{}", self.path) } else { self.path.to_owned() }
    }
}

/// `/help`, `/help/PROCESS` and `/help/PROCESS/NAME`, in Markdown, in HTML for a browser, and in
/// JSON with `format=json`.
pub(super) fn page_of<O: Own>(request: &Request, query: &Query) -> Response {
    let path = unescaped(request.uri.path(), false);
    let rest = path.trim_end_matches('/').strip_prefix("/help").unwrap_or("").trim_start_matches('/');
    let (process, name) = rest.split_once('/').map_or((rest, None), |(process, name)| (process, Some(name)));
    let is_wanted = |topic: &Topic| {
        let of_process = process.is_empty() || topic.process(O::ID) == process;
        of_process && name.is_none_or(|name| topic.name().trim_start_matches('/') == name)
    };
    let topics: Vec<Topic> = O::topics().chain(topics(TABLE)).filter(is_wanted).collect();
    match query.get("format") {
        _ if topics.is_empty() => answer::bad_request(format!("No help available for '/{rest}'.")),
        None if wants_html(request) => super::page("text/html", html::<O>(&topics)),
        None => super::page("text/x-markdown", markdown::<O>(&topics)),
        Some("json") => answer::legacy_json(json::<O>(&topics).to_string(), query),
        Some(_) => answer::bad_request("Expecting 'format' to be json."),
    }
}

/// As [`page_of`], of the daemon at hand.
pub(super) fn page<O: Own>(_: &O, request: &Request, query: &Query) -> Response {
    page_of::<O>(request, query)
}

fn markdown<O: Own>(topics: &[Topic]) -> String {
    let lines = topics.iter().map(|topic| format!("- `{}`: {}\n", topic.address(O::ID), topic.about));
    format!("# Help\n\n{}", lines.collect::<String>())
}

fn html<O: Own>(topics: &[Topic]) -> String {
    let rows = topics.iter().map(|topic| {
        let address = topic.address(O::ID);
        format!("<li><a href=\"{address}\"><code>{address}</code></a>: {}</li>\n", topic.about)
    });
    format!(
        "<!DOCTYPE html>\n<html><head><title>Help</title></head><body><h1>Help</h1>\n<ul>\n{}</ul>\n</body></html>\n",
        rows.collect::<String>()
    )
}

/// `{"processes":[{"id":…,"endpoints":[{"name":…,"text":…}]}]}`
fn json<O: Own>(topics: &[Topic]) -> Value {
    let mut ids: Vec<&str> = topics.iter().map(|topic| topic.process(O::ID)).collect();
    ids.sort_unstable();
    ids.dedup();
    let processes = ids.into_iter().map(|id| {
        let of_it = topics.iter().filter(|topic| topic.process(O::ID) == id);
        let endpoints = of_it.map(|topic| json!({ "name": topic.name(), "text": topic.about }));
        json!({ "endpoints": endpoints.collect::<Vec<_>>(), "id": id })
    });
    json!({ "processes": processes.collect::<Vec<_>>() })
}
