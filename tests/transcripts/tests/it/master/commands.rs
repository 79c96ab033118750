//! The commands of a transcript.

use std::time::Duration;

use mezzo_acl::{Entity, Rule, Verb};
use mezzo_core_master::{Acls, Input, MasterConfig};
use mezzo_model::{
    AgentId, FrameworkId, LinkId, OfferId, StreamId, TaskId,
    calls::{
        Encoding, MasterRead, Principal, RolesCall, RolesRequest, SchedulerCall, SchedulerRequest, Subscribe,
        UpdateFramework,
    },
};
use mezzo_proto::{
    mesos::v1::{self, offer::operation::Type},
    mezzo::link::v1::{
        ExecutorExited, ExecutorMessage, ExecutorState, Goodbye, Hello, OperationState, Ping, State,
        StatusUpdate, TaskState, from_agent,
    },
};
use mezzo_resources::{Resources, attributes};

use crate::operations;

use super::{
    DiskMode, Scheduler, World,
    allocator::Day,
    messages::{change_task, executor_info, framework_info, task_info},
    words::Words,
};

/// What an agent of this release can do.
const ALL_CAPABILITIES: [&str; 6] = [
    "MULTI_ROLE",
    "HIERARCHICAL_ROLE",
    "RESERVATION_REFINEMENT",
    "RESIZE_VOLUME",
    "AGENT_OPERATION_FEEDBACK",
    "TASK_RESOURCE_LIMITS",
];

/// `# with offer_timeout=10s deny=run_task:root …`
pub fn configure(config: &mut MasterConfig, acls: &mut Acls, words: &Words) {
    let time = |key: &str| words.get(key).map(duration);
    config.offer_timeout = time("offer_timeout").or(config.offer_timeout);
    config.agent_ping_timeout = time("ping_timeout").unwrap_or(config.agent_ping_timeout);
    config.agent_reregister_timeout = time("reregister_timeout").unwrap_or(config.agent_reregister_timeout);
    config.root_submissions = words.get("root_submissions") != Some("false");
    let count = |key: &str| words.get(key).map(|value| value.parse::<usize>().expect("a number"));
    config.changes_per_turn = count("changes_per_turn").unwrap_or(config.changes_per_turn);
    config.max_completed_frameworks = count("completed").unwrap_or(config.max_completed_frameworks);
    config.max_completed_tasks_per_framework =
        count("completed_tasks").unwrap_or(config.max_completed_tasks_per_framework);
    config.max_unreachable_tasks_per_framework =
        count("unreachable_tasks").unwrap_or(config.max_unreachable_tasks_per_framework);
    config.registry_max_agent_count = count("registry_agents").unwrap_or(config.registry_max_agent_count);
    config.max_operator_event_stream_subscribers =
        count("watchers").unwrap_or(config.max_operator_event_stream_subscribers);
    let mut rules: Vec<Rule> = words.list("deny").iter().map(|rule| deny(rule)).collect();
    rules.extend(words.list("sees").iter().map(|rule| sees(rule)));
    if !rules.is_empty() {
        *acls = Acls::new(rules, true);
    }
}

/// A rule that allows everybody nothing of a kind.
fn deny(kind: &str) -> Rule {
    let verb = match kind {
        "register_framework" => Verb::RegisterFramework,
        "run_task" => Verb::RunTask,
        "register_agent" => Verb::RegisterAgent,
        "update_weight" => Verb::UpdateWeight,
        "update_quota" => Verb::UpdateQuota,
        "view" => Verb::View,
        other => panic!("no such kind of action: {other}"),
    };
    Rule { verb, subjects: Entity::Any, objects: Entity::None }
}

/// `sees=ann:web`: ann may see what web owns, and nothing else.
fn sees(rule: &str) -> Rule {
    let (subject, object) = rule.split_once(':').expect("somebody:of whom");
    Rule { verb: Verb::View, subjects: Entity::of([subject]), objects: Entity::of([object]) }
}

