//! ACCEPT: offers of one agent, combined, and what is done with them in order.
//!
//! The call is judged as a whole first: are these offers, and may they be combined? Then
//! each operation takes its resources out of the remainder. A failed one is dropped alone;
//! what is left at the end goes back with the call's filter.

mod combine;
mod convert;
mod launch;

pub(crate) use convert::name_of;

use mezzo_model::{AgentId, FrameworkId, Now, OfferId, TaskId, offer::Offer, task::TaskState};
use mezzo_proto::mesos::v1::{
    self,
    offer::{Operation, operation::Type},
    task_status::Reason,
};
use mezzo_resources::Resources;

use crate::{Effects, Master, Observation, events};

/// Offers of one agent to one role that are being used, and what is left of them.
#[derive(Debug)]
pub(super) struct Used {
    pub(super) framework: FrameworkId,
    pub(super) agent: AgentId,
    pub(super) role: String,
    /// Not marked with whom it is allocated to.
    pub(super) left: Resources,
    /// What operations of this call have made, and nothing has used since; part of `left`.
    converted: Resources,
    /// Volumes that have got another size in this call, and what was cut off them.
    resized: Resources,
}

impl Master {
    pub(super) fn accept(
        &mut self,
        now: Now,
        out: &mut Effects,
        framework: &FrameworkId,
        offer_ids: &[OfferId],
        operations: Vec<Operation>,
        filters: Option<&v1::Filters>,
    ) {
        self.counters.add("master/messages_launch_tasks");
        let offers = match self.combine(framework, offer_ids) {
            Ok(offers) => offers,
            Err(why) => return self.refuse_accept(now, out, framework, offer_ids, operations, &why),
        };
        let mut used: Option<Used> = None;
        for offer in offers {
            self.take_offer(offer.number);
            if let Some(kept) = self.frameworks.kept_mut(framework) {
                kept.counts.offers_accepted += 1;
            }
            self.changes += 1;
            let Offer { framework, agent, role, resources, .. } = offer;
            let used = used.get_or_insert_with(|| Used::new(framework, agent, role));
            used.left += &resources;
        }
        let Some(mut used) = used else { return };
        used.left = used.left.in_offer_order();
        for operation in operations {
            self.operate(now, out, &mut used, operation);
        }
        // What operations have made goes back without a filter, so that it is offered at once.
        let untouched = used.left.clone() - &used.converted;
        let fresh = used.left - &untouched;
        let rest = Offer {
            number: 0,
            id: "".into(),
            framework: used.framework,
            agent: used.agent,
            role: used.role,
            resources: untouched,
            opened_at: now.mono,
        };
        self.give_back(
            now,
            &rest,
            &(fresh + &used.resized),
            Some(&v1::Filters { refuse_seconds: Some(0.0) }),
        );
        self.give_back(now, &rest, &rest.resources, filters);
    }

    fn operate(&mut self, now: Now, out: &mut Effects, used: &mut Used, operation: Operation) {
        self.count_operation(&used.framework, operation.r#type());
        match operation.r#type() {
            Type::Launch if operation.id.is_some() => {
                let why = "The `id` field cannot be set on LAUNCH operations";
                self.refuse_tasks(now, out, used, tasks_of(&operation), Reason::TaskInvalid, why);
            }
            Type::Launch => {
                for task in operation.launch.map(|launch| launch.task_infos).unwrap_or_default() {
                    self.changes += 1;
                    self.launch(now, out, used, task);
                }
            }
            Type::LaunchGroup => {
                let why = "Task groups (LAUNCH_GROUP) are not supported by this release: launch the tasks one by one";
                self.refuse_tasks(now, out, used, tasks_of(&operation), Reason::TaskGroupInvalid, why);
            }
            Type::Reserve
            | Type::Unreserve
            | Type::Create
            | Type::Destroy
            | Type::GrowVolume
            | Type::ShrinkVolume
            | Type::CreateDisk
            | Type::DestroyDisk => self.convert(now, out, used, operation),
            Type::Unknown => {
                let why = "The operation UNKNOWN is not supported by this release".to_owned();
                self.refuse_operation(out, used, &operation, why);
            }
        }
    }

    /// Refuses the tasks of one operation.
    fn refuse_tasks(
        &mut self,
        now: Now,
        out: &mut Effects,
        used: &Used,
        tasks: Vec<v1::TaskInfo>,
        reason: Reason,
        why: &str,
    ) {
        for task in tasks {
            self.changes += 1;
            self.refuse_task(now, out, &used.framework, &task, TaskState::Error, reason, why);
        }
    }

    /// Says that a task never was: nothing is kept of it.
    #[expect(clippy::too_many_arguments, reason = "they are the fields of the status that is sent")]
    pub(super) fn refuse_task(
        &mut self,
        now: Now,
        out: &mut Effects,
        framework: &FrameworkId,
        task: &v1::TaskInfo,
        state: TaskState,
        reason: Reason,
        why: &str,
    ) {
        let id = TaskId::from(&task.task_id);
        let agent = AgentId::from(&task.agent_id);
        let status = events::status(now, &id, Some(&agent), state, reason, why);
        self.count_end(framework, state);
        self.counters.terminal_status(&status);
        out.observations.push(Observation::TaskRefused {
            framework: framework.clone(),
            task: id,
            why: why.to_owned(),
        });
        if let Some(stream) = self.frameworks.stream(framework) {
            out.event(stream, events::update(status));
        }
    }

    /// Refuses a whole ACCEPT. What is valid of the named offers is void; an offer of another
    /// framework is left alone.
    fn refuse_accept(
        &mut self,
        now: Now,
        out: &mut Effects,
        framework: &FrameworkId,
        offer_ids: &[OfferId],
        operations: Vec<Operation>,
        why: &str,
    ) {
        for id in offer_ids {
            let own = self.offer(id).filter(|offer| offer.framework == *framework);
            if let Some(number) = own.map(|offer| offer.number) {
                self.discard_offer(now, number);
            }
        }
        let is_aware = self.frameworks.capabilities(framework).is_partition_aware();
        let state = if is_aware { TaskState::Dropped } else { TaskState::Lost };
        for operation in operations {
            let tasks = tasks_of(&operation);
            let is_launch = matches!(operation.r#type(), Type::Launch | Type::LaunchGroup);
            let message = format!("Task launched with invalid offers: {why}");
            for task in tasks {
                self.changes += 1;
                self.refuse_task(now, out, framework, &task, state, Reason::InvalidOffers, &message);
            }
            let stream = self.frameworks.stream(framework).filter(|_| !is_launch);
            if let (Some(id), Some(stream)) = (&operation.id, stream) {
                self.counters.add("master/operations/error");
                let message = format!("Operation attempted with invalid offers: {why}");
                out.event(stream, events::operation_error(id, message));
            }
        }
    }
}

impl Used {
    fn new(framework: FrameworkId, agent: AgentId, role: String) -> Self {
        let [left, converted, resized] = [const { Resources::new() }; 3];
        Used { framework, agent, role, left, converted, resized }
    }
}

/// The tasks that an operation would launch.
fn tasks_of(operation: &Operation) -> Vec<v1::TaskInfo> {
    match operation.r#type() {
        Type::Launch => operation.launch.iter().flat_map(|launch| launch.task_infos.clone()).collect(),
        Type::LaunchGroup => {
            operation.launch_group.iter().flat_map(|launch| launch.task_group.tasks.clone()).collect()
        }
        _ => Vec::new(),
    }
}
