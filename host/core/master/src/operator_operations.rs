//! RESERVE_RESOURCES and its kin: operations that a person asks for.
//!
//! What nobody holds is used first; where that is not enough, open offers of the agent are rescinded
//! until it is.

use mezzo_model::{
    AgentId, LinkId, Now,
    calls::{Answer, Principal, Refusal},
};
use mezzo_proto::mesos::v1::offer::Operation;
use mezzo_resources::Conversion;

use crate::{
    Effects, Master,
    operations::{
        UNACKNOWLEDGED_MAX,
        validate::{self, Asked},
    },
    scheduler_calls::name_of,
};

impl Master {
    /// Does an operation on what is free of an agent. 202 says that it was checked and sent.
    pub(crate) fn operate_by_operator(
        &mut self,
        now: Now,
        out: &mut Effects,
        principal: &Principal,
        agent: &AgentId,
        operation: Operation,
    ) -> Answer {
        let (conversion, link) = match self.judge_operators(principal, agent, &operation) {
            Ok(judged) => judged,
            Err(refusal) => return Answer::Refused(refusal),
        };
        self.rescind_for(now, out, agent, &conversion);
        if let Err(error) = self.ledger.convert_free(agent, &conversion) {
            return Answer::Refused(Refusal::conflict(error.to_string()));
        }
        self.begin_operation(now, out, None, (agent, link), (operation, &conversion));
        self.something_changed(now);
        Answer::Accepted
    }

    fn judge_operators(
        &self,
        principal: &Principal,
        agent: &AgentId,
        operation: &Operation,
    ) -> Result<(Conversion, LinkId), Refusal> {
        let known = self.agents.get(agent);
        let known = known.ok_or_else(|| Refusal::bad_request("No agent found with specified ID"))?;
        let account = self.ledger.agent(agent).unwrap_or_default();
        let asked = Asked {
            framework: None,
            principal: principal.0.as_deref(),
            capabilities: &known.capabilities,
            total: &known.total,
            used: &account.allocated,
        };
        let kind = operation.r#type().as_str_name();
        let invalid = |why: String| {
            Refusal::bad_request(format!("Invalid {kind} operation on {}: {why}", name_of(known)))
        };
        validate::operation(operation, &asked).map_err(invalid)?;
        let conversion = Conversion::of(operation).map_err(|why| invalid(why.to_string()))?;
        let unused = known.total.clone() - &account.allocated;
        if !unused.contains(&conversion.consumed) {
            let why = format!("{unused} does not contain {}", conversion.consumed);
            return Err(Refusal::conflict(why));
        }
        if self.operations.count_of(agent) >= UNACKNOWLEDGED_MAX {
            return Err(Refusal::unavailable(format!(
                "Agent {agent} has {UNACKNOWLEDGED_MAX} operations that were not acknowledged, which is the most"
            )));
        }
        let link = known.state.link();
        let link = link.ok_or_else(|| Refusal::unavailable(format!("Agent {agent} is not connected")))?;
        Ok((conversion, link))
    }

    /// Rescinds open offers of the agent that hold something of what is needed, the oldest first,
    /// until all of it is free.
    fn rescind_for(&mut self, now: Now, out: &mut Effects, agent: &AgentId, conversion: &Conversion) {
        let offers = self.agents.kept(agent).map(|kept| kept.offers.clone()).unwrap_or_default();
        for number in offers {
            let missing = conversion.consumed.clone() - &self.ledger.free(agent);
            if missing.is_empty() {
                return;
            }
            let helps = |offered: &mezzo_resources::Resources| {
                missing.iter().any(|wanted| offered.iter().any(|there| there.is_same_but_for_value(wanted)))
            };
            if self.offers.get(&number).is_some_and(|offer| helps(&offer.resources.without_allocation())) {
                self.rescind_offer(now, out, number);
            }
        }
    }
}
