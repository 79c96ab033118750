//! SUBSCRIBE: a new framework, one that comes back, or one that takes over.

use std::sync::Arc;

use mezzo_ledger::FrameworkFacts;
use mezzo_model::{
    FrameworkId, Now, RequestId,
    calls::{Answer, Principal, Refusal, Subscribe},
    framework::{Framework, FrameworkState},
};
use mezzo_proto::mesos::v1;

use super::{framework_info::check_wishes, is_own_principal};
use crate::{Effects, Envelope, Master, Observation, deadlines::Deadline, events, frameworks::Stream};

impl Master {
    pub(super) fn subscribe(
        &mut self,
        now: Now,
        out: &mut Effects,
        request: RequestId,
        principal: Principal,
        framework_id: Option<FrameworkId>,
        mut subscribe: Subscribe,
    ) {
        if let Err(refusal) = check_call(&principal, framework_id.as_ref(), &subscribe.framework_info) {
            return out.answer(request, Answer::Refused(refusal));
        }
        if subscribe.framework_info.principal.as_deref().unwrap_or_default().is_empty() {
            subscribe.framework_info.principal = principal.0.as_deref().map(str::to_owned);
        }
        out.send.push(Envelope::OpenStream {
            request,
            stream: subscribe.stream,
            stream_id: subscribe.new_stream_id.clone(),
            encoding: subscribe.encoding,
        });
        let roles = match self.check_subscription(&principal, framework_id.as_ref(), &subscribe) {
            Ok(roles) => roles,
            Err(why) => {
                out.info(format!("a subscription of `{}` is refused: {why}", subscribe.framework_info.name));
                out.event(subscribe.stream, events::error(why.clone()));
                return out.close_stream(subscribe.stream, why);
            }
        };
        let id = match framework_id.filter(|id| !id.as_str().is_empty()) {
            Some(id) if self.frameworks.get(&id).is_some() => {
                self.subscribe_again(now, out, &id, &mut subscribe, &roles);
                self.show_framework_updated(out, &id);
                id
            }
            other => {
                let id = self.subscribe_first(now, other, &mut subscribe, &roles);
                self.show_framework_added(out, &id);
                id
            }
        };
        self.welcome_framework(now, out, id, &subscribe);
    }

    /// Takes in a framework that this master does not know; after a failover of the master it
    /// brings its id.
    fn subscribe_first(
        &mut self,
        now: Now,
        id: Option<FrameworkId>,
        subscribe: &mut Subscribe,
        roles: &[String],
    ) -> FrameworkId {
        let id = id.unwrap_or_else(|| self.ids.framework(&self.config.master_id));
        subscribe.framework_info.id = Some((&id).into());
        self.frameworks.insert(Framework {
            id: id.clone(),
            info: Arc::new(subscribe.framework_info.clone()),
            roles: roles.into(),
            state: FrameworkState::Connected,
            registered_at: now.wall,
            reregistered_at: None,
            unregistered_at: None,
        });
        self.ledger.add_framework(facts(&id, subscribe, roles));
        id
    }

    /// Gives a known framework its new subscription: what the old one was offered is void.
    fn subscribe_again(
        &mut self,
        now: Now,
        out: &mut Effects,
        id: &FrameworkId,
        subscribe: &mut Subscribe,
        roles: &[String],
    ) {
        self.discard_offers_of_framework(now, id);
        let Some(framework) = self.frameworks.get_mut(id) else { return };
        let was_recovered = framework.is_recovered();
        let was_connected = framework.is_connected();
        let new = &mut subscribe.framework_info;
        if !was_recovered {
            keep_fixed(out, id, &framework.info, new);
        }
        new.id = Some(id.into());
        framework.info = Arc::new(new.clone());
        framework.roles = roles.into();
        framework.state = FrameworkState::Connected;
        if was_recovered {
            framework.registered_at = now.wall;
        } else {
            framework.reregistered_at = Some(now.wall);
        }
        self.deadlines.disarm(&Deadline::Failover(id.clone()));
        if !was_connected {
            // Its filters are forgotten; those of one that took over while it was connected stay.
            self.ledger.set_framework_active(id, true);
        }
        self.ledger.update_framework(facts(id, subscribe, roles));
        // The agents send what was not acknowledged again, so the new scheduler need not wait for it.
        let info = subscribe.framework_info.clone();
        self.update_at_agents(out, id, &info);
    }

