//! Counts stacks as they come, so that memory does not grow with time.

use std::collections::HashMap;

use super::record::{Record, Records};

/// Most different stacks kept: at 127 frames each, about 64 MiB; in practice a few MiB.
const STACKS_MAX: usize = 65_536;
/// Most frames of one stack, the kernel's and the program's together.
pub(super) const FRAMES_MAX: usize = 127;

/// Addresses of one stack, innermost first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stack {
    /// The number of kernel frames, then the frames: one allocation, one key.
    key: Box<[u64]>,
}

impl Stack {
    /// The frames of a key that [`fill_key`] made.
    pub(super) fn new(key: Box<[u64]>) -> Self {
        Self { key }
    }

    /// Frames in the kernel, innermost first; empty when the sample hit user code.
    #[must_use]
    pub fn kernel(&self) -> &[u64] {
        self.split().0
    }

    /// Frames in the program, innermost first; empty for a kernel thread.
    #[must_use]
    pub fn user(&self) -> &[u64] {
        self.split().1
    }

    fn split(&self) -> (&[u64], &[u64]) {
        let Some((kernel, frames)) = self.key.split_first() else { return (&[], &[]) };
        let kernel = usize::try_from(*kernel).unwrap_or(usize::MAX).min(frames.len());
        frames.split_at(kernel)
    }
}

/// The counts of a recording.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Tally {
    pub(super) stacks: Vec<(Stack, u64)>,
    pub(super) lost: u64,
    pub(super) unkept: u64,
    pub(super) throttled: u64,
}

/// Counts stacks.
#[derive(Debug)]
pub(super) struct Stacks {
    counts: HashMap<Box<[u64]>, u64>,
    stacks_max: usize,
    key: Vec<u64>,
    totals: Tally,
    taken: u64,
    pid: u32,
    skip_tid: u32,
}

impl Stacks {
    /// Counts samples of process `pid`, without those of its thread `skip_tid`.
    pub(super) fn new(pid: u32, skip_tid: u32) -> Self {
        Self {
            counts: HashMap::new(),
            stacks_max: STACKS_MAX,
            key: Vec::with_capacity(1 + FRAMES_MAX),
            totals: Tally::default(),
            taken: 0,
            pid,
            skip_tid,
        }
    }

    /// Takes the records in `bytes`.
    pub(super) fn take(&mut self, bytes: &[u8]) {
        for record in Records::new(bytes) {
            match record {
                Record::Sample { pid, tid, chain } if pid == self.pid && tid != self.skip_tid => {
                    self.count(chain);
                }
                Record::Lost(n) => self.totals.lost += n,
                Record::Garbled => self.totals.lost += 1,
                Record::Throttled => self.totals.throttled += 1,
                _ => {}
            }
        }
    }

    /// Counts one more sample as lost.
    pub(super) fn lose(&mut self) {
        self.totals.lost += 1;
    }

    /// Samples counted so far.
    pub(super) fn taken(&self) -> u64 {
        self.taken
    }

    fn count(&mut self, chain: &[u8]) {
        self.taken += 1;
        fill_key(&mut self.key, chain);
        if let Some(count) = self.counts.get_mut(self.key.as_slice()) {
            *count += 1;
        } else if self.counts.len() < self.stacks_max {
            self.counts.insert(self.key.as_slice().into(), 1);
        } else {
            self.totals.unkept += 1;
        }
    }

    /// The counts, most frequent first.
    pub(super) fn finish(self) -> Tally {
        let mut stacks: Vec<_> =
            self.counts.into_iter().map(|(key, n)| (Stack { key }, n)).collect();
        stacks.sort_unstable_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.key.cmp(&b.0.key)));
        Tally { stacks, ..self.totals }
    }
}

/// Sorts a chain by the context marks in it into kernel and user frames.
pub(super) fn fill_key(key: &mut Vec<u64>, chain: &[u8]) {
    /// Values from this one on are marks and not addresses: `PERF_CONTEXT_MAX`.
    const MARKS_FROM: u64 = -4095i64 as u64;
    const CONTEXT_KERNEL: u64 = -128i64 as u64;
    key.clear();
    key.push(0);
    let mut in_kernel = false;
    let values = chain.chunks_exact(8).filter_map(|b| b.try_into().ok().map(u64::from_ne_bytes));
    for value in values {
        if value >= MARKS_FROM {
            in_kernel = value == CONTEXT_KERNEL;
        } else if key.len() <= FRAMES_MAX {
            key.push(value);
            // The kernel's frames come first in a chain.
            key[0] += u64::from(in_kernel);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::record::tests::{record, sample};
    use super::*;

    const KERNEL: u64 = -128i64 as u64;
    const USER: u64 = -512i64 as u64;

    #[test]
    fn frames_are_split_by_the_kernels_marks() {
        let mut stacks = Stacks::new(1, 99);
        stacks.take(&sample(1, 2, &[KERNEL, 10, 11, USER, 20]));
        stacks.take(&sample(1, 3, &[USER, 20, 21]));
        stacks.take(&sample(1, 2, &[KERNEL, 10, 11, USER, 20]));
        let tally = stacks.finish();
        let seen: Vec<_> = tally.stacks.iter().map(|(s, n)| (s.kernel(), s.user(), *n)).collect();
        assert_eq!(seen, [(&[10, 11][..], &[20][..], 2), (&[][..], &[20, 21][..], 1)]);
    }

    #[test]
    fn other_processes_and_the_sampler_itself_are_left_out() {
        let mut stacks = Stacks::new(1, 99);
        stacks.take(&sample(2, 2, &[USER, 20]));
        stacks.take(&sample(1, 99, &[USER, 20]));
        assert_eq!(stacks.finish(), Tally::default());
    }

    #[test]
    fn losses_are_counted() {
        let mut stacks = Stacks::new(1, 99);
        stacks.take(&record(2, &[0, 40]));
        stacks.take(&[1, 2, 3]);
        stacks.lose();
        assert_eq!(stacks.finish().lost, 42);
    }

    #[test]
    fn past_the_bound_known_stacks_still_count_and_new_ones_are_counted_as_unkept() {
        let mut stacks = Stacks { stacks_max: 1, ..Stacks::new(1, 99) };
        for chain in [[USER, 1], [USER, 2], [USER, 1]] {
            stacks.take(&sample(1, 1, &chain));
        }
        let tally = stacks.finish();
        assert_eq!((tally.stacks.len(), tally.stacks[0].1, tally.unkept), (1, 2, 1));
    }

    #[test]
    fn a_stack_deeper_than_the_bound_keeps_its_innermost_frames() {
        let chain: Vec<u64> = std::iter::once(USER).chain(1..=500).collect();
        let mut stacks = Stacks::new(1, 99);
        stacks.take(&sample(1, 1, &chain));
        let tally = stacks.finish();
        assert_eq!(tally.stacks[0].0.user().len(), FRAMES_MAX);
        assert_eq!(tally.stacks[0].0.user()[0], 1);
    }
}