impl World {
    pub fn command(&mut self, words: &Words) {
        match words.word(0) {
            "tick" => self.advance(duration(words.word(1))),
            "subscribe" => self.subscribe(words),
            "close" => self.close(words.word(1)),
            "agent" | "hello" => self.agent(words),
            "dial" => self.dial_silently(words.word(1)),
            "back" => self.back(words),
            "state" => self.say_state(words.word(1)),
            "lost" => self.lose(words.word(1)),
            "silence" => self.node(words.word(1)).is_silent = true,
            "speak" => self.node(words.word(1)).is_silent = false,
            "update" => self.update(words),
            "done" => self.operation_done(words),
            "operate" => self.operate(words),
            "exited" => self.executor_exited(words),
            "says" => self.executor_says(words),
            "goodbye" => {
                let reason = words.word(2).to_owned();
                self.hear_from(words.word(1), from_agent::Body::Goodbye(Goodbye { reason }));
            }
            "ping" => self.hear_from(words.word(1), from_agent::Body::Ping(Ping { nonce: 7 })),
            "disk" => self.disk(words.word(1)),
            "plugin" => self.plugin(words),
            "restart" => self.restart(words.word(1)),
            "show" => self.show(words),
            "watch" => self.watch(words),
            "unwatch" => self.unwatch(words.word(1)),
            "set-weights" | "update-quota" | "set-quota" | "remove-quota" => self.set_for_roles(words),
            call => self.call(call, words),
        }
    }

    fn subscribe(&mut self, words: &Words) {
        let name = words.word(1).to_owned();
        self.streams += 1;
        let stream = StreamId(self.streams);
        let known = self.frameworks.entry(name.clone()).or_default();
        if words.get("id") == Some("none") {
            *known = Scheduler::default();
        }
        let id = match words.get("id") {
            Some("none") | None => known.id.clone(),
            Some(id) => Some(FrameworkId::from(id)),
        };
        known.stream = Some(stream);
        known.id.clone_from(&id);
        let request = self.request();
        let call = Subscribe {
            framework_info: framework_info(&name, id.as_ref(), words),
            suppressed_roles: words.list("suppressed"),
            offer_constraints: words.get("constraints").map(|_| v1::scheduler::OfferConstraints::default()),
            stream,
            new_stream_id: format!("stream-{}", stream.0),
            encoding: Encoding::Json,
        };
        self.handle(Input::Call(SchedulerRequest {
            request,
            principal: principal(words),
            framework_id: id,
            stream_id: None,
            call: SchedulerCall::Subscribe(Box::new(call)),
        }));
    }

    fn close(&mut self, name: &str) {
        let stream = self.frameworks.get_mut(name).and_then(|known| known.stream.take()).expect("a stream");
        self.handle(Input::StreamClosed { stream });
    }

    /// `agent a1 cpus:4;mem:4096`: dials, says Hello, and State once it is welcomed.
    fn agent(&mut self, words: &Words) {
        let name = words.word(1).to_owned();
        let resources = Resources::parse(words.word(2), "*").expect("resources");
        let hostname = words.get("host").unwrap_or(&name).to_owned();
        let info = v1::AgentInfo {
            hostname,
            port: Some(5051),
            resources: resources.to_wire(),
            ..Default::default()
        };
        let attributes = words.get("attributes").unwrap_or_default();
        let info = v1::AgentInfo { attributes: attributes::parse(attributes).expect("attributes"), ..info };
        let node = self.agents.entry(name.clone()).or_default();
        node.hello = Hello {
            versions: vec![words.get("version").map_or(1, |version| version.parse().expect("a number"))],
            mezzo_version: "0.1.0".to_owned(),
            capabilities: match words.get("caps") {
                Some("all") => ALL_CAPABILITIES.iter().map(|name| (*name).to_owned()).collect(),
                _ => vec!["MULTI_ROLE".to_owned(), "TASK_RESOURCE_LIMITS".to_owned()],
            },
            incarnation: 1,
            info: Some(info),
            ip: "10.0.0.1".to_owned(),
            ..node.hello.clone()
        };
        node.state = State::default();
        self.dial(&name, words);
    }

