//! `--resources` and `--attributes`.

use mezzo_proto::{json::from_json, mesos::v1};
use mezzo_resources::{attributes, autodetect::Given};

use mezzo_process::flags::FlagError;

/// What `--resources` decides; the rest is measured.
pub(super) fn given(text: Option<&str>, default_role: &str) -> Result<Given, FlagError> {
    let wrong = |why: String| FlagError::value("resources", why);
    let text = text.unwrap_or("").trim();
    if !text.starts_with('[') {
        return Given::parse(text, default_role).map_err(|why| wrong(why.to_string()));
    }
    let entries: Vec<serde_json::Value> =
        serde_json::from_str(text).map_err(|why| wrong(format!("it is not a JSON array: {why}")))?;
    let messages: Result<Vec<v1::Resource>, _> = entries
        .iter()
        .map(|entry| from_json(entry.to_string()).map_err(|why| wrong(why.to_string())))
        .collect();
    Given::from_wire(&messages?, default_role).map_err(|why| wrong(why.to_string()))
}

/// What `--attributes` says.
pub(super) fn attributes(text: Option<&str>) -> Result<Vec<v1::Attribute>, FlagError> {
    attributes::parse(text.unwrap_or("")).map_err(|why| FlagError::value("attributes", why.to_string()))
}
