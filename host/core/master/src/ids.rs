//! Ids that this run of the master gives out: its own id and a counter.

use mezzo_model::{AgentId, FrameworkId, OfferId, Ticket};

/// The counters.
#[derive(Debug, Default)]
pub(crate) struct Ids {
    frameworks: u64,
    agents: u64,
    offers: u64,
    tickets: u64,
    pings: u64,
}

impl Ids {
    /// `<master>-0000`, `<master>-0001`, …
    pub(crate) fn framework(&mut self, master: &str) -> FrameworkId {
        FrameworkId::from(format!("{master}-{:04}", next(&mut self.frameworks)))
    }

    /// `<master>-S0`, `<master>-S1`, …
    pub(crate) fn agent(&mut self, master: &str) -> AgentId {
        AgentId::from(format!("{master}-S{}", next(&mut self.agents)))
    }

    /// `<master>-O0`, `<master>-O1`, … with the number.
    pub(crate) fn offer(&mut self, master: &str) -> (u64, OfferId) {
        let number = next(&mut self.offers);
        (number, OfferId::from(format!("{master}-O{number}")))
    }

    /// A ticket that was never used.
    pub(crate) fn ticket(&mut self) -> Ticket {
        Ticket(next(&mut self.tickets))
    }

    /// What a ping is told apart by.
    pub(crate) fn ping(&mut self) -> u64 {
        next(&mut self.pings)
    }
}

/// The number of an offer of this master, read off its id.
pub(crate) fn offer_number(master: &str, id: &OfferId) -> Option<u64> {
    let number = id.as_str().strip_prefix(master)?.strip_prefix("-O")?;
    let is_canonical = number == "0" || !number.starts_with(['0', '+']);
    number.parse().ok().filter(|_| is_canonical)
}

fn next(counter: &mut u64) -> u64 {
    let number = *counter;
    *counter += 1;
    number
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_have_mesoss_form() {
        let mut ids = Ids::default();
        assert_eq!(ids.framework("m").as_str(), "m-0000");
        assert_eq!(ids.framework("m").as_str(), "m-0001");
        assert_eq!(ids.agent("m").as_str(), "m-S0");
        assert_eq!(ids.offer("m").1.as_str(), "m-O0");
    }

    /// Two spellings of one number would be two ids of one offer.
    #[test]
    fn only_our_own_offers_have_a_number() {
        let number = |id: &str| offer_number("m", &OfferId::from(id));
        assert_eq!(number("m-O17"), Some(17));
        assert_eq!(number("m-O0"), Some(0));
        for strange in ["m-O017", "m-O+1", "m-O", "n-O1", "m-S1", "", "m-O1x"] {
            assert_eq!(number(strange), None, "{strange}");
        }
    }
}
