//! The moves between free, offered and allocated. Only a plugin's grant makes an offer.

use mezzo_model::{AgentId, FrameworkId};
use mezzo_resources::Resources;

use crate::{Ledger, ledger::Way, outcome::MoveError};

/// How something is held.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum As {
    Offered,
    Allocated,
}

impl Ledger {
    /// Offered resources are free again.
    ///
    /// # Errors
    ///
    /// Less than that is offered to the framework in the role.
    pub fn release_offered(
        &mut self,
        agent: &AgentId,
        framework: &FrameworkId,
        role: &str,
        resources: &Resources,
    ) -> Result<(), MoveError> {
        self.release(As::Offered, agent, framework, role, resources)
    }

    /// Allocated resources are free again, as far as they are allocated.
    ///
    /// # Errors
    ///
    /// Less than that is allocated to the framework in the role. What there is of it has been
    /// released all the same: an agent that reported one port for two tasks must not keep the rest of
    /// the second for ever.
    pub fn release_allocated(
        &mut self,
        agent: &AgentId,
        framework: &FrameworkId,
        role: &str,
        resources: &Resources,
    ) -> Result<(), MoveError> {
        let Err(error) = self.release(As::Allocated, agent, framework, role, resources) else {
            return Ok(());
        };
        if let MoveError::NotHeld { held, .. } = &error {
            let resources = resources.without_allocation();
            let there = resources.clone() - &(resources.clone() - held);
            if !there.is_empty() {
                self.release(As::Allocated, agent, framework, role, &there)?;
            }
        }
        Err(error)
    }

    /// Offered resources are allocated now.
    ///
    /// # Errors
    ///
    /// Less than that is offered to the framework in the role.
    pub fn use_offered(
        &mut self,
        agent: &AgentId,
        framework: &FrameworkId,
        role: &str,
        resources: &Resources,
    ) -> Result<(), MoveError> {
        let resources = resources.without_allocation();
        let (slot, seeker) = self.take(As::Offered, agent, framework, role, &resources)?;
        if let Some(agent) = self.agents.get_mut(slot) {
            agent.holding_mut(seeker).0.allocated += &resources;
        }
        Ok(())
    }

    /// Allocates what is in use already: tasks that an agent brings with it. They are accounted for even
    /// when the agent has less than that; nothing of it is offered then until they have ended. The
    /// framework need not be known yet.
    ///
    /// # Errors
    ///
    /// The agent is not in the account.
    pub fn allocate(
        &mut self,
        agent: &AgentId,
        framework: &FrameworkId,
        role: &str,
        resources: &Resources,
    ) -> Result<(), MoveError> {
        let slot = self.agents.find(agent).ok_or_else(|| MoveError::UnknownAgent(agent.clone()))?;
        let resources = resources.without_allocation();
        if resources.is_empty() {
            return Ok(());
        }
        self.learn(&resources);
        let seeker = match self.seekers.find(framework, role) {
            Some(seeker) => seeker,
            None => self.new_seeker(framework, role),
        };
        let Some(agent) = self.agents.get_mut(slot) else { return Ok(()) };
        let (holding, is_new) = agent.holding_mut(seeker);
        holding.allocated += &resources;
        agent.recount();
        if is_new {
            self.holding_began(seeker);
        }
        self.note(Way::Out, slot, seeker, &resources);
        self.restate(slot, false);
        Ok(())
    }

    fn release(
        &mut self,
        held: As,
        agent: &AgentId,
        framework: &FrameworkId,
        role: &str,
        resources: &Resources,
    ) -> Result<(), MoveError> {
        let resources = resources.without_allocation();
        let (slot, seeker) = self.take(held, agent, framework, role, &resources)?;
        let Some(agent) = self.agents.get_mut(slot) else { return Ok(()) };
        let at = agent.holdings.iter().position(|holding| holding.seeker == seeker && holding.is_empty());
        if let Some(at) = at {
            agent.holdings.swap_remove(at);
        }
        // A volume comes back as the agent has it, whatever path it was used at.
        let has_volume = || resources.iter().any(mezzo_resources::Resource::is_persistent_volume);
        if agent.is_overdrawn || agent.holdings.is_empty() || has_volume() {
            agent.recount();
        } else {
            agent.free += &resources;
            agent.filters.is_stale = true;
        }
        if at.is_some() {
            self.holding_ended(seeker);
        }
        self.note(Way::Back, slot, seeker, &resources);
        self.restate(slot, false);
        Ok(())
    }

    /// Takes `resources` out of what is held in that way; they are nowhere then.
    fn take(
        &mut self,
        held: As,
        id: &AgentId,
        framework: &FrameworkId,
        role: &str,
        resources: &Resources,
    ) -> Result<(u32, u32), MoveError> {
        let slot = self.agents.find(id).ok_or_else(|| MoveError::UnknownAgent(id.clone()))?;
        let seeker = self.seekers.find(framework, role);
        let agent = self.agents.get_mut(slot);
        let holding = seeker
            .zip(agent)
            .and_then(|(seeker, agent)| agent.holdings.iter_mut().find(|holding| holding.seeker == seeker));
        let not_held = |held: Resources| MoveError::NotHeld {
            agent: id.clone(),
            framework: framework.clone(),
            role: role.to_owned(),
            held,
            asked: resources.clone(),
        };
        let (Some(seeker), Some(holding)) = (seeker, holding) else {
            return Err(not_held(Resources::new()));
        };
        let place = match held {
            As::Offered => &mut holding.offered,
            As::Allocated => &mut holding.allocated,
        };
        *place = place.checked_sub(resources).ok_or_else(|| not_held(place.clone()))?;
        Ok((slot, seeker))
    }
}
