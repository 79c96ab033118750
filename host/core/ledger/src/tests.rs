//! The account as the master and a plugin see it.

mod mirror;
mod random;
mod stories;

use std::time::Duration;

use mezzo_model::{AgentId, FrameworkId, Mono, Now, Wall};
use mezzo_resources::Resources;
use mezzo_slots::{Batch, Grants, Proposal};

use crate::{AgentFacts, FrameworkFacts, Granted, Ledger, LedgerConfig};

fn at(seconds: u64) -> Now {
    let nanos = seconds * 1_000_000_000;
    Now { mono: Mono(nanos), wall: Wall(nanos) }
}

fn bag(text: &str) -> Resources {
    Resources::parse(text, "*").unwrap()
}

fn agent(name: &str, total: &str) -> AgentFacts {
    AgentFacts::new(AgentId::from(name), format!("{name}.example"), bag(total))
}

fn framework(name: &str, roles: &[&str]) -> FrameworkFacts {
    let roles = roles.iter().map(|role| (*role).to_owned()).collect();
    FrameworkFacts::new(FrameworkId::from(name), roles, 0)
}

fn ledger() -> Ledger {
    Ledger::new(LedgerConfig::default())
}

/// A proposal of rows without caps.
fn proposal(batch: &Batch, rows: &[(u32, u32)]) -> Proposal {
    let (agent, seeker) = rows.iter().copied().unzip();
    Proposal { round: batch.round, grants: Grants { agent, seeker, cap: Vec::new() }, ..Proposal::default() }
}

/// Asks for a round and grants each agent to the first seeker that was told to be eligible.
fn round(ledger: &mut Ledger, now: Now) -> Vec<Granted> {
    let Some(batch) = ledger.next_batch(now, 1, false) else { return Vec::new() };
    let seekers = 0..ledger.seekers.words() as u32 * 64;
    let first = |agent| seekers.clone().find(|&seeker| ledger.rounds.was_told_eligible(agent, seeker));
    let rows: Vec<_> =
        ledger.rounds.known.iter().filter_map(|agent| first(agent).map(|seeker| (agent, seeker))).collect();
    let applied = ledger.apply(now, &proposal(&batch, &rows));
    assert_eq!(applied.faults, []);
    applied.granted
}

/// Has the framework decline what it was granted, for so long.
fn decline(ledger: &mut Ledger, grant: &Granted, now: Now, seconds: u64) {
    let until = now.mono + Duration::from_secs(seconds);
    ledger.release_offered(&grant.agent, &grant.framework, &grant.role, &grant.resources).unwrap();
    ledger.filter(&grant.framework, &grant.role, &grant.agent, grant.resources.clone(), until);
    ledger.audit().unwrap();
}
