//! Whole numbers in inclusive ranges: ports and their like.

use std::fmt;

/// Ranges of whole numbers, both ends included.
///
/// Always sorted, and ranges that overlap or touch are one.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Ranges(Vec<(u64, u64)>);

impl Ranges {
    /// The union of `pairs`; a pair that runs backwards holds nothing.
    pub fn new(pairs: impl IntoIterator<Item = (u64, u64)>) -> Self {
        let mut pairs: Vec<_> = pairs.into_iter().filter(|(begin, end)| begin <= end).collect();
        pairs.sort_unstable();
        let mut merged: Vec<(u64, u64)> = Vec::with_capacity(pairs.len());
        for (begin, end) in pairs {
            match merged.last_mut() {
                Some(last) if begin <= last.1.saturating_add(1) => last.1 = last.1.max(end),
                _ => merged.push((begin, end)),
            }
        }
        Self(merged)
    }

    /// The ranges in ascending order, with gaps between them.
    pub fn iter(&self) -> impl Iterator<Item = (u64, u64)> + '_ {
        self.0.iter().copied()
    }

    /// Whether it holds no number.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// How many numbers; stays at the greatest `u64` for all of them.
    pub fn count(&self) -> u64 {
        self.iter().fold(0, |sum: u64, (begin, end)| sum.saturating_add((end - begin).saturating_add(1)))
    }

    /// Whether every number of `other` is in it.
    pub fn contains(&self, other: &Ranges) -> bool {
        let mut mine = self.iter();
        let mut now = mine.next();
        other.iter().all(|(begin, end)| {
            while now.is_some_and(|(_, last)| last < begin) {
                now = mine.next();
            }
            now.is_some_and(|(first, last)| first <= begin && end <= last)
        })
    }

    /// The numbers in either.
    #[must_use]
    pub fn union(&self, other: &Ranges) -> Ranges {
        Ranges::new(self.iter().chain(other.iter()))
    }

    /// The numbers in this one that are not in `other`.
    #[must_use]
    pub fn difference(&self, other: &Ranges) -> Ranges {
        let mut left = Vec::with_capacity(self.0.len() + other.0.len());
        let mut taken = other.0.as_slice();
        for (mut begin, end) in self.iter() {
            let mut is_used_up = false;
            while let Some(&(first, last)) = taken.first() {
                if last < begin {
                    taken = &taken[1..];
                    continue;
                }
                if first > end {
                    break;
                }
                if first > begin {
                    left.push((begin, first - 1));
                }
                if last >= end {
                    is_used_up = true;
                    break;
                }
                begin = last + 1;
                taken = &taken[1..];
            }
            if !is_used_up {
                left.push((begin, end));
            }
        }
        Ranges(left)
    }
}

impl fmt::Display for Ranges {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[")?;
        for (at, (begin, end)) in self.iter().enumerate() {
            let comma = if at == 0 { "" } else { ", " };
            write!(f, "{comma}{begin}-{end}")?;
        }
        f.write_str("]")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    #[test]
    fn touching_ranges_are_one() {
        assert_eq!(Ranges::new([(5, 6), (1, 2), (3, 4)]).to_string(), "[1-6]");
        assert_eq!(Ranges::new([(1, 2), (4, 4)]).to_string(), "[1-2, 4-4]");
        let all = Ranges::new([(0, 3), (u64::MAX, u64::MAX), (4, u64::MAX)]);
        assert_eq!(all.iter().collect::<Vec<_>>(), [(0, u64::MAX)]);
        assert_eq!(all.count(), u64::MAX);
        assert!(all.difference(&all).is_empty());
    }

    fn few() -> impl Strategy<Value = Vec<(u64, u64)>> {
        proptest::collection::vec((0u64..40, 0u64..6).prop_map(|(begin, more)| (begin, begin + more)), 0..6)
    }

    fn numbers(ranges: &Ranges) -> BTreeSet<u64> {
        ranges.iter().flat_map(|(begin, end)| begin..=end).collect()
    }

    proptest! {
        #[test]
        fn behave_as_sets_of_numbers(a in few(), b in few()) {
            let (a, b) = (Ranges::new(a), Ranges::new(b));
            let (x, y) = (numbers(&a), numbers(&b));
            prop_assert_eq!(numbers(&a.union(&b)), &x | &y);
            prop_assert_eq!(numbers(&a.difference(&b)), &x - &y);
            prop_assert_eq!(a.contains(&b), x.is_superset(&y));
            prop_assert_eq!(a.count(), x.len() as u64);
            prop_assert_eq!(a.difference(&b), Ranges::new(a.difference(&b).iter()));
        }
    }
}
