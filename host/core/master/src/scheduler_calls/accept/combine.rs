//! Whether offers may be used together.

use std::collections::BTreeSet;

use mezzo_model::{FrameworkId, OfferId, offer::Offer};

use crate::Master;

impl Master {
    /// The named offers, if they can be combined; else why not, in Mesos's words. The first
    /// failure wins, in this order: named twice, not open, another framework's, several agents,
    /// several roles.
    pub(super) fn combine(&self, framework: &FrameworkId, ids: &[OfferId]) -> Result<Vec<Offer>, String> {
        if ids.is_empty() {
            return Err("No offers specified".to_owned());
        }
        let mut seen = BTreeSet::new();
        if let Some(twice) = ids.iter().find(|id| !seen.insert(*id)) {
            return Err(format!("Duplicate offer {twice} in offer list"));
        }
        let mut offers: Vec<Offer> = Vec::with_capacity(ids.len());
        for id in ids {
            offers.push(self.offer(id).ok_or_else(|| format!("Offer {id} is no longer valid"))?.clone());
        }
        if let Some(foreign) = offers.iter().find(|offer| offer.framework != *framework) {
            return Err(format!(
                "Offer {} has invalid framework {} while framework {framework} is expected",
                foreign.id, foreign.framework
            ));
        }
        let first = &offers[0];
        if let Some(other) = offers.iter().find(|offer| offer.agent != first.agent) {
            return Err(format!(
                "Aggregated offers must belong to one single agent. Offer {} uses agent {} and agent {}",
                other.id, other.agent, first.agent
            ));
        }
        if let Some(other) = offers.iter().find(|offer| offer.role != first.role) {
            return Err(format!(
                "Aggregated offers must be allocated to the same role. Offer {} is allocated to role '{}' \
                 while another is allocated to role '{}'",
                other.id, other.role, first.role
            ));
        }
        Ok(offers)
    }
}
