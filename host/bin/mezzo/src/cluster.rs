//! The cluster as a person asks about it: one GET_STATE, and rows made of it.

use std::collections::BTreeMap;

use anyhow::{Context, bail};
use mezzo_client::Client;
use mezzo_proto::mesos::v1::{self, master};
use serde::Serialize;
use serde_json::{Value, json};

/// A snapshot of the master's state.
pub struct Cluster {
    /// The master's version.
    pub version: String,
    agents: Vec<master::response::get_agents::Agent>,
    frameworks: Vec<master::response::get_frameworks::Framework>,
    completed: Vec<master::response::get_frameworks::Framework>,
    tasks: Vec<v1::Task>,
    ended: Vec<v1::Task>,
}

/// A row of `mezzo agent list`.
#[derive(Debug, Serialize)]
pub struct AgentRow {
    /// Its id.
    pub id: String,
    /// Host and port of its own API.
    pub address: String,
    /// `active` or `disconnected`.
    pub state: &'static str,
    /// Everything it has.
    pub total: String,
    /// What tasks hold.
    pub allocated: String,
    /// Its attributes, as the flag has them.
    pub attributes: String,
}

/// A row of `mezzo framework list`.
#[derive(Debug, Serialize)]
pub struct FrameworkRow {
    /// Its id.
    pub id: String,
    /// What it calls itself.
    pub name: String,
    /// The roles it takes part in.
    pub roles: Vec<String>,
    /// `active`, `disconnected`, `recovered` or `completed`.
    pub state: String,
    /// Tasks that have not ended.
    pub tasks: usize,
    /// What its tasks hold.
    pub allocated: String,
}

/// A row of `mezzo task list`.
#[derive(Debug, Clone, Serialize)]
pub struct TaskRow {
    /// Its id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Its framework's id.
    pub framework: String,
    /// Its agent's id.
    pub agent: String,
    /// TASK_…
    pub state: String,
    /// What it holds, or held.
    pub resources: String,
    /// The newest status' message.
    pub message: String,
    /// When its newest status was made: seconds since 1970.
    pub since: Option<f64>,
}

