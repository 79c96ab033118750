//! `mezzo task`: what runs, what it says, and its end.

use std::io::IsTerminal;

use anyhow::Context;
use clap::{Args, Subcommand};
use mezzo_client::Client;
use tokio::sync::watch;

use super::{ClientArgs, run::tail};
use crate::{
    cluster::{Cluster, TaskRow},
    output::{self, Paint},
};

/// Lists, reads and ends tasks
#[derive(Args, Debug)]
pub struct TaskArgs {
    #[command(subcommand)]
    command: TaskCommand,
}

#[derive(Subcommand, Debug)]
enum TaskCommand {
    /// Lists tasks
    List {
        #[command(flatten)]
        client: ClientArgs,
        /// Ended tasks too
        #[arg(long)]
        all: bool,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Prints a task's output
    Logs {
        #[command(flatten)]
        which: Which,
        /// Go on as it grows, until the task has ended
        #[arg(short, long)]
        follow: bool,
        /// stderr rather than stdout
        #[arg(long)]
        stderr: bool,
    },
    /// Ends a task, after its grace period
    Kill {
        #[command(flatten)]
        which: Which,
    },
}

#[derive(Args, Debug)]
struct Which {
    #[command(flatten)]
    client: ClientArgs,
    /// The task's id
    task: String,
    /// Its framework, when several have a task of this id
    #[arg(long)]
    framework: Option<String>,
}

/// Runs the chosen command.
pub async fn run(args: TaskArgs) -> anyhow::Result<()> {
    match args.command {
        TaskCommand::List { client, all, json } => list(client, all, json).await,
        TaskCommand::Logs { which, follow, stderr } => logs(which, follow, stderr).await,
        TaskCommand::Kill { which } => kill(which).await,
    }
}

async fn list(client: ClientArgs, all: bool, json: bool) -> anyhow::Result<()> {
    let rows = Cluster::read(&client.master).await?.tasks(all);
    if json {
        println!("{}", serde_json::to_string_pretty(&rows)?);
        return Ok(());
    }
    let tty = std::io::stdout().is_terminal();
    let cells = rows.into_iter().map(|task| cells(task, tty)).collect();
    let header = ["TASK", "STATE", "SINCE (UTC)", "RESOURCES", "AGENT", "FRAMEWORK", "MESSAGE"];
    println!("{}", output::table(&header, cells));
    Ok(())
}

fn cells(task: TaskRow, tty: bool) -> Vec<String> {
    let paint = match task.state.as_str() {
        "TASK_RUNNING" | "TASK_FINISHED" => Paint::Good,
        "TASK_STAGING" | "TASK_STARTING" | "TASK_KILLING" => Paint::Busy,
        _ => Paint::Bad,
    };
    let since = task.since.map_or_else(|| "-".to_owned(), output::moment);
    vec![
        task.id,
        output::paint(paint, &task.state, tty),
        since,
        task.resources,
        task.agent,
        task.framework,
        task.message,
    ]
}

async fn logs(which: Which, follow: bool, stderr: bool) -> anyhow::Result<()> {
    let cluster = Cluster::read(&which.client.master).await?;
    let task = cluster.task(&which.task, which.framework.as_deref())?;
    let address = cluster.agent_address(&task.agent)?;
    let file = if stderr { "stderr" } else { "stdout" };
    let path = format!("/frameworks/{}/executors/{}/runs/latest/{file}", task.framework, task.id);

    let (end, done) = watch::channel(!follow);
    let following = tail::follow(&address, &path, 0, stderr, done);
    if !follow {
        return following.await;
    }
    let until_end = async {
        loop {
            tokio::time::sleep(std::time::Duration::from_secs(1)).await;
            if has_ended(&which, &task).await {
                end.send_replace(true);
                return std::future::pending().await;
            }
        }
    };
    tokio::select! {
        outcome = following => outcome,
        () = until_end => Ok(()),
    }
}

/// A master that does not answer just now says nothing about the task.
async fn has_ended(which: &Which, task: &TaskRow) -> bool {
    let Ok(cluster) = Cluster::read(&which.client.master).await else { return false };
    !cluster.tasks(false).iter().any(|t| {
        t.id == task.id
            && t.framework == task.framework
            && !matches!(
                t.state.as_str(),
                "TASK_FINISHED"
                    | "TASK_FAILED"
                    | "TASK_KILLED"
                    | "TASK_ERROR"
                    | "TASK_LOST"
                    | "TASK_GONE"
                    | "TASK_DROPPED"
            )
    })
}

async fn kill(which: Which) -> anyhow::Result<()> {
    let cluster = Cluster::read(&which.client.master).await?;
    let task = cluster.task(&which.task, which.framework.as_deref())?;
    let client = Client::new(&which.client.master)?;
    client.kill_task(&task.framework, &task.id).await.with_context(|| format!("task `{}`", task.id))?;
    eprintln!("{}: asked to end; `mezzo task list --all` shows when it has", task.id);
    Ok(())
}
