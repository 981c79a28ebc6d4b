//! Counting by key without an allocation per line.

/// Keys with their places, in one arena: the first key seen is at place 0.
#[derive(Debug, Clone)]
pub struct Keys {
    /// Places plus one by hash, open addressing; 0 is free. A power of two long.
    slots: Vec<u32>,
    /// Hash and end in `bytes` of each key; a key begins where the one before ends.
    entries: Vec<(u64, usize)>,
    bytes: Vec<u8>,
    bytes_max: usize,
}

impl Default for Keys {
    fn default() -> Self {
        Self::with_bytes_max(Self::BYTES_MAX)
    }
}

/// Multiplies and folds eight bytes at a time; good enough for tables that grow.
#[inline]
#[must_use]
pub(crate) fn hash(key: &[u8]) -> u64 {
    const K: u64 = 0x9E37_79B9_7F4A_7C15;
    let mix = |h: u64, word: u64| {
        let product = u128::from(h ^ word) * u128::from(K);
        (product as u64) ^ ((product >> 64) as u64)
    };
    let (words, rest) = key.as_chunks::<8>();
    let mut h = words.iter().fold(key.len() as u64 ^ K, |h, w| mix(h, u64::from_le_bytes(*w)));
    let mut last = [0; 8];
    last[..rest.len()].copy_from_slice(rest);
    h = mix(h, u64::from_le_bytes(last));
    mix(h, K)
}

impl Keys {
    /// The most bytes of keys together.
    pub const BYTES_MAX: usize = 256 << 20;

    fn with_bytes_max(bytes_max: usize) -> Self {
        Self { slots: vec![0; 64], entries: Vec::new(), bytes: Vec::new(), bytes_max }
    }

    /// The place of `key`, added where it is new and there are fewer than `max` keys, and room for
    /// it among [`Keys::BYTES_MAX`].
    #[inline]
    pub fn place(&mut self, key: &[u8], max: usize) -> Option<usize> {
        let hash = hash(key);
        let mask = self.slots.len() - 1;
        let mut slot = hash as usize & mask;
        loop {
            match self.slots[slot] {
                0 => return self.add(slot, hash, key, max),
                place => {
                    let place = place as usize - 1;
                    if self.entries[place].0 == hash && self.key(place) == key {
                        return Some(place);
                    }
                }
            }
            slot = (slot + 1) & mask;
        }
    }

    #[cold]
    fn add(&mut self, slot: usize, hash: u64, key: &[u8], max: usize) -> Option<usize> {
        if self.entries.len() >= max || key.len() > self.bytes_max - self.bytes.len() {
            return None;
        }
        self.slots[slot] = self.entries.len() as u32 + 1;
        self.bytes.extend_from_slice(key);
        self.entries.push((hash, self.bytes.len()));
        if self.entries.len() * 2 > self.slots.len() {
            self.grow();
        }
        Some(self.entries.len() - 1)
    }

    fn grow(&mut self) {
        let length = self.slots.len() * 2;
        self.slots.clear();
        self.slots.resize(length, 0);
        for (place, (hash, _)) in self.entries.iter().enumerate() {
            let mut slot = *hash as usize & (length - 1);
            while self.slots[slot] != 0 {
                slot = (slot + 1) & (length - 1);
            }
            self.slots[slot] = place as u32 + 1;
        }
    }

    /// The key at a place.
    #[must_use]
    pub fn key(&self, place: usize) -> &[u8] {
        let start = if place == 0 { 0 } else { self.entries[place - 1].1 };
        &self.bytes[start..self.entries[place].1]
    }

    /// How many keys there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether it has no key.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Forgets the keys, not the memory.
    pub fn clear(&mut self) {
        self.slots.fill(0);
        self.entries.clear();
        self.bytes.clear();
    }
}

/// The most frequent values of a field, exact while there are few; else each count may be too
/// low by at most [`Top::error`] (Misra and Gries).
#[derive(Debug, Clone, Default)]
pub struct Top {
    keys: Keys,
    counts: Vec<u64>,
    spare: Option<Box<(Keys, Vec<u64>)>>,
    /// By how much each count may be too low; 0 when counts are exact.
    pub error: u64,
}

/// How many values are counted at once.
const TOP_VALUES_MAX: usize = 2048;

/// Longer values are cut before they are counted.
const TOP_VALUE_BYTES_MAX: usize = 256;

impl Top {
    /// Counts one value.
    #[inline]
    pub fn add(&mut self, value: &[u8]) {
        self.add_many(&value[..value.len().min(TOP_VALUE_BYTES_MAX)], 1);
    }

