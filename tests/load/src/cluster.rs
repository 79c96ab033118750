//! Real daemons of this build, in a group that counts what they cost.

use std::{
    path::PathBuf,
    sync::atomic::{AtomicU32, Ordering},
};

use anyhow::{Context as _, Result, ensure};
use e2e_tests::Daemons;

use crate::account::Account;

/// A master and its agents.
pub struct Cluster {
    /// The processes.
    pub daemons: Daemons,
    /// Everything that they and their tasks cost.
    pub account: Account,
}

impl Cluster {
    /// Prepares; nothing runs yet.
    ///
    /// # Errors
    ///
    /// When this build has no `mezzo`, or we may not count.
    pub fn new(agents: usize) -> Result<Self> {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let mut daemons = Daemons::new(agents);
        daemons.program = program()?;
        // Control groups of containers lie below the group that counts, whatever their hierarchy.
        daemons.cgroups_root =
            format!("mezzo-load-{}-{}", std::process::id(), NUMBER.fetch_add(1, Ordering::Relaxed));
        let account = Account::new(&daemons.cgroups_root)?;
        Ok(Self { daemons, account })
    }

    /// Starts the master and the agents, and waits until it knows them.
    ///
    /// # Errors
    ///
    /// With their last words.
    pub fn start(&mut self) -> Result<()> {
        self.account.enter(std::process::id())?;
        let started = self.start_inside();
        Account::leave()?;
        started
    }

    fn start_inside(&mut self) -> Result<()> {
        self.daemons.start_master()?;
        let agents = self.daemons.agent_ports.len();
        for index in 0..agents {
            self.daemons.start_agent(index)?;
        }
        self.daemons.wait_for_agents(agents)
    }

    /// The address of the master.
    pub fn master(&self) -> String {
        format!("127.0.0.1:{}", self.daemons.master_port)
    }

    /// The process of the master.
    ///
    /// # Errors
    ///
    /// When there is none.
    pub fn master_pid(&self) -> Result<u32> {
        self.daemons.master_pid().context("the master runs")
    }
}

/// `mezzo`, beside this program: both are built in one go.
fn program() -> Result<PathBuf> {
    let here = std::env::current_exe()?;
    let mezzo = here.with_file_name("mezzo");
    ensure!(mezzo.exists(), "`{}` is not there: `cargo xtask bench` builds it", mezzo.display());
    Ok(mezzo)
}
