//! How long one round of allocation takes, from the ledger's changes to the ledger's offers.
//!
//! The master's loop waits for the first and the last part of a round and offers wait for all of it.
//! A real Mesos of the 1.12 line takes 346 ms of processor time to allocate 10,000 free agents among
//! 200 frameworks of one role each, on this kind of machine; anything above a tenth of that would be
//! bad news, and so would a component that costs much more than the same policy as native code.

use std::{
    collections::BTreeMap,
    sync::{Arc, atomic::AtomicBool},
};

use allocator_drf::{define_batch_from, policy::Policy};
use anyhow::{Context, Result, bail, ensure};
use mezzo_ledger::{AgentFacts, FrameworkFacts, Granted, Ledger, LedgerConfig};
use mezzo_model::{AgentId, FrameworkId, Mono, Now, Wall};
use mezzo_proto::mesos::v1;
use mezzo_resources::Resources;
use mezzo_slots::{Batch, Grants, Proposal};
use mezzo_wasm::{Allocator, Figures, Limits, Plugin, Runtime};
use prost::Message;

use crate::{
    clock::{Samples, repeat, timed},
    rows::Row,
};

const FRAMEWORKS: usize = 200;

/// What a Mesos of the 1.12 line takes for 10,000 free agents and 200 frameworks, in milliseconds.
const MESOS_10000_MS: f64 = 346.0;

define_batch_from! {
    fn batch_from(Batch)
}

/// Measures; every proposal is compared with the twin's, and the ledgers audit themselves.
pub fn run(is_quick: bool, tell: &mut dyn FnMut(Row)) -> Result<()> {
    let runtime = Runtime::new()?;
    let plugin = Plugin::load(&runtime, guests::allocator_drf(), None)?;
    let sizes: &[usize] = if is_quick { &[500, 2_000] } else { &[2_000, 10_000, 50_000] };
    let least = if is_quick { 3 } else { 12 };
    let mut full = Vec::new();
    let mut some = Vec::new();
    for &agents in sizes {
        let mut rig = Rig::new(&plugin, agents)?;
        let times = rig.all_free(least)?;
        tell_round(
            tell,
            &format!("{agents} agents all free"),
            &times,
            match agents {
                10_000 => Some((5_000.0, Some(MESOS_10000_MS))),
                _ => None,
            },
        );
        let messages = rig.offer_messages(least)?;
        tell(Row::new(format!("offer messages of that round, {agents} offers"), messages.min() / 1e3, "ms"));
        full.push((agents, times));

        let mut rig = Rig::new(&plugin, agents)?;
        let times = rig.some_changed(8 * least)?;
        tell_round(
            tell,
            &format!("{agents} agents, 1% changed, half the pairs filtered"),
            &times,
            match agents {
                10_000 => Some((200.0, None)),
                _ => None,
            },
        );
        some.push((agents, times));
    }
    tell_growth(tell, "all free", &full);
    tell_growth(tell, "1% changed", &some);
    Ok(())
}

/// The rows of one situation. `target` is in microseconds; beside it what a Mesos takes, in
/// milliseconds.
fn tell_round(tell: &mut dyn FnMut(Row), what: &str, times: &Times, target: Option<(f64, Option<f64>)>) {
    let (scale, unit) = if times.wasm.min() < 1_000.0 { (1.0, "us") } else { (1e-3, "ms") };
    let mut row = Row::new(format!("allocation round, {what}"), times.wasm.min() * scale, unit);
    row = match target.and_then(|(_, mesos)| mesos) {
        Some(mesos) => row.beside(mesos * 1e3 * scale, "Mesos 1.12, measured on a quiet machine"),
        None => row.beside(times.native.min() * scale, "the same policy native"),
    };
    if let Some((target, _)) = target {
        row = row.at_most(target * scale, times.wasm.is_noisy());
    }
    tell(row);
    let ratio = |ours: &Samples, theirs: &Samples| ours.min() / theirs.min();
    let is_noisy = times.wasm.is_noisy() || times.native.is_noisy();
    tell(
        Row::new(format!("round beside native, {what}"), ratio(&times.wasm, &times.native), "x")
            .beside(times.native.min() * scale, format!("the same policy native, {unit}"))
            .at_most(1.5, is_noisy),
    );
    tell(
        Row::new(format!("its step alone, {what}"), times.wasm_step.min() * scale, unit)
            .beside(times.native_step.min() * scale, "the same policy native"),
    );
}

/// How the time of a round grows from the smallest to the largest cluster: 1 is in step with it.
fn tell_growth(tell: &mut dyn FnMut(Row), what: &str, sizes: &[(usize, Times)]) {
    let [(few, first), .., (many, last)] = sizes else { return };
    let exponent =
        |from: &Samples, to: &Samples| (to.min() / from.min()).ln() / (*many as f64 / *few as f64).ln();
    let native = exponent(&first.native, &last.native);
    let is_noisy = [first, last].iter().any(|times| times.wasm.is_noisy() || times.native.is_noisy());
    tell(
        Row::new(
            format!("growth of a round from {few} to {many} agents, {what}"),
            exponent(&first.wasm, &last.wasm),
            "exponent",
        )
        .beside(native, "the same policy native")
        .at_most(native + 0.05, is_noisy),
    );
}

