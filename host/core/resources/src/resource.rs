//! One resource: what it is, how much of it, and what sets it apart from others of its name.

use std::{fmt, sync::Arc};

use mezzo_proto::mesos::v1::{Labels, resource::DiskInfo, resource::disk_info::source};

use crate::{Amount, Items, Ranges, wire};

/// One resource of an agent, an offer or a task.
///
/// Two of them add up only when everything but the value is equal ([`Resource::adds_up_with`]).
#[derive(Clone, Debug, PartialEq)]
pub struct Resource {
    /// What it is called: `cpus`, `ports`…
    pub name: Arc<str>,
    /// How much of it.
    pub value: Value,
    /// The role it is offered or allocated to.
    pub allocated_to: Option<Arc<str>>,
    /// What sets it apart; absent for the plain unreserved kind, which nearly all of them are.
    pub distinction: Option<Arc<Distinction>>,
    /// How often a shared resource is held; 1 for all others.
    pub shares: u32,
}

/// How much of a resource.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// An amount that can be divided.
    Scalar(Amount),
    /// Numbers of which each is one thing.
    Ranges(Arc<Ranges>),
    /// Names of which each is one thing.
    Set(Arc<Items>),
}

/// What sets a resource apart from others of its name.
///
/// How a disk is going to be used (the path in the container, the mode) and who made a volume of it
/// are carried along but set nothing apart: a task may use a volume at another path than the one it
/// was created with.
#[derive(Clone, Debug, Default)]
pub struct Distinction {
    /// Who it is reserved to: a stack, the last one owns it. Empty for the unreserved.
    pub reservations: Vec<Reservation>,
    /// Where on disk it is, and whether it is a volume.
    pub disk: Option<DiskInfo>,
    /// Can be taken back at any time.
    pub is_revocable: bool,
    /// Can be held by several at once.
    pub is_shared: bool,
    /// Who provides it; absent for the agent itself.
    pub provider: Option<String>,
}

impl PartialEq for Distinction {
    fn eq(&self, other: &Distinction) -> bool {
        self.reservations == other.reservations
            && self.is_revocable == other.is_revocable
            && self.is_shared == other.is_shared
            && self.provider == other.provider
            && same_disk(self.disk.as_ref(), other.disk.as_ref())
    }
}

fn same_disk(one: Option<&DiskInfo>, other: Option<&DiskInfo>) -> bool {
    let source = |disk: Option<&DiskInfo>| disk.and_then(|disk| disk.source.clone());
    let id =
        |disk: Option<&DiskInfo>| disk.and_then(|disk| disk.persistence.as_ref().map(|made| made.id.clone()));
    id(one) == id(other) && source(one) == source(other)
}

/// One entry of a reservation stack.
#[derive(Clone, Debug, PartialEq)]
pub struct Reservation {
    /// Made by an operation rather than by the agent's flags.
    pub is_dynamic: bool,
    /// To whom.
    pub role: String,
    /// By whom.
    pub principal: Option<String>,
    /// Whatever its maker noted.
    pub labels: Option<Labels>,
}

impl Resource {
    /// A plain, unreserved amount.
    pub fn scalar(name: impl Into<Arc<str>>, amount: Amount) -> Self {
        Self::plain(name.into(), Value::Scalar(amount))
    }

    /// Plain, unreserved ranges.
    pub fn ranges(name: impl Into<Arc<str>>, ranges: Ranges) -> Self {
        Self::plain(name.into(), Value::Ranges(Arc::new(ranges)))
    }

    /// A plain, unreserved set.
    pub fn set(name: impl Into<Arc<str>>, items: Items) -> Self {
        Self::plain(name.into(), Value::Set(Arc::new(items)))
    }

    pub(crate) fn plain(name: Arc<str>, value: Value) -> Self {
        Self { name, value, allocated_to: None, distinction: None, shares: 1 }
    }

    /// Who it is reserved to, outermost first; empty for the unreserved.
    pub fn reservations(&self) -> &[Reservation] {
        self.distinction.as_deref().map_or(&[], |apart| &apart.reservations)
    }

    /// The role that owns its innermost reservation.
    pub fn reserved_to(&self) -> Option<&str> {
        self.reservations().last().map(|reservation| reservation.role.as_str())
    }

    /// Whether it can be taken back at any time.
    pub fn is_revocable(&self) -> bool {
        self.distinction.as_deref().is_some_and(|apart| apart.is_revocable)
    }

    /// Whether several may hold it at once.
    pub fn is_shared(&self) -> bool {
        self.distinction.as_deref().is_some_and(|apart| apart.is_shared)
    }

    /// What it says of a disk.
    pub fn disk(&self) -> Option<&DiskInfo> {
        self.distinction.as_deref().and_then(|apart| apart.disk.as_ref())
    }

    /// Whether it is a persistent volume.
    pub fn is_persistent_volume(&self) -> bool {
        self.disk().is_some_and(|disk| disk.persistence.is_some())
    }

