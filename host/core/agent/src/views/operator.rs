//! The answers of the v1 operator API that need no more than a view.

use mezzo_model::calls::AgentRead;
use mezzo_proto::mesos::v1::{
    self,
    agent::{Response, response},
};
use serde_json::{Map, Value};

use super::{
    View,
    get_state::{executors, frameworks, tasks},
};

/// The answer to a read; `None` for one that is not of this API, or needs more.
pub fn respond(view: &View, read: &AgentRead) -> Option<Response> {
    use response::Type;

    let answer = |kind: Type| Response { r#type: Some(kind.into()), ..Default::default() };
    Some(match read {
        AgentRead::GetState => Response {
            get_state: Some(response::GetState {
                get_tasks: Some(tasks(view)),
                get_executors: Some(executors(view)),
                get_frameworks: Some(frameworks(view)),
            }),
            ..answer(Type::GetState)
        },
        AgentRead::GetTasks => Response { get_tasks: Some(tasks(view)), ..answer(Type::GetTasks) },
        AgentRead::GetExecutors => {
            Response { get_executors: Some(executors(view)), ..answer(Type::GetExecutors) }
        }
        AgentRead::GetFrameworks => {
            Response { get_frameworks: Some(frameworks(view)), ..answer(Type::GetFrameworks) }
        }
        AgentRead::GetAgent => Response { get_agent: Some(agent(view)), ..answer(Type::GetAgent) },
        AgentRead::GetOperations => Response {
            get_operations: Some(response::GetOperations { operations: view.operations.clone() }),
            ..answer(Type::GetOperations)
        },
        // There are none of these yet; an empty answer has its part all the same.
        AgentRead::GetResourceProviders => Response {
            get_resource_providers: Some(Default::default()),
            ..answer(Type::GetResourceProviders)
        },
        _ => return None,
    })
}

fn agent(view: &View) -> response::GetAgent {
    let config = &view.config;
    response::GetAgent {
        agent_info: Some(v1::AgentInfo {
            hostname: config.hostname.clone(),
            port: Some(config.port.into()),
            resources: config.resources.to_wire(),
            attributes: config.attributes.clone(),
            id: view.agent_id.as_ref().map(Into::into),
            ..Default::default()
        }),
        ..Default::default()
    }
}

/// Lists that Mesos writes in JSON also where they are empty, by the part that they are in.
const LISTS: [(&str, &[&str]); 3] = [
    (
        "get_tasks",
        &["pending_tasks", "queued_tasks", "launched_tasks", "terminated_tasks", "completed_tasks"],
    ),
    ("get_executors", &["executors", "completed_executors"]),
    ("get_frameworks", &["frameworks", "completed_frameworks"]),
];

/// Adds the empty lists that Mesos writes to the JSON of an answer.
pub fn fill_lists(answer: &mut Value) {
    let Value::Object(answer) = answer else { return };
    for (part, lists) in LISTS {
        if let Some(Value::Object(found)) = answer.get_mut(part) {
            *found = filled(std::mem::take(found), lists);
        }
    }
    if let Some(state) = answer.get_mut("get_state") {
        fill_lists(state);
    }
}

/// The lists first, in Mesos's order; there is nothing else in these parts.
fn filled(mut found: Map<String, Value>, lists: &[&str]) -> Map<String, Value> {
    let list = |name: &&str| {
        let value = found.remove(*name).unwrap_or_else(|| Value::Array(Vec::new()));
        ((*name).to_owned(), value)
    };
    lists.iter().map(list).collect()
}
