//! Pseudo-random numbers that a seed repeats: for orders, made files and bootstraps.

/// The generator splitmix64 (Steele, Lea and Flood, "Fast splittable pseudorandom number
/// generators", 2014). Its only state is the number in it.
#[derive(Debug, Clone)]
pub struct SplitMix(pub u64);

impl SplitMix {
    /// The next number, uniform over all 64 bits.
    #[expect(clippy::should_implement_trait, reason = "it never ends, so it is not an iterator")]
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let n = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let n = (n ^ (n >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        n ^ (n >> 31)
    }

    /// A number below `end`, which has to be more than 0. Its bias, `end` in 2^64, is nothing
    /// here.
    pub fn below(&mut self, end: u64) -> u64 {
        (u128::from(self.next()) * u128::from(end) >> 64) as u64
    }

    /// Uniform in [0, 1).
    pub fn unit(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1u64 << 53) as f64
    }

    /// Puts `items` in an order without a pattern (Fisher and Yates).
    pub fn shuffle<T>(&mut self, items: &mut [T]) {
        for i in (1..items.len()).rev() {
            items.swap(i, self.below(i as u64 + 1) as usize);
        }
    }

    /// Fills `bytes`, so that they are hard to compress.
    pub fn fill(&mut self, bytes: &mut [u8]) {
        for chunk in bytes.chunks_mut(8) {
            chunk.copy_from_slice(&self.next().to_le_bytes()[..chunk.len()]);
        }
    }
}

/// A permutation of 0..n that needs no table: four Feistel rounds over the next power of
/// four, walked until the result is below n (under four steps on average).
#[derive(Debug, Clone)]
pub struct Permutation {
    n: u64,
    half_bits: u32,
    keys: [u64; 4],
}

impl Permutation {
    /// The permutation of 0..`n` that `seed` names.
    pub fn new(n: u64, seed: u64) -> Self {
        let bits = 64 - n.saturating_sub(1).leading_zeros();
        let mut random = SplitMix(!seed);
        Self { n, half_bits: bits.div_ceil(2).max(1), keys: [(); 4].map(|()| random.next()) }
    }

    /// Where `i`, a number below n, goes. Of a number that is not below n, it returns 0.
    pub fn at(&self, i: u64) -> u64 {
        if i >= self.n {
            return 0;
        }
        let mask = (1u64 << self.half_bits) - 1;
        let mut value = i;
        loop {
            let (mut left, mut right) = (value >> self.half_bits, value & mask);
            for key in self.keys {
                let mixed = SplitMix(right ^ key).next() & mask;
                (left, right) = (right, left ^ mixed);
            }
            value = left << self.half_bits | right;
            if value < self.n {
                return value;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_numbers_are_those_of_the_published_generator() {
        let mut random = SplitMix(1_234_567);
        let first = [random.next(), random.next(), random.next()];
        assert_eq!(
            first,
            [6_457_827_717_110_365_317, 3_203_168_211_198_807_973, 9_817_491_932_198_370_423]
        );
    }

    #[test]
    fn a_shuffle_keeps_all_and_every_order_is_as_likely() {
        let mut random = SplitMix(5);
        let mut times = std::collections::HashMap::<[u8; 3], u32>::new();
        for _ in 0..6000 {
            let mut items = [0, 1, 2];
            random.shuffle(&mut items);
            *times.entry(items).or_default() += 1;
        }
        assert_eq!(times.len(), 6);
        assert!(times.values().all(|n| (850..1150).contains(n)), "{times:?}");
    }

    #[test]
    fn numbers_below_an_end_stay_below_it_and_bytes_are_filled_to_the_last() {
        let mut random = SplitMix(7);
        assert!((0..1000).all(|_| random.below(3) < 3 && random.unit() < 1.0));
        let mut bytes = [0; 13];
        random.fill(&mut bytes);
        assert!(bytes[8..].iter().any(|b| *b != 0));
    }

    #[test]
    fn a_permutation_takes_every_number_once() {
        for n in [1, 2, 3, 77, 1000] {
            let order = Permutation::new(n, 9);
            let mut all: Vec<_> = (0..n).map(|i| order.at(i)).collect();
            all.sort_unstable();
            assert!(all.iter().copied().eq(0..n), "{n}");
        }
    }
}
