//! `mezzo`: the one command. Daemons, a cluster for development, and the words to use it.
#![forbid(unsafe_code)]

mod cluster;
mod commands;
mod embedded;
mod output;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use commands::{agent, dev, framework, master, plugin, run, status, task};

/// A cluster runtime: many schedulers share one pool of machines, by policies that are plugins
#[derive(Parser, Debug)]
#[command(name = "mezzo", version, propagate_version = true, max_term_width = 100)]
struct Mezzo {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand, Debug)]
enum Command {
    /// Runs a master
    Master(Box<master::MasterArgs>),
    /// Runs an agent, or lists the agents of a cluster
    Agent(Box<agent::AgentArgs>),
    Dev(dev::DevArgs),
    Run(run::RunArgs),
    Task(task::TaskArgs),
    Framework(framework::FrameworkArgs),
    Status(status::StatusArgs),
    Plugin(plugin::PluginArgs),
}

fn main() -> ExitCode {
    let command = Mezzo::parse().command;
    let outcome = match command {
        Command::Master(args) => master::run(*args).map(|()| 0),
        Command::Agent(args) => agent::run(*args).map(|()| 0),
        Command::Dev(args) => commands::block_on(dev::run(args)).map(|()| 0),
        Command::Run(args) => commands::block_on(run::run(args)),
        Command::Task(args) => commands::block_on(task::run(args)).map(|()| 0),
        Command::Framework(args) => commands::block_on(framework::run(args)).map(|()| 0),
        Command::Status(args) => commands::block_on(status::run(args)).map(|()| 0),
        Command::Plugin(args) => commands::block_on(plugin::run(args)).map(|()| 0),
    };
    match outcome {
        Ok(code) => ExitCode::from(code),
        Err(error) => {
            eprintln!("{}", output::error_text(&error));
            ExitCode::from(1)
        }
    }
}
