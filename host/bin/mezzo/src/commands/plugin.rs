//! `mezzo plugin`: looks at plugins, has a cluster run them, and takes them back.

mod files;
mod show;
mod swap;

use std::path::PathBuf;

use anyhow::Context;
use mezzo_client::Client;
use serde_json::Value;

use super::ClientArgs;
use crate::output;

/// Shows, checks and swaps the plugins of a cluster
#[derive(clap::Args, Debug)]
pub struct PluginArgs {
    #[command(subcommand)]
    command: PluginCommand,
}

#[derive(clap::Subcommand, Debug)]
enum PluginCommand {
    /// Lists who fills the slots, who stands by and who is in quarantine
    List(Looked),
    /// Tells what happened in the slots, the latest last
    History(Looked),
    /// Says what a file imports and exports, without a cluster
    Inspect {
        /// The component
        file: PathBuf,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Tries a file on a small cluster of its own, as a master does before it takes it
    Check {
        /// The component
        file: PathBuf,
        #[command(flatten)]
        params: Params,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Has a plugin serve in place of the one that does
    Swap(swap::SwapArgs),
    /// Has the plugin before serve again, or sends away one that is on its way in
    Rollback {
        /// The slot
        #[arg(value_enum)]
        kind: Kind,
        #[command(flatten)]
        client: ClientArgs,
    },
    /// Takes a plugin out of quarantine
    Release {
        /// The slot
        #[arg(value_enum)]
        kind: Kind,
        /// The first digits of its digest
        digest: String,
        #[command(flatten)]
        client: ClientArgs,
    },
}

/// A slot of the master.
#[derive(clap::ValueEnum, Clone, Copy, Debug)]
enum Kind {
    /// Who is offered what
    Allocator,
}

#[derive(clap::Args, Debug)]
struct Looked {
    #[command(flatten)]
    client: ClientArgs,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// What a plugin is told.
#[derive(clap::Args, Debug)]
struct Params {
    /// A setting for the plugin; the value is JSON, or else a text
    #[arg(long = "param", value_name = "KEY=VALUE")]
    params: Vec<String>,
}

/// Runs the chosen command.
pub async fn run(args: PluginArgs) -> anyhow::Result<()> {
    match args.command {
        PluginCommand::List(looked) => {
            let shown = get(&looked.client, "/api/v1/plugins").await?;
            print(&shown, looked.json, show::slots)
        }
        PluginCommand::History(looked) => {
            let shown = get(&looked.client, "/api/v1/plugins/history").await?;
            print(&shown, looked.json, show::history)
        }
        PluginCommand::Inspect { file, json } => print(&files::inspected(&file)?, json, show::inspected),
        PluginCommand::Check { file, params, json } => {
            print(&files::checked(&file, &params.settings()?)?, json, show::checked)
        }
        PluginCommand::Swap(args) => swap::run(args).await,
        PluginCommand::Rollback { kind, client } => {
            post(&client, &format!("/api/v1/plugins/rollback?kind={}", kind.name())).await?;
            let shown = get(&client, "/api/v1/plugins").await?;
            println!("{}", show::slots(&shown));
            Ok(())
        }
        PluginCommand::Release { kind, digest, client } => {
            let path = format!("/api/v1/plugins/release?kind={}&plugin={}", kind.name(), escaped(&digest));
            post(&client, &path).await?;
            println!("plugin `{digest}` may be swapped in again");
            Ok(())
        }
    }
}

impl Kind {
    fn name(self) -> &'static str {
        match self {
            Self::Allocator => "allocator",
        }
    }
}

impl Params {
    /// The settings as an object of JSON; empty for none.
    fn settings(&self) -> anyhow::Result<String> {
        let mut settings = serde_json::Map::new();
        for param in &self.params {
            let (key, value) = param
                .split_once('=')
                .filter(|(key, _)| !key.is_empty())
                .with_context(|| format!("`{param}` of --param is not of the form KEY=VALUE"))?;
            let value = serde_json::from_str(value).unwrap_or_else(|_| value.into());
            if settings.insert(key.to_owned(), value).is_some() {
                anyhow::bail!("`{key}` of --param is given twice");
            }
        }
        Ok(if settings.is_empty() { String::new() } else { Value::Object(settings).to_string() })
    }
}

async fn get(client: &ClientArgs, path: &str) -> anyhow::Result<Value> {
    Ok(Client::new(&client.master)?.get_json(path).await?)
}

async fn post(client: &ClientArgs, path: &str) -> anyhow::Result<()> {
    Client::new(&client.master)?.post(path, "application/json", "").await?;
    Ok(())
}

fn print(shown: &Value, is_json: bool, text: impl Fn(&Value) -> String) -> anyhow::Result<()> {
    match is_json {
        true => println!("{}", serde_json::to_string_pretty(shown)?),
        false => println!("{}", text(shown)),
    }
    Ok(())
}

/// A text as it stands in the query of an address.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => {
                escaped.push(char::from(byte))
            }
            other => escaped.push_str(&format!("%{other:02X}")),
        }
    }
    escaped
}

/// The beginning of a digest, enough to tell plugins apart.
fn short(digest: &str) -> &str {
    digest.get(..12).unwrap_or(digest)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(params: &[&str]) -> anyhow::Result<String> {
        Params { params: params.iter().map(ToString::to_string).collect() }.settings()
    }

    #[test]
    fn params_are_json_or_else_texts() {
        assert_eq!(settings(&[]).expect("none"), "");
        assert_eq!(settings(&["a=1", "b=x y"]).expect("two"), r#"{"a":1,"b":"x y"}"#);
        assert!(settings(&["a"]).expect_err("no value").to_string().contains("KEY=VALUE"));
        assert!(settings(&["a=1", "a=2"]).expect_err("twice").to_string().contains("given twice"));
    }

    #[test]
    fn addresses_hold_any_text() {
        assert_eq!(escaped(r#"{"a":"ü"}"#), "%7B%22a%22%3A%22%C3%BC%22%7D");
    }
}
