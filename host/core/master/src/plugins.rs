//! Who fills the allocator's slot: what operators want, what the registry holds, what happened.

use std::collections::{BTreeMap, VecDeque};

use mezzo_acl::Action;
use mezzo_model::{
    Now, Wall,
    calls::{Answer, Principal, Refusal, Status},
};
use mezzo_registry::{RegisteredSlot, SlotEvent, Write};
use mezzo_slots::{Choice, Digest, Happened, Identity, Incident, Record, Slot, SlotName, SwapRefused};

use crate::{Effects, Master, PluginsCommand, allocation::Allocation, writes::Pending};

/// Events that are shown and kept over a restart; the oldest go first.
const EVENTS_MAX: usize = 200;

/// Names of plugins that are remembered: more than can be chosen at one time.
const NAMES_MAX: usize = 64;

/// What happened in a slot, and what the registry is to know of it.
#[derive(Debug, Default)]
pub(crate) struct Chronicle {
    events: VecDeque<SlotEvent>,
    next_number: u64,
    names: BTreeMap<Digest, Identity>,
    /// What the flag for this slot names.
    configured: Option<Digest>,
    /// A write is under way; what changes meanwhile is written after it.
    is_writing: bool,
    /// The last write failed.
    is_behind: bool,
    /// A round is wanted although nothing changed.
    is_round_wanted: bool,
}

impl Chronicle {
    /// Goes on where the master before has ended.
    pub(crate) fn new(allocators: &[Digest], kept: Option<&RegisteredSlot>) -> Self {
        let events: VecDeque<SlotEvent> = kept.map(|kept| kept.history.clone().into()).unwrap_or_default();
        Self {
            next_number: events.back().map_or(1, |event| event.number + 1),
            events,
            configured: configured(allocators),
            ..Self::default()
        }
    }

    /// Takes an incident down, unless it is of those that happen all the time.
    pub(crate) fn note(&mut self, at: Wall, incident: &Incident) {
        if matches!(incident.what, Happened::Dropped { .. }) {
            return;
        }
        let Incident { plugin, generation, round, what, .. } = incident;
        self.tell(at, *plugin, (*generation, *round), what.kind(), what.to_string());
    }

    fn tell(&mut self, at: Wall, plugin: Digest, (generation, round): (u64, u64), kind: &str, text: String) {
        if self.events.len() == EVENTS_MAX {
            self.events.pop_front();
        }
        self.events.push_back(SlotEvent {
            number: self.next_number,
            at,
            plugin: plugin.0,
            name: self.name(&plugin).unwrap_or_default().to_owned(),
            generation,
            round,
            kind: kind.to_owned(),
            text,
        });
        self.next_number += 1;
    }

    /// Somebody rehearses, or a write is to be tried again.
    pub(crate) fn backstop(&mut self, slot: &mut Slot) {
        self.is_round_wanted = slot.is_rehearsing();
        if std::mem::take(&mut self.is_behind) {
            slot.set_dirty();
        }
    }

    /// Whether a round is to be made of nothing.
    pub(crate) fn take_round_wanted(&mut self) -> bool {
        std::mem::take(&mut self.is_round_wanted)
    }

    /// What happened, oldest first.
    pub(crate) fn events(&self) -> impl Iterator<Item = &SlotEvent> {
        self.events.iter()
    }

    /// Who a plugin says it is.
    pub(crate) fn identity(&self, plugin: &Digest) -> Option<&Identity> {
        self.names.get(plugin)
    }

    fn name(&self, plugin: &Digest) -> Option<&str> {
        self.identity(plugin).map(|identity| identity.name.as_str())
    }

    fn learn(&mut self, plugin: Digest, identity: Identity) {
        if self.names.len() == NAMES_MAX && !self.names.contains_key(&plugin) {
            self.names.pop_first();
        }
        self.names.insert(plugin, identity);
    }

    fn record(&self, record: Record) -> RegisteredSlot {
        let chosen = |choice: Choice| (choice.plugin.0, choice.settings.to_string());
        RegisteredSlot {
            chosen: record.chosen.into_iter().map(chosen).collect(),
            quarantined: record.quarantined.into_iter().map(|(digest, why)| (digest.0, why)).collect(),
            configured: self.configured.map(|digest| digest.0),
            history: self.events.iter().cloned().collect(),
        }
    }
}

/// What the flag names: whatever is there beside the embedded default.
fn configured(allocators: &[Digest]) -> Option<Digest> {
    (allocators.len() > 1).then(|| allocators.first().copied()).flatten()
}

