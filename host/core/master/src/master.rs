//! The struct, and which file each input goes to.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::Arc,
    time::Duration,
};

use mezzo_acl::Acls;
use mezzo_ledger::{Ledger, LedgerConfig};
use mezzo_model::{LinkId, Now, Ticket};
use mezzo_registry::Recovered;
use mezzo_slots::Digest;

use crate::{
    Effects, Input, MasterConfig, Observation,
    agents::Agents,
    allocation::Allocation,
    deadlines::{Deadline, Deadlines},
    executors::Executors,
    frameworks::Frameworks,
    ids::Ids,
    jobs::Job,
    links::Link,
    metrics::Counters,
    offers::Offers,
    operations::Operations,
    role_settings::RoleSettings,
    tasks::Tasks,
    watchers::Watchers,
    writes::Pending,
};

/// A master, between two inputs.
#[derive(Debug)]
pub struct Master {
    pub(crate) config: Arc<MasterConfig>,
    pub(crate) acls: Acls,
    pub(crate) ids: Ids,
    pub(crate) ledger: Ledger,
    pub(crate) frameworks: Frameworks,
    pub(crate) agents: Agents,
    pub(crate) tasks: Tasks,
    pub(crate) executors: Executors,
    pub(crate) offers: Offers,
    pub(crate) role_settings: RoleSettings,
    pub(crate) operations: Operations,
    pub(crate) links: BTreeMap<LinkId, Link>,
    pub(crate) watchers: Watchers,
    /// What becomes true when the registry has been written.
    pub(crate) pending: BTreeMap<Ticket, Pending>,
    pub(crate) deadlines: Deadlines,
    /// Work that was too long for one turn.
    pub(crate) jobs: VecDeque<Job>,
    pub(crate) allocation: Allocation,
    pub(crate) counters: Counters,
    /// Elementary changes made in this turn.
    pub(crate) changes: usize,
    /// Broken promises between the master and its ledger, for the log.
    pub(crate) troubles: Vec<String>,
}

impl Master {
    /// A master that starts now with what the registry holds. The first of `allocators` is
    /// wanted; each of the others stands in for those before it. Carry out the effects first.
    pub fn new(
        config: MasterConfig,
        recovered: Recovered,
        allocators: &[Digest],
        now: Now,
    ) -> (Self, Effects) {
        let mut out = Effects::default();
        let slot = recovered.slots.get(&mezzo_slots::SlotName::Allocator.to_string());
        let allocation = Allocation::new(now, allocators, slot);
        let mut master = Self {
            acls: Acls::default(),
            ids: Ids::default(),
            ledger: Ledger::new(LedgerConfig::default()),
            frameworks: Frameworks::new(config.max_completed_frameworks),
            agents: Agents::default(),
            tasks: Tasks::default(),
            executors: Executors::default(),
            offers: Offers::new(),
            role_settings: RoleSettings::default(),
            operations: Operations::default(),
            links: BTreeMap::new(),
            watchers: Watchers::default(),
            pending: BTreeMap::new(),
            deadlines: Deadlines::default(),
            jobs: VecDeque::new(),
            allocation,
            counters: Counters::default(),
            changes: 0,
            troubles: Vec::new(),
            config: Arc::new(config),
        };
        master.recover(now, recovered);
        master.deadlines.arm(Deadline::Backstop, now.mono + master.config.allocation_interval);
        master.deadlines.arm(Deadline::Forget, now.mono + master.config.registry_gc_interval);
        master.close_turn(now, &mut out);
        (master, out)
    }

    /// The same master with these rules for who may do what.
    #[must_use]
    pub fn with_acls(mut self, acls: Acls) -> Self {
        self.acls = acls;
        self
    }

    /// Takes one input and says what is wanted of the outside.
    pub fn handle(&mut self, now: Now, input: Input) -> Effects {
        let mut out = Effects::default();
        self.changes = 0;
        self.take(now, &mut out, input);
        self.fire_due(now, &mut out);
        self.go_on(now, &mut out);
        self.close_turn(now, &mut out);
        out
    }

