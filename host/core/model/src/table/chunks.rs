//! A numbered list in chunks that are shared until they change.

use std::sync::Arc;

/// How many records share a chunk: what the first write after a view copies, in pointers.
pub const CHUNK: usize = 128;

/// Where an item of a view stands. Means nothing in any other view.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Place {
    chunk: u32,
    within: u32,
}

/// Items numbered in order of arrival. Numbers are never used twice; items leave from anywhere.
#[derive(Debug)]
pub(super) struct Chunks<T> {
    root: Arc<Vec<Chunk<T>>>,
    next: u64,
    len: usize,
}

/// A run of items; never empty.
#[derive(Debug)]
struct Chunk<T> {
    /// Not above the number of the first item, and above that of every item of the chunk before.
    from: u64,
    items: Arc<Vec<(u64, Arc<T>)>>,
}

impl<T> Clone for Chunks<T> {
    fn clone(&self) -> Self {
        Self { root: Arc::clone(&self.root), next: self.next, len: self.len }
    }
}

impl<T> Clone for Chunk<T> {
    fn clone(&self) -> Self {
        Self { from: self.from, items: Arc::clone(&self.items) }
    }
}

impl<T> Default for Chunks<T> {
    fn default() -> Self {
        Self { root: Arc::default(), next: 0, len: 0 }
    }
}

impl<T> Chunks<T> {
    pub(super) fn len(&self) -> usize {
        self.len
    }

    /// Appends an item and gives its number.
    pub(super) fn push(&mut self, item: T) -> u64 {
        let number = self.next;
        self.next += 1;
        self.len += 1;
        let root = Arc::make_mut(&mut self.root);
        match root.last_mut() {
            Some(last) if last.items.len() < CHUNK => {
                Arc::make_mut(&mut last.items).push((number, Arc::new(item)))
            }
            _ => {
                let mut items = Vec::with_capacity(CHUNK);
                items.push((number, Arc::new(item)));
                root.push(Chunk { from: number, items: Arc::new(items) });
            }
        }
        number
    }

    pub(super) fn get(&self, number: u64) -> Option<&T> {
        let (at, within) = self.find(number)?;
        Some(&*self.root[at].items[within].1)
    }

    /// Takes an item out. Neighbours that have become half empty together are joined, so a
    /// list from which much was removed stays as small as its content.
    pub(super) fn remove(&mut self, number: u64) -> Option<Arc<T>> {
        let (at, within) = self.find(number)?;
        self.len -= 1;
        let root = Arc::make_mut(&mut self.root);
        let (_, item) = Arc::make_mut(&mut root[at].items).remove(within);
        let small = |chunk: Option<&Chunk<T>>| chunk.map_or(usize::MAX, |chunk| chunk.items.len());
        if root[at].items.is_empty() {
            root.remove(at);
        } else if small(root.get(at + 1)).saturating_add(root[at].items.len()) <= CHUNK / 2 {
            join(root, at);
        } else if at > 0 && root[at - 1].items.len() + root[at].items.len() <= CHUNK / 2 {
            join(root, at - 1);
        }
        Some(item)
    }

    /// Takes the oldest item out.
    pub(super) fn pop_first(&mut self) -> Option<Arc<T>> {
        let number = self.root.first()?.items.first()?.0;
        self.remove(number)
    }

    pub(super) fn iter(&self) -> impl DoubleEndedIterator<Item = &T> {
        self.root.iter().flat_map(|chunk| chunk.items.iter()).map(|(_, item)| &**item)
    }

    /// Whether both are the same copy, which makes them equal without looking.
    pub(super) fn is_same_copy(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.root, &other.root)
    }

    /// Where each item stands, in order.
    pub(super) fn places(&self) -> impl Iterator<Item = Place> {
        let chunks = (0u32..).zip(self.root.iter());
        chunks.flat_map(|(chunk, found)| {
            (0u32..).take(found.items.len()).map(move |within| Place { chunk, within })
        })
    }

    /// The item at a place.
    pub(super) fn at(&self, place: Place) -> Option<&T> {
        let chunk = self.root.get(place.chunk as usize)?;
        chunk.items.get(place.within as usize).map(|(_, item)| &**item)
    }

    /// The items numbered `number` or higher.
    pub(super) fn iter_from(&self, number: u64) -> impl Iterator<Item = (u64, &T)> {
        let chunks = &self.root[self.chunk_of(number).unwrap_or(0)..];
        let items =
            chunks.iter().flat_map(|chunk| chunk.items.iter()).map(|(number, item)| (*number, &**item));
        items.skip_while(move |(found, _)| *found < number)
    }

    fn find(&self, number: u64) -> Option<(usize, usize)> {
        let at = self.chunk_of(number)?;
        let within = self.root[at].items.binary_search_by_key(&number, |(number, _)| *number).ok()?;
        Some((at, within))
    }

    /// The only chunk that can hold `number`.
    fn chunk_of(&self, number: u64) -> Option<usize> {
        self.root.partition_point(|chunk| chunk.from <= number).checked_sub(1)
    }
}

impl<T: Clone> Chunks<T> {
    /// An item to be changed: copied first if it is shared.
    pub(super) fn get_mut(&mut self, number: u64) -> Option<&mut T> {
        let (at, within) = self.find(number)?;
        let root = Arc::make_mut(&mut self.root);
        let items = Arc::make_mut(&mut root[at].items);
        Some(Arc::make_mut(&mut items[within].1))
    }
}

/// Appends chunk `at + 1` to chunk `at`.
fn join<T>(root: &mut Vec<Chunk<T>>, at: usize) {
    let right = root.remove(at + 1);
    let left = Arc::make_mut(&mut root[at].items);
    left.reserve_exact(CHUNK.saturating_sub(left.len()));
    match Arc::try_unwrap(right.items) {
        Ok(items) => left.extend(items),
        Err(shared) => left.extend(shared.iter().cloned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One long-lived task among thousands of short ones must not keep their chunks alive.
    #[test]
    fn a_list_of_survivors_is_small() {
        let mut list = Chunks::default();
        let numbers: Vec<u64> = (0..10_000).map(|item| list.push(item)).collect();
        for number in numbers.iter().filter(|number| **number % 100 != 0) {
            list.remove(*number);
        }
        assert_eq!(list.len(), 100);
        assert!(list.root.len() <= 4, "{} chunks for 100 items", list.root.len());
        assert!(list.iter().copied().eq((0..10_000).step_by(100)));
        assert_eq!(list.get(9_900), Some(&9_900));
        assert_eq!(list.get(9_901), None);
    }
}
