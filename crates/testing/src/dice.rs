//! Numbers from a seed, for tests that try many cases and can repeat each.

use std::env;

use cutwater_lab::SplitMix;

/// Pseudo-random numbers from a seed.
#[derive(Debug, Clone)]
pub struct Dice(SplitMix);

impl Dice {
    /// The numbers of `seed`.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self(SplitMix(seed))
    }

    /// The numbers of the seed in the environment variable `name`, or of `default`. Prints the seed.
    #[must_use]
    pub fn from_env(name: &str, default: u64) -> Self {
        let given = env::var(name).ok().and_then(|seed| seed.parse().ok());
        let seed = given.unwrap_or(default);
        println!("{name}={seed}");
        Self::new(seed)
    }

    /// The next number.
    pub fn roll(&mut self) -> u64 {
        self.0.next()
    }

    /// A number below `n`, which must not be 0.
    pub fn below(&mut self, n: u64) -> u64 {
        self.0.below(n)
    }

    /// `n` bytes.
    pub fn bytes(&mut self, n: usize) -> Vec<u8> {
        let mut bytes = vec![0; n];
        self.0.fill(&mut bytes);
        bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_repeats_its_numbers_and_another_has_others() {
        let bytes = |seed| Dice::new(seed).bytes(100);
        assert_eq!(bytes(0), bytes(0));
        assert_ne!(bytes(0), bytes(1));
        let mut dice = Dice::new(7);
        let mut seen = [false; 6];
        (0..1000).for_each(|_| seen[dice.below(6) as usize] = true);
        assert_eq!(seen, [true; 6]);
    }
}
