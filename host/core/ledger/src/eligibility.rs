//! Which seeker may be granted which agent now.

use mezzo_model::{AgentId, FrameworkId, Mono};
use mezzo_proto::mesos::v1::framework_info::capability::Type;
use mezzo_resources::{Quantities, Resources};

use crate::{
    Ledger,
    agents::Agent,
    ledger::is_worth,
    seekers::{Misfit, Seeker},
    slots::{ones, place},
};

/// Why a framework is not offered an agent in a role.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Ineligible {
    /// The agent is not in the account.
    #[error("the agent is not known")]
    UnknownAgent,
    /// The framework does not subscribe in the role.
    #[error("the framework does not subscribe in the role")]
    NotSubscribed,
    /// The framework has gone or lost its connection.
    #[error("the framework is not connected")]
    Inactive,
    /// The framework wants no offers for the role.
    #[error("the framework has suppressed offers for the role")]
    Suppressed,
    /// The agent is lost, drained or excluded.
    #[error("the agent is not to be offered")]
    AgentInactive,
    /// The agent has GPUs and the framework does not ask for such.
    #[error("the agent has GPUs, but the framework lacks GPU_RESOURCES")]
    Gpu,
    /// The agent is in another region and the framework does not know of regions.
    #[error("the agent is in another region, but the framework lacks REGION_AWARE")]
    Region,
    /// The framework may have several roles and the agent cannot take such.
    #[error("the framework is MULTI_ROLE capable, but the agent is not")]
    MultiRole,
    /// The role lies below another and the agent does not know of such.
    #[error("the role lies below another, but the agent is not HIERARCHICAL_ROLE capable")]
    HierarchicalRole,
    /// Everything the framework may have of it is in use.
    #[error("nothing of the agent is free for the framework")]
    NothingFree,
    /// The limit of the role's quota leaves too little of it for an offer.
    #[error("the limit of the role leaves too little of it")]
    OverLimit,
    /// What is free is not worth an offer.
    #[error("what is free is below the minimum")]
    BelowMinimum,
    /// The framework has refused as much or more.
    #[error("the framework has refused it")]
    Filtered {
        /// Until when.
        until: Mono,
    },
}

impl From<Misfit> for Ineligible {
    fn from(misfit: Misfit) -> Self {
        match misfit {
            Misfit::Gpu => Ineligible::Gpu,
            Misfit::Region => Ineligible::Region,
            Misfit::MultiRole => Ineligible::MultiRole,
            Misfit::HierarchicalRole => Ineligible::HierarchicalRole,
        }
    }
}

impl Ledger {
    /// What an offer of the agent to the framework in the role would hold now.
    ///
    /// # Errors
    ///
    /// Why there would be none.
    pub fn explain(
        &self,
        agent: &AgentId,
        framework: &FrameworkId,
        role: &str,
    ) -> Result<Resources, Ineligible> {
        let slot = self.agents.find(agent).ok_or(Ineligible::UnknownAgent)?;
        let slot_of_seeker = self.seekers.find(framework, role).ok_or(Ineligible::NotSubscribed)?;
        let offer = self.eligible(slot, slot_of_seeker)?;
        let seeker = self.seekers.get(slot_of_seeker).ok_or(Ineligible::NotSubscribed)?;
        let Some(left) = self.limited(seeker.role, &offer) else { return Ok(offer) };
        match is_worth(seeker.min_allocatable.as_ref().unwrap_or(&self.config.min_allocatable), &left) {
            true => Ok(left),
            false => Err(Ineligible::OverLimit),
        }
    }

    /// The same by slots. This is the rule that the masks are a faster form of.
    pub(crate) fn eligible(&self, slot: u32, seeker_slot: u32) -> Result<Resources, Ineligible> {
        let agent = self.agents.get(slot).ok_or(Ineligible::UnknownAgent)?;
        let seeker = self.seekers.get(seeker_slot).ok_or(Ineligible::NotSubscribed)?;
        if !seeker.is_subscribed {
            return Err(Ineligible::NotSubscribed);
        }
        if !self.seekers.framework(seeker.framework).is_some_and(|framework| framework.is_active) {
            return Err(Ineligible::Inactive);
        }
        if seeker.is_suppressed {
            return Err(Ineligible::Suppressed);
        }
        if !agent.is_active {
            return Err(Ineligible::AgentInactive);
        }
        if let Some(misfit) = seeker.misfit(agent.class) {
            return Err(misfit.into());
        }
        let offer = offerable(agent, seeker);
        self.acceptable(agent, seeker_slot, seeker, &offer)?;
        Ok(offer)
    }

    /// Whether `offer`, of resources that the seeker may have, is worth making and not refused.
    pub(crate) fn acceptable(
        &self,
        agent: &Agent,
        seeker_slot: u32,
        seeker: &Seeker,
        offer: &Resources,
    ) -> Result<(), Ineligible> {
        if offer.is_empty() {
            return Err(Ineligible::NothingFree);
        }
        if !is_worth(seeker.min_allocatable.as_ref().unwrap_or(&self.config.min_allocatable), offer) {
            return Err(Ineligible::BelowMinimum);
        }
        match agent.filters.refused_until(seeker_slot, offer) {
            Some(until) => Err(Ineligible::Filtered { until }),
            None => Ok(()),
        }
    }

    /// Writes the eligibility of every seeker on the agent: one bit each. The agent's filters must be
    /// fresh.
    pub(crate) fn write_mask(&self, slot: u32, mask: &mut [u64]) {
        mask.fill(0);
        let Some(agent) = self.agents.get(slot).filter(|agent| agent.is_active && !agent.free.is_empty())
        else {
            return;
        };
        if agent.is_plain {
            let usual = View::usual(agent);
            self.write_view(agent, &usual, |_| u64::MAX, mask);
            self.narrow_particular(agent, slot, mask);
        } else if agent.is_alike_within_roles {
            self.write_mask_by_role(agent, mask);
            self.narrow_particular(agent, slot, mask);
        } else {
            self.write_mask_by_views(agent, mask);
        }
    }

