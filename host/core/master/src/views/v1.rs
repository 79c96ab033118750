//! The answers of the v1 operator API, in either encoding.
//!
//! An answer is described once, as a tree of messages and lists of records. Its records are
//! encoded one by one; as JSON, what was encoded is written over. So both encodings say the same.

mod records;
mod small;

use mezzo_model::calls::{Encoding, MasterRead};
use mezzo_proto::{
    Message,
    bytes::{Raw, put_raw, put_varint},
    json, length_delimiter_len,
    mesos::v1::{self, master::response},
};

use super::{
    View,
    rendering::{Facts, Item, List, Of, Part, Scratch},
};
use records::{agent, executor, framework, recovered_agent};

/// A kind of records.
#[derive(Clone, Copy, Debug)]
pub(super) enum Kind {
    Agent,
    RecoveredAgent,
    Framework,
    CompletedFramework,
    Executor,
    Task,
}

/// Writes records.
#[derive(Debug)]
pub(super) struct Writers {
    agent: json::Writer<response::get_agents::Agent>,
    agent_info: json::Writer<v1::AgentInfo>,
    framework: json::Writer<response::get_frameworks::Framework>,
    executor: json::Writer<response::get_executors::Executor>,
    task: json::Writer<v1::Task>,
}

/// An answer, or a part of one.
enum Node {
    Message { name: &'static str, number: u32, fields: Vec<Node> },
    List { name: &'static str, number: u32, of: Kind, at: Vec<Item> },
}

/// The parts of a v1 answer; nothing for a read of an older endpoint.
pub(super) fn parts(view: &View, facts: &Facts, read: &MasterRead, encoding: Encoding) -> Option<Vec<Part>> {
    use response::Type;
    let (kind, tree) = match read {
        MasterRead::GetState => (Type::GetState, state(view)),
        MasterRead::GetAgents => (Type::GetAgents, agents(view, 10)),
        MasterRead::GetFrameworks => (Type::GetFrameworks, frameworks(view, 11)),
        MasterRead::GetExecutors => (Type::GetExecutors, executors(view, 12)),
        MasterRead::GetTasks => (Type::GetTasks, tasks(view, 13)),
        other => return Some(vec![Part::Text(small::answer(view, other, encoding)?)]),
    };
    let mut parts = Vec::new();
    match encoding {
        Encoding::Json => {
            push(&mut parts, format!("{{\"type\":\"{}\",", kind.as_str_name()));
            tree.into_json(&mut parts);
            push(&mut parts, "}");
        }
        Encoding::Protobuf => {
            let mut head = Vec::new();
            put_raw(1, Raw::Varint(kind as u64), &mut head);
            push(&mut parts, head);
            tree.into_protobuf(&Writers::new(), view, facts, &mut parts);
        }
    }
    Some(parts)
}

fn state(view: &View) -> Node {
    let fields = vec![tasks(view, 1), executors(view, 2), frameworks(view, 3), agents(view, 4)];
    Node::Message { name: "get_state", number: 9, fields }
}

fn tasks(view: &View, number: u32) -> Node {
    let list = |name, number, at| Node::List { name, number, of: Kind::Task, at };
    let fields = vec![
        list("tasks", 2, view.listed()),
        list("unreachable_tasks", 5, view.unreachable()),
        list("completed_tasks", 3, view.completed()),
    ];
    Node::Message { name: "get_tasks", number, fields }
}

/// Those that frameworks bring; a master does not know of the ones that agents make for commands.
fn executors(view: &View, number: u32) -> Node {
    let at = view.executor_places().map(Item::from).collect();
    let list = Node::List { name: "executors", number: 1, of: Kind::Executor, at };
    Node::Message { name: "get_executors", number, fields: vec![list] }
}

fn frameworks(view: &View, number: u32) -> Node {
    let known = view.framework_places().map(Item::from).collect();
    let completed = view.completed_framework_places().map(Item::from).collect();
    let fields = vec![
        Node::List { name: "frameworks", number: 1, of: Kind::Framework, at: known },
        Node::List { name: "completed_frameworks", number: 2, of: Kind::CompletedFramework, at: completed },
    ];
    Node::Message { name: "get_frameworks", number, fields }
}

fn agents(view: &View, number: u32) -> Node {
    let known = view.agents.places().map(Item::from).collect();
    let recovered = view.recovered_agents.places().map(Item::from).collect();
    let fields = vec![
        Node::List { name: "agents", number: 1, of: Kind::Agent, at: known },
        Node::List { name: "recovered_agents", number: 2, of: Kind::RecoveredAgent, at: recovered },
    ];
    Node::Message { name: "get_agents", number, fields }
}

impl Node {
    fn into_json(self, parts: &mut Vec<Part>) {
        match self {
            Node::Message { name, fields, .. } => {
                push(parts, format!("\"{name}\":{{"));
                for (at, field) in fields.into_iter().enumerate() {
                    if at > 0 {
                        push(parts, ",");
                    }
                    field.into_json(parts);
                }
                push(parts, "}");
            }
            Node::List { name, of, at, .. } => {
                push(parts, format!("\"{name}\":["));
                parts.push(Part::List(List { of: Of::V1(of, 0), at }));
                push(parts, "]");
            }
        }
    }

    /// A message begins with its length, so what is in it is measured first.
    fn into_protobuf(self, writers: &Writers, view: &View, facts: &Facts, parts: &mut Vec<Part>) -> usize {
        match self {
            Node::Message { number, fields, .. } => {
                let head_at = parts.len();
                parts.push(Part::Text(Vec::new()));
                let lengths =
                    fields.into_iter().map(|field| field.into_protobuf(writers, view, facts, parts));
                let length: usize = lengths.sum();
                let head = delimiter(number, length);
                let whole = head.len() + length;
                if let Some(place) = parts.get_mut(head_at) {
                    *place = Part::Text(head);
                }
                whole
            }
            Node::List { number, of, at, .. } => {
                let mut bytes = Vec::new();
                let mut length = |item: &Item| {
                    let length = writers.length(view, facts, of, *item, &mut bytes);
                    // Every list of an answer has a number below 16.
                    1 + length_delimiter_len(length) + length
                };
                let whole = at.iter().map(&mut length).sum();
                parts.push(Part::List(List { of: Of::V1(of, number), at }));
                whole
            }
        }
    }
}

impl Writers {
    pub(super) fn new() -> Self {
        Self {
            agent: json::Writer::new(),
            agent_info: json::Writer::new(),
            framework: json::Writer::new(),
            executor: json::Writer::new(),
            task: json::Writer::new(),
        }
    }

    /// Appends a record: as JSON, or as the field `number` of its message.
    pub(super) fn write(
        &self,
        view: &View,
        facts: &Facts,
        (kind, number): (Kind, u32),
        item: Item,
        scratch: &mut Scratch,
        out: &mut Vec<u8>,
    ) {
        let bytes = &mut scratch.bytes;
        bytes.clear();
        if number == 0 {
            encode(view, facts, kind, item, bytes);
            return match kind {
                Kind::Agent => self.agent.write(bytes, out),
                Kind::RecoveredAgent => self.agent_info.write(bytes, out),
                Kind::Framework | Kind::CompletedFramework => self.framework.write(bytes, out),
                Kind::Executor => self.executor.write(bytes, out),
                Kind::Task => self.task.write(bytes, out),
            };
        }
        let tag = u64::from(number) << 3 | 2;
        if let (Kind::Task, Some(task)) = (kind, view.task(item)) {
            put_varint(tag, out);
            put_varint(task.encoded_len() as u64, out);
            return task.encode(out);
        }
        encode(view, facts, kind, item, bytes);
        put_varint(tag, out);
        put_varint(bytes.len() as u64, out);
        out.extend_from_slice(bytes);
    }

    fn length(&self, view: &View, facts: &Facts, kind: Kind, item: Item, bytes: &mut Vec<u8>) -> usize {
        if let (Kind::Task, Some(task)) = (kind, view.task(item)) {
            return task.encoded_len();
        }
        bytes.clear();
        encode(view, facts, kind, item, bytes);
        bytes.len()
    }
}

/// Appends a record's bytes.
fn encode(view: &View, facts: &Facts, kind: Kind, item: Item, out: &mut Vec<u8>) {
    let encoded = match kind {
        Kind::Agent => view.agents.at(item.at).map(|(_, found)| agent(found, facts).encode_to_vec()),
        Kind::RecoveredAgent => {
            view.recovered_agents.at(item.at).map(|(_, found)| recovered_agent(&found.info).encode_to_vec())
        }
        Kind::Framework => {
            view.frameworks.at(item.at).map(|(_, found)| framework(view, found, facts).encode_to_vec())
        }
        Kind::CompletedFramework => {
            view.completed_frameworks.at(item.at).map(|found| framework(view, found, facts).encode_to_vec())
        }
        Kind::Executor => {
            view.executors.at(item.at).map(|((agent, ..), found)| executor(agent, found).encode_to_vec())
        }
        Kind::Task => return view.task(item).map_or((), |task| task.encode(out)),
    };
    out.extend(encoded.unwrap_or_default());
}

fn delimiter(number: u32, length: usize) -> Vec<u8> {
    let mut head = Vec::new();
    put_varint(u64::from(number) << 3 | 2, &mut head);
    put_varint(length as u64, &mut head);
    head
}

fn push(parts: &mut Vec<Part>, text: impl Into<Vec<u8>>) {
    parts.push(Part::Text(text.into()));
}
