//! Resources together, as an agent, an offer or a task has them.

use std::{
    fmt,
    ops::{Add, AddAssign, Sub, SubAssign},
    sync::Arc,
};

use mezzo_proto::mesos::v1;

use crate::{
    Form, Quantities, Resource, ResourceError, Value,
    wire::{self, Zero},
};

/// A bag of resources: what can be one entry is one entry, nothing is empty.
///
/// Cheap to copy: copies share their entries until one of them changes. Equality does not
/// look at the order of entries, but the order of first mention is kept for printing.
#[derive(Clone, Default)]
pub struct Resources(Option<Arc<Vec<Resource>>>);

impl Resources {
    /// Nothing.
    pub const fn new() -> Self {
        Self(None)
    }

    /// Takes resources from a wire message, in any of its three forms (spec 02 §2). Entries of
    /// exactly zero are left out.
    ///
    /// # Errors
    ///
    /// The first entry that is not valid, with Mesos's message.
    pub fn from_wire(resources: &[v1::Resource]) -> Result<Resources, ResourceError> {
        let mut bag = Resources(Some(Arc::new(Vec::with_capacity(resources.len()))));
        for resource in resources {
            if let Some(resource) = wire::from_wire(resource, Zero::Ignored)? {
                bag.push(resource);
            }
        }
        Ok(bag)
    }

    /// Reads `cpus:24;ports:[21000-24000];bugs(debug_role):{a,b,c}`; what names no role gets
    /// `default_role` (`*` for unreserved).
    ///
    /// # Errors
    ///
    /// What is wrong with the text, or the first entry that is not valid.
    pub fn parse(text: &str, default_role: &str) -> Result<Resources, ResourceError> {
        Ok(crate::text::parse(text, default_role)?.into_iter().collect())
    }

    /// Reads a JSON array of `Resource` messages.
    ///
    /// # Errors
    ///
    /// What is not JSON or not a resource, or the first entry that is not valid.
    pub fn from_json_text(text: &str) -> Result<Resources, ResourceError> {
        Resources::from_wire(&crate::text::messages_from_json(text)?)
    }

    /// The wire messages, in the form that masters and agents keep: reservations as stacks.
    pub fn to_wire(&self) -> Vec<v1::Resource> {
        self.to_wire_as(Form::PostRefinement)
    }

    /// The wire messages in the given form.
    pub fn to_wire_as(&self, form: Form) -> Vec<v1::Resource> {
        let mut messages = Vec::with_capacity(self.len());
        for resource in self.iter() {
            let message = wire::to_wire(resource, form);
            for _ in 1..resource.shares {
                messages.push(message.clone());
            }
            messages.push(message);
        }
        messages
    }

