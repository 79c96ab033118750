//! `mezzo plugin swap`: hands a plugin in and watches it until it serves, or does not.

use std::{path::PathBuf, time::Duration};

use anyhow::{Context, bail};
use mezzo_client::{Client, Config};
use serde_json::Value;

use super::{ClientArgs, Kind, Params, escaped, files, short, show};

/// Compiling a large component takes a while.
const ANSWER_MAX: Duration = Duration::from_secs(600);

/// How often it is looked whether the plugin serves.
const LOOK: Duration = Duration::from_millis(50);

/// Events that say why a plugin does not serve.
const ENDS: [&str; 4] = ["dismissed", "went-back", "fell-back", "rolled-back"];

/// What is to serve, and how it gets there.
#[derive(clap::Args, Debug)]
pub(super) struct SwapArgs {
    /// The slot
    #[arg(value_enum)]
    kind: Kind,
    /// The component
    file: PathBuf,
    #[command(flatten)]
    params: Params,
    /// Compare it in so many rounds with the one that serves before it is used
    #[arg(long, value_name = "ROUNDS", default_value_t = 0)]
    shadow: u32,
    /// Take it only if it proposes the same in all rounds of --shadow
    #[arg(long, requires = "shadow")]
    require_equal: bool,
    /// How long the one before stands by, to be back at the first fault [default: 60]
    #[arg(long, value_name = "SECONDS")]
    probation: Option<u32>,
    /// Do not wait until it serves
    #[arg(long)]
    no_wait: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    client: ClientArgs,
}

/// Swaps, and waits for the outcome unless told otherwise.
pub(super) async fn run(args: SwapArgs) -> anyhow::Result<()> {
    let bytes = files::read(&args.file)?;
    let config = Config { answer_timeout: ANSWER_MAX, ..Config::default() };
    let client = Client::with_config(&args.client.master, config)?;
    let before = last_event(&client).await?;
    let answer = client.post(&args.path()?, "application/wasm", bytes).await?;
    let accepted: Value = serde_json::from_slice(&answer).context("the master's answer is no JSON")?;
    if args.no_wait {
        return tell(&args, &accepted, "is on its way in");
    }
    let rehearsal = wait(&client, &accepted, before).await?;
    show::rehearsal(&rehearsal)
        .iter()
        .filter(|_| !args.json && args.shadow > 0)
        .for_each(|line| println!("{line}"));
    tell(&args, &accepted, "serves")
}

impl SwapArgs {
    fn path(&self) -> anyhow::Result<String> {
        let mut path = format!("/api/v1/plugins/swap?kind={}&shadow={}", self.kind.name(), self.shadow);
        let settings = self.params.settings()?;
        if !settings.is_empty() {
            path.push_str(&format!("&settings={}", escaped(&settings)));
        }
        if self.require_equal {
            path.push_str("&require_equal=true");
        }
        if let Some(seconds) = self.probation {
            path.push_str(&format!("&probation={seconds}"));
        }
        Ok(path)
    }
}

fn tell(args: &SwapArgs, accepted: &Value, word: &str) -> anyhow::Result<()> {
    if args.json {
        println!("{}", serde_json::to_string_pretty(accepted)?);
        return Ok(());
    }
    let text = |name: &str| accepted[name].as_str().unwrap_or_default().to_owned();
    let (name, version, digest) = (text("name"), text("version"), text("digest"));
    println!(
        "{name} {version} ({}) {word}; it was checked and loaded in {} ms",
        short(&digest),
        accepted["load_ms"]
    );
    Ok(())
}

/// Watches until the plugin serves, and gives what its rehearsal came to.
async fn wait(client: &Client, accepted: &Value, before: u64) -> anyhow::Result<Value> {
    let is_it =
        |plugin: &Value| plugin["digest"] == accepted["digest"] && plugin["settings"] == accepted["settings"];
    loop {
        let slots = client.get_json("/api/v1/plugins").await?;
        let slot = &slots["slots"][0];
        if is_it(&slot["serving"]) {
            return Ok(slot["rehearsal"].clone());
        }
        let is_on_its_way = is_it(&slot["companion"]) && slot["companion"]["state"] != "standing-by";
        if !is_on_its_way {
            return why_not(client, accepted, before).await;
        }
        tokio::time::sleep(LOOK).await;
    }
}

/// What became of a plugin that neither serves nor is on its way.
async fn why_not(client: &Client, accepted: &Value, before: u64) -> anyhow::Result<Value> {
    let history = client.get_json("/api/v1/plugins/history").await?;
    let mut events = history["history"].as_array().into_iter().flatten();
    let is_end = |event: &&Value| {
        event["number"].as_u64() > Some(before)
            && event["plugin"] == accepted["digest"]
            && ENDS.iter().any(|kind| event["event"] == *kind)
    };
    let last = events.rfind(is_end);
    let why = last.and_then(|event| event["text"].as_str()).unwrap_or("the history does not say why");
    bail!("plugin `{}` {why}", short(accepted["digest"].as_str().unwrap_or_default()))
}

/// The number of the latest event.
async fn last_event(client: &Client) -> anyhow::Result<u64> {
    let history = client.get_json("/api/v1/plugins/history").await?;
    let last = history["history"].as_array().and_then(|events| events.last());
    Ok(last.and_then(|event| event["number"].as_u64()).unwrap_or(0))
}