    /// Whether it is taken whole or not at all although it is a scalar: persistent volumes, MOUNT and
    /// BLOCK disks, RAW disks with an id.
    pub fn is_indivisible(&self) -> bool {
        let Some(disk) = self.disk() else { return false };
        let has_whole_source = disk.source.as_ref().is_some_and(|source| match source.r#type() {
            source::Type::Mount | source::Type::Block => true,
            source::Type::Raw => source.id.is_some(),
            source::Type::Path | source::Type::Unknown => false,
        });
        disk.persistence.is_some() || has_whole_source
    }

    /// Whether `role` may be given it: unreserved, or reserved to the role or an ancestor of it.
    pub fn is_allocatable_to(&self, role: &str) -> bool {
        self.reserved_to().is_none_or(|owner| crate::roles::is_same_or_descendant(role, owner))
    }

    /// The amount, if it is a scalar.
    pub fn amount(&self) -> Option<Amount> {
        match self.value {
            Value::Scalar(amount) => Some(amount),
            Value::Ranges(_) | Value::Set(_) => None,
        }
    }

    /// How much of it in thousandths; a range or a set counts its elements.
    pub fn quantity(&self) -> Amount {
        self.value.quantity()
    }

    /// Whether there is nothing of it.
    pub fn is_empty(&self) -> bool {
        self.shares == 0 || self.value.is_empty()
    }

    /// Whether both could be one entry: everything but the value is equal, and it can be divided.
    pub fn adds_up_with(&self, other: &Resource) -> bool {
        if !self.is_same_but_for_value(other) {
            return false;
        }
        if self.distinction.is_none() {
            return true;
        }
        if self.is_shared() { self.value == other.value } else { !self.is_indivisible() }
    }

    /// Whether everything but the value is equal.
    pub fn is_same_but_for_value(&self, other: &Resource) -> bool {
        self.name == other.name
            && std::mem::discriminant(&self.value) == std::mem::discriminant(&other.value)
            && self.allocated_to == other.allocated_to
            && same_distinction(&self.distinction, &other.distinction)
    }

    /// Whether `other`, of the same identity, can be taken from it.
    pub(crate) fn holds(&self, other: &Resource) -> bool {
        if !self.is_same_but_for_value(other) {
            return false;
        }
        if self.is_shared() {
            return self.value == other.value && self.shares >= other.shares;
        }
        if self.is_indivisible() { self.value == other.value } else { self.value.contains(&other.value) }
    }

    /// Adds `other`, which [`Resource::adds_up_with`] it.
    pub(crate) fn add(&mut self, other: &Resource) {
        if self.is_shared() {
            self.shares = self.shares.saturating_add(other.shares);
        } else {
            self.value.add(&other.value);
        }
    }

    /// Takes `other` as far as it is there.
    pub(crate) fn take(&mut self, other: &Resource) {
        if self.is_shared() {
            self.shares = self.shares.saturating_sub(other.shares);
        } else if self.is_indivisible() {
            self.shares = 0;
        } else {
            self.value.take(&other.value);
        }
    }
}

fn same_distinction(one: &Option<Arc<Distinction>>, other: &Option<Arc<Distinction>>) -> bool {
    match (one, other) {
        (None, None) => true,
        (Some(one), Some(other)) => Arc::ptr_eq(one, other) || one == other,
        (None, Some(_)) | (Some(_), None) => false,
    }
}

impl Value {
    /// Whether there is nothing.
    pub fn is_empty(&self) -> bool {
        match self {
            Value::Scalar(amount) => amount.is_zero(),
            Value::Ranges(ranges) => ranges.is_empty(),
            Value::Set(items) => items.is_empty(),
        }
    }

    /// In thousandths; ranges and sets count their elements.
    pub fn quantity(&self) -> Amount {
        let count = match self {
            Value::Scalar(amount) => return *amount,
            Value::Ranges(ranges) => ranges.count(),
            Value::Set(items) => items.count(),
        };
        Amount::whole(i64::try_from(count).unwrap_or(i64::MAX))
    }

    /// Whether `other`, of the same type, is part of it.
    pub fn contains(&self, other: &Value) -> bool {
        match (self, other) {
            (Value::Scalar(mine), Value::Scalar(other)) => mine >= other,
            (Value::Ranges(mine), Value::Ranges(other)) => Arc::ptr_eq(mine, other) || mine.contains(other),
            (Value::Set(mine), Value::Set(other)) => Arc::ptr_eq(mine, other) || mine.contains(other),
            (Value::Scalar(_) | Value::Ranges(_) | Value::Set(_), _) => false,
        }
    }

    fn add(&mut self, other: &Value) {
        match (self, other) {
            (Value::Scalar(mine), Value::Scalar(other)) => *mine = mine.plus(*other),
            (Value::Ranges(mine), Value::Ranges(other)) => *mine = Arc::new(mine.union(other)),
            (Value::Set(mine), Value::Set(other)) => *mine = Arc::new(mine.union(other)),
            (Value::Scalar(_) | Value::Ranges(_) | Value::Set(_), _) => {}
        }
    }

    fn take(&mut self, other: &Value) {
        match (self, other) {
            (Value::Scalar(mine), Value::Scalar(other)) => *mine = mine.minus(*other),
            (Value::Ranges(mine), Value::Ranges(other)) => *mine = Arc::new(mine.difference(other)),
            (Value::Set(mine), Value::Set(other)) => *mine = Arc::new(mine.difference(other)),
            (Value::Scalar(_) | Value::Ranges(_) | Value::Set(_), _) => {}
        }
    }
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Value::Scalar(amount) => amount.fmt(f),
            Value::Ranges(ranges) => ranges.fmt(f),
            Value::Set(items) => items.fmt(f),
        }
    }
}

impl fmt::Display for Resource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&wire::describe(&wire::to_wire(self, wire::Form::PostRefinement)))
    }
}
