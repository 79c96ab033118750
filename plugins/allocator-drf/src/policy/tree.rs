//! The fair order: roles in a tree, seekers at its leaves, the children of every node in order.
//!
//! ```text
//!  root ─┬─ eng ─┬─ eng/.  ─┬─ framework 3     seekers of an inner role sit below a node
//!        │       │          └─ framework 1     of its own, which competes with the roles
//!        │       └─ eng/web ── framework 2     below it
//!        └─ ops ── framework 4
//! ```
//!
//! A node holds what its seekers hold. Its key is its share, then how often something was given to
//! it, then its name. `order` of a node always agrees with the stored keys of its children, and only
//! nodes with a seeker that wants something are in it. What a step grants is tentative: it counts at
//! once and is taken back when the step ends, because the host says in the next batch what became of
//! it. Taking back restores amounts and leaves keys where they are; if the host agreed, the next
//! refresh finds every key right as it stands.

mod build;

use super::{agents::widen, check_slot};
use crate::facts::{RoleRow, SeekerRow, StepError};

const ROOT: u32 = 0;
const NONE: u32 = u32::MAX;

/// Where a node stands among its siblings.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
struct Key {
    /// Bits of a share that is never negative, so that they compare like the number.
    share: u64,
    /// How often something was given to it, then the rank of its name.
    tie: u64,
}

#[derive(Debug)]
struct Role {
    parent: Option<u32>,
    name: String,
    weight_milli: u32,
}

#[derive(Debug)]
struct Seeker {
    role: u32,
    framework_id: String,
    capabilities: u64,
    is_active: bool,
    /// How often something was given to it.
    count: u32,
}

/// A node of the tree; amounts, keys and orders stand in columns beside it.
#[derive(Clone, Copy, Debug)]
struct Node {
    parent: u32,
    depth: u32,
    /// The seeker at a leaf, otherwise `NONE`.
    seeker: u32,
    weight: f64,
    /// Place of its name among all names.
    rank: u32,
    count: u32,
    is_linked: bool,
    is_dirty: bool,
    is_touched: bool,
}

/// Roles, seekers and their order.
#[derive(Debug, Default)]
pub struct Tree {
    kinds: usize,
    cluster_total: Vec<i64>,
    roles: Vec<Option<Role>>,
    seekers: Vec<Option<Seeker>>,
    /// What each seeker holds by the host's account: slots × kinds.
    held: Vec<i64>,
    needs_rebuild: bool,

    nodes: Vec<Node>,
    keys: Vec<Key>,
    /// What each node holds, with what the present step gave: nodes × kinds.
    amounts: Vec<i64>,
    order: Vec<Vec<u32>>,
    /// Node of each role, and the node that the role's own seekers are children of.
    role_nodes: Vec<(u32, u32)>,
    leaves: Vec<u32>,
    linked_leaves: usize,

    /// Nodes whose key may be wrong.
    dirty: Vec<u32>,
    /// Leaves whose seeker no longer holds what their node says.
    moved: Vec<u32>,
    /// Nodes that the present step gave something to, and what they held before.
    touched: Vec<u32>,
    saved_amounts: Vec<i64>,
    saved_counts: Vec<u32>,
    /// Positions from the root to the leaf that `first` found.
    path: Vec<u32>,
}

impl Tree {
    /// Widens every row of amounts with zeros.
    pub fn set_kinds(&mut self, kinds: usize) {
        widen(&mut self.held, self.kinds, kinds);
        self.held.resize(self.seekers.len() * kinds, 0);
        self.kinds = kinds;
        self.needs_rebuild = true;
    }

    /// A new or changed role.
    pub fn set_role(&mut self, row: &RoleRow) -> Result<(), StepError> {
        let slot = check_slot("a role", row.role)?;
        if let Some(parent) = row.parent
            && self.roles.get(parent as usize).and_then(Option::as_ref).is_none()
        {
            return Err(StepError::Inconsistent(format!("role `{}` comes before its parent", row.name)));
        }
        if self.roles.len() <= slot {
            self.roles.resize_with(slot + 1, || None);
        }
        let is_same = self.roles[slot].as_ref().is_some_and(|known| {
            known.parent == row.parent && known.name == row.name && known.weight_milli == row.weight_milli
        });
        if !is_same {
            self.roles[slot] =
                Some(Role { parent: row.parent, name: row.name.clone(), weight_milli: row.weight_milli });
            self.needs_rebuild = true;
        }
        Ok(())
    }

