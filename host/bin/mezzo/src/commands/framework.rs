//! `mezzo framework list`: who shares the cluster.

use std::io::IsTerminal;

use super::ClientArgs;
use crate::{
    cluster::Cluster,
    output::{self, Paint},
};

/// Shows the frameworks of a cluster
#[derive(clap::Args, Debug)]
pub struct FrameworkArgs {
    #[command(subcommand)]
    command: FrameworkCommand,
}

#[derive(clap::Subcommand, Debug)]
enum FrameworkCommand {
    /// Lists frameworks: active, disconnected and completed
    List {
        #[command(flatten)]
        client: ClientArgs,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
}

/// Runs the chosen command.
pub async fn run(args: FrameworkArgs) -> anyhow::Result<()> {
    let FrameworkCommand::List { client, json } = args.command;
    let cluster = Cluster::read(&client.master).await?;
    let rows = cluster.frameworks();
    if json {
        println!("{}", serde_json::to_string_pretty(&rows)?);
        return Ok(());
    }
    let tty = std::io::stdout().is_terminal();
    let cells = rows
        .iter()
        .map(|f| {
            let paint = if f.state == "active" { Paint::Good } else { Paint::Busy };
            vec![
                f.id.clone(),
                f.name.clone(),
                f.roles.join(","),
                output::paint(paint, &f.state, tty),
                f.tasks.to_string(),
                f.allocated.clone(),
            ]
        })
        .collect();
    println!("{}", output::table(&["FRAMEWORK", "NAME", "ROLES", "STATE", "TASKS", "ALLOCATED"], cells));
    Ok(())
}
