//! A plugin before it comes near a cluster: loaded, told its settings, and tried on a small one.

use std::{
    sync::{Arc, atomic::AtomicBool},
    time::{Duration, Instant},
};

use mezzo_slots::{
    AgentColumns, AgentRow, Batch, Digest, Failure, Flow, Identity, Masks, Proposal, RoleRow, SeekerRow,
};

use crate::{
    allocator::Allocator,
    cache::Cache,
    guest::{Figures, Limits},
    load::{LoadError, Plugin},
    runtime::Runtime,
};

/// Agents and seekers of the cluster that plugins are tried on.
const AGENTS: u32 = 3;

/// Which seekers may have which agent, one row for each agent.
const ELIGIBLE: [u64; AGENTS as usize] = [0b111, 0b111, 0b011];

/// More rows than this for three agents and three seekers are a flood.
const ROWS_MAX: usize = 1_000;

/// What was found out about a plugin that may serve.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Vetted {
    /// What it is.
    pub digest: Digest,
    /// Who it says it is.
    pub identity: Identity,
    /// How long loading it took, on the clock; compiling is most of it, unless it was in the cache.
    pub load: Duration,
    /// Processor time of its longest step on the small cluster.
    pub step_cpu_max: Duration,
    /// Memory that an instance had taken at the end.
    pub memory_bytes: usize,
}

/// Why a plugin may not serve.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum VetError {
    /// It cannot be loaded.
    #[error(transparent)]
    Load(#[from] LoadError),
    /// It failed before the first batch.
    #[error("before its first batch, the plugin failed: {0}")]
    Start(Failure),
    /// It failed.
    #[error("on a cluster of three agents, in round {round}, the plugin failed: {failure}")]
    Step {
        /// The round.
        round: u64,
        /// How.
        failure: Failure,
    },
    /// What it answered is not right.
    #[error(
        "on a cluster of three agents, in round {round}, the plugin proposed what no correct one does: {what}"
    )]
    Wrong {
        /// The round.
        round: u64,
        /// What.
        what: String,
    },
    /// Two instances that were told the same answered differently.
    #[error(
        "two instances that were told the same proposed different things in round {round}: whatever is left \
         to chance has to follow from the batch's `seed`, and nothing may depend on the order of a hash map"
    )]
    Undetermined {
        /// The round.
        round: u64,
    },
}

/// Loads a plugin and tries it: two instances are told the same three rounds, the first and the last
/// of which are the whole cluster.
///
/// # Errors
///
/// Says what the plugin's author has to do.
pub fn vet(
    runtime: &Runtime,
    bytes: &[u8],
    settings: &str,
    limits: Limits,
    cache: Option<&Cache>,
) -> Result<Vetted, VetError> {
    let began = Instant::now();
    let plugin = Plugin::load(runtime, bytes, cache)?;
    let load = began.elapsed();
    let mut first = start(&plugin, settings, limits)?;
    let mut second = start(&plugin, settings, limits)?;
    let mut step_cpu_max = Duration::ZERO;
    for batch in [whole(1), change(2), whole(3)] {
        let round = batch.round;
        let proposal = step(&mut first, &batch)?;
        step_cpu_max = step_cpu_max.max(first.cpu_last());
        look_at(&batch, &proposal).map_err(|what| VetError::Wrong { round, what })?;
        if step(&mut second, &batch)? != proposal {
            return Err(VetError::Undetermined { round });
        }
    }
    Ok(Vetted {
        digest: plugin.digest(),
        identity: first.identity().clone(),
        load,
        step_cpu_max,
        memory_bytes: first.memory_bytes(),
    })
}

fn start(plugin: &Plugin, settings: &str, limits: Limits) -> Result<Allocator, VetError> {
    let is_stopped = Arc::new(AtomicBool::new(false));
    // What it writes while it is tried is nobody's log.
    let log_to = Arc::new(|_| ());
    Allocator::start(plugin, limits, settings, log_to, Figures::default(), is_stopped)
        .map_err(VetError::Start)
}