/// Microseconds of processor time.
#[derive(Default)]
struct Times {
    wasm: Samples,
    native: Samples,
    wasm_step: Samples,
    native_step: Samples,
}

impl Times {
    fn is_steady(&self) -> bool {
        self.wasm.is_steady() && self.native.is_steady()
    }
}

/// Two clusters that are told the same, one allocated by the component, one by its native twin.
struct Rig {
    wasm: Side,
    native: Side,
    turn: u64,
}

struct Side {
    ledger: Ledger,
    policy: AnyPolicy,
    granted: Vec<Granted>,
}

enum AnyPolicy {
    Component(Box<Allocator>),
    Native(Box<Policy>),
}

impl AnyPolicy {
    fn step(&mut self, batch: Batch) -> Result<Proposal> {
        match self {
            Self::Component(guest) => guest.step(&batch).context("the component failed"),
            Self::Native(policy) => match policy.step(&batch_from(batch)) {
                Ok(proposal) => Ok(Proposal {
                    round: proposal.round,
                    grants: Grants {
                        agent: proposal.grants.agent,
                        seeker: proposal.grants.seeker,
                        cap: proposal.grants.cap,
                    },
                    next_wakeup_ms: None,
                    wants_resync: proposal.wants_resync,
                }),
                Err(error) => bail!("the native policy failed: {error:?}"),
            },
        }
    }
}

/// What one side did in one turn.
struct Turn {
    proposal: Proposal,
    round_us: f64,
    step_us: f64,
}

impl Side {
    /// One round, measured: what changed, the step, the check and the account of it.
    fn round(&mut self, now: Now, seed: u64) -> Result<Turn> {
        let (batch, diff_us) = timed(|| self.ledger.next_batch(now, seed, false));
        let batch = batch.context("there is something to ask")?;
        let (proposal, step_us) = timed(|| self.policy.step(batch));
        let proposal = proposal?;
        let (applied, apply_us) = timed(|| self.ledger.apply(now, &proposal));
        ensure!(applied.faults.is_empty(), "the ledger found faults: {}", applied.faults[0]);
        self.granted = applied.granted;
        Ok(Turn { proposal, round_us: diff_us + step_us + apply_us, step_us })
    }
}

fn framework(index: usize) -> (FrameworkId, String) {
    (FrameworkId::new(format!("20261121-000000-{index:04}")), format!("role{index:03}"))
}

fn agent(index: usize) -> AgentId {
    AgentId::new(format!("20261121-000000-S{index}"))
}

fn ledger_of(agents: usize, resources: &Resources) -> Ledger {
    let mut ledger = Ledger::new(LedgerConfig::default());
    for index in 0..FRAMEWORKS {
        let (id, role) = framework(index);
        ledger.add_framework(FrameworkFacts::new(id, vec![role], 0));
    }
    for index in 0..agents {
        ledger.add_agent(AgentFacts::new(agent(index), format!("host{index}"), resources.clone()));
    }
    ledger
}

