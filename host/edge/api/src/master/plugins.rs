//! `/api/v1/plugins`: which plugins fill the slots, and how an operator changes that. Ours, not Mesos's.

use std::time::Duration;

use bytes::Bytes;
use mezzo_http::{HeaderValue, Method, Request, Response, StatusCode};
use mezzo_model::calls::{Encoding, MasterRead, Principal, Refusal};

use super::{MasterApi, MasterBackend};
use crate::{answer, query::Query};

/// Where everything about plugins begins.
const ROOT: &str = "/api/v1/plugins";

/// The slots that there are.
const KINDS: &str = "allocator";

/// A plugin that an operator hands in, and what is to be done with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PluginUpload {
    /// The component.
    pub bytes: Bytes,
    /// An object of JSON for the plugin; empty for none.
    pub settings: String,
    /// Rounds in which it is compared first.
    pub shadow_rounds: u32,
    /// Whether it has to propose the same in all of them.
    pub must_be_equal: bool,
    /// How long the plugin before stands by; the master's own time if absent.
    pub probation: Option<Duration>,
}

/// A change that needs no bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PluginChange {
    /// The plugin before serves again.
    RollBack,
    /// The plugin whose digest begins so is taken out of quarantine.
    Release(String),
}

/// Answers whatever is below `/api/v1/plugins`.
pub(super) async fn handle<B: MasterBackend>(
    api: &MasterApi<B>,
    request: &Request,
    query: &Query,
) -> Result<Response, Box<Response>> {
    let path = request.uri.path();
    let below = path.find(ROOT).map_or("", |at| &path[at + ROOT.len()..]).trim_matches('/');
    let wanted = if request.method == Method::POST { "POST" } else { "GET" };
    let known: &[&str] = match (wanted, below) {
        ("GET", "" | "history") => &["jsonp"],
        ("POST", "check") => &["kind", "settings"],
        ("POST", "swap") => &["kind", "settings", "shadow", "require_equal", "probation"],
        ("POST", "rollback") => &["kind"],
        ("POST", "release") => &["kind", "plugin"],
        (_, "" | "history") => return Err(Box::new(answer::method_not_allowed(&["GET"], &request.method))),
        (_, "check" | "swap" | "rollback" | "release") => {
            return Err(Box::new(answer::method_not_allowed(&["POST"], &request.method)));
        }
        _ => return Ok(answer::not_found()),
    };
    if let Some(unknown) = query.beside(known) {
        let text = format!("'{unknown}' is no parameter of this path; it takes: {}", known.join(", "));
        return Ok(answer::bad_request(text));
    }
    api.check_leading(request)?;
    let outcome = match below {
        "" => return Ok(read(api, MasterRead::Plugins, query).await),
        "history" => return Ok(read(api, MasterRead::PluginHistory, query).await),
        "check" => checked(api, request, query).await,
        "swap" => swapped(api, request, query).await,
        "rollback" => changed(api, query, PluginChange::RollBack).await,
        _ => released(api, query).await,
    };
    Ok(outcome.unwrap_or_else(answer::refused))
}

async fn read<B: MasterBackend>(api: &MasterApi<B>, read: MasterRead, query: &Query) -> Response {
    match api.backend.read(Principal::ANONYMOUS, read, Encoding::Json).await {
        Ok(reading) => reading.into_legacy(query),
        Err(refusal) => answer::refused(refusal),
    }
}

async fn checked<B: MasterBackend>(
    api: &MasterApi<B>,
    request: &Request,
    query: &Query,
) -> Result<Response, Refusal> {
    let upload = upload(request, query)?;
    Ok(json(StatusCode::OK, api.backend.check_plugin(upload).await?))
}

async fn swapped<B: MasterBackend>(
    api: &MasterApi<B>,
    request: &Request,
    query: &Query,
) -> Result<Response, Refusal> {
    let upload = upload(request, query)?;
    Ok(json(StatusCode::ACCEPTED, api.backend.swap_plugin(Principal::ANONYMOUS, upload).await?))
}

