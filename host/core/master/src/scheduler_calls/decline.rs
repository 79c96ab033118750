//! DECLINE: offers given back, and for how long not to be made again.

use std::time::Duration;

use mezzo_model::{FrameworkId, Now, OfferId, offer::Offer};
use mezzo_proto::mesos::v1;
use mezzo_resources::Resources;

use crate::{Effects, Master};

/// How long a refusal holds when the scheduler says nothing.
const REFUSE_DEFAULT: Duration = Duration::from_secs(5);
/// The longest that a refusal can hold.
const REFUSE_MAX: Duration = Duration::from_secs(365 * 24 * 3600);

impl Master {
    pub(super) fn decline(
        &mut self,
        now: Now,
        out: &mut Effects,
        framework: &FrameworkId,
        offer_ids: &[OfferId],
        filters: Option<&v1::Filters>,
    ) {
        self.counters.add("master/messages_decline_offers");
        for id in offer_ids {
            let Some(number) =
                self.offer(id).filter(|offer| offer.framework == *framework).map(|offer| offer.number)
            else {
                out.info(format!("framework `{framework}` declines offer `{id}`, which it does not have"));
                continue;
            };
            if let Some(offer) = self.take_offer(number) {
                if let Some(kept) = self.frameworks.kept_mut(framework) {
                    kept.counts.offers_declined += 1;
                }
                self.changes += 1;
                self.give_back(now, &offer, &offer.resources, filters);
            }
        }
    }

    /// Gives back what is left of an offer, and remembers the refusal.
    pub(super) fn give_back(
        &mut self,
        now: Now,
        offer: &Offer,
        left: &Resources,
        filters: Option<&v1::Filters>,
    ) {
        if left.is_empty() {
            return;
        }
        // Free first: a filter is judged against what would be offered now.
        let freed = self.ledger.release_offered(&offer.agent, &offer.framework, &offer.role, left);
        self.booked(freed);
        let refused_for = refusal(filters);
        if !refused_for.is_zero() {
            let until = now.mono + refused_for;
            self.ledger.filter(&offer.framework, &offer.role, &offer.agent, left.clone(), until);
        }
        self.something_changed(now);
    }
}

/// How long the scheduler does not want to be offered the same again. What is no sensible
/// time counts as not said.
fn refusal(filters: Option<&v1::Filters>) -> Duration {
    let Some(seconds) = filters.and_then(|filters| filters.refuse_seconds) else { return REFUSE_DEFAULT };
    if seconds.is_nan() || seconds < 0.0 {
        return REFUSE_DEFAULT;
    }
    Duration::try_from_secs_f64(seconds).unwrap_or(REFUSE_MAX).min(REFUSE_MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_is_five_seconds_unless_it_is_said_otherwise() {
        let refuse = |seconds| refusal(Some(&v1::Filters { refuse_seconds: seconds }));
        assert_eq!(refusal(None), REFUSE_DEFAULT);
        assert_eq!(refuse(None), REFUSE_DEFAULT);
        assert_eq!(refuse(Some(-1.0)), REFUSE_DEFAULT);
        assert_eq!(refuse(Some(f64::NAN)), REFUSE_DEFAULT);
        assert_eq!(refuse(Some(0.0)), Duration::ZERO);
        assert_eq!(refuse(Some(0.25)), Duration::from_millis(250));
        assert_eq!(refuse(Some(f64::INFINITY)), REFUSE_MAX);
        assert_eq!(refuse(Some(1e300)), REFUSE_MAX);
    }
}
