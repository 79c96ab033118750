//! Collections that a view can show without holding the loop.
//!
//! A [`Table`] keeps records by key and hands out a [`View`] of all of them in a moment:
//! the view shares the table's chunks, and whichever chunk changes later is copied first.
//! A [`Ring`] does the same for the last so many things that are over.
//!
//! What a write costs while a view is alive is one record, one chunk of [`CHUNK`] pointers
//! and the list of chunks; without a view nothing is copied.

mod chunks;
mod ring;

pub use chunks::{CHUNK, Place};
pub use ring::{Ring, RingView};

use std::{collections::BTreeMap, sync::Arc};

use chunks::Chunks;

/// Records by key, in the order in which their keys were first inserted.
#[derive(Clone, Debug)]
pub struct Table<K, V> {
    places: BTreeMap<K, u64>,
    chunks: Chunks<(K, V)>,
}

impl<K, V> Default for Table<K, V> {
    fn default() -> Self {
        Self { places: BTreeMap::new(), chunks: Chunks::default() }
    }
}

impl<K: Ord + Clone, V: Clone> Table<K, V> {
    /// An empty table.
    pub fn new() -> Self {
        Self::default()
    }

    /// How many records there are.
    pub fn len(&self) -> usize {
        self.chunks.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether there is a record of this key.
    pub fn contains_key(&self, key: &K) -> bool {
        self.places.contains_key(key)
    }

    /// The record of this key.
    pub fn get(&self, key: &K) -> Option<&V> {
        let place = self.places.get(key)?;
        self.chunks.get(*place).map(|(_, value)| value)
    }

    /// The record of this key, to be changed: copied first if a view still shows it.
    pub fn get_mut(&mut self, key: &K) -> Option<&mut V> {
        let place = self.places.get(key)?;
        self.chunks.get_mut(*place).map(|(_, value)| value)
    }

    /// Puts a record in. A known key keeps its place in the order; its former record is returned.
    pub fn insert(&mut self, key: K, value: V) -> Option<V> {
        if let Some(present) = self.get_mut(&key) {
            return Some(std::mem::replace(present, value));
        }
        let place = self.chunks.push((key.clone(), value));
        self.places.insert(key, place);
        None
    }

    /// The record of this key, made by `make` if there is none yet.
    pub fn get_or_insert_with(&mut self, key: K, make: impl FnOnce() -> V) -> &mut V {
        let place = match self.places.get(&key) {
            Some(place) => *place,
            None => {
                let place = self.chunks.push((key.clone(), make()));
                self.places.insert(key, place);
                place
            }
        };
        let record = self.chunks.get_mut(place).expect("`places` and `chunks` hold the same records");
        &mut record.1
    }

    /// Takes a record out.
    pub fn remove(&mut self, key: &K) -> Option<V> {
        let place = self.places.remove(key)?;
        self.chunks.remove(place).map(|record| Arc::unwrap_or_clone(record).1)
    }

    /// The record inserted longest ago.
    pub fn first(&self) -> Option<(&K, &V)> {
        self.iter().next()
    }

    /// Takes out the record inserted longest ago: how a table is kept below a limit.
    pub fn pop_first(&mut self) -> Option<(K, V)> {
        let record = Arc::unwrap_or_clone(self.chunks.pop_first()?);
        self.places.remove(&record.0);
        Some(record)
    }

    /// Every record, in order of insertion.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = (&K, &V)> {
        self.chunks.iter().map(|(key, value)| (key, value))
    }

    /// Every key, in order of insertion.
    pub fn keys(&self) -> impl DoubleEndedIterator<Item = &K> {
        self.chunks.iter().map(|(key, _)| key)
    }

    /// Every record without its key, in order of insertion.
    pub fn values(&self) -> impl DoubleEndedIterator<Item = &V> {
        self.chunks.iter().map(|(_, value)| value)
    }

    /// The records after `cursor`, for work that is cut into several turns: begin with
    /// [`Cursor::START`], keep the cursor of the last record done, go on from there. Records
    /// removed meanwhile are left out, new ones come at the end.
    pub fn iter_after(&self, cursor: Cursor) -> impl Iterator<Item = (Cursor, &K, &V)> {
        self.chunks.iter_from(cursor.0).map(|(place, (key, value))| (Cursor(place + 1), key, value))
    }

    /// All records as they are now. Cheap: no record is copied.
    pub fn view(&self) -> View<K, V> {
        View { chunks: self.chunks.clone() }
    }
}

/// A place in the order of a [`Table`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Cursor(u64);

impl Cursor {
    /// Before the first record.
    pub const START: Cursor = Cursor(0);
}

/// A table as it was at one moment; may be read on another thread.
#[derive(Clone, Debug)]
pub struct View<K, V> {
    chunks: Chunks<(K, V)>,
}

