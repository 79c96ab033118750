//! `mezzo master`: runs the daemon.

use clap::Args;
use mezzo_master::RawMasterFlags;

use super::daemon;
use crate::embedded;

/// Runs a master
#[derive(Args, Debug)]
pub struct MasterArgs {
    #[command(flatten)]
    flags: RawMasterFlags,
}

/// Runs the master until it is told to end.
pub fn run(args: MasterArgs) -> anyhow::Result<()> {
    let config = args.flags.with_environment(std::env::vars())?.into_config()?;
    let _log = mezzo_master::log::start(&config)?;
    daemon::block_on(async {
        let ended = daemon::Signals::listen()?;
        mezzo_master::run(config, embedded::ALLOCATOR, async {
            ended.wait().await;
        })
        .await?;
        Ok(())
    })
}
