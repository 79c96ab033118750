//! The check of every grant against the account of now.

use mezzo_model::Now;
use mezzo_resources::{Amount, Resources, Value};
use mezzo_slots::Proposal;

use crate::{
    Ledger,
    columns::Kinds,
    eligibility::{Ineligible, offerable},
    ledger::Way,
    outcome::{Applied, DropReason, Dropped, Fault, Granted},
    rounds::InFlight,
};

/// One row of a proposal that is not a fault.
#[derive(Clone, Copy)]
struct Row<'a> {
    agent: u32,
    seeker: u32,
    /// At most so much; no bound when absent.
    cap: Option<&'a [i64]>,
}

impl Ledger {
    /// Turns what holds of a proposal into offers, row by row; ends the round.
    ///
    /// A proposal of another round, of no shape or of too many rows is one fault, and nothing of it is
    /// applied; a faulty row spoils only itself.
    pub fn apply(&mut self, now: Now, proposal: &Proposal) -> Applied {
        let mut applied = Applied::default();
        let in_flight = match self.check_shape(proposal) {
            Ok(in_flight) => in_flight,
            Err(fault) => {
                let is_answer = !matches!(fault, Fault::WrongRound { .. });
                if is_answer {
                    self.rounds.in_flight = None;
                    self.rounds.reconsider_everything();
                }
                applied.faults.push(fault);
                return applied;
            }
        };
        self.expire_filters(now.mono);
        self.rounds.in_flight = None;
        self.rounds.needs_resync |= proposal.wants_resync;
        let grants = &proposal.grants;
        applied.granted.reserve(grants.agent.len());
        for (row, (&agent, &seeker)) in grants.agent.iter().zip(&grants.seeker).enumerate() {
            let cap =
                (!grants.cap.is_empty()).then(|| &grants.cap[row * in_flight.kinds..][..in_flight.kinds]);
            match self.row_fault(row, agent, seeker, cap) {
                Some(fault) => applied.faults.push(fault),
                None => match self.grant(Row { agent, seeker, cap }) {
                    Ok(granted) => applied.granted.push(granted),
                    Err(why) => applied.dropped.push(self.dropped(row, agent, seeker, why)),
                },
            }
        }
        self.settle_slots(proposal.round);
        applied
    }

    /// What [`apply`](Self::apply) would find wrong with a proposal that is not to be applied, as long
    /// as no later batch was made than that of its round; nothing is said of older ones.
    pub fn faults_of(&self, proposal: &Proposal) -> Vec<Fault> {
        if self.rounds.round != proposal.round {
            return Vec::new();
        }
        let grants = &proposal.grants;
        let kinds = if grants.cap.is_empty() { 0 } else { grants.cap.len() / grants.agent.len().max(1) };
        let rows = grants.agent.iter().zip(&grants.seeker).enumerate();
        rows.filter_map(|(row, (&agent, &seeker))| {
            let cap = (kinds > 0).then(|| grants.cap.get(row * kinds..(row + 1) * kinds)).flatten();
            self.row_fault(row, agent, seeker, cap)
        })
        .collect()
    }

    fn check_shape(&self, proposal: &Proposal) -> Result<InFlight, Fault> {
        let asked = self.rounds.in_flight;
        let Some(in_flight) = asked.filter(|asked| asked.round == proposal.round) else {
            let asked = asked.map(|asked| asked.round);
            return Err(Fault::WrongRound { proposed: proposal.round, asked });
        };
        let grants = &proposal.grants;
        let (agents, seekers, caps) = (grants.agent.len(), grants.seeker.len(), grants.cap.len());
        let kinds = in_flight.kinds;
        if agents != seekers || (caps != 0 && Some(caps) != agents.checked_mul(kinds)) {
            return Err(Fault::Misshapen { agents, seekers, caps, kinds });
        }
        let known = self.rounds.known.len();
        let rows_max = self.config.grants_min.max(self.config.grants_per_agent_max.saturating_mul(known));
        if agents > rows_max {
            return Err(Fault::TooManyRows { rows: agents, rows_max });
        }
        Ok(in_flight)
    }