    /// `back a1 t1@f1=TASK_RUNNING`: dials again with the tasks that it lists.
    fn back(&mut self, words: &Words) {
        let name = words.word(1).to_owned();
        let mut state = State::default();
        for listed in words.plain().skip(2) {
            let (task, rest) = listed.split_once('@').expect("task@framework:STATE");
            let (framework, task_state) = rest.split_once(':').expect("framework:STATE");
            self.list(&mut state, &name, task, framework, task_state);
        }
        for listed in words.list("executors") {
            let (executor, framework) = listed.split_once('@').expect("executor@framework");
            let id = self.framework_id(framework);
            let mut info = executor_info(executor, words);
            info.framework_id = Some((&id).into());
            let resources = Resources::from_wire(&info.resources).expect("resources");
            info.resources = resources.allocated_to("web").to_wire();
            state.executors.push(ExecutorState { framework_id: Some((&id).into()), info: Some(info) });
        }
        if let Some(total) = words.get("total") {
            state.total = operations::resources(total, &|key| words.said(key));
        }
        let node = self.node(&name);
        if words.said("keeps").is_none() {
            node.operations.clear();
        }
        for told in &node.operations {
            state.operations.push(OperationState {
                framework_id: told.framework_id.clone(),
                uuid: told.uuid.clone(),
                operation: told.operation.clone(),
                status: None,
            });
        }
        node.state = state;
        node.hello.incarnation += u64::from(words.get("again").is_none());
        let info = node.hello.info.as_mut().expect("it said Hello");
        if let Some(host) = words.get("host") {
            info.hostname = host.to_owned();
        }
        if let Some(resources) = words.get("resources") {
            info.resources = Resources::parse(resources, "*").expect("resources").to_wire();
        }
        if let Some(id) = words.get("id") {
            node.hello.agent_id = id.to_owned();
        }
        self.dial(&name, words);
    }

    fn list(&mut self, state: &mut State, agent: &str, task: &str, framework: &str, task_state: &str) {
        let id = self.framework_id(framework);
        let mut info = task_info(task, &self.agent_id(agent), "cpus:1;mem:100");
        for resource in &mut info.resources {
            resource.allocation_info = Some(v1::resource::AllocationInfo { role: Some("web".to_owned()) });
        }
        let number = v1::TaskState::from_str_name(task_state).expect("a state") as i32;
        let status = v1::TaskStatus {
            task_id: info.task_id.clone(),
            state: number,
            uuid: Some(vec![200; 16]),
            ..Default::default()
        };
        let mut words = framework_info(framework, Some(&id), &Words::of("subscribe roles=web"));
        words.id = Some((&id).into());
        if !state.frameworks.iter().any(|known| known.id == words.id) {
            state.frameworks.push(words);
        }
        state.tasks.push(TaskState {
            info: Some(info),
            framework_id: Some((&id).into()),
            latest_state: number,
            status: Some(status),
        });
    }

    fn dial(&mut self, name: &str, words: &Words) {
        self.links += 1;
        let link = LinkId(self.links);
        let holds_state = words.word(0) == "hello";
        let node = self.node(name);
        let hello = node.hello.clone();
        let before = node.link.replace(link);
        node.holds_state = holds_state;
        self.handle(Input::LinkOpened { link, principal: principal(words) });
        self.handle(Input::LinkMessage { link, body: from_agent::Body::Hello(hello) });
        let node = self.node(name);
        if node.link != Some(link) && before.is_some() {
            // It was turned away: its former link is still there.
            node.link = before;
        }
    }

