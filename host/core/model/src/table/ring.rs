//! The last so many of something.

use std::sync::Arc;

use super::chunks::{Chunks, Place};

/// A list of bounded length, oldest first: what comes in at the end pushes the oldest out.
#[derive(Clone, Debug)]
pub struct Ring<V> {
    limit: usize,
    chunks: Chunks<V>,
}

impl<V: Clone> Ring<V> {
    /// An empty ring that keeps at most `limit` items; none at all if that is 0.
    pub fn new(limit: usize) -> Self {
        Self { limit, chunks: Chunks::default() }
    }

    /// How many items there are.
    pub fn len(&self) -> usize {
        self.chunks.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The most it keeps.
    pub fn limit(&self) -> usize {
        self.limit
    }

    /// Puts an item in and gives back the one that had to go: `item` itself if nothing is kept.
    pub fn push(&mut self, item: V) -> Option<V> {
        if self.limit == 0 {
            return Some(item);
        }
        let gone = if self.len() == self.limit { self.chunks.pop_first() } else { None };
        self.chunks.push(item);
        gone.map(Arc::unwrap_or_clone)
    }

    /// Where each item stands, oldest first.
    pub fn places(&self) -> impl Iterator<Item = Place> {
        self.chunks.places()
    }

    /// The item at a place.
    pub fn at(&self, place: Place) -> Option<&V> {
        self.chunks.at(place)
    }

    /// Every item, oldest first.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = &V> {
        self.chunks.iter()
    }

    /// All items as they are now. Cheap: none is copied.
    pub fn view(&self) -> RingView<V> {
        RingView { chunks: self.chunks.clone() }
    }
}

/// A ring as it was at one moment; may be read on another thread.
#[derive(Clone, Debug)]
pub struct RingView<V> {
    chunks: Chunks<V>,
}

impl<V> RingView<V> {
    /// How many items there are.
    pub fn len(&self) -> usize {
        self.chunks.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether nothing has been pushed between the two views.
    pub fn is_same_copy(&self, other: &Self) -> bool {
        self.chunks.is_same_copy(&other.chunks)
    }

    /// Where each item stands, oldest first.
    pub fn places(&self) -> impl Iterator<Item = Place> {
        self.chunks.places()
    }

    /// The item at a place of this view.
    pub fn at(&self, place: Place) -> Option<&V> {
        self.chunks.at(place)
    }

    /// Every item, oldest first.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = &V> {
        self.chunks.iter()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_the_newest() {
        let mut ring = Ring::new(300);
        for item in 0..1000 {
            assert_eq!(ring.push(item), (item >= 300).then(|| item - 300));
        }
        assert!(ring.iter().copied().eq(700..1000));
        let view = ring.view();
        ring.push(1000);
        assert!(view.iter().copied().eq(700..1000));
        assert!(ring.iter().copied().eq(701..=1000));
    }

    #[test]
    fn a_ring_of_nothing_keeps_nothing() {
        let mut ring = Ring::new(0);
        assert_eq!(ring.push("x"), Some("x"));
        assert!(ring.is_empty());
    }
}
