//! When the allocator is asked, and what becomes of its answer.
//!
//! Changes are gathered for a few milliseconds, then one round is asked for. What changes
//! while a round is open waits for the next one; a proposal is checked by the ledger
//! against the facts of the moment it is applied.

use std::collections::BTreeMap;

use mezzo_model::{FrameworkId, Now, offer::Offer};
use mezzo_proto::mesos::v1;
use mezzo_registry::RegisteredSlot;
use mezzo_resources::Form;
use mezzo_slots::{Answer, Digest, Failure, Identity, Proposal, Slot, SlotConfig, SlotName, Verdict};

use crate::{
    Effects, Master, Observation,
    deadlines::Deadline,
    events,
    plugins::{Chronicle, candidates},
};

/// The allocator's slot, and whether it is wanted.
#[derive(Debug)]
pub(crate) struct Allocation {
    pub(crate) slot: Slot,
    /// Something changed since the last round was asked for.
    is_wanted: bool,
    /// How often the slot was asked, which seeds the chance in each batch.
    asked: u64,
    /// What happened in the slot, and what the registry is to hold of it.
    pub(crate) chronicle: Chronicle,
}

impl Allocation {
    /// A slot for what the registry holds, else for the first of `allocators`.
    pub(crate) fn new(now: Now, allocators: &[Digest], kept: Option<&RegisteredSlot>) -> Self {
        let mut chronicle = Chronicle::new(allocators, kept);
        let (candidates, quarantined) = candidates(now, allocators, kept, &mut chronicle);
        let mut slot = Slot::new(SlotName::Allocator, candidates, SlotConfig::default());
        slot.remember_quarantined(quarantined);
        Self { slot, is_wanted: true, asked: 0, chronicle }
    }
}

impl Master {
    /// Notes that another round may find something to offer.
    pub(crate) fn something_changed(&mut self, now: Now) {
        self.allocation.is_wanted = true;
        self.deadlines.arm_by(Deadline::Round, now.mono + self.config.allocation_gather);
    }

    /// The changes were gathered for long enough.
    pub(crate) fn round_due(&mut self, now: Now, out: &mut Effects) {
        if !self.allocation.is_wanted || !self.allocation.slot.is_ready() {
            return;
        }
        let seed = mix(self.config.seed ^ mix(self.allocation.asked));
        let resync = self.allocation.slot.needs_resync() || self.allocation.chronicle.take_round_wanted();
        self.allocation.is_wanted = false;
        if let Some(batch) = self.ledger.next_batch(now, seed, resync) {
            self.allocation.asked += 1;
            out.ask.extend(self.allocation.slot.ask(now.mono, batch));
        }
    }

    /// Mesos's interval has passed: whatever was missed is found now.
    pub(crate) fn backstop_due(&mut self, now: Now) {
        self.deadlines.arm(Deadline::Backstop, now.mono + self.config.allocation_interval);
        self.ledger.consider_everything();
        self.allocation.chronicle.backstop(&mut self.allocation.slot);
        self.something_changed(now);
    }

    /// A filter has ended.
    pub(crate) fn filters_due(&mut self, now: Now) {
        self.ledger.expire_filters(now.mono);
        self.something_changed(now);
    }

    /// The allocator's slot waited for something.
    pub(crate) fn slot_due(&mut self, now: Now, out: &mut Effects) {
        if let Some(verdict) = self.allocation.slot.expire(now.mono) {
            self.follow(now, out, verdict);
        }
    }

    /// An instance is there, or could not be made.
    pub(crate) fn plugin_loaded(
        &mut self,
        now: Now,
        slot: SlotName,
        generation: u64,
        outcome: Result<Identity, Failure>,
    ) {
        match slot {
            SlotName::Allocator => {
                let outcome = outcome.map(|identity| self.allocation.name(generation, identity));
                self.allocation.slot.loaded(now.mono, generation, outcome);
            }
        }
        self.something_changed(now);
    }

    /// The allocator has answered, or failed to.
    pub(crate) fn plugin_answered(&mut self, now: Now, out: &mut Effects, answer: Answer) {
        if self.allocation.slot.is_companion(answer.generation) {
            let proposal = answer.outcome.as_ref().ok();
            let faults = proposal.map_or(Vec::new(), |proposal| self.ledger.faults_of(proposal));
            let faults: Vec<String> = faults.iter().map(ToString::to_string).collect();
            self.allocation.slot.companion_answered(now.mono, answer, &faults);
            return;
        }
        let verdict = self.allocation.slot.answered(now.mono, answer);
        self.follow(now, out, verdict);
    }

    fn follow(&mut self, now: Now, out: &mut Effects, verdict: Verdict) {
        match verdict {
            Verdict::Check(proposal) => self.check(now, out, &proposal),
            Verdict::Lost => self.lose_round(now),
            Verdict::Waits | Verdict::Stale => {}
        }
    }