    /// The account of resources, for those who check that it adds up.
    pub fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    fn take(&mut self, now: Now, out: &mut Effects, input: Input) {
        match input {
            Input::LinkOpened { link, principal } => self.link_opened(now, link, principal),
            Input::LinkMessage { link, body } => self.agent_message(now, out, link, body),
            Input::LinkClosed { link } => self.link_closed(now, out, link),
            Input::PluginAnswered(answer) => self.plugin_answered(now, out, answer),
            Input::PluginLoaded { slot, generation, outcome } => {
                self.plugin_loaded(now, slot, generation, outcome);
            }
            Input::Plugins { request, principal, slot, command } => {
                let answer = self.change_plugins(now, &principal, slot, command);
                out.answer(request, answer);
            }
            Input::Persisted(ticket) => self.persisted(now, out, ticket),
            Input::NotPersisted { ticket, why } => self.not_persisted(now, out, ticket, &why),
            Input::StreamClosed { stream } => self.stream_closed(now, out, stream),
            Input::Wake => {}
            Input::Call(request) => self.scheduler_call(now, out, request),
            Input::Roles(request) => self.roles_call(now, out, request),
            Input::Watch { request, principal, streams } => {
                self.watch(now, out, request, &principal, streams);
            }
            Input::Read { request, principal, read } => self.read(now, out, request, &principal, read),
        }
    }

    /// Does what is due, as far as this turn allows.
    fn fire_due(&mut self, now: Now, out: &mut Effects) {
        // Deadlines are so close together that the first says how long the process stood still.
        let late = self.deadlines.next().map_or(Duration::ZERO, |first| now.mono.since(first));
        let stood_still = late >= self.config.agent_ping_timeout;
        while self.has_room() {
            let Some((at, deadline)) = self.deadlines.pop_due(now.mono) else { return };
            self.changes += 1;
            if stood_still && at < now.mono && deadline.judges() {
                self.postpone(now, late, deadline);
                continue;
            }
            match deadline {
                Deadline::Heartbeat(framework) => self.heartbeat(now, out, framework),
                Deadline::Watchers => self.watchers_due(now, out),
                Deadline::Failover(framework) => self.failover_timed_out(now, out, &framework),
                Deadline::Offer(number) => self.rescind_offer(now, out, number),
                Deadline::Agent(agent) => self.agent_due(now, out, agent),
                Deadline::Link(link) => self.link_timed_out(now, out, link),
                Deadline::Round => self.round_due(now, out),
                Deadline::Backstop => self.backstop_due(now),
                Deadline::Filters => self.filters_due(now),
                Deadline::Slot => self.slot_due(now, out),
                Deadline::Forget => self.forget_due(now, out),
            }
        }
    }

    /// The process stood still: what others said meanwhile is still in the inbox, and nobody was
    /// asked for a sign of life. That time does not count against them.
    fn postpone(&mut self, now: Now, late: Duration, deadline: Deadline) {
        let kept = match &deadline {
            Deadline::Agent(agent) => self.agents.kept_mut(agent),
            _ => None,
        };
        let until = match kept {
            // Pinged, or given up, at once.
            Some(kept) => {
                kept.heard_at = now.mono.min(kept.heard_at + late);
                now.mono
            }
            None => now.mono + late.min(self.patience()),
        };
        self.deadlines.arm(deadline, until);
    }

    /// Whether this turn may still change something.
    pub(crate) fn has_room(&self) -> bool {
        self.changes < self.config.changes_per_turn
    }

    fn close_turn(&mut self, now: Now, out: &mut Effects) {
        self.watch_allocation(now, out);
        self.count_events(out);
        for trouble in self.troubles.drain(..) {
            out.observations.push(Observation::Warning(trouble));
        }
        out.wake_at = self.deadlines.next();
        out.again = !self.jobs.is_empty() || out.wake_at.is_some_and(|at| at <= now.mono);
    }

    /// Notes a move that the ledger refused: the two accounts have come apart, which is a bug.
    pub(crate) fn booked<E: std::fmt::Display>(&mut self, result: Result<(), E>) {
        if let Err(error) = result {
            debug_assert!(false, "the ledger refused a move: {error}");
            self.troubles.push(format!("the ledger refused a move: {error}"));
        }
    }
}