    /// A role that is gone.
    pub fn remove_role(&mut self, role: u32) {
        if let Some(known) = self.roles.get_mut(role as usize) {
            self.needs_rebuild |= known.take().is_some();
        }
    }

    /// A new or changed seeker; says whether it is new or back again.
    pub fn set_seeker(&mut self, row: &SeekerRow) -> Result<bool, StepError> {
        let slot = check_slot("a seeker", row.seeker)?;
        if self.roles.get(row.role as usize).and_then(Option::as_ref).is_none() {
            return Err(StepError::Inconsistent(format!(
                "seeker slot {slot} is in unknown role slot {}",
                row.role
            )));
        }
        if self.seekers.len() <= slot {
            self.seekers.resize_with(slot + 1, || None);
            self.held.resize((slot + 1) * self.kinds, 0);
        }
        if let Some(known) = &mut self.seekers[slot]
            && known.role == row.role
            && known.framework_id == row.framework_id
        {
            known.capabilities = row.capabilities;
            let is_back = !std::mem::replace(&mut known.is_active, true);
            if is_back && !self.needs_rebuild {
                self.link_leaf(self.leaves[slot]);
            }
            return Ok(is_back);
        }
        self.held[slot * self.kinds..(slot + 1) * self.kinds].fill(0);
        self.seekers[slot] = Some(Seeker {
            role: row.role,
            framework_id: row.framework_id.clone(),
            capabilities: row.capabilities,
            is_active: true,
            count: 0,
        });
        self.needs_rebuild = true;
        Ok(true)
    }

    /// A seeker that wants nothing; what it holds still counts.
    pub fn remove_seeker(&mut self, seeker: u32) {
        let Some(Some(known)) = self.seekers.get_mut(seeker as usize) else { return };
        if std::mem::replace(&mut known.is_active, false) && !self.needs_rebuild {
            self.unlink_leaf(self.leaves[seeker as usize]);
        }
    }

    /// Adds to what a seeker holds, or takes from it; false when that contradicts what was known.
    pub fn hold(&mut self, seeker: u32, amounts: &[i64], is_given: bool) -> bool {
        let slot = seeker as usize;
        let Some(Some(known)) = self.seekers.get_mut(slot) else { return false };
        let held = &mut self.held[slot * self.kinds..(slot + 1) * self.kinds];
        if is_given {
            known.count = known.count.saturating_add(1);
        }
        let mut is_consistent = true;
        for (held, amount) in held.iter_mut().zip(amounts) {
            *held = if is_given { held.wrapping_add(*amount) } else { held.wrapping_sub(*amount) };
            is_consistent &= *held >= 0;
        }
        if !self.needs_rebuild {
            let leaf = self.leaves[slot];
            if leaf != NONE {
                let node = &mut self.nodes[leaf as usize];
                if !std::mem::replace(&mut node.is_touched, true) {
                    self.moved.push(leaf);
                }
            }
        }
        is_consistent
    }

    /// Brings keys and orders up to date with what was told since the last call.
    pub fn refresh(&mut self, cluster_total: &[i64]) {
        if std::mem::take(&mut self.needs_rebuild) {
            self.cluster_total = cluster_total.to_vec();
            self.rebuild();
            return;
        }
        self.carry_up();
        let mut dirty = std::mem::take(&mut self.dirty);
        if self.cluster_total != cluster_total {
            self.cluster_total.copy_from_slice(cluster_total);
            dirty.clear();
            dirty.extend(1..self.nodes.len() as u32);
        }
        dirty.retain(|node| {
            self.nodes[*node as usize].is_dirty = false;
            self.keys[*node as usize] != self.key(*node)
        });
        // Sorting everything once is cheaper than moving a good part of it one by one.
        let sorts_all = dirty.len() > self.nodes.len() / 4;
        for node in dirty.drain(..) {
            let key = self.key(node);
            if self.nodes[node as usize].is_linked && !sorts_all {
                let at = self.position(node);
                self.move_to(node, at, key);
            } else {
                self.keys[node as usize] = key;
            }
        }
        if sorts_all {
            self.sort_orders();
        }
        self.dirty = dirty;
    }

