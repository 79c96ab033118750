//! How an agent comes to serve: its id, its start, its link to the master.
//!
//! ```text
//!  Start ─▶ own checkpoint durable ┐
//!        └▶ node: Recovered ───────┴▶ Dial ─▶ LinkOpened ─▶ Hello ─▶ Welcome
//!                                              ▲       (new id durable) │
//!                                              └──── link lost ◀─ State, serving
//! ```

use std::time::Duration;

use mezzo_model::{AgentId, LinkId};
use mezzo_proto::{
    mesos::v1,
    mezzo::{
        link::v1::{ExecutorState, Hello, Refused, State, Welcome, from_agent},
        store::v1::AgentCheckpoint,
    },
};

use crate::{
    agent::{Agent, Link, LinkStage, Stopping, Turn},
    checkpoint,
    config::{KILL_GRACE, REWRITE_FIRST},
    effects::{Change, Envelope, Exit},
    timers::Timer,
};

/// Versions of the link's protocol that this agent speaks.
const LINK_VERSIONS: [u32; 1] = [1];
/// How long a master may take to answer a Hello, and the least silence that is believed.
const SILENCE_MIN: Duration = Duration::from_secs(10);

/// What this agent can do, as names of `AgentInfo.Capability.Type`.
pub(crate) const CAPABILITIES: [v1::agent_info::capability::Type; 6] = {
    use v1::agent_info::capability::Type;
    [
        Type::MultiRole,
        Type::HierarchicalRole,
        Type::ReservationRefinement,
        Type::ResizeVolume,
        Type::AgentOperationFeedback,
        Type::TaskResourceLimits,
    ]
};

impl Agent {
    /// What the agent says of itself.
    pub(crate) fn info(&self) -> v1::AgentInfo {
        v1::AgentInfo {
            hostname: self.config.hostname.clone(),
            port: Some(i32::from(self.config.port)),
            resources: self.config.resources.to_wire(),
            attributes: self.config.attributes.clone(),
            ..Default::default()
        }
    }

    /// Writes the agent's own checkpoint, durably; [`Agent::identity_kept`] goes on.
    pub(crate) fn write_identity(&mut self, turn: &mut Turn) {
        let agent_id = self.identity.admitted_as.as_ref().or(self.identity.agent_id.as_ref());
        let file = checkpoint::agent_file(&AgentCheckpoint {
            agent_id: agent_id.map(|id| id.as_str().to_owned()).unwrap_or_default(),
            info: Some(self.info()),
            boot_id: self.identity.boot_id.clone(),
            incarnation: self.identity.incarnation,
        });
        turn.touched.is_identity = true;
        turn.out.write(checkpoint::AGENT_KEY, Change::Replace(file), true);
    }

    pub(crate) fn identity_kept(&mut self, turn: &mut Turn) {
        self.identity.is_durable = true;
        if let Some(id) = self.identity.admitted_as.take() {
            turn.out.info(format!("this agent is `{id}`"));
            self.identity.agent_id = Some(id);
            self.serve(turn);
        }
        self.dial_if_ready(turn);
    }

    /// The first write must succeed; later ones (a new id) are tried again while the master waits.
    pub(crate) fn identity_not_kept(&mut self, turn: &mut Turn, why: &str) {
        if self.identity.is_durable {
            turn.out.warn(format!("cannot keep the agent's id, trying again: {why}"));
            self.timers.set(Timer::Identity, turn.now.mono + REWRITE_FIRST);
            return;
        }
        turn.out.exit = Some(Exit::Failed {
            reason: format!("the agent's checkpoint cannot be written: {why}"),
            remedy: format!("make `{}/meta` writable, with room on its disk", self.config.work_dir),
        });
    }

    /// Voids the id, after the master has ended this agent.
    pub(crate) fn forget_identity(&mut self, turn: &mut Turn) {
        self.identity.agent_id = None;
        self.identity.admitted_as = None;
        self.write_identity(turn);
        let keys: Vec<_> = self.tasks.keys().cloned().collect();
        for key in keys {
            self.forget(turn, &key);
        }
        let executors: Vec<_> = self.executors.keys().cloned().collect();
        for key in executors {
            self.forget_executor(turn, &key);
        }
    }

    pub(crate) fn dial_if_ready(&mut self, turn: &mut Turn) {
        let identity = &mut self.identity;
        if identity.is_durable && identity.is_recovered && !identity.is_dialing {
            identity.is_dialing = true;
            turn.touched.is_dial = true;
            turn.out.send.push(Envelope::Dial);
        }
    }

