//! Chains of addresses, each kept once and known by a number.

use std::collections::HashMap;

use super::stacks::{Stack, fill_key};

/// Most different chains kept: at 127 frames each 16 MiB; in practice one or two.
const CHAINS_MAX: usize = 16_384;

/// Chains seen so far.
#[derive(Debug)]
pub(super) struct Chains {
    numbers: HashMap<Box<[u64]>, u32>,
    key: Vec<u64>,
    chains_max: usize,
}

impl Default for Chains {
    fn default() -> Self {
        Self { numbers: HashMap::new(), key: Vec::new(), chains_max: CHAINS_MAX }
    }
}

impl Chains {
    /// The number of a chain as the kernel writes it; none when there are too many.
    pub(super) fn number(&mut self, chain: &[u8]) -> Option<u32> {
        fill_key(&mut self.key, chain);
        if let Some(number) = self.numbers.get(self.key.as_slice()) {
            return Some(*number);
        }
        let number = u32::try_from(self.numbers.len()).ok()?;
        if self.numbers.len() >= self.chains_max {
            return None;
        }
        self.numbers.insert(self.key.as_slice().into(), number);
        Some(number)
    }

    /// The kernel frames of each chain, innermost first, with its number.
    pub(super) fn in_kernel(&self) -> impl Iterator<Item = (u32, Vec<u64>)> {
        let stacks = self.numbers.iter().map(|(key, n)| (*n, Stack::new(key.clone())));
        stacks.map(|(n, stack)| (n, stack.kernel().to_vec()))
    }

    /// All chains, with their numbers.
    pub(super) fn into_stacks(self) -> impl Iterator<Item = (u32, Stack)> {
        self.numbers.into_iter().map(|(key, number)| (number, Stack::new(key)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chain(frames: &[u64]) -> Vec<u8> {
        frames.iter().flat_map(|f| f.to_ne_bytes()).collect()
    }

    #[test]
    fn a_chain_has_one_number_and_past_the_bound_only_new_ones_have_none() {
        let mut chains = Chains { chains_max: 2, ..Chains::default() };
        let numbers = [[1, 2], [3, 4], [1, 2], [5, 6], [3, 4]].map(|f| chains.number(&chain(&f)));
        assert_eq!(numbers, [Some(0), Some(1), Some(0), None, Some(1)]);
        let mut stacks: Vec<_> = chains.into_stacks().collect();
        stacks.sort_by_key(|(n, _)| *n);
        assert_eq!(stacks.iter().map(|(_, s)| s.user()).collect::<Vec<_>>(), [[1, 2], [3, 4]]);
    }
}