    /// The entries.
    pub fn iter(&self) -> std::slice::Iter<'_, Resource> {
        self.entries().iter()
    }

    /// How many entries.
    pub fn len(&self) -> usize {
        self.entries().len()
    }

    /// Whether there is nothing.
    pub fn is_empty(&self) -> bool {
        self.entries().is_empty()
    }

    fn entries(&self) -> &[Resource] {
        self.0.as_ref().map_or(&[], |entries| entries)
    }

    /// Its own entries, to change.
    fn entries_mut(&mut self) -> &mut Vec<Resource> {
        Arc::make_mut(self.0.get_or_insert_default())
    }

    fn of_entries(entries: Vec<Resource>) -> Resources {
        Resources((!entries.is_empty()).then(|| Arc::new(entries)))
    }

    /// Whether both are the same copy, which makes them equal without looking.
    pub fn is_same_copy(&self, other: &Resources) -> bool {
        match (&self.0, &other.0) {
            (Some(one), Some(other)) => Arc::ptr_eq(one, other),
            (None, None) => true,
            (None, Some(_)) | (Some(_), None) => false,
        }
    }

    /// Puts one more in.
    pub fn push(&mut self, resource: Resource) {
        if resource.is_empty() {
            return;
        }
        let entries = self.entries_mut();
        match entries.iter_mut().find(|known| known.adds_up_with(&resource)) {
            Some(known) => known.add(&resource),
            None => entries.push(resource),
        }
    }

    /// Whether all of `other` can be taken from it.
    pub fn contains(&self, other: &Resources) -> bool {
        if self.is_same_copy(other) {
            return true;
        }
        if other.iter().any(Resource::is_indivisible) {
            return self.checked_sub(other).is_some();
        }
        other.iter().all(|wanted| self.iter().any(|mine| mine.holds(wanted)))
    }

    /// What is left without `other`; absent when `other` is not all there.
    pub fn checked_sub(&self, other: &Resources) -> Option<Resources> {
        if other.is_empty() {
            return Some(self.clone());
        }
        if self.is_same_copy(other) {
            return Some(Resources::new());
        }
        let mut left = self.clone();
        let entries = left.entries_mut();
        for wanted in other.iter() {
            let at = entries.iter().position(|mine| mine.holds(wanted))?;
            take_at(entries, at, wanted);
        }
        Some(left)
    }

    /// Only the entries for which `is_wanted` holds.
    #[must_use]
    pub fn filter(&self, mut is_wanted: impl FnMut(&Resource) -> bool) -> Resources {
        if self.iter().all(&mut is_wanted) {
            return self.clone();
        }
        Resources::of_entries(self.iter().filter(|resource| is_wanted(resource)).cloned().collect())
    }

    /// Every entry changed by `change`, then put together again.
    #[must_use]
    pub fn map(&self, mut change: impl FnMut(&mut Resource)) -> Resources {
        self.iter()
            .cloned()
            .map(|mut resource| {
                change(&mut resource);
                resource
            })
            .collect()
    }

    /// What `role` may be given: unreserved, or reserved to it or to an ancestor of it.
    #[must_use]
    pub fn allocatable_to(&self, role: &str) -> Resources {
        self.filter(|resource| resource.is_allocatable_to(role))
    }

    /// What nobody has reserved.
    #[must_use]
    pub fn unreserved(&self) -> Resources {
        self.filter(|resource| resource.reservations().is_empty())
    }

    /// What is reserved, to `role` or to anybody.
    #[must_use]
    pub fn reserved(&self, role: Option<&str>) -> Resources {
        self.filter(|resource| match role {
            Some(role) => resource.reserved_to() == Some(role),
            None => resource.reserved_to().is_some(),
        })
    }

    /// What is reserved, by role, in the order of the roles' names.
    pub fn reservations(&self) -> Vec<(String, Resources)> {
        let mut by_role = std::collections::BTreeMap::<String, Resources>::new();
        for resource in self.iter() {
            if let Some(role) = resource.reserved_to() {
                by_role.entry(role.to_owned()).or_default().push(resource.clone());
            }
        }
        by_role.into_iter().collect()
    }

    /// What can be taken back at any time.
    #[must_use]
    pub fn revocable(&self) -> Resources {
        self.filter(Resource::is_revocable)
    }

    /// What cannot be taken back.
    #[must_use]
    pub fn non_revocable(&self) -> Resources {
        self.filter(|resource| !resource.is_revocable())
    }

    /// What several may hold at once.
    #[must_use]
    pub fn shared(&self) -> Resources {
        self.filter(Resource::is_shared)
    }

    /// The same with every reservation taken off.
    #[must_use]
    pub fn to_unreserved(&self) -> Resources {
        self.map(|resource| change_reservations(resource, |stack| stack.clear()))
    }

    /// The same with one more reservation on top of each stack.
    #[must_use]
    pub fn push_reservation(&self, reservation: &crate::Reservation) -> Resources {
        self.map(|resource| change_reservations(resource, |stack| stack.push(reservation.clone())))
    }

    /// The same with the top of each stack taken off.
    #[must_use]
    pub fn pop_reservation(&self) -> Resources {
        self.map(|resource| {
            change_reservations(resource, |stack| {
                stack.pop();
            })
        })
    }

    /// Trades `consumed` for `made`; absent when `consumed` is not all there.
    pub fn apply(&self, consumed: &Resources, made: &Resources) -> Option<Resources> {
        Some(self.checked_sub(consumed)? + made)
    }

    /// The same, marked as allocated to `role`.
    #[must_use]
    pub fn allocated_to(&self, role: impl Into<Arc<str>>) -> Resources {
        let role = role.into();
        self.map(|resource| resource.allocated_to = Some(Arc::clone(&role)))
    }

    /// The same without a mark of whom it is allocated to.
    #[must_use]
    pub fn without_allocation(&self) -> Resources {
        if self.iter().all(|resource| resource.allocated_to.is_none()) {
            return self.clone();
        }
        self.map(|resource| resource.allocated_to = None)
    }

    /// Marks entries that name no role as allocated to `role`: what the master does for
    /// schedulers that have only one.
    #[must_use]
    pub fn allocated_by_default_to(&self, role: impl Into<Arc<str>>) -> Resources {
        let role = role.into();
        self.map(|resource| {
            resource.allocated_to.get_or_insert_with(|| Arc::clone(&role));
        })
    }

    /// The roles that its entries are allocated to, each once, in the order of first mention.
    pub fn allocation_roles(&self) -> Vec<Arc<str>> {
        let mut roles: Vec<Arc<str>> = Vec::new();
        for role in self.iter().filter_map(|resource| resource.allocated_to.as_ref()) {
            if !roles.contains(role) {
                roles.push(Arc::clone(role));
            }
        }
        roles
    }

    /// How much of each scalar, whatever its kind.
    pub fn scalars(&self) -> Quantities {
        let mut quantities = Quantities::new();
        for resource in self.iter() {
            if let Some(amount) = resource.amount() {
                quantities.add(&resource.name, amount);
            }
        }
        quantities
    }

    /// How much of each name; ranges and sets count their elements.
    pub fn quantities(&self) -> Quantities {
        let mut quantities = Quantities::new();
        for resource in self.iter() {
            quantities.add(&resource.name, resource.quantity());
        }
        quantities
    }

    /// How much of the scalar `name`, whatever its kind.
    pub fn scalar(&self, name: &str) -> crate::Amount {
        self.iter().filter(|resource| &*resource.name == name).filter_map(Resource::amount).sum()
    }

    /// The numbers of the ranges `name`, whatever their kind.
    pub fn ranges(&self, name: &str) -> crate::Ranges {
        crate::Ranges::new(self.iter().filter(|resource| &*resource.name == name).flat_map(|resource| {
            match &resource.value {
                Value::Ranges(ranges) => ranges.iter().collect(),
                Value::Scalar(_) | Value::Set(_) => Vec::new(),
            }
        }))
    }

    /// The same in the order of offers: ranges and sets, then the reserved, then the rest, each in
    /// the order of first mention.
    #[must_use]
    pub fn in_offer_order(&self) -> Resources {
        let rank = |resource: &Resource| match (&resource.value, resource.reserved_to()) {
            (Value::Ranges(_) | Value::Set(_), _) => 0,
            (Value::Scalar(_), Some(_)) => 1,
            (Value::Scalar(_), None) => 2,
        };
        if self.entries().is_sorted_by_key(rank) {
            return self.clone();
        }
        let mut entries = self.entries().to_vec();
        entries.sort_by_key(rank);
        Resources::of_entries(entries)
    }
}