    pub(crate) fn link_opened(&mut self, turn: &mut Turn, link: LinkId) {
        if let Some(old) = self.link.take() {
            self.timers.cancel(&Timer::Silence(old.id));
            turn.out.send.push(Envelope::CloseLink { link: old.id, why: "a newer link was opened".into() });
        }
        self.identity.links = self.identity.links.saturating_add(1);
        self.link = Some(Link { id: link, stage: LinkStage::Greeting, silence_max: SILENCE_MIN });
        self.timers.set(Timer::Silence(link), turn.now.mono + SILENCE_MIN);
        let hello = Hello {
            versions: LINK_VERSIONS.to_vec(),
            mezzo_version: self.config.build.version.clone(),
            capabilities: CAPABILITIES.iter().map(|has| has.as_str_name().to_owned()).collect(),
            agent_id: self.identity.agent_id.as_ref().map(|id| id.as_str().to_owned()).unwrap_or_default(),
            // A later link of the same life is newer too: the master may not have noticed yet that
            // the one before is gone, and must not keep the agent out until it has.
            incarnation: (self.identity.incarnation << 32) | u64::from(self.identity.links),
            boot_id: self.identity.boot_id.clone(),
            info: Some(self.info()),
            ip: self.config.ip.clone(),
            extras: Vec::new(),
        };
        turn.out.tell_master(link, from_agent::Body::Hello(hello));
    }

    pub(crate) fn link_closed(&mut self, link: LinkId) {
        if self.link.is_some_and(|current| current.id == link) {
            self.link = None;
            self.identity.admitted_as = None;
            self.timers.cancel(&Timer::Identity);
        }
        self.timers.cancel(&Timer::Silence(link));
    }

    pub(crate) fn master_silent(&mut self, turn: &mut Turn, link: LinkId) {
        if self.link.is_some_and(|current| current.id == link) {
            self.link_closed(link);
            turn.out.warn("the master has been silent for too long; dialling it again");
            turn.out.send.push(Envelope::CloseLink { link, why: "the master is silent".into() });
        }
    }

    pub(crate) fn welcome(&mut self, turn: &mut Turn, link: Link, welcome: Welcome) {
        if link.stage != LinkStage::Greeting {
            return turn.out.warn("the master said Welcome twice on one link");
        }
        if welcome.agent_id.is_empty() || !LINK_VERSIONS.contains(&welcome.version) {
            self.link_closed(link.id);
            let why = format!("Welcome for `{}` in version {}", welcome.agent_id, welcome.version);
            return turn.out.send.push(Envelope::CloseLink { link: link.id, why });
        }
        let silence =
            Duration::from_millis(welcome.ping_timeout_ms).saturating_mul(welcome.ping_timeouts_max.max(1));
        let silence_max = silence.max(SILENCE_MIN);
        self.link = Some(Link { stage: LinkStage::Admitting, silence_max, ..link });
        self.timers.set(Timer::Silence(link.id), turn.now.mono + silence_max);

        let given = AgentId::new(welcome.agent_id);
        match &self.identity.agent_id {
            Some(known) if *known == given => self.serve(turn),
            Some(known) if !self.tasks.is_empty() => {
                turn.out.exit = Some(Exit::Failed {
                    reason: format!("the master calls this agent `{given}`, but it has tasks as `{known}`"),
                    remedy: format!(
                        "start the master with the registry it had, or remove `{}/meta` to begin anew (ends the tasks)",
                        self.config.work_dir
                    ),
                });
            }
            Some(_) | None => {
                self.identity.admitted_as = Some(given);
                self.write_identity(turn);
            }
        }
    }

    pub(crate) fn refused(&mut self, turn: &mut Turn, link: Link, refused: Refused) {
        let Refused { reason, remedy, retry } = refused;
        if retry {
            turn.out.warn(format!("the master refuses this agent for now: {reason}; {remedy}"));
            self.link_closed(link.id);
            turn.out.send.push(Envelope::CloseLink { link: link.id, why: reason });
        } else {
            turn.out.exit =
                Some(Exit::Failed { reason: format!("the master refuses this agent: {reason}"), remedy });
        }
    }

    /// Tells the master everything; from now on its orders count and updates flow.
    fn serve(&mut self, turn: &mut Turn) {
        let Some(link) = &mut self.link else { return };
        if link.stage != LinkStage::Admitting {
            return;
        }
        link.stage = LinkStage::Serving;
        let id = link.id;
        let state = State {
            frameworks: self.frameworks.values().map(|framework| framework.info.clone()).collect(),
            tasks: self.tasks().map(Agent::task_state).collect(),
            executors: self
                .executors()
                .map(|executor| ExecutorState {
                    framework_id: Some((&executor.key.framework).into()),
                    info: Some(executor.info.clone()),
                })
                .collect(),
            operations: self.operation_states(),
            total: match self.account.total() == &self.config.resources {
                true => Vec::new(),
                false => self.account.total().to_wire(),
            },
        };
        turn.out.tell_master(id, from_agent::Body::State(state));
        self.send_all_heads(turn);
        self.tell_all_operations(turn);
    }

    /// The link, if the master has the agent's state.
    pub(crate) fn serving(&self) -> Option<LinkId> {
        self.link.filter(|link| link.stage == LinkStage::Serving).map(|link| link.id)
    }

    /// The master has ended this agent: so do its tasks, and then the process.
    pub(crate) fn shut_down(&mut self, turn: &mut Turn, reason: String) {
        turn.out.warn(format!("the master ends this agent: {reason}"));
        self.stopping = Some(Stopping::ShutDown { reason, is_recorded: false });
        self.end_all(turn, KILL_GRACE.min(self.config.executor_shutdown_grace_period));
    }
}
