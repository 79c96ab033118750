//! Operations on resources: an agent has something else afterwards, and as much of it.

use mezzo_model::{AgentId, FrameworkId};
use mezzo_resources::{Conversion, Resources};

use crate::{Ledger, agents::Holding, outcome::ConvertError};

impl Ledger {
    /// Converts what is offered to the framework in the role: the agent has `made` instead of
    /// `consumed`, and it is `made` that is offered now.
    ///
    /// # Errors
    ///
    /// `consumed` is not all offered to it.
    pub fn convert_offered(
        &mut self,
        agent: &AgentId,
        framework: &FrameworkId,
        role: &str,
        conversion: &Conversion,
    ) -> Result<(), ConvertError> {
        let slot = self.agents.find(agent).ok_or_else(|| ConvertError::UnknownAgent(agent.clone()))?;
        let seeker = self.seekers.find(framework, role);
        let holds = |holding: &Holding| Some(holding.seeker) == seeker;
        let known = self.agents.get(slot);
        let offered = known.and_then(|agent| agent.holdings.iter().find(|holding| holds(holding)));
        let offered = offered.map(|holding| holding.offered.clone()).unwrap_or_default();
        let after = apply(&offered, conversion)?;
        self.convert_total(slot, conversion)?;
        let known = self.agents.get_mut(slot);
        if let Some(holding) =
            known.and_then(|agent| agent.holdings.iter_mut().find(|holding| holds(holding)))
        {
            holding.offered = after;
        }
        self.recount(slot);
        Ok(())
    }

    /// Converts what nobody holds of the agent.
    ///
    /// # Errors
    ///
    /// `consumed` is not all free.
    pub fn convert_free(&mut self, agent: &AgentId, conversion: &Conversion) -> Result<(), ConvertError> {
        let slot = self.agents.find(agent).ok_or_else(|| ConvertError::UnknownAgent(agent.clone()))?;
        apply(&self.free(agent), conversion)?;
        self.convert_total(slot, conversion)?;
        self.recount(slot);
        Ok(())
    }

    /// The agent's total; filters on it stay, for nobody refused what did not exist.
    fn convert_total(&mut self, slot: u32, conversion: &Conversion) -> Result<(), ConvertError> {
        let total = self.agents.get(slot).map(|agent| agent.cold.total.clone()).unwrap_or_default();
        let total = apply(&total, conversion)?;
        self.replace_total(slot, total);
        Ok(())
    }

    fn recount(&mut self, slot: u32) {
        if let Some(agent) = self.agents.get_mut(slot) {
            agent.recount();
        }
        self.restate(slot, true);
    }
}

fn apply(there: &Resources, conversion: &Conversion) -> Result<Resources, ConvertError> {
    there
        .apply(&conversion.consumed, &conversion.made)
        .ok_or_else(|| ConvertError::NotThere { there: there.clone(), wanted: conversion.consumed.clone() })
}