    /// `dial a1`: opens a link and says nothing.
    fn dial_silently(&mut self, name: &str) {
        self.links += 1;
        let link = LinkId(self.links);
        self.agents.entry(name.to_owned()).or_default().link = Some(link);
        self.handle(Input::LinkOpened { link, principal: Principal::ANONYMOUS });
    }

    fn say_state(&mut self, name: &str) {
        let state = self.node(name).state.clone();
        self.hear_from(name, from_agent::Body::State(state));
    }

    fn lose(&mut self, name: &str) {
        if let Some(link) = self.node(name).link.take() {
            self.handle(Input::LinkClosed { link });
        }
    }

    /// `update a1 f1 t1 TASK_RUNNING latest=TASK_FINISHED again=yes`
    fn update(&mut self, words: &Words) {
        let framework = self.framework_id(words.word(2));
        let agent = self.agent_id(words.word(1));
        let node = self.node(words.word(1));
        node.updates += u8::from(words.get("again").is_none());
        let uuid = vec![node.updates; 16];
        let state = v1::TaskState::from_str_name(words.word(4)).expect("a state") as i32;
        let latest = words
            .get("latest")
            .map_or(state, |name| v1::TaskState::from_str_name(name).expect("a state") as i32);
        let status = v1::TaskStatus {
            task_id: v1::TaskId { value: words.word(3).to_owned() },
            state,
            source: Some(v1::task_status::Source::Executor as i32),
            agent_id: Some((&agent).into()),
            timestamp: Some(self.now.wall.seconds()),
            executor_id: words.get("container").map(|_| v1::ExecutorId { value: words.word(3).to_owned() }),
            container_status: words.get("container").map(|_| container_status()),
            uuid: (words.get("uuid") != Some("none")).then_some(uuid),
            ..Default::default()
        };
        let update = StatusUpdate {
            framework_id: Some((&framework).into()),
            status: Some(status),
            latest_state: latest,
        };
        self.hear_from(words.word(1), from_agent::Body::Update(update));
    }

    fn executor_exited(&mut self, words: &Words) {
        let exited = ExecutorExited {
            framework_id: Some((&self.framework_id(words.word(2))).into()),
            executor_id: Some(v1::ExecutorId { value: words.word(3).to_owned() }),
            status: 9,
        };
        self.hear_from(words.word(1), from_agent::Body::ExecutorExited(exited));
    }

    fn executor_says(&mut self, words: &Words) {
        let message = ExecutorMessage {
            framework_id: Some((&self.framework_id(words.word(2))).into()),
            executor_id: Some(v1::ExecutorId { value: words.word(3).to_owned() }),
            data: words.word(4).as_bytes().to_vec(),
        };
        self.hear_from(words.word(1), from_agent::Body::Message(message));
    }

    fn disk(&mut self, mode: &str) {
        self.disk_mode = match mode {
            "holds" => DiskMode::Holds,
            "fails" => DiskMode::Fails,
            "writes" => DiskMode::Writes,
            other => panic!("no such mode: {other}"),
        };
        let mut inputs = Vec::new();
        if self.disk_mode != DiskMode::Holds {
            for (ticket, write) in std::mem::take(&mut self.held) {
                self.write(ticket, write, &mut inputs);
            }
        }
        inputs.into_iter().for_each(|input| self.handle(input));
    }

    fn plugin(&mut self, words: &Words) {
        for day in words.plain().skip(1) {
            self.allocator.days.push_back(match day {
                "traps" => Day::Trap,
                "lies" => Day::Lie,
                "is-silent" => Day::Silence,
                "unloadable" => Day::Unloadable,
                other => panic!("no such day: {other}"),
            });
        }
    }

    fn show(&mut self, words: &Words) {
        let request = self.request();
        let read = match words.plain().nth(1) {
            Some("roles") => MasterRead::Roles,
            Some("weights") => MasterRead::Weights,
            Some("quota") => MasterRead::Quota,
            Some("state") | None => MasterRead::State,
            Some(other) => panic!("nothing to show: {other}"),
        };
        self.handle(Input::Read { request, principal: principal(words), read });
    }

