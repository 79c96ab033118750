//! Amounts as columns: one row to a slot, one cell to a kind.

use std::sync::Arc;

use mezzo_resources::Resources;
use mezzo_slots::Flow;

/// The names of scalar kinds, in the order of the cells of a row. Only ever grows.
#[derive(Clone, Debug, Default)]
pub(crate) struct Kinds {
    names: Vec<Arc<str>>,
}

impl Kinds {
    pub(crate) fn len(&self) -> usize {
        self.names.len()
    }

    pub(crate) fn names(&self) -> impl Iterator<Item = &Arc<str>> {
        self.names.iter()
    }

    pub(crate) fn place(&self, name: &str) -> Option<usize> {
        self.names.iter().position(|known| **known == *name)
    }

    /// Learns the scalar kinds of `resources`; whether there was a new one.
    pub(crate) fn learn(&mut self, resources: &Resources) -> bool {
        let before = self.names.len();
        for resource in resources {
            if resource.amount().is_some() && self.place(&resource.name).is_none() {
                self.names.push(Arc::clone(&resource.name));
            }
        }
        self.names.len() > before
    }

    /// Learns these kinds; whether there was a new one.
    pub(crate) fn learn_names(&mut self, names: &[Arc<str>]) -> bool {
        let before = self.names.len();
        for name in names {
            if self.place(name).is_none() {
                self.names.push(Arc::clone(name));
            }
        }
        self.names.len() > before
    }

    /// Adds the scalars of `resources`, all of whose kinds are known, to `row`.
    pub(crate) fn add_to(&self, row: &mut [i64], resources: &Resources) {
        for resource in resources {
            if let (Some(amount), Some(kind)) = (resource.amount(), self.place(&resource.name)) {
                row[kind] = row[kind].saturating_add(amount.milli());
            }
        }
    }
}

/// Rows of amounts by slot.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Rows {
    width: usize,
    count: usize,
    cells: Vec<i64>,
}

impl Rows {
    pub(crate) fn row(&self, slot: u32) -> &[i64] {
        &self.cells[slot as usize * self.width..][..self.width]
    }

    pub(crate) fn row_mut(&mut self, slot: u32) -> &mut [i64] {
        &mut self.cells[slot as usize * self.width..][..self.width]
    }

    /// Makes room for `slot` and clears its row.
    pub(crate) fn clear(&mut self, slot: u32) {
        self.count = self.count.max(slot as usize + 1);
        self.cells.resize(self.count * self.width, 0);
        self.row_mut(slot).fill(0);
    }

    /// Gives every row `width` cells, new ones zero.
    pub(crate) fn widen(&mut self, width: usize) {
        self.cells = widened(&self.cells, self.count, self.width, width);
        self.width = width;
    }
}

/// Gives the rows of a flow `to` cells instead of `from`, new ones zero.
pub(crate) fn widen_flow(flow: &mut Flow, from: usize, to: usize) {
    flow.amounts = widened(&flow.amounts, flow.agent.len(), from, to);
}

fn widened(cells: &[i64], count: usize, from: usize, to: usize) -> Vec<i64> {
    let mut wide = vec![0; count * to];
    if from > 0 {
        for (wide, row) in wide.chunks_exact_mut(to).zip(cells.chunks_exact(from)) {
            wide[..from].copy_from_slice(row);
        }
    }
    wide
}

/// Adds one row.
pub(crate) fn push_flow(flow: &mut Flow, agent: u32, seeker: u32, amounts: &[i64]) {
    flow.agent.push(agent);
    flow.seeker.push(seeker);
    flow.amounts.extend_from_slice(amounts);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_kind_leaves_old_amounts_where_they_were() {
        let mut rows = Rows::default();
        rows.widen(1);
        rows.clear(1);
        rows.row_mut(1)[0] = 7;
        rows.widen(3);
        assert_eq!((rows.row(0), rows.row(1)), (&[0, 0, 0][..], &[7, 0, 0][..]));
    }
}
