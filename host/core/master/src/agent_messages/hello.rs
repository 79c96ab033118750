//! Hello: who dials, and whether it is let in.
//!
//! An agent without an id is given one; the registry holds it before the agent hears of it.
//! One that the registry counts as reachable, and that says of itself what it said before,
//! is welcomed at once; of any other the registry is written first.

use mezzo_acl::Action;
use mezzo_model::{AgentId, LinkId, Now};
use mezzo_proto::{
    mesos::v1,
    mezzo::link::v1::{Hello, Ping, Refused, Welcome, from_master},
};
use mezzo_registry::{RegisteredAgent, Write};
use mezzo_resources::Resources;

use crate::{Effects, Master, deadlines::Deadline, links::Stage, writes::Pending};

/// The version of the link that this release speaks.
const VERSION: u32 = 1;

/// Why an agent is not let in.
struct Refusal {
    reason: String,
    remedy: &'static str,
    retry: bool,
}

impl Master {
    pub(super) fn hello(&mut self, now: Now, out: &mut Effects, link: LinkId, hello: Hello) {
        let is_first = self.links.get(&link).is_some_and(|link| matches!(link.stage, Stage::Silent));
        if !is_first {
            return self.drop_link(now, out, link, "the agent said Hello twice");
        }
        self.counters.add(match hello.agent_id.is_empty() {
            true => "master/messages_register_slave",
            false => "master/messages_reregister_slave",
        });
        let info = match self.check_hello(link, &hello) {
            Ok(info) => info,
            Err(refusal) => return self.refuse(now, out, link, refusal),
        };
        if hello.agent_id.is_empty() {
            let agent = self.ids.agent(&self.config.master_id);
            return self.write_admission(out, agent, link, hello, info, true);
        }
        let agent = AgentId::from(hello.agent_id.as_str());
        // It has changed its mind, or the registry could not be written in time.
        self.agents.leaving.remove(&agent);
        if let Err(refusal) = self.make_way(now, out, link, &agent, &hello) {
            return self.refuse(now, out, link, refusal);
        }
        match self.registered_info(&agent).map(|known| *known == with_id(info.clone(), &agent)) {
            Some(true) => self.welcome(now, out, agent, link, Box::new(hello)),
            Some(false) | None => self.write_admission(out, agent, link, hello, info, false),
        }
    }

    /// What needs no other agent to be judged.
    fn check_hello(&self, link: LinkId, hello: &Hello) -> Result<v1::AgentInfo, Refusal> {
        let refused = |reason: String, remedy| Refusal { reason, remedy, retry: false };
        if !hello.versions.contains(&VERSION) {
            return Err(refused(
                format!("the master speaks version {VERSION} of the link, the agent {:?}", hello.versions),
                "install the same release on master and agent",
            ));
        }
        let principal = self.links.get(&link).map(|link| link.principal.clone()).unwrap_or_default();
        if !self.acls.allows(&principal, Action::RegisterAgent) {
            return Err(refused(
                "the agent's principal is not authorized to register agents".to_owned(),
                "allow it with a `register_agents` rule",
            ));
        }
        let info = hello.info.clone().ok_or_else(|| {
            refused(
                "the agent says nothing of itself".to_owned(),
                "install the same release on master and agent",
            )
        })?;
        if let Err(error) = Resources::from_wire(&info.resources) {
            return Err(refused(
                format!("the agent's resources are invalid: {error}"),
                "start the agent with other --resources",
            ));
        }
        let id = AgentId::from(hello.agent_id.as_str());
        if let Some(known) = self.known_info(&id).filter(|known| known.hostname != info.hostname) {
            return Err(refused(
                format!(
                    "agent `{id}` is known as host `{}`, and now says `{}`",
                    known.hostname, info.hostname
                ),
                "start the agent with the former --hostname, or with an empty work directory",
            ));
        }
        Ok(info)
    }

