//! What the ledger is told of agents and frameworks, and how it is set up.

use std::{collections::BTreeMap, sync::Arc};

use mezzo_model::{AgentId, FrameworkId};
use mezzo_proto::mesos::v1::{FrameworkInfo, agent_info, framework_info};
use mezzo_resources::{Amount, Quantities, Resources};

/// What holds for every round.
#[derive(Clone, Debug)]
pub struct LedgerConfig {
    /// An offer is worth making when it holds at least one of these (`--min_allocatable_resources`);
    /// none at all means that anything is.
    pub min_allocatable: Vec<Quantities>,
    /// Agents with GPUs only for frameworks that ask for them (`--filter_gpu_resources`).
    pub filters_gpu_agents: bool,
    /// Most grants in one proposal for each agent that the plugin knows …
    pub grants_per_agent_max: usize,
    /// … or this many, if that is more.
    pub grants_min: usize,
    /// Most distinct refused bags remembered for one agent; the one that expires first goes.
    pub filter_groups_per_agent_max: usize,
    /// The totals of roles are sent every so many rounds.
    pub role_totals_every: u64,
}

impl Default for LedgerConfig {
    /// Mesos's defaults.
    fn default() -> Self {
        let quantities = |name: &str, amount| {
            let mut quantities = Quantities::new();
            quantities.add(&Arc::from(name), amount);
            quantities
        };
        Self {
            min_allocatable: vec![
                quantities("cpus", Amount::from_milli(10)),
                quantities("mem", Amount::whole(32)),
            ],
            filters_gpu_agents: true,
            grants_per_agent_max: 8,
            grants_min: 4096,
            filter_groups_per_agent_max: 256,
            role_totals_every: 100,
        }
    }
}

/// What an agent can take, as far as offers depend on it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct AgentCapabilities {
    /// Frameworks with several roles.
    pub multi_role: bool,
    /// Roles below roles.
    pub hierarchical_role: bool,
}

impl AgentCapabilities {
    /// What Mezzo's own agents can take.
    pub const ALL: AgentCapabilities = AgentCapabilities { multi_role: true, hierarchical_role: true };

    /// Reads them off an agent's registration.
    pub fn from_wire(capabilities: &[agent_info::Capability]) -> Self {
        use agent_info::capability::Type;
        let has = |wanted: Type| capabilities.iter().any(|known| known.r#type() == wanted);
        Self { multi_role: has(Type::MultiRole), hierarchical_role: has(Type::HierarchicalRole) }
    }
}

/// An agent, as far as allocation is concerned.
#[derive(Clone, Debug)]
pub struct AgentFacts {
    /// Its id.
    pub id: AgentId,
    /// Its host.
    pub hostname: String,
    /// Everything it has.
    pub total: Resources,
    /// What it can take.
    pub capabilities: AgentCapabilities,
    /// In another region than the master: only for REGION_AWARE frameworks.
    pub is_remote: bool,
    /// Whether it may be offered.
    pub is_active: bool,
    /// Milliseconds since 1970 from which it is planned to be away; `u64::MAX` for never.
    pub unavailable_from_ms: u64,
}

impl AgentFacts {
    /// An agent of ours that may be offered.
    pub fn new(id: AgentId, hostname: impl Into<String>, total: Resources) -> Self {
        Self {
            id,
            hostname: hostname.into(),
            total: total.without_allocation(),
            capabilities: AgentCapabilities::ALL,
            is_remote: false,
            is_active: true,
            unavailable_from_ms: u64::MAX,
        }
    }
}

/// A framework, as far as allocation is concerned.
#[derive(Clone, Debug)]
pub struct FrameworkFacts {
    /// Its id.
    pub id: FrameworkId,
    /// The roles it subscribes in.
    pub roles: Vec<String>,
    /// Bit n is `FrameworkInfo.Capability.Type` n.
    pub capabilities: u64,
    /// Roles that want no offers for now.
    pub suppressed_roles: Vec<String>,
    /// Connected, so that offers reach it.
    pub is_active: bool,
    /// What an offer must hold to be worth making, by role, instead of the master's; an empty list
    /// means anything.
    pub min_allocatable: BTreeMap<String, Vec<Quantities>>,
}

impl FrameworkFacts {
    /// A connected framework in `roles`, wanting offers for all of them.
    pub fn new(id: FrameworkId, roles: Vec<String>, capabilities: u64) -> Self {
        Self {
            id,
            roles,
            capabilities,
            suppressed_roles: Vec::new(),
            is_active: true,
            min_allocatable: BTreeMap::new(),
        }
    }

    /// Reads a framework off its subscription; `roles` are those that were found valid.
    pub fn from_wire(
        id: FrameworkId,
        info: &FrameworkInfo,
        roles: Vec<String>,
        suppressed_roles: Vec<String>,
    ) -> Self {
        Self {
            id,
            roles,
            capabilities: capability_bits(&info.capabilities),
            suppressed_roles,
            is_active: true,
            min_allocatable: min_allocatable(info),
        }
    }
}

/// Bit n is `FrameworkInfo.Capability.Type` n; numbers above 63 are not known to anybody.
pub fn capability_bits(capabilities: &[framework_info::Capability]) -> u64 {
    capabilities.iter().fold(0, |bits, known| {
        match known.r#type.and_then(|number| u32::try_from(number).ok()) {
            Some(number) if number < 64 => bits | 1 << number,
            _ => bits,
        }
    })
}

/// `FrameworkInfo.offer_filters`; quantities that are no amounts count as nothing.
fn min_allocatable(info: &FrameworkInfo) -> BTreeMap<String, Vec<Quantities>> {
    let filters = info.offer_filters.iter().filter_map(|(role, filters)| {
        let alternatives = &filters.min_allocatable_resources.as_ref()?.quantities;
        let alternatives = alternatives.iter().map(|alternative| {
            let mut quantities = Quantities::new();
            for (name, scalar) in &alternative.quantities {
                quantities.add(&Arc::from(name.as_str()), Amount::from_f64(scalar.value).unwrap_or_default());
            }
            quantities
        });
        Some((role.clone(), alternatives.collect()))
    });
    filters.collect()
}
