//! A policy, and the instance that asks it.

use crate::{
    cluster::Cluster,
    facts::{Batch, Grants, Proposal},
};

/// Who is next for an agent.
///
/// A policy decides and counts nothing: what is held is in the [`Cluster`], with what was granted
/// earlier in the same round. It must follow from the batches alone: chance from the batch's `seed`
/// ([`Chance`](crate::Chance)), no clock, no hash map's order.
pub trait Policy: Default {
    /// Short name, such as `first-come`.
    const NAME: &'static str;
    /// The plugin's own version.
    const VERSION: &'static str;

    /// Takes the operator's settings, an object of JSON.
    ///
    /// # Errors
    ///
    /// Says to the operator what is wrong with them. Without a method of its own, a policy has none.
    fn configure(&mut self, settings: &str) -> Result<(), String> {
        let inner = settings.trim().strip_prefix('{').and_then(|rest| rest.strip_suffix('}'));
        if inner.is_some_and(|inner| inner.trim().is_empty()) {
            return Ok(());
        }
        Err(format!("the allocator `{}` has no settings: expected `{{}}`", Self::NAME))
    }

    /// A round begins; gives the agents to look at, in which order. `order` is what the host wishes.
    fn begin(&mut self, cluster: &Cluster, batch: &Batch, order: Vec<u32>) -> Vec<u32> {
        let _ = (cluster, batch);
        order
    }

    /// Puts the seekers that may have an agent into order, the best first. Whom it takes out is not
    /// granted the agent in this round.
    fn order(&mut self, cluster: &Cluster, agent: u32, seekers: &mut Vec<u32>);

    /// A seeker was granted an agent.
    fn granted(&mut self, cluster: &Cluster, agent: u32, seeker: u32) {
        let _ = (cluster, agent, seeker);
    }
}

/// A policy with the cluster it decides about.
#[derive(Debug, Default)]
pub struct Instance<P> {
    cluster: Cluster,
    /// The policy.
    pub policy: P,
}

impl<P: Policy> Instance<P> {
    /// Answers one batch.
    ///
    /// # Errors
    ///
    /// When the batch contradicts itself.
    pub fn step(&mut self, batch: &Batch) -> Result<Proposal, String> {
        self.cluster.apply(batch)?;
        let wished = self.cluster.to_consider(batch);
        let order = self.policy.begin(&self.cluster, batch, wished);
        let mut grants = Grants::default();
        for agent in order {
            self.grant(agent, &mut grants);
        }
        self.cluster.end_round();
        Ok(Proposal { round: batch.round, grants })
    }

    fn grant(&mut self, slot: u32, grants: &mut Grants) {
        let Some(agent) = self.cluster.agent(slot).filter(|agent| agent.has_something()) else { return };
        let has_extras = agent.has_extras();
        let mut seekers = self.cluster.eligible(slot);
        self.policy.order(&self.cluster, slot, &mut seekers);
        if !has_extras {
            seekers.truncate(1);
        }
        for (place, seeker) in seekers.into_iter().enumerate() {
            grants.agent.push(slot);
            grants.seeker.push(seeker);
            // Where not everybody may have everything, the next ones get what is left; the host knows.
            if place == 0 {
                self.cluster.charge(slot, seeker);
                self.policy.granted(&self.cluster, slot, seeker);
            }
        }
    }
}