/// splitmix64: the same choices on both sides and in every run.
fn chance(seed: u64) -> u64 {
    let mut mixed = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

impl Rig {
    fn new(plugin: &Plugin, agents: usize) -> Result<Self> {
        let resources = Resources::parse("cpus:24;mem:65536;disk:1048576;ports:[31000-32000]", "*")?;
        let guest = Allocator::start(
            plugin,
            Limits::default(),
            "{}",
            Arc::new(|line| eprintln!("{}", line.text)),
            Figures::default(),
            Arc::new(AtomicBool::new(false)),
        )?;
        let side = |policy| Side { ledger: ledger_of(agents, &resources), policy, granted: Vec::new() };
        Ok(Self {
            wasm: side(AnyPolicy::Component(Box::new(guest))),
            native: side(AnyPolicy::Native(Box::default())),
            turn: 0,
        })
    }

    fn now(&self) -> Now {
        Now {
            mono: Mono(self.turn * 1_000_000),
            wall: Wall(1_800_000_000_000_000_000 + self.turn * 1_000_000),
        }
    }

    /// One round on both sides, which must not differ.
    fn round(&mut self) -> Result<(Turn, Turn)> {
        self.turn += 1;
        let (now, seed) = (self.now(), chance(self.turn));
        let wasm = self.wasm.round(now, seed)?;
        let native = self.native.round(now, seed)?;
        ensure!(wasm.proposal == native.proposal, "component and native twin propose different grants");
        ensure!(
            self.wasm.granted == self.native.granted,
            "the ledgers made different offers of one proposal"
        );
        Ok((wasm, native))
    }

    fn note(&mut self, times: &mut Times) -> Result<()> {
        let (wasm, native) = self.round()?;
        times.wasm.push(wasm.round_us);
        times.wasm_step.push(wasm.step_us);
        times.native.push(native.round_us);
        times.native_step.push(native.step_us);
        Ok(())
    }

    /// Every agent is free and offered; then all is taken back, unmeasured.
    fn all_free(&mut self, least: usize) -> Result<Times> {
        // The first round tells everything and grows every list: it is another story.
        self.round()?;
        let agents = self.wasm.granted.len();
        let times = repeat(
            least,
            Times::default(),
            |times| {
                self.for_each_granted(|ledger, granted| {
                    ledger.release_offered(
                        &granted.agent,
                        &granted.framework,
                        &granted.role,
                        &granted.resources,
                    )
                })?;
                self.note(times)?;
                ensure!(self.wasm.granted.len() == agents, "not every agent was offered");
                Ok(())
            },
            Times::is_steady,
        )?;
        self.audit()?;
        Ok(times)
    }

    /// One agent in a hundred becomes free and is offered and used; half of all (agent, framework)
    /// pairs are filtered.
    fn some_changed(&mut self, least: usize) -> Result<Times> {
        self.round()?;
        let all = self.wasm.granted.clone();
        self.use_all()?;
        self.filter_half(&all);
        let mut held: BTreeMap<AgentId, Granted> =
            all.into_iter().map(|granted| (granted.agent.clone(), granted)).collect();
        let agents = held.len();
        let changed = (agents / 100).max(1);
        let mut turn = |rig: &mut Self, times: &mut Times| -> Result<()> {
            for index in 0..changed {
                let chosen = chance(rig.turn << 20 | index as u64) as usize % agents;
                if let Some(granted) = held.remove(&agent(chosen)) {
                    for side in [&mut rig.wasm, &mut rig.native] {
                        side.ledger.release_allocated(
                            &granted.agent,
                            &granted.framework,
                            &granted.role,
                            &granted.resources,
                        )?;
                    }
                }
            }
            rig.note(times)?;
            for granted in &rig.wasm.granted {
                held.insert(granted.agent.clone(), granted.clone());
            }
            rig.use_all()
        };
        // The first tells the masks of all agents, since half of all pairs were filtered.
        turn(self, &mut Times::default())?;
        let times = repeat(least, Times::default(), |times| turn(self, times), Times::is_steady)?;
        self.audit()?;
        Ok(times)
    }

    /// Makes the messages of the last round's offers, as frameworks receive them.
    fn offer_messages(&mut self, least: usize) -> Result<Samples> {
        let granted = &self.wasm.granted;
        repeat(
            least,
            Samples::default(),
            |samples| {
                let (bytes, us) = timed(|| offer_events(granted));
                ensure!(bytes > granted.len() * 100, "an offer says more than that");
                samples.push(us);
                Ok(())
            },
            Samples::is_steady,
        )
    }

    fn use_all(&mut self) -> Result<()> {
        self.for_each_granted(|ledger, granted| {
            ledger.use_offered(&granted.agent, &granted.framework, &granted.role, &granted.resources)
        })
    }

    fn filter_half(&mut self, all: &[Granted]) {
        let until = Mono(u64::MAX);
        for index in 0..FRAMEWORKS {
            let (id, role) = framework(index);
            for (place, granted) in all.iter().enumerate() {
                if chance((index as u64) << 32 | place as u64) & 1 == 1 {
                    for side in [&mut self.wasm, &mut self.native] {
                        side.ledger.filter(&id, &role, &granted.agent, granted.resources.clone(), until);
                    }
                }
            }
        }
    }

    fn for_each_granted<E>(&mut self, change: impl Fn(&mut Ledger, &Granted) -> Result<(), E>) -> Result<()>
    where
        E: std::error::Error + Send + Sync + 'static,
    {
        for side in [&mut self.wasm, &mut self.native] {
            for granted in &side.granted {
                change(&mut side.ledger, granted)?;
            }
        }
        Ok(())
    }

    fn audit(&self) -> Result<()> {
        for side in [&self.wasm, &self.native] {
            side.ledger.audit().map_err(|error| anyhow::anyhow!("the ledger's audit: {error}"))?;
        }
        Ok(())
    }
}

/// One OFFERS event per framework, encoded; how many bytes.
fn offer_events(granted: &[Granted]) -> usize {
    let mut by_framework: BTreeMap<&FrameworkId, Vec<v1::Offer>> = BTreeMap::new();
    for (number, granted) in granted.iter().enumerate() {
        let offer = v1::Offer {
            id: v1::OfferId { value: format!("20261121-000000-O{number}") },
            framework_id: (&granted.framework).into(),
            agent_id: (&granted.agent).into(),
            hostname: "host.example".to_owned(),
            resources: granted.resources.to_wire(),
            allocation_info: Some(v1::resource::AllocationInfo { role: Some(granted.role.to_string()) }),
            ..v1::Offer::default()
        };
        by_framework.entry(&granted.framework).or_default().push(offer);
    }
    let events = by_framework.into_values().map(|offers| v1::scheduler::Event {
        r#type: Some(v1::scheduler::event::Type::Offers as i32),
        offers: Some(v1::scheduler::event::Offers { offers }),
        ..v1::scheduler::Event::default()
    });
    events.map(|event| event.encode_to_vec().len()).sum()
}