    /// Applies what survives the ledger's check.
    fn check(&mut self, now: Now, out: &mut Effects, proposal: &Proposal) {
        let applied = self.ledger.apply(now, proposal);
        let dropped: Vec<String> =
            applied.dropped.iter().map(|dropped| format!("row {}: {}", dropped.row, dropped.why)).collect();
        let faults: Vec<String> = applied.faults.iter().map(ToString::to_string).collect();
        let offers = applied.granted.into_iter().map(|granted| Offer {
            number: 0,
            id: "".into(),
            framework: granted.framework,
            agent: granted.agent,
            role: granted.role.to_string(),
            resources: granted.resources,
            opened_at: now.mono,
        });
        self.make_offers(now, out, offers);
        self.allocation.slot.checked(now.mono, &dropped, &faults);
        if let Some(pause_ms) = proposal.next_wakeup_ms {
            self.allocation.is_wanted = true;
            self.deadlines.arm_by(Deadline::Round, now.mono + std::time::Duration::from_millis(pause_ms));
        }
        if !faults.is_empty() {
            // The instance is replaced, and after a wrong round the ledger still waits for the right one.
            self.lose_round(now);
        } else if self.allocation.is_wanted {
            self.something_changed(now);
        }
    }

    /// Opens these offers and tells each framework of its own in one event.
    fn make_offers(&mut self, now: Now, out: &mut Effects, offers: impl Iterator<Item = Offer>) {
        let mut events: BTreeMap<FrameworkId, Vec<v1::Offer>> = BTreeMap::new();
        for offer in offers {
            self.changes += 1;
            let offer = self.open_offer(now, offer);
            events.entry(offer.framework.clone()).or_default().extend(self.offer_to_wire(&offer));
        }
        for (framework, offers) in events {
            if let Some(stream) = self.frameworks.stream(&framework) {
                out.event(stream, events::offers(offers));
            }
        }
    }

    /// The offer as its framework reads it: one without MULTI_ROLE is not told its role.
    pub(crate) fn offer_to_wire(&self, offer: &Offer) -> Option<v1::Offer> {
        let agent = self.agents.get(&offer.agent)?;
        let capabilities = self.frameworks.capabilities(&offer.framework);
        let mut wire = offer_to_wire(offer, agent, capabilities);
        let known = self.agents.kept(&offer.agent).into_iter().flat_map(|kept| &kept.executors);
        let own = known.filter(|(framework, _)| *framework == offer.framework);
        wire.executor_ids = own.map(|(_, executor)| executor.into()).collect();
        Some(wire)
    }

    /// The open round came to nothing: the next one tells the plugin everything.
    fn lose_round(&mut self, now: Now) {
        self.ledger.abandon_round();
        self.something_changed(now);
    }

    /// Arms what the slot and the filters wait for, and takes down what the plugin did.
    pub(crate) fn watch_allocation(&mut self, now: Now, out: &mut Effects) {
        out.slots.extend(self.allocation.slot.take_orders());
        let incidents = self.allocation.slot.take_incidents();
        incidents.iter().for_each(|incident| self.allocation.chronicle.note(now.wall, incident));
        if incidents.iter().any(|incident| incident.what.is_lasting()) {
            self.allocation.slot.set_dirty();
        }
        out.observations.extend(incidents.into_iter().map(Observation::Plugin));
        self.keep_slot(out);
        match self.allocation.slot.wake_at() {
            Some(at) => self.deadlines.arm(Deadline::Slot, at),
            None => self.deadlines.disarm(&Deadline::Slot),
        }
        match self.ledger.next_expiry() {
            Some(at) => self.deadlines.arm(Deadline::Filters, at),
            None => self.deadlines.disarm(&Deadline::Filters),
        }
    }
}

/// The offer as a framework of these capabilities reads it.
pub(crate) fn offer_to_wire(
    offer: &Offer,
    agent: &mezzo_model::agent::Agent,
    capabilities: mezzo_model::framework::Capabilities,
) -> v1::Offer {
    let form = Form::for_framework(capabilities.0);
    let is_multi_role = capabilities.is_multi_role();
    let resources = match is_multi_role {
        true => offer.resources.allocated_to(offer.role.as_str()),
        false => offer.resources.without_allocation(),
    };
    let allocation_info = v1::resource::AllocationInfo { role: Some(offer.role.clone()) };
    v1::Offer {
        id: (&offer.id).into(),
        framework_id: (&offer.framework).into(),
        agent_id: (&offer.agent).into(),
        hostname: agent.info.hostname.clone(),
        url: Some(v1::Url {
            scheme: "http".to_owned(),
            address: v1::Address {
                hostname: Some(agent.info.hostname.clone()),
                ip: Some(agent.ip.to_string()),
                port: agent.port(),
            },
            path: Some("/slave(1)".to_owned()),
            ..Default::default()
        }),
        domain: agent.info.domain.clone(),
        resources: resources.to_wire_as(form),
        attributes: agent.info.attributes.clone(),
        allocation_info: is_multi_role.then_some(allocation_info),
        ..Default::default()
    }
}

/// Spreads neighbouring numbers over all numbers (splitmix64).
pub(crate) fn mix(number: u64) -> u64 {
    let mixed = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}
