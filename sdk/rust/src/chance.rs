//! Chance that follows from a batch's seed, so that the same batches give the same proposals.

/// A stream of numbers (splitmix64).
#[derive(Clone, Debug, Default)]
pub struct Chance(u64);

impl Chance {
    /// The stream of a seed.
    pub fn seeded(seed: u64) -> Self {
        Self(seed)
    }

    /// The next number.
    pub fn number(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// Puts a list into an order in which every one is as likely as any other.
    pub fn shuffle<T>(&mut self, list: &mut [T]) {
        for last in (1..list.len()).rev() {
            let other = (self.number() % (last as u64 + 1)) as usize;
            list.swap(last, other);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_gives_one_order_and_every_order_comes() {
        let shuffled = |seed| {
            let mut list = [0, 1, 2];
            Chance::seeded(seed).shuffle(&mut list);
            list
        };
        assert_eq!(shuffled(7), shuffled(7));
        let orders: std::collections::BTreeSet<_> = (0..200).map(shuffled).collect();
        assert_eq!(orders.len(), 6);
    }
}
