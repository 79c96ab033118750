//! Operations on resources inside an ACCEPT: done to what is left of the offers at once, so that the
//! next operation can use the result.

use mezzo_model::{LinkId, Now, agent::Agent};
use mezzo_proto::mesos::v1::{
    self,
    agent_info::capability,
    offer::{Operation, operation::Type},
    resource::AllocationInfo,
};
use mezzo_resources::{Conversion, Resources};

use super::Used;
use crate::{
    Effects, Master, events,
    operations::{
        UNACKNOWLEDGED_MAX,
        validate::{self, Asked},
    },
};

impl Master {
    /// Does one operation to what is left of the offers, or says why not.
    pub(super) fn convert(&mut self, now: Now, out: &mut Effects, used: &mut Used, mut operation: Operation) {
        allocate_to(&mut operation, &used.role);
        match self.judge_operation(used, &operation) {
            Ok((conversion, left, link)) => {
                let converted =
                    self.ledger.convert_offered(&used.agent, &used.framework, &used.role, &conversion);
                if converted.is_err() {
                    return self.booked(converted);
                }
                used.take(operation.r#type(), &conversion, left);
                let agent = (&used.agent, link);
                self.begin_operation(now, out, Some(&used.framework), agent, (operation, &conversion));
            }
            Err(why) => self.refuse_operation(out, used, &operation, why),
        }
    }

    /// What the operation trades, and what is left of the offers then.
    fn judge_operation(
        &self,
        used: &Used,
        operation: &Operation,
    ) -> Result<(Conversion, Resources, LinkId), String> {
        let (Some(agent), Some(framework)) =
            (self.agents.get(&used.agent), self.frameworks.get(&used.framework))
        else {
            return Err("Agent removed".to_owned());
        };
        let can_tell = agent.capabilities.contains(&(capability::Type::AgentOperationFeedback as i32));
        if operation.id.is_some() && !can_tell {
            return Err(format!(
                "Operation requested feedback, but agent {} does not have the required AGENT_OPERATION_FEEDBACK \
                 capability",
                agent.id
            ));
        }
        one_role(operation, &used.role)?;
        let info = &framework.info;
        let held = self.ledger.agent(&used.agent).unwrap_or_default().allocated;
        let asked = Asked {
            framework: Some((info, &used.role)),
            principal: info.principal.as_deref().filter(|name| !name.is_empty()),
            capabilities: &agent.capabilities,
            total: &agent.total,
            used: &held,
        };
        validate::operation(operation, &asked).map_err(|why| format!("{why}; on {}", name_of(agent)))?;
        let conversion = Conversion::of(operation).map_err(|why| why.to_string())?;
        let left = used.left.apply(&conversion.consumed, &conversion.made).ok_or_else(|| {
            let marked = |resources: &Resources| resources.allocated_to(used.role.as_str());
            format!("{} does not contain {}", marked(&used.left), marked(&conversion.consumed))
        })?;
        if self.operations.count_of(&agent.id) >= UNACKNOWLEDGED_MAX {
            return Err(format!(
                "Agent {} has {UNACKNOWLEDGED_MAX} operations that were not acknowledged, which is the most",
                agent.id
            ));
        }
        let link = agent.state.link().ok_or("Agent disconnected")?;
        Ok((conversion, left, link))
    }

    /// Refuses an operation. One without an id gets no answer, so the log has it.
    pub(super) fn refuse_operation(
        &mut self,
        out: &mut Effects,
        used: &Used,
        operation: &Operation,
        why: String,
    ) {
        self.counters.add("master/operations/error");
        let kind = operation.r#type().as_str_name();
        out.warn(format!("framework `{}`: {kind} is refused: {why}", used.framework));
        if let (Some(id), Some(stream)) = (&operation.id, self.frameworks.stream(&used.framework)) {
            out.event(stream, events::operation_error(id, why));
        }
    }
}

impl Used {
    /// Notes what an operation has made of the offers. A volume that has got another size may not be
    /// used again in the same call.
    fn take(&mut self, kind: Type, conversion: &Conversion, left: Resources) {
        let Conversion { consumed, made } = conversion;
        self.converted -= consumed;
        if matches!(kind, Type::GrowVolume | Type::ShrinkVolume) {
            self.resized += made;
            self.left -= consumed;
        } else {
            self.converted += made;
            self.left = left;
        }
    }
}

/// The agent as refusals name it.
pub(crate) fn name_of(agent: &Agent) -> String {
    format!("agent {} at {} ({})", agent.id, agent.pid(), agent.info.hostname)
}

/// Marks resources that name no role: what the master does for schedulers that have only one.
fn allocate_to(operation: &mut Operation, role: &str) {
    for resource in resources_of(operation) {
        resource.allocation_info.get_or_insert_with(|| AllocationInfo { role: Some(role.to_owned()) });
    }
}

fn one_role(operation: &Operation, expected: &str) -> Result<(), String> {
    let mut operation = operation.clone();
    let resources = resources_of(&mut operation);
    let mut roles: Vec<&str> = resources
        .iter()
        .map(|resource| resource.allocation_info.as_ref().map_or("", |info| info.role()))
        .collect();
    roles.sort_unstable();
    roles.dedup();
    match roles[..] {
        [one, other, ..] => Err(format!(
            "The resources have multiple allocation roles ('{one}' and '{other}') but only one allocation role is \
             allowed"
        )),
        [only] if only != expected => {
            Err(format!("The resources are allocated to role '{only}', but the offers to role '{expected}'"))
        }
        _ => Ok(()),
    }
}

/// Every resource that the operation names.
fn resources_of(operation: &mut Operation) -> Vec<&mut v1::Resource> {
    let mut all = Vec::new();
    if let Some(part) = &mut operation.reserve {
        all.extend(part.resources.iter_mut().chain(&mut part.source));
    }
    all.extend(operation.unreserve.iter_mut().flat_map(|part| &mut part.resources));
    all.extend(operation.create.iter_mut().flat_map(|part| &mut part.volumes));
    all.extend(operation.destroy.iter_mut().flat_map(|part| &mut part.volumes));
    if let Some(part) = &mut operation.grow_volume {
        all.extend([&mut part.volume, &mut part.addition]);
    }
    all.extend(operation.shrink_volume.iter_mut().map(|part| &mut part.volume));
    all
}