    /// `set-weights eng:2.5 …`, `update-quota force=yes role eng limits=cpus:2 guarantees=cpus:1 role …`,
    /// `set-quota eng cpus:2;mem:64 force=yes`, `remove-quota eng`
    fn set_for_roles(&mut self, words: &Words) {
        let is_forced = words.get("force").is_some();
        let call = match words.word(0) {
            "set-weights" => RolesCall::UpdateWeights(words.plain().skip(1).map(weight).collect()),
            "update-quota" => RolesCall::UpdateQuota {
                is_forced,
                configs: words.groups(&["role"]).1.iter().map(quota_config).collect(),
            },
            "set-quota" => RolesCall::SetQuota(v1::quota::QuotaRequest {
                force: Some(is_forced),
                role: words.plain().nth(1).map(str::to_owned),
                guarantee: match words.plain().nth(2) {
                    Some(text) => Resources::parse(text, "*").expect("resources").to_wire(),
                    None => Vec::new(),
                },
            }),
            _ => {
                let role = words.word(1).to_owned();
                RolesCall::RemoveQuota { path: format!("/master/quota/{role}"), role }
            }
        };
        let request = self.request();
        self.handle(Input::Roles(RolesRequest { request, principal: principal(words), call }));
    }

    /// `watch ann bob as=ops`: subscribe to events together.
    fn watch(&mut self, words: &Words) {
        let streams: Vec<StreamId> = words
            .plain()
            .skip(1)
            .map(|name| {
                self.streams += 1;
                let stream = StreamId(self.streams);
                self.watchers.insert(stream, (name.to_owned(), None));
                stream
            })
            .collect();
        let request = self.request();
        self.handle(Input::Watch { request, principal: principal(words), streams });
    }

    fn unwatch(&mut self, name: &str) {
        let found = self.watchers.iter().find(|(_, (known, _))| known == name).map(|(stream, _)| *stream);
        let stream = found.expect("it watches");
        self.watchers.remove(&stream);
        self.handle(Input::StreamClosed { stream });
    }

    /// A call on a framework's stream.
    fn call(&mut self, call: &str, words: &Words) {
        let name = words.word(1);
        let known = self.frameworks.get(name);
        let stream = known.and_then(|known| known.stream).map(|stream| format!("stream-{}", stream.0));
        let stream = match words.get("stream") {
            Some("none") => None,
            Some(other) => Some(other.to_owned()),
            None => stream,
        };
        let framework_id = known.and_then(|known| known.id.clone()).or_else(|| Some(FrameworkId::from(name)));
        let call = self.scheduler_call(call, words);
        let request = self.request();
        self.handle(Input::Call(SchedulerRequest {
            request,
            principal: principal(words),
            framework_id,
            stream_id: stream,
            call,
        }));
    }