async fn released<B: MasterBackend>(api: &MasterApi<B>, query: &Query) -> Result<Response, Refusal> {
    let plugin = query.get("plugin").ok_or_else(|| {
        Refusal::bad_request("Expecting 'plugin' with the first digits of a digest that is in quarantine")
    })?;
    changed(api, query, PluginChange::Release(plugin.to_lowercase())).await
}

async fn changed<B: MasterBackend>(
    api: &MasterApi<B>,
    query: &Query,
    change: PluginChange,
) -> Result<Response, Refusal> {
    kind(query)?;
    Ok(answer::call(api.backend.change_plugin(Principal::ANONYMOUS, change).await))
}

fn json(status: StatusCode, body: Bytes) -> Response {
    Response::new(status, HeaderValue::from_static("application/json"), body)
}

fn upload(request: &Request, query: &Query) -> Result<PluginUpload, Refusal> {
    kind(query)?;
    if request.body.is_empty() {
        return Err(Refusal::bad_request("Expecting the bytes of a component (a .wasm file) as the body"));
    }
    let shadow_rounds = number(query, "shadow")?.unwrap_or(0);
    let must_be_equal = match query.get("require_equal") {
        None | Some("false" | "0") => false,
        Some("" | "true" | "1") => true,
        Some(other) => {
            return Err(Refusal::bad_request(format!(
                "Expecting 'require_equal' to be true or false, not '{other}'"
            )));
        }
    };
    if must_be_equal && shadow_rounds == 0 {
        return Err(Refusal::bad_request(
            "'require_equal' needs 'shadow': without rounds there is nothing to compare",
        ));
    }
    let probation = number(query, "probation")?.map(|seconds| Duration::from_secs(seconds.into()));
    Ok(PluginUpload {
        bytes: request.body.clone(),
        settings: settings(query.get("settings").unwrap_or(""))?,
        shadow_rounds,
        must_be_equal,
        probation,
    })
}

fn kind(query: &Query) -> Result<(), Refusal> {
    match query.get("kind") {
        Some(KINDS) => Ok(()),
        Some(other) => Err(Refusal::bad_request(format!("There is no slot '{other}'; there is: {KINDS}"))),
        None => Err(Refusal::bad_request(format!("Expecting 'kind' to name a slot: {KINDS}"))),
    }
}

fn number(query: &Query, name: &str) -> Result<Option<u32>, Refusal> {
    let Some(text) = query.get(name) else { return Ok(None) };
    let number = text.parse().map_err(|_| {
        Refusal::bad_request(format!("Expecting '{name}' to be a whole number from 0 on, not '{text}'"))
    });
    number.map(Some)
}

/// Settings in one form, so that the same ones are known to be the same.
fn settings(text: &str) -> Result<String, Refusal> {
    if text.is_empty() {
        return Ok(String::new());
    }
    match serde_json::from_str::<serde_json::Value>(text) {
        Ok(serde_json::Value::Object(map)) if map.is_empty() => Ok(String::new()),
        Ok(value @ serde_json::Value::Object(_)) => Ok(value.to_string()),
        Ok(_) => {
            Err(Refusal::bad_request(format!("Expecting 'settings' to be an object of JSON, not '{text}'")))
        }
        Err(error) => {
            Err(Refusal::bad_request(format!("Expecting 'settings' to be an object of JSON: {error}")))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_are_one_object_in_one_form() {
        assert_eq!(
            settings(r#" { "b": 1, "a": 2 } "#).expect("an object"),
            settings(r#"{"b":1,"a":2}"#).expect("an object")
        );
        assert_eq!(settings("{}").expect("an object"), "");
        assert!(settings("[1]").expect_err("a list").message.contains("not '[1]'"));
        assert!(settings("{").is_err());
    }
}