fn change_reservations(resource: &mut Resource, change: impl FnOnce(&mut Vec<crate::Reservation>)) {
    let mut apart = resource.distinction.as_deref().cloned().unwrap_or_default();
    change(&mut apart.reservations);
    resource.distinction = (apart != crate::Distinction::default()).then(|| Arc::new(apart));
}

/// Takes `wanted` from the entry at `at`, as far as it is there, and the entry out when nothing is left.
fn take_at(entries: &mut Vec<Resource>, at: usize, wanted: &Resource) {
    entries[at].take(wanted);
    if entries[at].is_empty() {
        entries.remove(at);
    }
}

impl FromIterator<Resource> for Resources {
    fn from_iter<I: IntoIterator<Item = Resource>>(iter: I) -> Self {
        let mut bag = Resources::new();
        for resource in iter {
            bag.push(resource);
        }
        bag
    }
}

impl<'a> IntoIterator for &'a Resources {
    type Item = &'a Resource;
    type IntoIter = std::slice::Iter<'a, Resource>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl PartialEq for Resources {
    fn eq(&self, other: &Resources) -> bool {
        self.is_same_copy(other)
            || (self.len() == other.len() && self.contains(other) && other.contains(self))
    }
}

impl AddAssign<&Resources> for Resources {
    fn add_assign(&mut self, other: &Resources) {
        if self.is_empty() {
            *self = other.clone();
            return;
        }
        for resource in other {
            self.push(resource.clone());
        }
    }
}

impl Add<&Resources> for Resources {
    type Output = Resources;

    fn add(mut self, other: &Resources) -> Resources {
        self += other;
        self
    }
}

impl Add<Resources> for Resources {
    type Output = Resources;

    fn add(self, other: Resources) -> Resources {
        self + &other
    }
}

impl AddAssign<Resources> for Resources {
    fn add_assign(&mut self, other: Resources) {
        *self += &other;
    }
}

/// Takes `other` away as far as it is there.
impl SubAssign<&Resources> for Resources {
    fn sub_assign(&mut self, other: &Resources) {
        if self.is_same_copy(other) {
            *self = Resources::new();
            return;
        }
        if self.is_empty() {
            return;
        }
        let entries = self.entries_mut();
        for wanted in other {
            let holds = |mine: &Resource| mine.holds(wanted);
            let overlaps = |mine: &Resource| mine.is_same_but_for_value(wanted) && mine.adds_up_with(wanted);
            let at = entries.iter().position(holds).or_else(|| entries.iter().position(overlaps));
            if let Some(at) = at {
                take_at(entries, at, wanted);
            }
        }
    }
}

impl SubAssign<Resources> for Resources {
    fn sub_assign(&mut self, other: Resources) {
        *self -= &other;
    }
}

impl Sub<&Resources> for Resources {
    type Output = Resources;

    fn sub(mut self, other: &Resources) -> Resources {
        self -= other;
        self
    }
}

impl Sub<Resources> for Resources {
    type Output = Resources;

    fn sub(self, other: Resources) -> Resources {
        self - &other
    }
}

impl fmt::Display for Resources {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, resource) in self.iter().enumerate() {
            let semicolon = if at == 0 { "" } else { "; " };
            write!(f, "{semicolon}{resource}")?;
        }
        Ok(())
    }
}

impl fmt::Debug for Resources {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{{{self}}}")
    }
}