impl<K, V> View<K, V> {
    /// How many records there are.
    pub fn len(&self) -> usize {
        self.chunks.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Every record, in order of insertion.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = (&K, &V)> {
        self.chunks.iter().map(|(key, value)| (key, value))
    }

    /// Every record without its key, in order of insertion.
    pub fn values(&self) -> impl DoubleEndedIterator<Item = &V> {
        self.chunks.iter().map(|(_, value)| value)
    }

    /// Whether nothing has been written to the table between the two views.
    pub fn is_same_copy(&self, other: &Self) -> bool {
        self.chunks.is_same_copy(&other.chunks)
    }

    /// Where each record stands, in order of insertion.
    pub fn places(&self) -> impl Iterator<Item = Place> {
        self.chunks.places()
    }

    /// The record at a place of this view.
    pub fn at(&self, place: Place) -> Option<(&K, &V)> {
        self.chunks.at(place).map(|(key, value)| (key, value))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn table_of(count: u32) -> Table<u32, u32> {
        let mut table = Table::new();
        for key in 0..count {
            table.insert(key, key * 10);
        }
        table
    }

    #[test]
    fn a_view_stands_still_while_the_table_moves_on() {
        let mut table = table_of(1000);
        let view = table.view();
        *table.get_mut(&500).expect("present") = 0;
        table.remove(&0);
        table.insert(5000, 1);
        assert_eq!(view.len(), 1000);
        assert!(
            view.iter().eq((0..1000)
                .map(|key| (key, key * 10))
                .collect::<Vec<_>>()
                .iter()
                .map(|(k, v)| (k, v)))
        );
        assert_eq!(table.get(&500), Some(&0));
        assert_eq!(table.len(), 1000);
        assert_eq!(table.keys().next_back(), Some(&5000));
    }

    #[test]
    fn views_are_the_same_until_something_is_written() {
        let mut table = table_of(300);
        let (one, other) = (table.view(), table.view());
        assert!(one.is_same_copy(&other));
        *table.get_mut(&200).expect("present") = 1;
        assert!(!one.is_same_copy(&table.view()));
    }

    /// Otherwise every update of a task would copy its chunk although nobody is looking.
    #[test]
    fn without_a_view_nothing_is_copied() {
        let mut table: Table<u32, Vec<u8>> = Table::new();
        table.insert(1, vec![1; 10]);
        let before = table.get(&1).expect("present").as_ptr();
        drop(table.view());
        table.get_mut(&1).expect("present")[0] = 2;
        assert_eq!(table.get(&1).expect("present").as_ptr(), before);
    }

    #[test]
    fn a_known_key_keeps_its_place() {
        let mut table = table_of(3);
        assert_eq!(table.insert(1, 7), Some(10));
        assert_eq!(table.values().copied().collect::<Vec<_>>(), [0, 7, 20]);
    }

    #[test]
    fn work_cut_into_turns_sees_each_record_once() {
        let mut table = table_of(10);
        let mut cursor = Cursor::START;
        let mut seen = Vec::new();
        loop {
            let step: Vec<(Cursor, u32)> =
                table.iter_after(cursor).take(3).map(|(c, key, _)| (c, *key)).collect();
            let Some((last, _)) = step.last() else { break };
            cursor = *last;
            seen.extend(step.iter().map(|(_, key)| *key));
            table.remove(&4);
            if seen.len() == 3 {
                table.insert(99, 0);
            }
        }
        assert_eq!(seen, [0, 1, 2, 3, 5, 6, 7, 8, 9, 99]);
    }

    #[derive(Clone, Debug)]
    enum Step {
        Insert(u16, u32),
        Change(u16, u32),
        Remove(u16),
        PopFirst,
        View,
    }

    fn steps() -> impl Strategy<Value = Vec<Step>> {
        let step = prop_oneof![
            6 => (0..600u16, any::<u32>()).prop_map(|(k, v)| Step::Insert(k, v)),
            3 => (0..600u16, any::<u32>()).prop_map(|(k, v)| Step::Change(k, v)),
            5 => (0..600u16).prop_map(Step::Remove),
            1 => Just(Step::PopFirst),
            1 => Just(Step::View),
        ];
        proptest::collection::vec(step, 0..3000)
    }

    fn check(table: impl Iterator<Item = (u16, u32)>, model: &[(u16, u32)]) {
        assert_eq!(table.collect::<Vec<_>>(), model);
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

        /// A list of pairs searched from the front is what a table must look like.
        #[test]
        fn behaves_like_a_list(steps in steps()) {
            let mut table: Table<u16, u32> = Table::new();
            let mut model: Vec<(u16, u32)> = Vec::new();
            let mut views = Vec::new();
            for step in steps {
                match step {
                    Step::Insert(key, value) => {
                        let before = table.insert(key, value);
                        match model.iter_mut().find(|(k, _)| *k == key) {
                            Some(row) => prop_assert_eq!(before, Some(std::mem::replace(&mut row.1, value))),
                            None => { prop_assert_eq!(before, None); model.push((key, value)); }
                        }
                    }
                    Step::Change(key, value) => {
                        let row = model.iter_mut().find(|(k, _)| *k == key);
                        prop_assert_eq!(table.get(&key).copied(), row.as_ref().map(|r| r.1));
                        if let (Some(present), Some(row)) = (table.get_mut(&key), row) { *present = value; row.1 = value; }
                    }
                    Step::Remove(key) => {
                        let at = model.iter().position(|(k, _)| *k == key);
                        prop_assert_eq!(table.remove(&key), at.map(|at| model.remove(at).1));
                    }
                    Step::PopFirst => {
                        let first = (!model.is_empty()).then(|| model.remove(0));
                        prop_assert_eq!(table.pop_first(), first);
                    }
                    Step::View => views.push((table.view(), model.clone())),
                }
            }
            prop_assert_eq!(table.len(), model.len());
            check(table.iter().map(|(k, v)| (*k, *v)), &model);
            check(table.iter().rev().map(|(k, v)| (*k, *v)), &model.iter().rev().copied().collect::<Vec<_>>());
            for (view, model) in views {
                let at_places = view.places().filter_map(|place| view.at(place));
                check(at_places.map(|(k, v)| (*k, *v)), &model);
                check(view.iter().map(|(k, v)| (*k, *v)), &model);
            }
        }
    }
}