    /// What makes a row one that no correct plugin sends, by what the plugin was told.
    fn row_fault(&self, row: usize, agent: u32, seeker: u32, cap: Option<&[i64]>) -> Option<Fault> {
        if !self.rounds.was_told_eligible(agent, seeker) || !self.rounds.known.has(agent) {
            return Some(if !self.rounds.known.has(agent) {
                Fault::UnknownAgent { row, agent }
            } else if !self.rounds.told_live.has(seeker) {
                Fault::UnknownSeeker { row, seeker }
            } else {
                Fault::NotEligible { row, agent, seeker }
            });
        }
        let is_negative = cap.is_some_and(|cap| cap.iter().any(|&amount| amount < 0));
        is_negative.then_some(Fault::NegativeCap { row })
    }

    fn grant(&mut self, row: Row<'_>) -> Result<Granted, DropReason> {
        let agent =
            self.agents.get(row.agent).filter(|agent| agent.is_active).ok_or(DropReason::AgentGone)?;
        let seeker = self.seekers.get(row.seeker).ok_or(DropReason::SeekerGone)?;
        if !self.seekers.base(agent.class).has(row.seeker) {
            return Err(self.drop_for_another(row.agent, DropReason::SeekerGone));
        }
        // As long as nothing happened to a plain agent since its mask was made, the bit in it, which
        // has been looked at, says all.
        let mut is_settled = agent.is_plain && !self.rounds.is_dirty(row.agent) && row.cap.is_none();
        let mut offer = offerable(agent, seeker);
        if let Some(cap) = row.cap {
            offer = clipped(&offer, &self.kinds, cap);
        }
        if let Some(left) = self.limited(seeker.role, &offer) {
            if left.is_empty() && !offer.is_empty() {
                return Err(DropReason::OverLimit);
            }
            is_settled = false;
            offer = left;
        }
        if !is_settled {
            match self.acceptable(agent, row.seeker, seeker, &offer) {
                Ok(()) => {}
                Err(Ineligible::NothingFree) => return Err(DropReason::NothingLeft),
                Err(Ineligible::Filtered { .. }) => {
                    return Err(self.drop_for_another(row.agent, DropReason::Filtered));
                }
                Err(_) => return Err(DropReason::BelowMinimum),
            }
        }
        let granted = Granted {
            agent: agent.id.clone(),
            framework: seeker.framework_id.clone(),
            role: std::sync::Arc::clone(&seeker.role_name),
            resources: offer,
        };
        self.hand_out(row, &granted.resources);
        Ok(granted)
    }

    /// Somebody else may want what this row did not get.
    fn drop_for_another(&mut self, agent: u32, why: DropReason) -> DropReason {
        self.rounds.touch_candidate(agent);
        why
    }

    fn hand_out(&mut self, row: Row<'_>, offer: &Resources) {
        let Some(agent) = self.agents.get_mut(row.agent) else { return };
        let (takes_all, is_plain) = (agent.free.is_same_copy(offer), agent.is_plain);
        agent.free -= offer;
        let (holding, is_new) = agent.holding_mut(row.seeker);
        holding.offered += offer;
        if is_new {
            self.holding_began(row.seeker);
        }
        if takes_all && is_plain {
            self.note_all_out(row.agent, row.seeker);
        } else {
            self.note(Way::Out, row.agent, row.seeker, offer);
        }
        self.recompute(row.agent, false);
    }

    fn dropped(&self, row: usize, agent: u32, seeker: u32, why: DropReason) -> Dropped {
        let agent = self.agents.get(agent).map(|agent| agent.id.clone());
        let framework = self.seekers.get(seeker).map(|seeker| seeker.framework_id.clone());
        Dropped { row, agent, framework, why }
    }

    fn settle_slots(&mut self, round: u64) {
        self.agents.slots.settle(round);
        self.seekers.slots.settle(round);
        self.seekers.framework_slots.settle(round);
        self.roles.settle(round);
    }
}

/// What the cap leaves of an offer: unreserved scalars that can be divided are cut, everything else
/// goes whole. Kinds that the plugin had not heard of are not given at all.
fn clipped(offer: &Resources, kinds: &Kinds, cap: &[i64]) -> Resources {
    let mut left = cap.to_vec();
    let cut = offer.iter().map(|resource| {
        let mut resource = resource.clone();
        let is_whole =
            resource.is_indivisible() || !resource.reservations().is_empty() || resource.is_shared();
        if let (Value::Scalar(amount), false) = (&mut resource.value, is_whole) {
            let place = kinds.place(&resource.name).and_then(|kind| left.get_mut(kind));
            let bound = place.map_or(Amount::ZERO, |left| {
                let given = amount.milli().min(*left);
                *left -= given;
                Amount::from_milli(given)
            });
            *amount = bound;
        }
        resource
    });
    cut.collect()
}
