//! Making the nodes anew, from roles, seekers and what they hold.
//!
//! Happens when roles or seekers come or change, which is rare beside rounds; everything else moves
//! nodes one by one.

use super::{NONE, Node, ROOT, Role, Tree};

impl Tree {
    pub(super) fn rebuild(&mut self) {
        self.nodes.clear();
        self.dirty.clear();
        self.moved.clear();
        self.linked_leaves = 0;
        self.add_node(NONE, 0, NONE, 1000);
        let mut names = self.add_roles();
        names.extend(self.add_seekers());
        // Ties are decided by name, and between equal names by slot.
        names.sort_unstable();
        for (rank, (_, _, node)) in names.iter().enumerate() {
            self.nodes[*node as usize].rank = rank as u32;
        }
        self.add_up();
        self.keys = (0..self.nodes.len() as u32).map(|node| self.key(node)).collect();
        self.order.iter_mut().for_each(Vec::clear);
        self.order.resize(self.nodes.len(), Vec::new());
        for seeker in 0..self.seekers.len() {
            if self.seekers[seeker].as_ref().is_some_and(|seeker| seeker.is_active) {
                self.append_leaf(self.leaves[seeker]);
            }
        }
        self.sort_orders();
    }

    fn add_node(&mut self, parent: u32, depth: u32, seeker: u32, weight_milli: u32) -> u32 {
        self.nodes.push(Node {
            parent,
            depth,
            seeker,
            weight: f64::from(weight_milli.max(1)) / 1000.0,
            rank: 0,
            count: 0,
            is_linked: false,
            is_dirty: false,
            is_touched: false,
        });
        self.nodes.len() as u32 - 1
    }

    /// Nodes of roles, from the top down; a role that hangs on nothing gets none.
    fn add_roles(&mut self) -> Vec<(String, usize, u32)> {
        let mut children: Vec<Vec<u32>> = vec![Vec::new(); self.roles.len()];
        let mut ready: Vec<(u32, u32)> = Vec::new();
        for (slot, role) in self.roles.iter().enumerate() {
            match role {
                Some(Role { parent: Some(parent), .. }) => children[*parent as usize].push(slot as u32),
                Some(Role { parent: None, .. }) => ready.push((slot as u32, ROOT)),
                None => {}
            }
        }
        self.role_nodes.clear();
        self.role_nodes.resize(self.roles.len(), (NONE, NONE));
        let mut names = Vec::new();
        while let Some((slot, parent)) = ready.pop() {
            let Some(role) = &self.roles[slot as usize] else { continue };
            let (name, weight_milli) = (role.name.clone(), role.weight_milli);
            let depth = self.nodes[parent as usize].depth + 1;
            let node = self.add_node(parent, depth, NONE, weight_milli);
            let below = &children[slot as usize];
            let seat = if below.is_empty() {
                node
            } else {
                let seat = self.add_node(node, depth + 1, NONE, 1000);
                names.push((format!("{name}/."), slot as usize, seat));
                seat
            };
            self.role_nodes[slot as usize] = (node, seat);
            names.push((name, slot as usize, node));
            ready.extend(below.iter().map(|child| (*child, node)));
        }
        names
    }

    /// Leaves of seekers. One whose role is gone is forgotten.
    fn add_seekers(&mut self) -> Vec<(String, usize, u32)> {
        self.leaves.clear();
        self.leaves.resize(self.seekers.len(), NONE);
        let mut names = Vec::new();
        for slot in 0..self.seekers.len() {
            let Some(seeker) = &self.seekers[slot] else { continue };
            let (_, seat) = self.role_nodes[seeker.role as usize];
            if seat == NONE {
                self.seekers[slot] = None;
                continue;
            }
            let (name, count) = (seeker.framework_id.clone(), seeker.count);
            let leaf = self.add_node(seat, self.nodes[seat as usize].depth + 1, slot as u32, 1000);
            self.nodes[leaf as usize].count = count;
            self.leaves[slot] = leaf;
            names.push((name, slot, leaf));
        }
        names
    }

    /// Sums amounts and counts from the leaves up.
    fn add_up(&mut self) {
        self.amounts.clear();
        self.amounts.resize(self.nodes.len() * self.kinds, 0);
        for slot in 0..self.seekers.len() {
            let leaf = self.leaves[slot];
            if leaf == NONE {
                continue;
            }
            let count = self.nodes[leaf as usize].count;
            let mut node = leaf;
            while node != ROOT {
                let held = &self.held[slot * self.kinds..(slot + 1) * self.kinds];
                for (sum, held) in self.amounts[node as usize * self.kinds..].iter_mut().zip(held) {
                    *sum = sum.wrapping_add(*held);
                }
                if node != leaf {
                    self.nodes[node as usize].count = self.nodes[node as usize].count.saturating_add(count);
                }
                node = self.nodes[node as usize].parent;
            }
        }
    }

    /// Like `link_leaf`, for orders that are sorted afterwards.
    fn append_leaf(&mut self, leaf: u32) {
        if leaf == NONE {
            return;
        }
        self.linked_leaves += 1;
        let mut node = leaf;
        while node != ROOT && !self.nodes[node as usize].is_linked {
            self.nodes[node as usize].is_linked = true;
            let parent = self.nodes[node as usize].parent;
            self.order[parent as usize].push(node);
            node = parent;
        }
    }
}
