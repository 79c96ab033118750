//! The tree of roles that are in use, and their weights.

use std::{collections::BTreeMap, sync::Arc};

use mezzo_resources::roles;
use mezzo_slots::RoleRow;

use crate::slots::{Bits, Slots};

/// The weight of a role that nobody gave one, in thousandths.
pub(crate) const WEIGHT_DEFAULT: u32 = 1000;

/// Roles by slot.
#[derive(Clone, Debug, Default)]
pub(crate) struct Roles {
    by_name: BTreeMap<Arc<str>, u32>,
    list: Vec<Option<Role>>,
    slots: Slots,
    weights: BTreeMap<String, u32>,
    /// New or changed since the last batch, in the order of their making.
    changed: Vec<u32>,
    /// Gone since the last batch, children first.
    removed: Vec<u32>,
    /// Those that the plugin knows.
    told: Bits,
}

#[derive(Clone, Debug)]
struct Role {
    name: Arc<str>,
    parent: Option<u32>,
    /// Seekers, children, agents with reservations.
    users: usize,
}

impl Roles {
    pub(crate) fn find(&self, name: &str) -> Option<u32> {
        self.by_name.get(name).copied()
    }

    pub(crate) fn name(&self, slot: u32) -> Option<&Arc<str>> {
        self.list.get(slot as usize)?.as_ref().map(|role| &role.name)
    }

    /// The role at the top that it lies below, or is.
    pub(crate) fn top(&self, role: u32) -> u32 {
        let parent = |slot: &u32| self.list.get(*slot as usize)?.as_ref()?.parent;
        std::iter::successors(Some(role), parent).last().unwrap_or(role)
    }

    /// Has the plugin told of the role again.
    pub(crate) fn mark_changed(&mut self, role: u32) {
        if self.name(role).is_some() && !self.changed.contains(&role) {
            self.changed.push(role);
        }
    }

    /// Whether the role is `other` or lies below it.
    pub(crate) fn is_within(&self, role: u32, other: u32) -> bool {
        let parent = |slot: &u32| self.list.get(*slot as usize)?.as_ref()?.parent;
        std::iter::successors(Some(role), parent).any(|slot| slot == other)
    }

    /// The role's slot, made with those above it where there is none; one more user.
    pub(crate) fn acquire(&mut self, name: &str) -> u32 {
        if let Some(slot) = self.find(name) {
            self.use_more(slot);
            return slot;
        }
        let parent = roles::parent(name).map(|parent| self.acquire(parent));
        let slot = self.slots.take();
        if self.list.len() <= slot as usize {
            self.list.resize_with(slot as usize + 1, || None);
        }
        let name: Arc<str> = Arc::from(name);
        self.by_name.insert(Arc::clone(&name), slot);
        self.list[slot as usize] = Some(Role { name, parent, users: 1 });
        self.changed.push(slot);
        slot
    }

    fn use_more(&mut self, slot: u32) {
        if let Some(role) = self.list[slot as usize].as_mut() {
            role.users += 1;
        }
    }

    /// One user less; without users it is gone, and so may be those above it. `round` is the one that
    /// tells the plugin.
    pub(crate) fn release(&mut self, slot: u32, round: u64) {
        let Some(role) = self.list.get_mut(slot as usize).and_then(Option::as_mut) else { return };
        role.users -= 1;
        if role.users > 0 {
            return;
        }
        let (name, parent) = (Arc::clone(&role.name), role.parent);
        self.list[slot as usize] = None;
        self.by_name.remove(&name);
        self.slots.release(slot, round);
        self.changed.retain(|&changed| changed != slot);
        if self.told.has(slot) {
            self.removed.push(slot);
        }
        if let Some(parent) = parent {
            self.release(parent, round);
        }
    }

    pub(crate) fn set_weight(&mut self, name: &str, weight_milli: u32) {
        let weight_milli = weight_milli.max(1);
        let before = self.weight(name);
        if weight_milli == WEIGHT_DEFAULT {
            self.weights.remove(name);
        } else {
            self.weights.insert(name.to_owned(), weight_milli);
        }
        let is_news = |slot: &u32| before != weight_milli && !self.changed.contains(slot);
        if let Some(slot) = self.find(name).filter(is_news) {
            self.changed.push(slot);
        }
    }