/// Who is to serve at a start, and who is in quarantine.
///
/// What an operator chose while the master ran outlasts a restart, as long as the flag says the same
/// as it did then; another flag is a newer word.
pub(crate) fn candidates(
    now: Now,
    allocators: &[Digest],
    kept: Option<&RegisteredSlot>,
    chronicle: &mut Chronicle,
) -> (Vec<Choice>, Vec<(Digest, String)>) {
    let own = allocators.iter().copied().map(Choice::from);
    let Some(kept) = kept else { return (own.collect(), Vec::new()) };
    let flag = configured(allocators);
    if let Some(wanted) = flag.filter(|_| kept.configured.map(Digest) != flag) {
        let text = "is named by --allocator, and was not before: it outweighs what was chosen then";
        chronicle.tell(now.wall, wanted, (0, 0), "configured", text.to_owned());
        return (own.collect(), Vec::new());
    }
    let quarantined: Vec<_> =
        kept.quarantined.iter().map(|(digest, why)| (Digest(*digest), why.clone())).collect();
    let chosen = kept
        .chosen
        .iter()
        .map(|(digest, settings)| Choice { plugin: Digest(*digest), settings: settings.as_str().into() });
    let default = allocators.last().copied().map(Choice::from);
    (chosen.chain(default).collect(), quarantined)
}

impl Allocation {
    /// Remembers who an instance says it is.
    pub(crate) fn name(&mut self, generation: u64, identity: Identity) {
        let beside = self.slot.companion().filter(|companion| companion.generation == generation);
        let plugin = beside.map_or(self.slot.plugin(), |companion| companion.choice.plugin);
        self.chronicle.learn(plugin, identity);
    }
}

impl Master {
    /// Does what an operator wants of a slot, or says why not.
    pub(crate) fn change_plugins(
        &mut self,
        now: Now,
        principal: &Principal,
        slot: SlotName,
        command: PluginsCommand,
    ) -> Answer {
        let name = slot.to_string();
        if !self.acls.allows(principal, Action::ChangePlugin { slot: &name }) {
            let text = format!("Not authorized to change the plugin of the slot `{name}`");
            return Answer::Refused(Refusal::forbidden(text));
        }
        let allocation = &mut self.allocation;
        let outcome = match command {
            PluginsCommand::Swap { choice, identity, plan } => {
                allocation.chronicle.learn(choice.plugin, identity);
                allocation.slot.swap(now.mono, choice, plan)
            }
            PluginsCommand::RollBack => allocation.slot.roll_back(now.mono).map(|_| ()),
            PluginsCommand::Release { digest } => match in_quarantine(&allocation.slot, &digest) {
                Ok(plugin) => allocation.slot.release(plugin),
                Err(refusal) => return Answer::Refused(refusal),
            },
        };
        match outcome {
            Ok(()) => {
                self.something_changed(now);
                Answer::Accepted
            }
            Err(refused) => Answer::Refused(refusal(&refused)),
        }
    }

    /// Has the registry take down who is to fill the slot, one write at a time.
    pub(crate) fn keep_slot(&mut self, out: &mut Effects) {
        let Allocation { slot, chronicle, .. } = &mut self.allocation;
        if chronicle.is_writing || !slot.take_dirty() {
            return;
        }
        chronicle.is_writing = true;
        let candidate = slot.waits_for_record();
        let fact = chronicle.record(slot.record());
        let write = Write::slot(&SlotName::Allocator.to_string(), &fact);
        self.persist(out, write, Pending::Slot { candidate });
    }

    /// The registry holds it.
    pub(crate) fn slot_kept(&mut self, now: Now, candidate: Option<u64>) {
        self.allocation.chronicle.is_writing = false;
        if let Some(generation) = candidate {
            self.allocation.slot.kept(now.mono, generation);
        }
        self.something_changed(now);
    }

    /// The registry does not hold it.
    pub(crate) fn slot_not_kept(&mut self, out: &mut Effects, candidate: Option<u64>, why: &str) {
        out.warn(format!("the registry does not hold which plugin is to serve: {why}"));
        self.allocation.chronicle.is_writing = false;
        match candidate {
            Some(generation) => self.allocation.slot.not_kept(generation, why),
            None => self.allocation.chronicle.is_behind = true,
        }
    }
}

/// The one plugin in quarantine whose digest begins so.
fn in_quarantine(slot: &Slot, digits: &str) -> Result<Digest, Refusal> {
    if digits.len() < 6 {
        let text = format!("`{digits}` is not the beginning of a digest: give at least six of its digits");
        return Err(Refusal::bad_request(text));
    }
    let mut fitting =
        slot.quarantined().map(|(digest, _)| *digest).filter(|digest| digest.hex().starts_with(digits));
    match (fitting.next(), fitting.next()) {
        (Some(one), None) => Ok(one),
        (Some(_), Some(_)) => {
            Err(Refusal::bad_request(format!("`{digits}` is the beginning of several digests")))
        }
        (None, _) => Err(Refusal::not_found(format!("no plugin `{digits}` is in quarantine"))),
    }
}

fn refusal(refused: &SwapRefused) -> Refusal {
    Refusal { status: Status::Conflict, message: refused.to_string() }
}