    /// The first eligible seeker in order, found for [`charge_first`](Self::charge_first).
    ///
    /// Usually a short walk along the order. When few are eligible, or those that are stand far
    /// back, the eligible ones are compared with each other instead: the work is bounded by a small
    /// multiple of their number.
    pub fn first(&mut self, mask: &[u64]) -> Option<u32> {
        let eligible: usize = mask.iter().map(|word| word.count_ones() as usize).sum();
        if eligible == 0 {
            return None;
        }
        let mut path = std::mem::take(&mut self.path);
        let mut budget = if eligible * eligible < self.linked_leaves { 8 } else { 64 + 4 * eligible };
        let found = self.walk(ROOT, |seeker| is_set(mask, seeker), &mut path, &mut budget);
        self.path = path;
        if found.is_some() || budget > 0 {
            return found;
        }
        let seekers = set_bits(mask).filter(|seeker| self.is_linked(*seeker));
        let found = seekers.reduce(|one, other| self.earlier(one, other));
        if let Some(seeker) = found {
            self.locate(seeker);
        }
        found
    }

    /// The first eligible seeker that has a capability.
    pub fn first_capable(&self, mask: &[u64], capability: u32) -> Option<u32> {
        let accepts = |seeker| is_set(mask, seeker) && self.is_capable(seeker, capability);
        let mut unlimited = usize::MAX;
        self.walk(ROOT, accepts, &mut Vec::new(), &mut unlimited)
    }

    /// The first eligible seeker whose role at the top is accepted.
    pub fn first_of(&self, mask: &[u64], accepts: impl Fn(u32) -> bool) -> Option<u32> {
        let accepts = |seeker| is_set(mask, seeker) && self.top_role(seeker).is_some_and(&accepts);
        let mut unlimited = usize::MAX;
        self.walk(ROOT, accepts, &mut Vec::new(), &mut unlimited)
    }

    /// The role at the top that a seeker's role is or lies below.
    pub fn top_role(&self, seeker: u32) -> Option<u32> {
        let mut role = self.seekers.get(seeker as usize)?.as_ref()?.role;
        // A tree that were a ring by mistake must not hold us for ever.
        for _ in 0..self.roles.len() {
            match self.roles.get(role as usize)?.as_ref()?.parent {
                Some(parent) => role = parent,
                None => return Some(role),
            }
        }
        None
    }

    /// The first eligible seeker of a role and the roles below.
    pub fn first_below(&self, role: u32, mask: &[u64]) -> Option<u32> {
        let (node, _) = *self.role_nodes.get(role as usize)?;
        if node == NONE {
            return None;
        }
        let mut unlimited = usize::MAX;
        self.walk(node, |seeker| is_set(mask, seeker), &mut Vec::new(), &mut unlimited)
    }

    /// Which of two seekers stands earlier in the order.
    pub fn earlier(&self, one: u32, other: u32) -> u32 {
        let (mut a, mut b) = (self.leaves[one as usize], self.leaves[other as usize]);
        let (first, second) = (a, b);
        while a != b {
            let (node_a, node_b) = (&self.nodes[a as usize], &self.nodes[b as usize]);
            if node_a.parent == node_b.parent {
                return if self.keys[a as usize] < self.keys[b as usize] { one } else { other };
            }
            let (depth_a, depth_b) = (node_a.depth, node_b.depth);
            if depth_a >= depth_b {
                a = node_a.parent;
            }
            if depth_b >= depth_a {
                b = node_b.parent;
            }
        }
        debug_assert_eq!(first, second, "two leaves never lie on one path");
        one
    }

    /// Whether a seeker's framework has a capability.
    pub fn is_capable(&self, seeker: u32, capability: u32) -> bool {
        let known = self.seekers.get(seeker as usize).and_then(Option::as_ref);
        known.is_some_and(|known| known.capabilities >> capability & 1 == 1)
    }

    /// Whether a seeker is of `role` or a role below it.
    pub fn is_below(&self, seeker: u32, role: u32) -> bool {
        let Some(&(top, _)) = self.role_nodes.get(role as usize) else { return false };
        let mut node = self.leaves[seeker as usize];
        while node != top && node != ROOT && node != NONE {
            node = self.nodes[node as usize].parent;
        }
        node == top && top != NONE
    }

    /// Whether the seekers of a role hold `amounts` together.
    pub fn role_holds(&self, role: u32, amounts: &[i64]) -> bool {
        match self.role_nodes.get(role as usize) {
            Some(&(_, seat)) if seat != NONE => self.row(seat) == amounts,
            Some(_) | None => amounts.iter().all(|amount| *amount == 0),
        }
    }