    pub(crate) fn weight(&self, name: &str) -> u32 {
        self.weights.get(name).copied().unwrap_or(WEIGHT_DEFAULT)
    }

    pub(crate) fn slots_in_use(&self) -> impl Iterator<Item = u32> + '_ {
        (0u32..).zip(&self.list).filter(|(_, role)| role.is_some()).map(|(slot, _)| slot)
    }

    pub(crate) fn settle(&mut self, round: u64) {
        self.slots.settle(round);
    }

    /// What changed since the last batch: rows, parents first, and slots that are gone.
    pub(crate) fn take_changes(&mut self) -> (Vec<RoleRow>, Vec<u32>) {
        let mut changed = std::mem::take(&mut self.changed);
        changed.sort_by_key(|&slot| self.depth(slot));
        let removed = std::mem::take(&mut self.removed);
        changed.iter().for_each(|&slot| self.told.set(slot, true));
        removed.iter().for_each(|&slot| self.told.set(slot, false));
        (changed.into_iter().filter_map(|slot| self.row(slot)).collect(), removed)
    }

    /// All rows, parents first; nothing is left to tell then.
    pub(crate) fn take_all(&mut self) -> Vec<RoleRow> {
        self.changed = self.slots_in_use().collect();
        self.removed.clear();
        self.told.clear();
        self.take_changes().0
    }

    fn depth(&self, slot: u32) -> usize {
        self.name(slot).map_or(0, |name| name.matches('/').count())
    }

    fn row(&self, slot: u32) -> Option<RoleRow> {
        let role = self.list.get(slot as usize)?.as_ref()?;
        Some(RoleRow {
            role: slot,
            parent: role.parent,
            name: role.name.to_string(),
            weight_milli: self.weight(&role.name),
            guarantee: Vec::new(),
            limit: Vec::new(),
            consumed: Vec::new(),
            extras: Vec::new(),
        })
    }

    /// That no role lacks its parent or has more or fewer users than `users` says.
    pub(crate) fn audit(&self, users: &BTreeMap<u32, usize>) -> Result<(), String> {
        for slot in self.slots_in_use() {
            let Some(role) = &self.list[slot as usize] else { continue };
            let children = self.list.iter().flatten().filter(|child| child.parent == Some(slot)).count();
            let expected = users.get(&slot).copied().unwrap_or(0) + children;
            if role.users != expected {
                return Err(format!("role `{}` counts {} users, but has {expected}", role.name, role.users));
            }
            let parent = role.parent.and_then(|parent| self.name(parent)).map(|name| &**name);
            if parent != roles::parent(&role.name) {
                return Err(format!("role `{}` has the parent {parent:?}", role.name));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parents_come_first_and_go_last() {
        let mut roles = Roles::default();
        let leaf = roles.acquire("a/b/c");
        let (rows, _) = roles.take_changes();
        let names: Vec<_> = rows.iter().map(|row| row.name.as_str()).collect();
        assert_eq!(names, ["a", "a/b", "a/b/c"]);
        assert_eq!(rows[2].parent, Some(rows[1].role));
        roles.release(leaf, 1);
        let (_, removed) = roles.take_changes();
        assert_eq!(removed, [rows[2].role, rows[1].role, rows[0].role]);
    }

    #[test]
    fn a_weight_outlives_the_role() {
        let mut roles = Roles::default();
        roles.set_weight("a", 2500);
        let slot = roles.acquire("a");
        assert_eq!(roles.take_changes().0[0].weight_milli, 2500);
        roles.set_weight("a", 2500);
        assert!(roles.take_changes().0.is_empty());
        roles.set_weight("a", 1000);
        assert_eq!(roles.take_changes().0[0].weight_milli, 1000);
        roles.release(slot, 1);
    }
}
