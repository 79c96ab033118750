//! The component's exports.

use std::{
    cell::Cell,
    hint::black_box,
    time::{Duration, SystemTime},
};

use crate::deeds::{Deed, Script, honest};

#[allow(missing_docs, unsafe_code, clippy::all, reason = "generated from wit/v1")]
mod bindings {
    wit_bindgen::generate!({ path: "../../wit/v1", world: "allocator" });
}

use bindings::exports::mezzo::plugin::{
    allocation::{Batch, Grants, Guest as Allocation, Proposal, StepError},
    lifecycle::{Guest as Lifecycle, Identity},
};
use bindings::mezzo::plugin::{
    log::{self, Level},
    metric,
};

thread_local! {
    static SCRIPT: Cell<Script> = const { Cell::new(Script::Crescendo) };
}

/// Settings for a host that gives none: a test writes others over them, in the compiled file.
static WRITTEN_IN: [u8; 64] = *b"hostile={}                                                      ";

fn written_in() -> String {
    String::from_utf8_lossy(&black_box(&WRITTEN_IN)[8..]).into_owned()
}

struct Hostile;

impl Lifecycle for Hostile {
    fn describe() -> Identity {
        Identity { name: "hostile".to_owned(), version: "0".to_owned(), extras: Vec::new() }
    }

    fn configure(json: String) -> Result<(), String> {
        let json = if json == "{}" { written_in() } else { json };
        SCRIPT.set(Script::parse(&json)?);
        Ok(())
    }
}

impl Allocation for Hostile {
    fn step(batch: Batch) -> Result<Proposal, StepError> {
        metric::add("rounds", 1);
        let agents = &batch.agents.agent;
        let (agent, seeker) =
            honest(agents, &batch.masks.agent, batch.masks.words as usize, &batch.masks.bits);
        let mut proposal = Proposal {
            round: batch.round,
            grants: Grants { agent, seeker, cap: Vec::new() },
            next_wakeup_ms: None,
            wants_resync: false,
        };
        match SCRIPT.get().deed(batch.round) {
            Deed::Honest => {}
            Deed::Trap => panic!("as told"),
            Deed::Loop => loop {
                black_box(batch.round);
            },
            Deed::Ghost => {
                proposal.grants.agent.push(4_000_000_000);
                proposal.grants.seeker.push(3_999_999_999);
            }
            Deed::Memory => {
                let mut hoard: Vec<Vec<u8>> = Vec::new();
                loop {
                    hoard.push(vec![1; 1 << 20]);
                    black_box(&hoard);
                }
            }
            Deed::Recurse => {
                black_box(deeper(1));
            }
            Deed::Huge => {
                proposal.grants.agent = vec![0; 20 << 20];
                proposal.grants.seeker = vec![0; 20 << 20];
            }
            Deed::Ragged => proposal.grants.agent.extend([0, 1, 2]),
            Deed::Exit => std::process::exit(3),
            Deed::Sleep => std::thread::sleep(Duration::from_secs(3600)),
            Deed::Flood => {
                for line in 0..10_000 {
                    log::write(Level::Info, &format!("line {line}"));
                    println!("printed {line}");
                }
            }
            Deed::GiveUp => return Err(StepError::Internal("not today".to_owned())),
            Deed::WrongRound => proposal.round = batch.round.wrapping_sub(1),
            Deed::Uninvited => {
                proposal.grants.agent = agents.clone();
                proposal.grants.seeker = vec![batch.masks.words * 64 + 7; agents.len()];
            }
            Deed::Tell => {
                let clock = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
                let chance = std::collections::HashMap::from([(1, 2), (3, 4), (5, 6), (7, 8), (9, 10)]);
                let order = chance.keys().fold(0_u64, |order, key| order * 10 + key);
                proposal.next_wakeup_ms = clock.ok().map(|since| since.as_millis() as u64 * 100_000 + order);
            }
        }
        Ok(proposal)
    }
}

#[inline(never)]
fn deeper(depth: u64) -> u64 {
    let frame = black_box([depth; 64]);
    frame[1] + deeper(depth + 1)
}

bindings::export!(Hostile with_types_in bindings);
