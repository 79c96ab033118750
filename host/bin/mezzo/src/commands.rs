//! One file per command.

pub mod agent;
pub mod daemon;
pub mod dev;
pub mod framework;
pub mod master;
pub mod plugin;
pub mod run;
pub mod status;
pub mod task;

/// Set for the children of `mezzo dev`: the end of standard input means "end everything".
pub const LIFELINE: &str = "MEZZO_DEV_LIFELINE";

/// Runs a client's command: one thread is plenty.
pub fn block_on<T>(future: impl Future<Output = anyhow::Result<T>>) -> anyhow::Result<T> {
    tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(future)
}

/// Where the master is, and how to print.
#[derive(clap::Args, Debug, Clone)]
pub struct ClientArgs {
    /// The master's HOST:PORT
    #[arg(long, env = "MEZZO_MASTER", default_value = "127.0.0.1:5050")]
    pub master: String,
}