impl Cluster {
    /// Asks the master at `address`.
    pub async fn read(address: &str) -> anyhow::Result<Self> {
        let client = Client::new(address)?;
        let version = client.version().await?;
        let call = master::Call { r#type: Some(master::call::Type::GetState as i32), ..Default::default() };
        let state =
            client.master_call(&call).await?.get_state.context("the master's answer has no `get_state`")?;
        let agents = state.get_agents.unwrap_or_default();
        let frameworks = state.get_frameworks.unwrap_or_default();
        let tasks = state.get_tasks.unwrap_or_default();
        Ok(Self {
            version,
            agents: agents.agents,
            frameworks: frameworks.frameworks,
            completed: frameworks.completed_frameworks,
            tasks: tasks.tasks.into_iter().chain(tasks.unreachable_tasks).collect(),
            ended: tasks.completed_tasks,
        })
    }

    /// Every agent, in order of admission.
    pub fn agents(&self) -> Vec<AgentRow> {
        self.agents
            .iter()
            .map(|agent| AgentRow {
                id: id_of(agent),
                address: address_of(agent),
                state: if agent.active { "active" } else { "disconnected" },
                total: brief(&agent.total_resources),
                allocated: brief(&agent.allocated_resources),
                attributes: agent.agent_info.attributes.iter().map(attribute).collect::<Vec<_>>().join(";"),
            })
            .collect()
    }

    /// Every framework, completed ones last.
    pub fn frameworks(&self) -> Vec<FrameworkRow> {
        let row = |framework: &master::response::get_frameworks::Framework, state: &str| {
            let info = &framework.framework_info;
            let id = info.id.as_ref().map(|id| id.value.clone()).unwrap_or_default();
            #[allow(deprecated, reason = "frameworks without MULTI_ROLE still use the old field")]
            let roles = if info.roles.is_empty() { vec![info.role().to_owned()] } else { info.roles.clone() };
            FrameworkRow {
                tasks: self.tasks.iter().filter(|t| t.framework_id.value == id).count(),
                id,
                name: info.name.clone(),
                roles,
                state: state.to_owned(),
                allocated: brief(&framework.allocated_resources),
            }
        };
        let state = |f: &master::response::get_frameworks::Framework| match (f.active, f.recovered) {
            (true, _) => "active",
            (false, true) => "recovered",
            (false, false) => "disconnected",
        };
        let live = self.frameworks.iter().map(|f| row(f, state(f)));
        live.chain(self.completed.iter().map(|f| row(f, "completed"))).collect()
    }

    /// Every task; ended ones only when `all`.
    pub fn tasks(&self, all: bool) -> Vec<TaskRow> {
        let ended = self.ended.iter().filter(|_| all);
        self.tasks.iter().chain(ended).map(task_row).collect()
    }

    /// The one task called `id`, in `framework` where several frameworks use the name; the
    /// newest where an ended task had it before.
    pub fn task(&self, id: &str, framework: Option<&str>) -> anyhow::Result<TaskRow> {
        let mut found: Vec<_> = self
            .tasks(true)
            .into_iter()
            .filter(|t| t.id == id && framework.is_none_or(|f| t.framework == f))
            .collect();
        found.sort_by(|a, b| a.since.unwrap_or(0.0).total_cmp(&b.since.unwrap_or(0.0)));
        let frameworks: std::collections::BTreeSet<_> = found.iter().map(|t| t.framework.clone()).collect();
        if frameworks.len() > 1 {
            let names: Vec<_> = frameworks.into_iter().collect();
            bail!("several frameworks have a task `{id}`: choose one with --framework {}", names.join(" | "));
        }
        found.pop().with_context(|| format!("no task `{id}`; `mezzo task list --all` shows what there is"))
    }

    /// Host and port of an agent's own API.
    pub fn agent_address(&self, id: &str) -> anyhow::Result<String> {
        let agent = self.agents.iter().find(|a| id_of(a) == id);
        agent.map(address_of).with_context(|| format!("agent `{id}` is not registered with the master"))
    }

    /// Counts, for `mezzo status`.
    pub fn summary(&self) -> Value {
        let running = self.tasks.iter().filter(|t| t.state == v1::TaskState::TaskRunning as i32).count();
        json!({
            "version": self.version,
            "agents": {"total": self.agents.len(), "active": self.agents.iter().filter(|a| a.active).count()},
            "frameworks": {"total": self.frameworks.len(), "active": self.frameworks.iter().filter(|f| f.active).count()},
            "tasks": {"running": running, "under_way": self.tasks.len() - running, "ended": self.ended.len()},
            "resources": self.amounts().into_iter().map(|(name, a)| (name, json!({
                "total": a[0], "allocated": a[1], "offered": a[2]
            }))).collect::<serde_json::Map<_, _>>(),
        })
    }

    /// One row a scalar resource: total, allocated, offered, free.
    pub fn resource_rows(&self) -> Vec<Vec<String>> {
        self.amounts()
            .into_iter()
            .map(|(name, [total, allocated, offered])| {
                vec![
                    name,
                    number(total),
                    number(allocated),
                    number(offered),
                    number(total - allocated - offered),
                ]
            })
            .collect()
    }

    fn amounts(&self) -> BTreeMap<String, [f64; 3]> {
        let mut sums: BTreeMap<String, [f64; 3]> = BTreeMap::new();
        for agent in &self.agents {
            let columns = [&agent.total_resources, &agent.allocated_resources, &agent.offered_resources];
            for (column, resources) in columns.into_iter().enumerate() {
                for resource in resources {
                    if let Some(scalar) = &resource.scalar {
                        sums.entry(resource.name.clone()).or_default()[column] += scalar.value;
                    }
                }
            }
        }
        sums
    }
}

fn id_of(agent: &master::response::get_agents::Agent) -> String {
    agent.agent_info.id.as_ref().map(|id| id.value.clone()).unwrap_or_default()
}

/// From `slave(1)@127.0.0.1:5051`, or from what the agent said of itself.
fn address_of(agent: &master::response::get_agents::Agent) -> String {
    match agent.pid.as_deref().and_then(|pid| pid.split_once('@')) {
        Some((_, address)) => address.to_owned(),
        None => format!("{}:{}", agent.agent_info.hostname, agent.agent_info.port()),
    }
}

fn attribute(attribute: &v1::Attribute) -> String {
    let value = match (&attribute.text, &attribute.scalar) {
        (Some(text), _) => text.value.clone(),
        (None, Some(scalar)) => number(scalar.value),
        (None, None) => "…".to_owned(),
    };
    format!("{}:{value}", attribute.name)
}

fn task_row(task: &v1::Task) -> TaskRow {
    let newest = task.statuses.last();
    TaskRow {
        id: task.task_id.value.clone(),
        name: task.name.clone(),
        framework: task.framework_id.value.clone(),
        agent: task.agent_id.value.clone(),
        state: task.state().as_str_name().to_owned(),
        resources: brief(&task.resources),
        message: newest.and_then(|s| s.message.clone()).unwrap_or_default(),
        since: newest.and_then(|s| s.timestamp),
    }
}

/// `cpus:1.5;mem:64`: scalars summed over roles and kinds, then the other resources' names.
fn brief(resources: &[v1::Resource]) -> String {
    let mut scalars: Vec<(&str, f64)> = Vec::new();
    let mut others: Vec<String> = Vec::new();
    for resource in resources {
        match (&resource.scalar, &resource.ranges) {
            (Some(scalar), _) => match scalars.iter_mut().find(|(name, _)| *name == resource.name) {
                Some((_, sum)) => *sum += scalar.value,
                None => scalars.push((&resource.name, scalar.value)),
            },
            (None, Some(ranges)) => {
                let spans: Vec<_> = ranges.range.iter().map(|r| format!("{}-{}", r.begin, r.end)).collect();
                others.push(format!("{}:[{}]", resource.name, spans.join(",")));
            }
            (None, None) => others.push(resource.name.clone()),
        }
    }
    let order = |name: &str| ["cpus", "mem", "disk"].iter().position(|n| *n == name).unwrap_or(9);
    scalars.sort_by_key(|(name, _)| order(name));
    let scalars = scalars.into_iter().map(|(name, amount)| format!("{name}:{}", number(amount)));
    scalars.chain(others).collect::<Vec<_>>().join(";")
}

/// At most three decimals, as amounts have.
fn number(amount: f64) -> String {
    let thousandths = (amount * 1000.0).round() / 1000.0;
    format!("{thousandths}")
}
