//! `mezzo agent`: runs the daemon; `mezzo agent list` asks a master about all of them.

use std::io::IsTerminal;

use clap::{Args, Subcommand};

use mezzo_agent::{RawAgentFlags, Stop};

use super::{
    ClientArgs, block_on,
    daemon::{self, End},
};
use crate::{
    cluster::Cluster,
    embedded,
    output::{self, Paint},
};

/// Runs an agent, or lists the agents of a cluster
#[derive(Args, Debug)]
#[command(args_conflicts_with_subcommands = true)]
pub struct AgentArgs {
    #[command(subcommand)]
    command: Option<AgentCommand>,
    #[command(flatten)]
    flags: RawAgentFlags,
}

#[derive(Subcommand, Debug)]
enum AgentCommand {
    /// Lists the agents a master knows
    List {
        #[command(flatten)]
        client: ClientArgs,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
}

/// Runs the chosen command; the daemon until it is told to end.
pub fn run(args: AgentArgs) -> anyhow::Result<()> {
    match args.command {
        Some(AgentCommand::List { client, json }) => block_on(list(client, json)),
        None => serve(args.flags),
    }
}

async fn list(client: ClientArgs, json: bool) -> anyhow::Result<()> {
    let rows = Cluster::read(&client.master).await?.agents();
    if json {
        println!("{}", serde_json::to_string_pretty(&rows)?);
        return Ok(());
    }
    let tty = std::io::stdout().is_terminal();
    let cells = rows
        .into_iter()
        .map(|a| {
            let paint = if a.state == "active" { Paint::Good } else { Paint::Bad };
            vec![a.id, a.address, output::paint(paint, a.state, tty), a.total, a.allocated, a.attributes]
        })
        .collect();
    println!("{}", output::table(&["AGENT", "ADDRESS", "STATE", "TOTAL", "ALLOCATED", "ATTRIBUTES"], cells));
    Ok(())
}

fn serve(flags: RawAgentFlags) -> anyhow::Result<()> {
    let config = flags.with_environment(std::env::vars())?.into_config()?;
    daemon::block_on(async {
        let ended = daemon::Signals::listen()?;
        mezzo_agent::run(config, embedded::INIT, async {
            match ended.wait().await {
                End::Daemon => Stop::LeaveTasks,
                End::Everything => Stop::EndTasks,
            }
        })
        .await?;
        Ok(())
    })
}