    /// Sees that no other link has this agent. A newer start of its process replaces an older
    /// one; the same start has to wait until its former link is found dead, so that a copied
    /// work directory cannot take an agent over.
    fn make_way(
        &mut self,
        now: Now,
        out: &mut Effects,
        link: LinkId,
        agent: &AgentId,
        hello: &Hello,
    ) -> Result<(), Refusal> {
        let later =
            |reason: String| Refusal { reason, remedy: "wait: the agent dials again by itself", retry: true };
        if self.agents.in_writing.contains(agent) {
            return Err(later(format!("the registry is being written for agent `{agent}`")));
        }
        let Some(first) = self.link_of(agent).filter(|first| *first != link) else { return Ok(()) };
        let incarnation = match self.links.get(&first).map(|link| &link.stage) {
            Some(Stage::Joining { hello, .. }) => hello.incarnation,
            Some(Stage::Serving { .. }) => self.agents.get(agent).map_or(0, |agent| agent.incarnation),
            Some(Stage::Silent | Stage::Admitting) | None => 0,
        };
        if hello.incarnation > incarnation {
            self.drop_link(now, out, first, "a newer start of the agent has dialled");
            return Ok(());
        }
        // The former link must answer, or it is closed and the next try succeeds.
        out.tell_agent(first, from_master::Body::Ping(Ping { nonce: self.ids.ping() }));
        self.deadlines.arm_by(Deadline::Link(first), now.mono + self.config.agent_ping_timeout);
        Err(later(format!("agent `{agent}` is connected over another link")))
    }

    /// What an agent said of itself before, wherever it is remembered.
    fn known_info(&self, id: &AgentId) -> Option<&v1::AgentInfo> {
        self.registered_info(id).or_else(|| self.agents.unreachable.get(id).map(|agent| &agent.fact.info))
    }

    /// What the registry holds of an agent that counts as reachable.
    fn registered_info(&self, id: &AgentId) -> Option<&v1::AgentInfo> {
        let shown = self.agents.get(id).map(|agent| &*agent.info);
        shown.or_else(|| self.agents.recovered.get(id).map(|recovered| &*recovered.info))
    }

    fn write_admission(
        &mut self,
        out: &mut Effects,
        agent: AgentId,
        link: LinkId,
        hello: Hello,
        info: v1::AgentInfo,
        is_new: bool,
    ) {
        let fact = RegisteredAgent { info: with_id(info, &agent), unreachable_since: None };
        let write = Write::agent(&agent, &fact);
        let pending = Pending::Admit { agent, link, hello: Box::new(hello), is_new };
        self.persist(out, write, pending);
        if let Some(link) = self.links.get_mut(&link) {
            link.stage = Stage::Admitting;
        }
    }

    /// The registry holds the agent: it is welcomed, if it still waits.
    pub(crate) fn admitted(
        &mut self,
        now: Now,
        out: &mut Effects,
        agent: AgentId,
        link: LinkId,
        hello: Box<Hello>,
        is_new: bool,
    ) {
        let is_waiting = self.links.contains_key(&link);
        if is_new && !is_waiting {
            // Nobody has heard of the id.
            self.persist(out, Write::forget_agent(&agent), Pending::Forget { agent });
            return;
        }
        let info = with_id(hello.info.clone().unwrap_or_default(), &agent);
        self.expect_state(now, &agent, info);
        if is_waiting {
            self.welcome(now, out, agent, link, hello);
        }
    }

    /// Tells an agent that it is in, and waits for its whole state.
    fn welcome(&mut self, now: Now, out: &mut Effects, agent: AgentId, link: LinkId, hello: Box<Hello>) {
        let body = Welcome {
            version: VERSION,
            agent_id: agent.as_str().to_owned(),
            master_id: self.config.master_id.clone(),
            ping_timeout_ms: u64::try_from(self.config.agent_ping_timeout.as_millis()).unwrap_or(u64::MAX),
            ping_timeouts_max: self.config.max_agent_ping_timeouts,
        };
        out.tell_agent(link, from_master::Body::Welcome(body));
        self.agents.joining.insert(agent.clone(), link);
        if let Some(kept) = self.agents.kept_mut(&agent) {
            kept.heard_at = now.mono;
        }
        if let Some(link) = self.links.get_mut(&link) {
            link.stage = Stage::Joining { agent, hello };
        }
        self.deadlines.arm(Deadline::Link(link), now.mono + self.patience());
    }

    /// Sends an agent away for now; it dials again by itself.
    pub(crate) fn refuse_later(&mut self, now: Now, out: &mut Effects, link: LinkId, reason: String) {
        if self.links.contains_key(&link) {
            let remedy = "wait: the agent dials again by itself";
            self.refuse(now, out, link, Refusal { reason, remedy, retry: true });
        }
    }

    fn refuse(&mut self, now: Now, out: &mut Effects, link: LinkId, refusal: Refusal) {
        let Refusal { reason, remedy, retry } = refusal;
        let body = Refused { reason: reason.clone(), remedy: remedy.to_owned(), retry };
        out.tell_agent(link, from_master::Body::Refused(body));
        self.drop_link(now, out, link, &reason);
    }
}

fn with_id(mut info: v1::AgentInfo, id: &AgentId) -> v1::AgentInfo {
    info.id = Some(id.into());
    info
}
