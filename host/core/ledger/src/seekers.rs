//! Frameworks and seekers: one (framework, role) pair is one seeker.

use std::sync::Arc;

use mezzo_model::FrameworkId;
use mezzo_proto::mesos::v1::framework_info::capability::Type;
use mezzo_resources::{Quantities, Resource};

use crate::{
    agents::Index,
    columns::Rows,
    facts::AgentCapabilities,
    slots::{Bits, Slots},
};

/// All frameworks and seekers by slot.
#[derive(Clone, Debug, Default)]
pub(crate) struct Seekers {
    pub(crate) by_id: Index<FrameworkId>,
    pub(crate) frameworks: Vec<Option<Framework>>,
    pub(crate) framework_slots: Slots,
    pub(crate) list: Vec<Option<Seeker>>,
    pub(crate) slots: Slots,
    /// What each seeker holds, offered or allocated.
    pub(crate) held: Rows,
    /// Those that want offers now.
    pub(crate) live: Bits,
    /// Those whose framework set its own minimum.
    pub(crate) particular: Bits,
    /// Those in each role, by the role's slot.
    by_role: Vec<Bits>,
    /// Those that agents of each class may be offered to.
    bases: [Bits; CLASSES],
    /// New, or with other facts, since the last batch.
    pub(crate) changed: Bits,
    /// Without a use, to be forgotten with the next batch.
    pub(crate) leaving: Vec<u32>,
}

/// One framework.
#[derive(Clone, Debug)]
pub(crate) struct Framework {
    pub(crate) id: FrameworkId,
    pub(crate) capabilities: u64,
    pub(crate) is_active: bool,
    /// Known to the master; otherwise only somebody whom things are still accounted to.
    pub(crate) is_registered: bool,
    /// Slots of its seekers.
    pub(crate) seekers: Vec<u32>,
}

/// One framework in one role.
#[derive(Clone, Debug)]
pub(crate) struct Seeker {
    pub(crate) framework: u32,
    pub(crate) framework_id: FrameworkId,
    pub(crate) role: u32,
    pub(crate) role_name: Arc<str>,
    pub(crate) capabilities: u64,
    /// The framework subscribes in the role now.
    pub(crate) is_subscribed: bool,
    pub(crate) is_suppressed: bool,
    /// On how many agents it holds something.
    pub(crate) holdings: usize,
    /// How many filters it has.
    pub(crate) filters: usize,
    /// Its framework's own minimum for the role.
    pub(crate) min_allocatable: Option<Vec<Quantities>>,
}

const CLASSES: usize = 16;
const NEEDS_GPU_CAPABILITY: u8 = 1;
const IS_REMOTE: u8 = 2;
const NO_MULTI_ROLE: u8 = 4;
const NO_HIERARCHICAL_ROLE: u8 = 8;

/// What an agent asks of whoever is offered it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Class(u8);

impl Class {
    pub(crate) fn new(agent: AgentCapabilities, is_remote: bool, needs_gpu_capability: bool) -> Class {
        let bits = [
            (needs_gpu_capability, NEEDS_GPU_CAPABILITY),
            (is_remote, IS_REMOTE),
            (!agent.multi_role, NO_MULTI_ROLE),
            (!agent.hierarchical_role, NO_HIERARCHICAL_ROLE),
        ];
        Class(bits.into_iter().filter(|(is_set, _)| *is_set).fold(0, |class, (_, bit)| class | bit))
    }

    fn has(self, bit: u8) -> bool {
        self.0 & bit != 0
    }
}

impl Seeker {
    pub(crate) fn can(&self, capability: Type) -> bool {
        self.capabilities >> capability as u32 & 1 == 1
    }

    /// What of an agent of this class stands in its way, if anything.
    pub(crate) fn misfit(&self, class: Class) -> Option<Misfit> {
        if class.has(NEEDS_GPU_CAPABILITY) && !self.can(Type::GpuResources) {
            return Some(Misfit::Gpu);
        }
        if class.has(IS_REMOTE) && !self.can(Type::RegionAware) {
            return Some(Misfit::Region);
        }
        if class.has(NO_MULTI_ROLE) && self.can(Type::MultiRole) {
            return Some(Misfit::MultiRole);
        }
        if class.has(NO_HIERARCHICAL_ROLE) && self.role_name.contains('/') {
            return Some(Misfit::HierarchicalRole);
        }
        None
    }

    /// Whether its framework can take the resource, and its role may have it.
    pub(crate) fn may_have(&self, resource: &Resource) -> bool {
        resource.is_allocatable_to(&self.role_name)
            && (!resource.is_shared() || self.can(Type::SharedResources))
            && (!resource.is_revocable() || self.can(Type::RevocableResources))
            && (resource.reservations().len() <= 1 || self.can(Type::ReservationRefinement))
    }
}

/// Why a framework is not offered agents of a kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Misfit {
    Gpu,
    Region,
    MultiRole,
    HierarchicalRole,
}

impl Seekers {
    pub(crate) fn find_framework(&self, id: &FrameworkId) -> Option<u32> {
        self.by_id.get(id).copied()
    }

