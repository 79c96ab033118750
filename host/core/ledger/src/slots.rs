//! Dense numbers for things that come and go.

use std::collections::BTreeSet;

/// Gives out small numbers, and gives one out again only after every plugin that knew the old
/// meaning has answered a round in which it was told that the thing is gone.
#[derive(Clone, Debug, Default)]
pub(crate) struct Slots {
    next: u32,
    free: BTreeSet<u32>,
    /// Given back, with the round whose batch says so.
    resting: Vec<(u64, u32)>,
}

impl Slots {
    /// The lowest number that may be used.
    pub(crate) fn take(&mut self) -> u32 {
        self.free.pop_first().unwrap_or_else(|| {
            self.next += 1;
            self.next - 1
        })
    }

    /// Gives a number back; `round` is the one that tells the plugin.
    pub(crate) fn release(&mut self, slot: u32, round: u64) {
        self.resting.push((round, slot));
    }

    /// Frees what was announced up to `round`, which has been answered.
    pub(crate) fn settle(&mut self, round: u64) {
        if self.resting.is_empty() {
            return;
        }
        self.resting.retain(|&(announced, slot)| {
            if announced <= round {
                self.free.insert(slot);
            }
            announced > round
        });
    }
}

/// A set of slots.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Bits(Vec<u64>);

impl Bits {
    pub(crate) fn set(&mut self, slot: u32, is_set: bool) {
        let (word, bit) = place(slot);
        if word >= self.0.len() {
            if !is_set {
                return;
            }
            self.0.resize(word + 1, 0);
        }
        if is_set {
            self.0[word] |= bit;
        } else {
            self.0[word] &= !bit;
        }
    }

    pub(crate) fn has(&self, slot: u32) -> bool {
        let (word, bit) = place(slot);
        self.0.get(word).is_some_and(|bits| bits & bit != 0)
    }

    /// The 64 slots of one word.
    pub(crate) fn word(&self, word: usize) -> u64 {
        self.0.get(word).copied().unwrap_or(0)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.iter().all(|&bits| bits == 0)
    }

    pub(crate) fn clear(&mut self) {
        self.0.clear();
    }

    pub(crate) fn len(&self) -> usize {
        self.0.iter().map(|bits| bits.count_ones() as usize).sum()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = u32> + '_ {
        ones(&self.0)
    }
}

/// Word and bit of a slot.
pub(crate) fn place(slot: u32) -> (usize, u64) {
    (slot as usize / 64, 1 << (slot % 64))
}

/// The slots whose bits are set in `words`, ascending.
pub(crate) fn ones(words: &[u64]) -> impl Iterator<Item = u32> + '_ {
    (0u32..).zip(words).flat_map(|(at, &word)| {
        std::iter::successors(Some(word), |bits| Some(bits & bits.wrapping_sub(1)))
            .take_while(|&bits| bits != 0)
            .map(move |bits| at * 64 + bits.trailing_zeros())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slot_rests_until_the_round_that_announces_its_end_is_answered() {
        let mut slots = Slots::default();
        let first = slots.take();
        slots.release(first, 5);
        slots.settle(4);
        assert_ne!(slots.take(), first);
        slots.settle(5);
        assert_eq!(slots.take(), first);
    }

    #[test]
    fn bits_are_listed_in_order() {
        let mut bits = Bits::default();
        for slot in [130, 0, 63, 64] {
            bits.set(slot, true);
        }
        bits.set(63, false);
        assert_eq!(bits.iter().collect::<Vec<_>>(), [0, 64, 130]);
        assert!(bits.has(64) && !bits.has(63) && !bits.has(1000));
    }
}
