//! How long the host's share of an allocation round takes: batch, check, account.
//!
//! Three cases: every agent free, the same with something reserved on each, and one agent in a hundred changed with half of all pairs filtered.
//! The whole round has 5 ms and 200 µs at 10,000 agents, most of it for the plugin, so more than
//! half of either is bad news. Best of several; run it with `--release`.

#![allow(clippy::disallowed_types, clippy::disallowed_methods, reason = "it measures")]

use std::time::{Duration, Instant};

use mezzo_ledger::{AgentFacts, FrameworkFacts, Granted, Ledger, LedgerConfig};
use mezzo_model::{AgentId, FrameworkId, Mono, Now, Wall};
use mezzo_resources::Resources;
use mezzo_slots::{Batch, Grants, Proposal};

const FRAMEWORKS: usize = 200;
const NOW: Now = Now { mono: Mono(1), wall: Wall(1) };

const PLAIN: &str = "cpus:24;mem:4096;disk:4096;ports:[31000-32000]";
const RESERVED: &str = "cpus:20;cpus(role3):4;mem:4096;disk:4096;ports:[31000-32000]";

fn cluster(agents: usize, total: &str) -> Ledger {
    let mut ledger = Ledger::new(LedgerConfig::default());
    for at in 0..FRAMEWORKS {
        let roles = vec![format!("role{}", at % 20)];
        ledger.add_framework(FrameworkFacts::new(FrameworkId::from(format!("framework-{at:04}")), roles, 0));
    }
    for at in 0..agents {
        let total = Resources::parse(total, "*").expect("is valid");
        ledger.add_agent(AgentFacts::new(AgentId::from(format!("7f3c-agent-S{at}")), "host", total));
    }
    ledger
}

/// Each agent to the next seeker that may have it.
fn proposal(batch: &Batch, agents: &[u32], is_eligible: impl Fn(u32, u32) -> bool) -> Proposal {
    let mut grants = Grants::default();
    let mut next = 0;
    for &agent in agents {
        if let Some(seeker) =
            (0..FRAMEWORKS as u32).map(|at| (at + next) % FRAMEWORKS as u32).find(|&s| is_eligible(agent, s))
        {
            grants.agent.push(agent);
            grants.seeker.push(seeker);
            next = seeker + 1;
        }
    }
    Proposal { round: batch.round, grants, ..Proposal::default() }
}

fn timed<T>(what: impl FnOnce() -> T) -> (Duration, T) {
    let start = Instant::now();
    let result = what();
    (start.elapsed(), result)
}

fn give_back(ledger: &mut Ledger, granted: &[Granted], until: Option<Mono>) {
    for grant in granted {
        ledger
            .release_offered(&grant.agent, &grant.framework, &grant.role, &grant.resources)
            .expect("was offered");
        if let Some(until) = until {
            ledger.filter(&grant.framework, &grant.role, &grant.agent, grant.resources.clone(), until);
        }
    }
}

fn all_free(agents: usize, total: &str, name: &str) {
    let mut best = [Duration::MAX; 4];
    let mut ledger = cluster(agents, total);
    for turn in 0..12 {
        let (diff, batch) =
            timed(|| ledger.next_batch(NOW, turn, false).expect("there is something to give"));
        let proposal = proposal(&batch, &batch.consider, |_, _| true);
        let (check, applied) = timed(|| ledger.apply(NOW, &proposal));
        assert_eq!((applied.granted.len(), applied.faults.len()), (agents, 0));
        let (back, ()) = timed(|| give_back(&mut ledger, &applied.granted, None));
        if turn > 0 {
            for (best, took) in best.iter_mut().zip([diff, check, diff + check, back]) {
                *best = (*best).min(took);
            }
        }
    }
    ledger.audit().expect("agrees with itself");
    let [diff, check, both, back] = best;
    println!(
        "{agents:>6} agents, {name}: batch {diff:>10.1?}  apply {check:>10.1?}  both {both:>10.1?}  (given back in {back:.1?})"
    );
}

fn one_percent(agents: usize) {
    let mut ledger = cluster(agents, PLAIN);
    let filters_end = Mono(1_000_000_000_000);
    let whole = Resources::parse(PLAIN, "*").expect("is valid");
    let (filtering, ()) = timed(|| {
        for framework in 0..FRAMEWORKS {
            let id = FrameworkId::from(format!("framework-{framework:04}"));
            for agent in (0..agents).filter(|agent| (agent + framework) % 2 == 0) {
                let agent = AgentId::from(format!("7f3c-agent-S{agent}"));
                ledger.filter(&id, &format!("role{}", framework % 20), &agent, whole.clone(), filters_end);
            }
        }
    });
    let batch = ledger.next_batch(NOW, 1, false).expect("there is something to give");
    let eligible = |agent: u32, seeker: u32| (agent + seeker) % 2 == 1;
    let all: Vec<u32> = batch.agents.agent.clone();
    let mut held = ledger.apply(NOW, &proposal(&batch, &all, eligible)).granted;
    assert_eq!(held.len(), agents);
    let mut best = [Duration::MAX; 4];
    for turn in 0..200 {
        let part: Vec<Granted> = held.drain(..agents / 100).collect();
        let (back, ()) = timed(|| give_back(&mut ledger, &part, None));
        let (diff, batch) =
            timed(|| ledger.next_batch(NOW, turn, false).expect("there is something to give"));
        assert_eq!(batch.consider.len(), agents / 100);
        let proposal = proposal(&batch, &batch.consider, eligible);
        let (check, applied) = timed(|| ledger.apply(NOW, &proposal));
        assert_eq!((applied.granted.len(), applied.faults.len()), (agents / 100, 0));
        held.extend(applied.granted);
        for (best, took) in best.iter_mut().zip([diff, check, diff + check, back]) {
            *best = (*best).min(took);
        }
    }
    let [diff, check, both, back] = best;
    println!(
        "{agents:>6} agents, 1 % changed: batch {diff:>10.1?}  apply {check:>10.1?}  both {both:>10.1?}  (given back in {back:.1?}, all filters set in {filtering:.1?})"
    );
}

fn main() {
    for agents in [2_000, 10_000, 50_000] {
        all_free(agents, PLAIN, "all free");
        all_free(agents, RESERVED, "reserved");
        one_percent(agents);
    }
}
