//! Calls as data: `calls/*.toml`.
//!
//! A text may name what only a running side knows: `$framework`, `$stream`, `$agent`, `$task` (it runs),
//! `$offer` (one that is open, asked for when it is named), `$stale` (one that was used). `<<N text>>` stands
//! for N times the text.

use std::{collections::BTreeMap, fs, path::Path};

use anyhow::{Context, bail};
use serde::Deserialize;
use serde_json::{Value, json};

/// Which daemon is asked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Target {
    /// The master.
    #[default]
    Master,
    /// The agent.
    Agent,
}

/// One request, and what is to be seen of it.
#[derive(Clone, Debug, Default)]
pub struct Call {
    /// What it is about: unique in its file, and how `differences.toml` names it.
    pub name: String,
    /// Who is asked.
    pub to: Target,
    /// The method.
    pub method: String,
    /// Path and query.
    pub path: String,
    /// Fields besides `Host` and the length.
    pub headers: Vec<(String, String)>,
    /// The body, before names are put in.
    pub body: String,
    /// The body in bytes, instead: protobuf.
    pub bytes: Option<Vec<u8>>,
    /// Whether the events that follow on the framework's stream belong to the answer.
    pub has_events: bool,
    /// The status that ours must have.
    pub status: Option<u16>,
    /// The exact text that ours must answer.
    pub text: Option<String>,
    /// The events that must follow, in short.
    pub events: Vec<String>,
    /// The state of a task that is waited for: the events up to there belong to the answer.
    pub until: Option<String>,
    /// Not to be sent to a real Mesos: why.
    pub not_peer: Option<String>,
}

/// A row of a file.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Row {
    name: Option<String>,
    #[serde(default)]
    to: Target,
    // Exactly one of these says what is sent.
    get: Option<String>,
    method: Option<String>,
    scheduler: Option<String>,
    operator: Option<String>,
    executor: Option<String>,
    accept: Option<String>,
    launch: Option<String>,
    path: Option<String>,
    #[serde(default)]
    headers: BTreeMap<String, String>,
    body: Option<String>,
    hex: Option<String>,
    status: Option<u16>,
    text: Option<String>,
    events: Option<Vec<String>>,
    until: Option<String>,
    not_peer: Option<String>,
}

/// The same request with every method and every path.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Product {
    #[serde(default)]
    to: Target,
    methods: Vec<String>,
    paths: Vec<String>,
    #[serde(default)]
    headers: BTreeMap<String, String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    call: Vec<Row>,
    #[serde(default)]
    each: Vec<Product>,
}

/// The calls of one file below `calls/`.
///
/// # Errors
///
/// When the file is not understood, or two calls have one name.
pub fn read(name: &str) -> anyhow::Result<Vec<Call>> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("calls").join(name);
    let text = fs::read_to_string(&path).with_context(|| path.display().to_string())?;
    let file: File = toml::from_str(&text).with_context(|| path.display().to_string())?;
    let mut calls = Vec::new();
    for row in file.call {
        let label = row.name.clone().or_else(|| row.get.clone());
        calls.push(call(row).with_context(|| format!("{name}: {label:?}"))?);
    }
    for product in &file.each {
        calls.extend(multiplied(product));
    }
    let mut names: Vec<&str> = calls.iter().map(|call| call.name.as_str()).collect();
    names.sort_unstable();
    if let Some(twice) = names.windows(2).find(|pair| pair[0] == pair[1]) {
        bail!("{name}: two calls are named `{}`", twice[0]);
    }
    Ok(calls)
}

fn multiplied(product: &Product) -> impl Iterator<Item = Call> {
    product.paths.iter().flat_map(|path| {
        product.methods.iter().map(|method| Call {
            name: titled(product.to, method, path),
            to: product.to,
            method: method.clone(),
            path: path.clone(),
            headers: pairs(&product.headers),
            ..Call::default()
        })
    })
}

fn titled(to: Target, method: &str, path: &str) -> String {
    match to {
        Target::Master => format!("{method} {path}"),
        Target::Agent => format!("agent: {method} {path}"),
    }
}

fn pairs(headers: &BTreeMap<String, String>) -> Vec<(String, String)> {
    headers.iter().map(|(name, value)| (name.clone(), value.clone())).collect()
}