    pub(crate) fn framework(&self, slot: u32) -> Option<&Framework> {
        self.frameworks.get(slot as usize)?.as_ref()
    }

    pub(crate) fn framework_mut(&mut self, slot: u32) -> Option<&mut Framework> {
        self.frameworks.get_mut(slot as usize)?.as_mut()
    }

    pub(crate) fn get(&self, slot: u32) -> Option<&Seeker> {
        self.list.get(slot as usize)?.as_ref()
    }

    pub(crate) fn get_mut(&mut self, slot: u32) -> Option<&mut Seeker> {
        self.list.get_mut(slot as usize)?.as_mut()
    }

    /// Seekers and their slots, in the order of slots.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (u32, &Seeker)> {
        (0u32..).zip(&self.list).filter_map(|(slot, seeker)| seeker.as_ref().map(|seeker| (slot, seeker)))
    }

    /// The slot of a framework, made when it is not known.
    pub(crate) fn framework_slot(&mut self, id: &FrameworkId) -> u32 {
        if let Some(slot) = self.find_framework(id) {
            return slot;
        }
        let slot = self.framework_slots.take();
        if self.frameworks.len() <= slot as usize {
            self.frameworks.resize_with(slot as usize + 1, || None);
        }
        self.by_id.insert(id.clone(), slot);
        self.frameworks[slot as usize] = Some(Framework {
            id: id.clone(),
            capabilities: 0,
            is_active: false,
            is_registered: false,
            seekers: Vec::new(),
        });
        slot
    }

    /// The seeker of a framework in a role, if there is one.
    pub(crate) fn find(&self, id: &FrameworkId, role: &str) -> Option<u32> {
        let framework = self.framework(self.find_framework(id)?)?;
        let is_it = |slot: &&u32| self.get(**slot).is_some_and(|seeker| *seeker.role_name == *role);
        framework.seekers.iter().find(is_it).copied()
    }

    /// Puts a new one in.
    pub(crate) fn insert(&mut self, seeker: Seeker) -> u32 {
        let slot = self.slots.take();
        if self.list.len() <= slot as usize {
            self.list.resize_with(slot as usize + 1, || None);
        }
        self.held.clear(slot);
        if let Some(framework) = self.framework_mut(seeker.framework) {
            framework.seekers.push(slot);
        }
        let role = seeker.role as usize;
        if self.by_role.len() <= role {
            self.by_role.resize_with(role + 1, Bits::default);
        }
        self.by_role[role].set(slot, true);
        self.list[slot as usize] = Some(seeker);
        self.changed.set(slot, true);
        slot
    }

    /// Takes one out that is of no use any more.
    pub(crate) fn remove(&mut self, slot: u32, round: u64) -> Option<Seeker> {
        let seeker = self.list.get_mut(slot as usize)?.take()?;
        self.by_role[seeker.role as usize].set(slot, false);
        self.rebase(&[slot]);
        self.slots.release(slot, round);
        if let Some(framework) = self.framework_mut(seeker.framework) {
            framework.seekers.retain(|&known| known != slot);
        }
        Some(seeker)
    }

    /// Those in the role, whether they want offers or not.
    pub(crate) fn in_role(&self, role: u32) -> Option<&Bits> {
        self.by_role.get(role as usize)
    }

    /// Whether it is neither wanted nor holds anything.
    pub(crate) fn is_idle(&self, slot: u32) -> bool {
        self.get(slot).is_some_and(|seeker| !seeker.is_subscribed && seeker.holdings == 0)
    }

    /// Marks it to be forgotten, if it is idle.
    pub(crate) fn leave_if_idle(&mut self, slot: u32) {
        if self.is_idle(slot) && !self.leaving.contains(&slot) {
            self.leaving.push(slot);
        }
    }

    /// Works out who is live after something about a framework or a seeker changed.
    pub(crate) fn rebase(&mut self, filters_changed: &[u32]) {
        for &slot in filters_changed {
            let Some(seeker) = self.get(slot) else {
                self.live.set(slot, false);
                self.particular.set(slot, false);
                self.bases.iter_mut().for_each(|base| base.set(slot, false));
                continue;
            };
            let is_active = self.framework(seeker.framework).is_some_and(|framework| framework.is_active);
            let is_live = is_active && seeker.is_subscribed && !seeker.is_suppressed;
            let is_particular = seeker.min_allocatable.is_some();
            let fits: [bool; CLASSES] =
                std::array::from_fn(|class| is_live && seeker.misfit(Class(class as u8)).is_none());
            self.live.set(slot, is_live);
            self.particular.set(slot, is_particular);
            for (base, fits) in self.bases.iter_mut().zip(fits) {
                base.set(slot, fits);
            }
        }
    }

    /// Those that agents of this class may be offered to.
    pub(crate) fn base(&self, class: Class) -> &Bits {
        &self.bases[usize::from(class.0)]
    }

    /// 64-bit words that hold every seeker's bit.
    pub(crate) fn words(&self) -> usize {
        self.list.len().div_ceil(64)
    }
}