fn step(allocator: &mut Allocator, batch: &Batch) -> Result<Proposal, VetError> {
    let round = batch.round;
    allocator.step(batch).map_err(|failure| VetError::Step { round, failure })
}

/// What is wrong with a proposal, in words.
fn look_at(batch: &Batch, proposal: &Proposal) -> Result<(), String> {
    if proposal.round != batch.round {
        return Err(format!("it is for round {}", proposal.round));
    }
    let grants = &proposal.grants;
    if grants.agent.len() > ROWS_MAX {
        return Err(format!("{} rows for three agents", grants.agent.len()));
    }
    for (row, (&agent, &seeker)) in grants.agent.iter().zip(&grants.seeker).enumerate() {
        let mask = ELIGIBLE
            .get(agent as usize)
            .ok_or(format!("row {row} grants agent slot {agent}, which is not in use"))?;
        if seeker >= 64 || mask & (1 << seeker) == 0 {
            return Err(format!(
                "row {row} grants agent slot {agent} to seeker slot {seeker}, which the masks exclude"
            ));
        }
    }
    match grants.cap.iter().position(|amount| *amount < 0) {
        Some(at) => Err(format!("row {} has a negative cap", at / batch.kinds.len().max(1))),
        None => Ok(()),
    }
}

/// Everything: three roles, one below another, a seeker in each, three agents that are free.
fn whole(round: u64) -> Batch {
    let role = |role: u32, parent: Option<u32>, name: &str| RoleRow {
        role,
        parent,
        name: name.to_owned(),
        weight_milli: 1000,
        ..RoleRow::default()
    };
    let seeker = |seeker: u32| SeekerRow {
        seeker,
        framework: seeker,
        framework_id: format!("framework-{seeker}"),
        role: seeker,
        ..SeekerRow::default()
    };
    let agent = |agent: u32| AgentRow {
        agent,
        agent_id: format!("agent-{agent}"),
        hostname: format!("host-{agent}"),
        ..AgentRow::default()
    };
    let amounts: Vec<i64> =
        (1..=i64::from(AGENTS)).flat_map(|size| [size * 4_000, size * 8_192_000]).collect();
    Batch {
        round,
        now_ms: 1_700_000_000_000 + round,
        seed: round * 7_919,
        resync: true,
        kinds: vec!["cpus".to_owned(), "mem".to_owned()],
        roles: vec![role(0, None, "*"), role(1, None, "web"), role(2, Some(1), "web/api")],
        seekers: (0..3).map(seeker).collect(),
        agents_added: (0..AGENTS).map(agent).collect(),
        agents: AgentColumns {
            agent: (0..AGENTS).collect(),
            total: amounts.clone(),
            open: amounts,
            revocable: Vec::new(),
            unavailable_from_ms: vec![u64::MAX; AGENTS as usize],
        },
        masks: Masks { agent: (0..AGENTS).collect(), words: 1, bits: ELIGIBLE.to_vec() },
        consider: vec![1, 0, 2],
        ..Batch::default()
    }
}

/// The first agent was given to the first seeker; the second agent is to be looked at.
fn change(round: u64) -> Batch {
    Batch {
        round,
        now_ms: 1_700_000_000_000 + round,
        seed: round * 7_919,
        kinds: vec!["cpus".to_owned(), "mem".to_owned()],
        agents: AgentColumns {
            agent: vec![0],
            total: vec![4_000, 8_192_000],
            open: vec![0, 0],
            revocable: Vec::new(),
            unavailable_from_ms: vec![u64::MAX],
        },
        masks: Masks { agent: vec![0], words: 1, bits: vec![0b111] },
        allocated: Flow { agent: vec![0], seeker: vec![0], amounts: vec![4_000, 8_192_000] },
        consider: vec![1],
        ..Batch::default()
    }
}
