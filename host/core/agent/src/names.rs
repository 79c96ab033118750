//! Names that the agent gives: from a counter and the process's seed.

use mezzo_model::ContainerId;

/// Gives names that are never given twice, not even by another process.
///
/// A name is the counter under a permutation of 128 bits chosen by the seed, so two names of
/// one process differ before the six bits that a version 4 UUID fixes are set.
#[derive(Debug)]
pub(crate) struct Names {
    seed: u128,
    given: u64,
}

impl Names {
    pub(crate) fn new(seed: u128) -> Self {
        Self { seed, given: 0 }
    }

    /// A new version 4 UUID, as bytes.
    pub(crate) fn uuid(&mut self) -> [u8; 16] {
        self.given += 1;
        let mut bytes = permute(self.seed, u128::from(self.given)).to_be_bytes();
        bytes[6] = (bytes[6] & 0x0f) | 0x40;
        bytes[8] = (bytes[8] & 0x3f) | 0x80;
        bytes
    }

    /// A new container's name.
    pub(crate) fn container(&mut self) -> ContainerId {
        ContainerId::new(uuid_text(&self.uuid()))
    }
}

/// A Feistel network of six rounds over two halves.
fn permute(seed: u128, value: u128) -> u128 {
    let (mut left, mut right) = ((value >> 64) as u64, value as u64);
    for round in 0..6u64 {
        let key = if round % 2 == 0 { (seed >> 64) as u64 } else { seed as u64 };
        (left, right) =
            (right, left ^ mix(right ^ key.wrapping_add(round.wrapping_mul(0x9e37_79b9_7f4a_7c15))));
    }
    (u128::from(left) << 64) | u128::from(right)
}

/// The finaliser of splitmix64.
fn mix(mut z: u64) -> u64 {
    z = z.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// `8-4-4-4-12` in lower case.
pub(crate) fn uuid_text(bytes: &[u8; 16]) -> String {
    let mut text = String::with_capacity(36);
    for (index, byte) in bytes.iter().enumerate() {
        if matches!(index, 4 | 6 | 8 | 10) {
            text.push('-');
        }
        for nibble in [byte >> 4, byte & 15] {
            text.push(char::from_digit(u32::from(nibble), 16).unwrap_or('0'));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn names_differ_within_and_between_processes() {
        let (mut one, mut two) = (Names::new(7), Names::new(8));
        let given: BTreeSet<_> = (0..5000).flat_map(|_| [one.uuid(), two.uuid()]).collect();
        assert_eq!(given.len(), 10_000);
    }

    #[test]
    fn container_name_is_a_uuid() {
        let name = Names::new(1).container();
        let parts: Vec<_> = name.as_str().split('-').map(str::len).collect();
        assert_eq!(parts, [8, 4, 4, 4, 12]);
        assert_eq!(&name.as_str()[14..15], "4");
    }
}