    fn add_many(&mut self, value: &[u8], count: u64) {
        let place = match self.keys.place(value, TOP_VALUES_MAX) {
            Some(place) => Some(place),
            None => {
                self.thin_out();
                self.keys.place(value, TOP_VALUES_MAX)
            }
        };
        match place {
            Some(place) if place < self.counts.len() => self.counts[place] += count,
            Some(_) => self.counts.push(count),
            None => self.error += count,
        }
    }

    /// Takes the median count off all counts and drops the values that have none left: half
    /// of them at least, so that the cost is spread over as many additions.
    #[cold]
    fn thin_out(&mut self) {
        let mut sorted = self.counts.clone();
        let middle = sorted.len() / 2;
        let (_, &mut median, _) = sorted.select_nth_unstable(middle);
        self.error += median;
        let mut spare = self.spare.take().unwrap_or_default();
        spare.0.clear();
        spare.1.clear();
        for (place, &count) in self.counts.iter().enumerate() {
            if count > median && spare.0.place(self.keys.key(place), TOP_VALUES_MAX).is_some() {
                spare.1.push(count - median);
            }
        }
        std::mem::swap(&mut self.keys, &mut spare.0);
        std::mem::swap(&mut self.counts, &mut spare.1);
        self.spare = Some(spare);
    }

    /// Adds another's counts.
    pub fn merge(&mut self, other: &Self) {
        for (place, &count) in other.counts.iter().enumerate() {
            self.add_many(other.keys.key(place), count);
        }
        self.error += other.error;
    }

    /// The `n` most frequent values whose counts exceed the possible error; others may be there by
    /// chance.
    #[must_use]
    pub fn sure(&self, n: usize) -> Vec<(&[u8], u64)> {
        let mut values = self.most(n);
        values.retain(|&(_, count)| count > self.error);
        values
    }

    /// The `n` most frequent values, the first being the most frequent; equals by value.
    #[must_use]
    pub fn most(&self, n: usize) -> Vec<(&[u8], u64)> {
        let values = self.counts.iter().enumerate().map(|(at, &c)| (self.keys.key(at), c));
        let mut all: Vec<_> = values.collect();
        all.sort_unstable_by(|a, b| b.1.cmp(&a.1).then(a.0.cmp(b.0)));
        all.truncate(n);
        all
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use proptest::prelude::*;

    use super::{Keys, TOP_VALUES_MAX, Top};

    proptest! {
        #[test]
        fn every_key_keeps_its_place(words in proptest::collection::vec("[ab]{0,12}", 0..300)) {
            let (mut keys, mut want) = (Keys::default(), HashMap::new());
            for word in &words {
                let next = want.len();
                let place = *want.entry(word.clone()).or_insert(next);
                prop_assert_eq!(keys.place(word.as_bytes(), usize::MAX), Some(place));
                prop_assert_eq!(keys.key(place), word.as_bytes());
            }
        }
    }

    #[test]
    fn keys_take_no_more_bytes_than_they_may() {
        let mut keys = Keys::with_bytes_max(10);
        let places = [b"1234", b"5678", b"9abc", b"1234"].map(|key| keys.place(key, usize::MAX));
        assert_eq!(places, [Some(0), Some(1), None, Some(0)]);
        assert_eq!(keys.place(b"de", usize::MAX), Some(2));
        assert_eq!(keys.place(b"f", usize::MAX), None);
    }

    #[test]
    fn frequent_values_are_found_among_many_rare_ones_within_the_error() {
        let mut top = Top::default();
        for n in 0..200_000u32 {
            top.add(format!("rare{n}").as_bytes());
            if n % 10 == 0 {
                top.add(b"frequent");
            }
        }
        let (value, count) = top.most(1)[0];
        assert_eq!(value, b"frequent");
        assert!(count <= 20_000 && count + top.error >= 20_000, "{count} {}", top.error);
        assert!(top.keys.len() <= TOP_VALUES_MAX);
    }

    #[test]
    fn few_values_are_counted_exactly_over_threads() {
        let (mut a, mut b) = (Top::default(), Top::default());
        for n in 0..5000 {
            let half = if n % 2 == 0 { &mut a } else { &mut b };
            half.add(&[b'0' + (n % 7) as u8]);
        }
        a.merge(&b);
        assert_eq!((a.error, a.most(1)[0]), (0, (&b"0"[..], 715)));
        assert_eq!(a.most(9).iter().map(|v| v.1).sum::<u64>(), 5000);
    }
}
