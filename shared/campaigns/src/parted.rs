//! A map that takes little more memory than what is in it.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

/// A table's room is a power of two, of which it fills seven eighths before it doubles. In nine tables 250,000 entries have
/// 294,912 places; in one they would have 524,288, and the half of it besides while it grows.
const PARTS: usize = 9;

/// A map by sums of SHA-256, or the first half of them.
#[derive(Clone, Debug)]
pub struct Parted<T> {
    parts: [HashMap<[u8; 16], T, BuildHasherDefault<AsItIs>>; PARTS],
}

impl<T> Default for Parted<T> {
    fn default() -> Self {
        Self { parts: Default::default() }
    }
}

impl<T> Parted<T> {
    /// What is there by a sum.
    pub fn get(&self, sum: &[u8; 16]) -> Option<&T> {
        self.parts.get(part(sum))?.get(sum)
    }

    /// The same, to be changed.
    pub fn get_mut(&mut self, sum: &[u8; 16]) -> Option<&mut T> {
        self.parts.get_mut(part(sum))?.get_mut(sum)
    }

    /// Puts something there; what was there before.
    pub fn insert(&mut self, sum: [u8; 16], value: T) -> Option<T> {
        self.parts.get_mut(part(&sum))?.insert(sum, value)
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.parts.iter().map(HashMap::len).sum()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// All of them, in no order.
    pub fn iter(&self) -> impl Iterator<Item = (&[u8; 16], &T)> {
        self.parts.iter().flatten()
    }
}

/// By other bytes than the place in a table.
fn part(sum: &[u8; 16]) -> usize {
    let [first, second, ..] = *sum;
    usize::from(u16::from_be_bytes([first, second])) % PARTS
}

/// Hashes what is random already.
#[derive(Clone, Copy, Debug, Default)]
pub struct AsItIs(u64);

impl Hasher for AsItIs {
    fn write(&mut self, bytes: &[u8]) {
        if let Some(last) = bytes.last_chunk() {
            self.0 ^= u64::from_be_bytes(*last);
        }
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use sha2::{Digest as _, Sha256};

    fn sum(number: u32) -> [u8; 16] {
        *Sha256::digest(number.to_be_bytes()).first_chunk().unwrap()
    }

    #[test]
    fn it_is_a_map_and_as_many_contents_as_there_can_be_take_few_places() {
        let most = u32::try_from(crate::MAX_CONTENTS).unwrap();
        let mut parted = Parted::default();
        for number in 0..most {
            assert_eq!(parted.insert(sum(number), number), None);
        }
        assert_eq!((parted.len(), parted.is_empty()), (crate::MAX_CONTENTS, false));
        assert_eq!(parted.insert(sum(7), 8), Some(7));
        *parted.get_mut(&sum(8)).unwrap() = 9;
        assert_eq!(
            (parted.get(&sum(7)), parted.get(&sum(8)), parted.get(&sum(most))),
            (Some(&8), Some(&9), None)
        );
        assert_eq!(parted.iter().map(|(_, number)| u64::from(*number)).sum::<u64>(), {
            (0..u64::from(most)).sum::<u64>() + 2
        });
        let places: usize = parted.parts.iter().map(HashMap::capacity).sum();
        assert!(places < crate::MAX_CONTENTS * 11 / 10, "{places}");
    }
}