    fn scheduler_call(&self, call: &str, words: &Words) -> SchedulerCall {
        let name = words.word(1);
        let roles = || words.plain().skip(2).map(str::to_owned).collect();
        let agent = |key: &str| words.get(key).map(|agent| self.agent_id(agent));
        match call {
            "teardown" => SchedulerCall::Teardown,
            "accept" => self.accept(words),
            "decline" => {
                SchedulerCall::Decline { offer_ids: self.offers(words.word(2)), filters: filters(words) }
            }
            "suppress" => SchedulerCall::Suppress { roles: roles() },
            "revive" => SchedulerCall::Revive { roles: roles() },
            "kill" => SchedulerCall::Kill {
                task_id: words.word(2).into(),
                agent_id: agent("agent"),
                kill_policy: words.get("grace").map(|grace| v1::KillPolicy {
                    grace_period: Some(v1::DurationInfo { nanoseconds: duration(grace).as_nanos() as i64 }),
                }),
            },
            "ack" => {
                let uuid = self.frameworks.get(name).and_then(|known| known.uuids.get(words.word(2)));
                SchedulerCall::Acknowledge {
                    agent_id: self.agent_id(words.word(3)),
                    task_id: words.word(2).into(),
                    uuid: match words.get("uuid") {
                        Some(number) => vec![number.parse().expect("a number"); 16],
                        None => uuid.cloned().expect("an update came"),
                    },
                }
            }
            "ack-operation" => {
                let uuid = self.frameworks.get(name).and_then(|known| known.uuids.get(words.word(2)));
                SchedulerCall::AcknowledgeOperation {
                    agent_id: agent("agent"),
                    uuid: uuid.cloned().expect("a status came"),
                    operation_id: v1::OperationId { value: words.word(2).to_owned() },
                }
            }
            "reconcile-operations" => {
                let named = words.plain().skip(2).map(|named| self.task_at(named));
                let operations = named
                    .map(|(id, agent)| (v1::OperationId { value: id.as_str().to_owned() }, agent))
                    .collect();
                SchedulerCall::ReconcileOperations { operations }
            }
            "reconcile" => SchedulerCall::Reconcile {
                tasks: words.plain().skip(2).map(|named| self.task_at(named)).collect(),
            },
            "shutdown" => SchedulerCall::Shutdown {
                executor_id: words.word(2).into(),
                agent_id: self.agent_id(words.word(3)),
            },
            "message" => SchedulerCall::Message {
                executor_id: words.word(2).into(),
                agent_id: self.agent_id(words.word(3)),
                data: words.word(4).as_bytes().to_vec(),
            },
            "operator-kill" => SchedulerCall::KillByOperator { task_id: words.word(2).into() },
            "unsupported" => SchedulerCall::NotImplemented("ACCEPT_INVERSE_OFFERS"),
            "update-framework" => SchedulerCall::UpdateFramework(Box::new(UpdateFramework {
                framework_info: framework_info(name, Some(&self.framework_id(name)), words),
                suppressed_roles: words.list("suppressed"),
                offer_constraints: words
                    .get("constraints")
                    .map(|_| v1::scheduler::OfferConstraints::default()),
            })),
            other => panic!("no such command: {other}"),
        }
    }

    /// `accept f1 o0,o1 refuse=0 launch t1 cpus:1;mem:100 launch t2 … do RESERVE id=r1 group t3 …`
    fn accept(&self, words: &Words) -> SchedulerCall {
        let (head, groups) = words.groups(&["launch", "group", "do"]);
        let offer_ids = if head.plain().count() > 2 { self.offers(head.word(2)) } else { Vec::new() };
        let agent =
            offer_ids.first().and_then(|_| self.agents.values().next()).and_then(|node| node.id.clone());
        let agent = head.get("agent").map(|name| self.agent_id(name)).or(agent);
        let operations = groups
            .iter()
            .map(|group| {
                let named = group.get("agent").map(|name| self.agent_id(name));
                operation(group, named.as_ref().or(agent.as_ref()))
            })
            .collect();
        SchedulerCall::Accept { offer_ids, operations, filters: filters(&head) }
    }

    fn offers(&self, names: &str) -> Vec<OfferId> {
        let master = &self.config.master_id;
        let id = |name: &str| match name.strip_prefix('o') {
            Some(number) => OfferId::from(format!("{master}-O{number}")),
            None => OfferId::from(name),
        };
        names.split(',').filter(|name| !name.is_empty()).map(id).collect()
    }

    fn task_at(&self, named: &str) -> (TaskId, Option<AgentId>) {
        match named.split_once('@') {
            Some((task, agent)) => (task.into(), Some(self.agent_id(agent))),
            None => (named.into(), None),
        }
    }

    pub(super) fn hear_from(&mut self, name: &str, body: from_agent::Body) {
        let link = self.node(name).link.expect("the agent has a link");
        self.handle(Input::LinkMessage { link, body });
    }

    pub(super) fn node(&mut self, name: &str) -> &mut super::Node {
        self.agents.get_mut(name).unwrap_or_else(|| panic!("no agent {name}"))
    }