    /// Counts `amounts` for the seeker that [`first`](Self::first) found last, until the step ends.
    pub fn charge_first(&mut self, seeker: u32, amounts: &[i64]) {
        let mut node = self.leaves[seeker as usize];
        for depth in (0..self.path.len()).rev() {
            let at = self.path[depth] as usize;
            self.touch(node);
            for (held, amount) in self.amounts[node as usize * self.kinds..].iter_mut().zip(amounts) {
                *held = held.wrapping_add(*amount);
            }
            self.nodes[node as usize].count = self.nodes[node as usize].count.saturating_add(1);
            let key = self.key(node);
            self.move_to(node, at, key);
            node = self.nodes[node as usize].parent;
        }
    }

    /// Counts `amounts` for any seeker in the order, until the step ends.
    pub fn charge(&mut self, seeker: u32, amounts: &[i64]) {
        self.locate(seeker);
        self.charge_first(seeker, amounts);
    }

    /// Takes back what the step gave: the host will say what became of it.
    pub fn forget_tentative(&mut self) {
        let mut touched = std::mem::take(&mut self.touched);
        for (index, node) in touched.drain(..).enumerate() {
            let saved = &self.saved_amounts[index * self.kinds..(index + 1) * self.kinds];
            self.amounts[node as usize * self.kinds..][..self.kinds].copy_from_slice(saved);
            self.nodes[node as usize].count = self.saved_counts[index];
            self.nodes[node as usize].is_touched = false;
            self.mark_dirty(node);
        }
        self.touched = touched;
        self.saved_amounts.clear();
        self.saved_counts.clear();
    }

    fn walk(
        &self,
        top: u32,
        accepts: impl Fn(u32) -> bool,
        path: &mut Vec<u32>,
        budget: &mut usize,
    ) -> Option<u32> {
        path.clear();
        let (mut node, mut at) = (top, 0);
        while *budget > 0 {
            *budget -= 1;
            let Some(&child) = self.order[node as usize].get(at) else {
                if node == top {
                    return None;
                }
                at = path.pop().expect("one position per level below the top") as usize + 1;
                node = self.nodes[node as usize].parent;
                continue;
            };
            let seeker = self.nodes[child as usize].seeker;
            if seeker == NONE {
                path.push(at as u32);
                (node, at) = (child, 0);
            } else if accepts(seeker) {
                path.push(at as u32);
                return Some(seeker);
            } else {
                at += 1;
            }
        }
        None
    }

    /// Sets `path` to the positions on the way to a seeker that is in the order.
    fn locate(&mut self, seeker: u32) {
        let mut path = std::mem::take(&mut self.path);
        path.clear();
        let mut node = self.leaves[seeker as usize];
        while node != ROOT {
            path.push(self.position(node) as u32);
            node = self.nodes[node as usize].parent;
        }
        path.reverse();
        self.path = path;
    }

    fn is_linked(&self, seeker: u32) -> bool {
        let leaf = self.leaves.get(seeker as usize).copied().unwrap_or(NONE);
        leaf != NONE && self.nodes[leaf as usize].is_linked
    }

    fn row(&self, node: u32) -> &[i64] {
        &self.amounts[node as usize * self.kinds..][..self.kinds]
    }

    fn key(&self, node: u32) -> Key {
        let mut share = 0.0_f64;
        for (amount, total) in self.row(node).iter().zip(&self.cluster_total) {
            if *total > 0 {
                share = share.max(*amount as f64 / *total as f64);
            }
        }
        let Node { weight, rank, count, .. } = self.nodes[node as usize];
        Key { share: (share / weight).to_bits(), tie: u64::from(count) << 32 | u64::from(rank) }
    }

    fn touch(&mut self, node: u32) {
        if !std::mem::replace(&mut self.nodes[node as usize].is_touched, true) {
            self.touched.push(node);
            let row = node as usize * self.kinds..(node as usize + 1) * self.kinds;
            self.saved_amounts.extend_from_slice(&self.amounts[row]);
            self.saved_counts.push(self.nodes[node as usize].count);
        }
    }

    fn mark_dirty(&mut self, node: u32) {
        if !std::mem::replace(&mut self.nodes[node as usize].is_dirty, true) {
            self.dirty.push(node);
        }
    }

