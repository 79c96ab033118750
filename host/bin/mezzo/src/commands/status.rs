//! `mezzo status`: one look at the whole cluster.

use super::ClientArgs;
use crate::{cluster::Cluster, output};

/// Shows the cluster at a glance
#[derive(clap::Args, Debug)]
pub struct StatusArgs {
    #[command(flatten)]
    client: ClientArgs,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// Prints counts and totals; fails when no master answers.
pub async fn run(args: StatusArgs) -> anyhow::Result<()> {
    let cluster = Cluster::read(&args.client.master).await?;
    let summary = cluster.summary();
    if args.json {
        println!("{}", serde_json::to_string_pretty(&summary)?);
        return Ok(());
    }
    println!("master      {} (version {})", args.client.master, cluster.version);
    println!("agents      {} active of {}", summary["agents"]["active"], summary["agents"]["total"]);
    println!("frameworks  {} active of {}", summary["frameworks"]["active"], summary["frameworks"]["total"]);
    println!(
        "tasks       {} running, {} under way, {} ended",
        summary["tasks"]["running"], summary["tasks"]["under_way"], summary["tasks"]["ended"]
    );
    println!();
    let rows = cluster.resource_rows();
    println!("{}", output::table(&["RESOURCE", "TOTAL", "ALLOCATED", "OFFERED", "FREE"], rows));
    Ok(())
}