    pub(super) fn agent_id(&self, name: &str) -> AgentId {
        self.agents.get(name).and_then(|node| node.id.clone()).unwrap_or_else(|| AgentId::from(name))
    }

    fn framework_id(&self, name: &str) -> FrameworkId {
        self.frameworks
            .get(name)
            .and_then(|known| known.id.clone())
            .unwrap_or_else(|| FrameworkId::from(name))
    }
}

/// `eng:2.5`
fn weight(text: &str) -> v1::WeightInfo {
    let (role, weight) = text.rsplit_once(':').expect("role:weight");
    v1::WeightInfo { role: Some(role.to_owned()), weight: weight.parse().expect("a number") }
}

/// `role eng limits=cpus:2;mem:64 guarantees=cpus:1`
fn quota_config(words: &Words) -> v1::quota::QuotaConfig {
    let scalars = |key: &str| {
        let parts = words.get(key).into_iter().flat_map(|text| text.split(';'));
        let pairs = parts.map(|part| part.split_once(':').expect("name:amount"));
        let scalar = |text: &str| v1::value::Scalar { value: text.parse().expect("a number") };
        pairs.map(|(name, value)| (name.to_owned(), scalar(value))).collect()
    };
    v1::quota::QuotaConfig {
        role: words.plain().nth(1).unwrap_or("").to_owned(),
        guarantees: scalars("guarantees"),
        limits: scalars("limits"),
    }
}

fn operation(words: &Words, agent: Option<&AgentId>) -> v1::offer::Operation {
    let id = words.get("id").map(|id| v1::OperationId { value: id.to_owned() });
    let task = |words: &Words| {
        let none = AgentId::from("none");
        let mut info = task_info(words.word(1), agent.unwrap_or(&none), words.word(2));
        change_task(&mut info, words);
        info
    };
    match words.word(0) {
        "launch" => v1::offer::Operation {
            r#type: Some(Type::Launch as i32),
            id,
            launch: Some(v1::offer::operation::Launch { task_infos: vec![task(words)] }),
            ..Default::default()
        },
        "group" => v1::offer::Operation {
            r#type: Some(Type::LaunchGroup as i32),
            launch_group: Some(v1::offer::operation::LaunchGroup {
                executor: v1::ExecutorInfo::default(),
                task_group: v1::TaskGroupInfo { tasks: vec![task(words)] },
            }),
            ..Default::default()
        },
        _ => operations::operation(Type::from_str_name(words.word(1)), &|key| words.said(key)),
    }
}

fn filters(words: &Words) -> Option<v1::Filters> {
    let seconds = words.get("refuse")?.parse().expect("a number");
    Some(v1::Filters { refuse_seconds: Some(seconds) })
}

pub(super) fn principal(words: &Words) -> Principal {
    Principal(words.get("as").map(Into::into))
}

fn duration(text: &str) -> Duration {
    let (number, unit) = text.split_at(text.find(|char: char| char.is_ascii_alphabetic()).expect("a unit"));
    let number: u64 = number.parse().expect("a number");
    match unit {
        "ms" => Duration::from_millis(number),
        "s" => Duration::from_secs(number),
        "min" => Duration::from_secs(number * 60),
        "d" => Duration::from_secs(number * 24 * 3600),
        other => panic!("no such unit: {other}"),
    }
}

fn container_status() -> v1::ContainerStatus {
    let address = v1::network_info::IpAddress {
        protocol: Some(v1::network_info::Protocol::IPv4 as i32),
        ip_address: Some("127.0.0.1".to_owned()),
    };
    v1::ContainerStatus {
        container_id: Some(v1::ContainerId { value: "c".to_owned(), parent: None }),
        network_infos: vec![v1::NetworkInfo { ip_addresses: vec![address], ..Default::default() }],
        executor_pid: Some(7),
        ..Default::default()
    }
}