fn call(row: Row) -> anyhow::Result<Call> {
    let launched = row
        .launch
        .as_deref()
        .map(|tasks| launch(tasks, row.name.as_deref().unwrap_or_default()))
        .transpose()?;
    let accepted = row.accept.clone().or(launched).map(|accept| {
        format!(r#"{{"type":"ACCEPT","framework_id":{{"value":"$framework"}},"accept":{accept}}}"#)
    });
    let (method, path, body, defaults): (_, _, _, &[&str]) = match &row {
        Row { get: Some(path), .. } => ("GET", path.as_str(), row.body.clone(), &[]),
        Row { method: Some(method), path: Some(path), .. } => {
            (method.as_str(), path.as_str(), row.body.clone(), &[])
        }
        _ if accepted.is_some() => ("POST", "/api/v1/scheduler", accepted, &["type", "accept", "stream"]),
        Row { scheduler: Some(body), .. } if body.contains(r#""SUBSCRIBE""#) => {
            ("POST", "/api/v1/scheduler", Some(body.clone()), &["type", "accept"])
        }
        Row { scheduler: Some(body), .. } => {
            ("POST", "/api/v1/scheduler", Some(body.clone()), &["type", "accept", "stream"])
        }
        Row { operator: Some(body), .. } => ("POST", "/api/v1", Some(body.clone()), &["type", "accept"]),
        Row { executor: Some(body), .. } => {
            ("POST", "/api/v1/executor", Some(body.clone()), &["type", "accept"])
        }
        _ => bail!("nothing says what is sent"),
    };
    let mut headers = BTreeMap::new();
    let media_type = if row.hex.is_some() { "application/x-protobuf" } else { "application/json" };
    for (key, name, value) in [
        ("type", "Content-Type", media_type),
        ("accept", "Accept", "application/json"),
        ("stream", "Mesos-Stream-Id", "$stream"),
    ] {
        if defaults.contains(&key) {
            headers.insert(name.to_owned(), value.to_owned());
        }
    }
    headers.extend(row.headers.clone());
    // An empty value takes a default away.
    headers.retain(|_, value| !value.is_empty());
    Ok(Call {
        name: row.name.clone().unwrap_or_else(|| titled(row.to, method, path)),
        to: row.to,
        method: method.to_owned(),
        path: path.to_owned(),
        headers: pairs(&headers),
        body: body.unwrap_or_default(),
        bytes: row.hex.as_deref().map(hex).transpose()?,
        has_events: row.events.is_some()
            || row.accept.is_some()
            || row.launch.is_some()
            || row.until.is_some(),
        status: row.status,
        text: row.text.as_deref().map(repeated),
        events: row.events.iter().flatten().map(|event| repeated(event)).collect(),
        until: row.until.clone(),
        not_peer: row.not_peer.clone(),
    })
}

/// An ACCEPT of `$offer` that launches tasks: each is a small one that would run, with these members put over it.
fn launch(tasks: &str, name: &str) -> anyhow::Result<String> {
    // No other call has it, so that none of them spoils the next.
    let id: String = name.chars().map(|char| if char.is_ascii_alphanumeric() { char } else { '-' }).collect();
    let overrides = match serde_json::from_str(&repeated(tasks))? {
        Value::Array(tasks) => tasks,
        task => vec![task],
    };
    let tasks: Vec<Value> = overrides
        .into_iter()
        .map(|over| {
            let mut task = json!({
                "name": "t", "task_id": {"value": &id}, "agent_id": {"value": "$agent"},
                "command": {"value": "sleep 1000"},
                "resources": [
                    {"name": "cpus", "type": "SCALAR", "scalar": {"value": 0.1}},
                    {"name": "mem", "type": "SCALAR", "scalar": {"value": 32}},
                ],
            });
            put_over(&mut task, over);
            task
        })
        .collect();
    let accept = json!({
        "offer_ids": [{"value": "$offer"}],
        "operations": [{"type": "LAUNCH", "launch": {"task_infos": tasks}}],
        "filters": {"refuse_seconds": 0},
    });
    Ok(accept.to_string())
}

/// Members replace, `null` removes.
fn put_over(task: &mut Value, over: Value) {
    let (Value::Object(task), Value::Object(over)) = (task, over) else { return };
    for (name, value) in over {
        match value {
            Value::Null => drop(task.remove(&name)),
            value => drop(task.insert(name, value)),
        }
    }
}

/// The bytes of hex digits, in which `<<N digits>>` may stand.
///
/// # Errors
///
/// When they are none.
pub fn hex(text: &str) -> anyhow::Result<Vec<u8>> {
    let digits: Vec<char> = repeated(text).chars().filter(|char| !char.is_whitespace()).collect();
    let byte = |pair: &[char]| u8::from_str_radix(&pair.iter().collect::<String>(), 16);
    digits.chunks(2).map(|pair| byte(pair).context("hex digits")).collect()
}

/// The text with every `<<N text>>` written out.
pub(crate) fn repeated(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("<<") {
        out += before;
        let Some((inside, after)) = after.split_once(">>") else {
            rest = after;
            continue;
        };
        match inside.split_once(' ').and_then(|(count, text)| Some((count.parse::<usize>().ok()?, text))) {
            Some((count, text)) => out += &text.repeat(count),
            None => out += inside,
        }
        rest = after;
    }
    out + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn repetitions_are_written_out() {
        assert_eq!(repeated("a<<3 [>>b<<2 xy>>"), "a[[[bxyxy");
        assert_eq!(repeated("plain"), "plain");
        assert_eq!(hex("0a <<2 ff>>").unwrap(), [0x0a, 0xff, 0xff]);
    }

    #[test]
    fn tasks_are_changed_member_by_member() {
        let accept: Value =
            serde_json::from_str(&launch(r#"{"name":null,"labels":{}}"#, "a b").unwrap()).unwrap();
        let task = &accept["operations"][0]["launch"]["task_infos"][0];
        assert_eq!((task.get("name"), task.get("labels")), (None, Some(&json!({}))));
        assert_eq!(task["agent_id"]["value"], "$agent");
    }
}
