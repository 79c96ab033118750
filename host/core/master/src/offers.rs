//! Open offers, and the three ways in which the master itself ends one.

use mezzo_model::{AgentId, FrameworkId, Now, OfferId, offer::Offer, table::Table};

use crate::{Effects, Master, deadlines::Deadline, events, ids};

/// The offers that are open.
pub(crate) type Offers = Table<u64, Offer>;

impl Master {
    /// The open offer of this id.
    pub(crate) fn offer(&self, id: &OfferId) -> Option<&Offer> {
        self.offers.get(&ids::offer_number(&self.config.master_id, id)?)
    }

    /// Opens an offer for what the ledger has granted.
    pub(crate) fn open_offer(&mut self, now: Now, mut offer: Offer) -> Offer {
        (offer.number, offer.id) = self.ids.offer(&self.config.master_id);
        if let Some(kept) = self.frameworks.kept_mut(&offer.framework) {
            kept.offers.insert(offer.number);
        }
        if let Some(kept) = self.agents.kept_mut(&offer.agent) {
            kept.offers.insert(offer.number);
        }
        if let Some(timeout) = self.config.offer_timeout {
            self.deadlines.arm(Deadline::Offer(offer.number), now.mono + timeout);
        }
        self.offers.insert(offer.number, offer.clone());
        offer
    }

    /// Takes an offer out of every list. Its resources are still offered by the ledger's account:
    /// the caller says what becomes of them.
    pub(crate) fn take_offer(&mut self, number: u64) -> Option<Offer> {
        let offer = self.offers.remove(&number)?;
        self.deadlines.disarm(&Deadline::Offer(number));
        if let Some(kept) = self.frameworks.kept_mut(&offer.framework) {
            kept.offers.remove(&number);
        }
        if let Some(kept) = self.agents.kept_mut(&offer.agent) {
            kept.offers.remove(&number);
        }
        Some(offer)
    }

    /// Ends an offer without a word: its resources are free again, without a filter.
    pub(crate) fn discard_offer(&mut self, now: Now, number: u64) -> Option<Offer> {
        let offer = self.take_offer(number)?;
        self.changes += 1;
        let freed =
            self.ledger.release_offered(&offer.agent, &offer.framework, &offer.role, &offer.resources);
        self.booked(freed);
        self.something_changed(now);
        Some(offer)
    }

    /// Ends an offer and tells its framework.
    pub(crate) fn rescind_offer(&mut self, now: Now, out: &mut Effects, number: u64) {
        let Some(offer) = self.discard_offer(now, number) else { return };
        if let Some(stream) = self.frameworks.stream(&offer.framework) {
            out.event(stream, events::rescind(&offer.id));
        }
    }

    /// Rescinds every open offer of an agent.
    pub(crate) fn rescind_offers_of_agent(&mut self, now: Now, out: &mut Effects, agent: &AgentId) {
        let numbers = self.agents.kept(agent).map(|kept| kept.offers.clone()).unwrap_or_default();
        for number in numbers {
            self.rescind_offer(now, out, number);
        }
    }

    /// Discards every open offer of a framework that is not there to be told.
    pub(crate) fn discard_offers_of_framework(&mut self, now: Now, framework: &FrameworkId) {
        let numbers = self.frameworks.kept(framework).map(|kept| kept.offers.clone()).unwrap_or_default();
        for number in numbers {
            self.discard_offer(now, number);
        }
    }
}