    /// Writes the bits of those seekers of `whom` that may be offered what is in `view`.
    fn write_view(&self, agent: &Agent, view: &View, whom: impl Fn(usize) -> u64, mask: &mut [u64]) {
        let base = self.seekers.base(agent.class);
        let usual = if view.is_worth_offering { u64::MAX } else { 0 };
        for (word, bits) in mask.iter_mut().enumerate() {
            let wanted = base.word(word) & (usual | self.seekers.particular.word(word));
            *bits = *bits & !whom(word) | wanted & whom(word);
        }
        for &group in &view.refusals {
            for (word, bits) in mask.iter_mut().enumerate() {
                *bits &= !(agent.filters.groups[group].seekers.word(word) & whom(word));
            }
        }
    }

    /// Takes out the seekers with minimums of their own for whom the rule says no.
    fn narrow_particular(&self, agent: &Agent, slot: u32, mask: &mut [u64]) {
        let base = self.seekers.base(agent.class);
        for seeker in self.seekers.particular.iter().filter(|seeker| base.has(*seeker)) {
            let (word, bit) = place(seeker);
            if word < mask.len() && self.eligible(slot, seeker).is_err() {
                mask[word] &= !bit;
            }
        }
    }

    /// The same for an agent with reservations: one view for all whom they do not concern, and one for
    /// each role that they do.
    fn write_mask_by_role(&self, agent: &Agent, mask: &mut [u64]) {
        let unreserved = agent.free.unreserved();
        let usual = View::of(unreserved, agent, &self.config.min_allocatable);
        self.write_view(agent, &usual, |_| u64::MAX, mask);
        for role in self.roles.slots_in_use() {
            let concerns = |reserved: &u32| self.roles.is_within(role, *reserved);
            if !agent.cold.reserved_roles.iter().any(concerns) {
                continue;
            }
            let (Some(name), Some(seekers)) = (self.roles.name(role), self.seekers.in_role(role)) else {
                continue;
            };
            let view = View::of(agent.free.allocatable_to(name), agent, &self.config.min_allocatable);
            self.write_view(agent, &view, |word| seekers.word(word), mask);
        }
    }

    /// The same for an agent of which capabilities decide too who may have what. Seekers in one role with the same
    /// capabilities may have the same, so there are only a few bags to look at.
    fn write_mask_by_views(&self, agent: &Agent, mask: &mut [u64]) {
        let mut views: Vec<((u32, u64), View)> = Vec::new();
        for slot in self.seekers.base(agent.class).iter() {
            let Some(seeker) = self.seekers.get(slot) else { continue };
            let key = (seeker.role, seeker.capabilities & RESOURCE_CAPABILITIES);
            let at = views.iter().position(|(known, _)| *known == key).unwrap_or_else(|| {
                views.push((key, View::of(offerable(agent, seeker), agent, &self.config.min_allocatable)));
                views.len() - 1
            });
            let view = &views[at].1;
            let is_worth_it = match &seeker.min_allocatable {
                Some(minimums) => is_worth(minimums, &view.offer),
                None => view.is_worth_offering,
            };
            let is_refused =
                || view.refusals.iter().any(|&group| agent.filters.groups[group].seekers.has(slot));
            let (word, bit) = place(slot);
            if is_worth_it && !is_refused() && word < mask.len() {
                mask[word] |= bit;
            }
        }
    }

    /// Whether there is a seeker that may be granted the agent; `mask` is room for its bits.
    pub(crate) fn is_wanted(&mut self, slot: u32, mask: &mut [u64]) -> bool {
        self.freshen(slot);
        self.write_mask(slot, mask);
        ones(mask).next().is_some()
    }

    /// Brings the agent's filters up to date with what is free of it.
    pub(crate) fn freshen(&mut self, slot: u32) {
        if let Some(agent) = self.agents.get_mut(slot) {
            agent.filters.refresh(&agent.free);
        }
    }
}

/// The capabilities that decide which resources a framework can take.
const RESOURCE_CAPABILITIES: u64 = 1 << Type::RevocableResources as u32
    | 1 << Type::SharedResources as u32
    | 1 << Type::ReservationRefinement as u32;

/// What several seekers alike may have of an agent.
struct View {
    offer: Resources,
    is_worth_offering: bool,
    /// The groups of filters that contain it.
    refusals: Vec<usize>,
}

impl View {
    fn of(offer: Resources, agent: &Agent, minimums: &[Quantities]) -> View {
        let is_worth_offering = is_worth(minimums, &offer);
        let groups = agent.filters.groups.iter().enumerate();
        let refusals = groups.filter(|(_, group)| group.refused.contains(&offer)).map(|(at, _)| at).collect();
        View { offer, is_worth_offering, refusals }
    }

    /// All of a plain agent, as it is kept with it.
    fn usual(agent: &Agent) -> View {
        let groups = agent.filters.groups.iter().enumerate();
        let refusals = groups.filter(|(_, group)| group.is_blocking).map(|(at, _)| at).collect();
        View { offer: agent.free.clone(), is_worth_offering: agent.is_worth_offering, refusals }
    }
}

/// Everything free on the agent that the seeker may have.
pub(crate) fn offerable(agent: &Agent, seeker: &Seeker) -> Resources {
    if agent.is_plain {
        return agent.free_in_order();
    }
    agent.free.filter(|resource| seeker.may_have(resource)).in_offer_order()
}