    /// Carries what seekers were given and lost from their leaves up to the root.
    fn carry_up(&mut self) {
        let mut change = vec![0; self.kinds];
        let mut moved = std::mem::take(&mut self.moved);
        for leaf in moved.drain(..) {
            self.nodes[leaf as usize].is_touched = false;
            let slot = self.nodes[leaf as usize].seeker as usize;
            let held = &self.held[slot * self.kinds..(slot + 1) * self.kinds];
            for ((change, is), was) in change.iter_mut().zip(held).zip(self.row(leaf)) {
                *change = is.wrapping_sub(*was);
            }
            let count = self.seekers[slot].as_ref().map_or(0, |seeker| seeker.count);
            let given = count.saturating_sub(self.nodes[leaf as usize].count);
            let mut node = leaf;
            while node != ROOT {
                for (held, change) in self.amounts[node as usize * self.kinds..].iter_mut().zip(&change) {
                    *held = held.wrapping_add(*change);
                }
                self.nodes[node as usize].count = self.nodes[node as usize].count.saturating_add(given);
                self.mark_dirty(node);
                node = self.nodes[node as usize].parent;
            }
        }
        self.moved = moved;
    }

    fn position(&self, node: u32) -> usize {
        let siblings = &self.order[self.nodes[node as usize].parent as usize];
        let key = self.keys[node as usize];
        let guess = siblings.partition_point(|sibling| self.keys[*sibling as usize] < key);
        if siblings.get(guess) == Some(&node) {
            return guess;
        }
        siblings.iter().position(|sibling| *sibling == node).expect("a linked node is among its siblings")
    }

    /// Gives the node at a position among its siblings another key, and the position that goes with it.
    fn move_to(&mut self, node: u32, at: usize, key: Key) {
        let keys = &self.keys;
        let siblings = &mut self.order[self.nodes[node as usize].parent as usize];
        let is_behind = |sibling: &u32| keys[*sibling as usize] < key;
        let behind = siblings[at + 1..].partition_point(is_behind);
        let to = match behind {
            0 => siblings[..at].partition_point(is_behind),
            behind => at + behind,
        };
        if at < to {
            siblings.copy_within(at + 1..=to, at);
        } else if to < at {
            siblings.copy_within(to..at, to + 1);
        }
        siblings[to] = node;
        self.keys[node as usize] = key;
    }

    fn take_from_order(&mut self, node: u32) {
        let at = self.position(node);
        self.order[self.nodes[node as usize].parent as usize].remove(at);
    }

    fn put_in_order(&mut self, node: u32) {
        let key = self.keys[node as usize];
        let keys = &self.keys;
        let siblings = &mut self.order[self.nodes[node as usize].parent as usize];
        let at = siblings.partition_point(|sibling| keys[*sibling as usize] < key);
        siblings.insert(at, node);
    }

    /// Puts a leaf and whatever is above it in order.
    fn link_leaf(&mut self, leaf: u32) {
        if leaf == NONE || self.nodes[leaf as usize].is_linked {
            return;
        }
        self.linked_leaves += 1;
        let mut node = leaf;
        while node != ROOT && !self.nodes[node as usize].is_linked {
            self.nodes[node as usize].is_linked = true;
            self.put_in_order(node);
            node = self.nodes[node as usize].parent;
        }
    }

    /// Takes a leaf out, and the nodes above that have nothing left below them.
    fn unlink_leaf(&mut self, leaf: u32) {
        if leaf == NONE || !self.nodes[leaf as usize].is_linked {
            return;
        }
        self.linked_leaves -= 1;
        let mut node = leaf;
        while node != ROOT && self.order[node as usize].is_empty() {
            self.take_from_order(node);
            self.nodes[node as usize].is_linked = false;
            node = self.nodes[node as usize].parent;
        }
    }

    fn sort_orders(&mut self) {
        let keys = &self.keys;
        for order in &mut self.order {
            order.sort_unstable_by_key(|node| keys[*node as usize]);
        }
    }
}

fn is_set(mask: &[u64], seeker: u32) -> bool {
    mask.get(seeker as usize / 64).is_some_and(|word| word >> (seeker % 64) & 1 == 1)
}

fn set_bits(mask: &[u64]) -> impl Iterator<Item = u32> {
    mask.iter().enumerate().flat_map(|(index, word)| {
        let mut left = *word;
        std::iter::from_fn(move || {
            let bit = (left != 0).then(|| left.trailing_zeros())?;
            left &= left - 1;
            Some(index as u32 * 64 + bit)
        })
    })
}