    /// Opens the framework's stream: SUBSCRIBED, at once a HEARTBEAT, then whatever comes.
    fn welcome_framework(&mut self, now: Now, out: &mut Effects, id: FrameworkId, subscribe: &Subscribe) {
        let stream = Stream { id: subscribe.stream, name: subscribe.new_stream_id.clone() };
        if let Some(before) = self.frameworks.open_stream(&id, stream) {
            out.event(before.id, events::error("Framework failed over"));
            out.close_stream(before.id, "the framework failed over");
        }
        if let Some(kept) = self.frameworks.kept_mut(&id) {
            kept.suppressed = subscribe.suppressed_roles.iter().cloned().collect();
        }
        let interval = self.config.heartbeat_interval;
        out.event(
            subscribe.stream,
            events::subscribed(&id, interval.as_secs_f64(), self.config.master_info()),
        );
        out.event(subscribe.stream, events::heartbeat());
        self.deadlines.arm(Deadline::Heartbeat(id.clone()), now.mono + interval);
        out.observations.push(Observation::FrameworkSubscribed(id));
        self.something_changed(now);
    }

    /// What can be wrong once the stream is open. Gives the roles.
    fn check_subscription(
        &self,
        principal: &Principal,
        id: Option<&FrameworkId>,
        subscribe: &Subscribe,
    ) -> Result<Vec<String>, String> {
        let info = &subscribe.framework_info;
        let roles = self.check_info(info)?;
        check_wishes(&roles, &subscribe.suppressed_roles, subscribe.offer_constraints.as_ref())?;
        self.may_use_roles(principal, &roles)?;
        let Some(id) = id else { return Ok(roles) };
        match self.frameworks.get(id) {
            Some(known) if !known.is_recovered() && known.info.principal != info.principal => {
                Err("Changing framework's principal is not allowed.".to_owned())
            }
            _ => Ok(roles),
        }
    }
}

/// What can be wrong before the stream is open.
fn check_call(
    principal: &Principal,
    id: Option<&FrameworkId>,
    info: &v1::FrameworkInfo,
) -> Result<(), Refusal> {
    let named = info.id.as_ref().map_or("", |id| id.value.as_str());
    if id.map_or("", FrameworkId::as_str) != named {
        return Err(Refusal::bad_request(
            "Failed to validate scheduler::Call: 'framework_id' differs from 'subscribe.framework_info.id'",
        ));
    }
    is_own_principal(principal, info.principal.as_deref())
}

/// Keeps what a framework may not change once it runs.
fn keep_fixed(out: &mut Effects, id: &FrameworkId, old: &v1::FrameworkInfo, new: &mut v1::FrameworkInfo) {
    if old.user != new.user {
        out.warn(format!("framework `{id}` keeps its user `{}` and not `{}`", old.user, new.user));
        new.user.clone_from(&old.user);
    }
    if old.checkpoint.unwrap_or(false) != new.checkpoint.unwrap_or(false) {
        out.warn(format!("framework `{id}` keeps its former `checkpoint`"));
        new.checkpoint = old.checkpoint;
    }
}

fn facts(id: &FrameworkId, subscribe: &Subscribe, roles: &[String]) -> FrameworkFacts {
    let suppressed = subscribe.suppressed_roles.clone();
    FrameworkFacts::from_wire(id.clone(), &subscribe.framework_info, roles.to_vec(), suppressed)
}
