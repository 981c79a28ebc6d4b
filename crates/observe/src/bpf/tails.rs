//! Kernel stacks in operations by their duration, as they are laid out in the kernel's maps.

use super::frames::{NO_STACK, TAIL_KEY_BYTES};
use super::rows::{self, BUCKETS, Operation};

/// Operations that took about as long: a bucket is at most 1/16 wide.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    /// The operation.
    pub kind: Operation,
    /// The shortest time of the bucket, nanoseconds.
    pub from_ns: u64,
    /// How many operations.
    pub count: u64,
    /// Their time in all, nanoseconds.
    pub total_ns: u64,
}

/// A kernel stack in operations that took about as long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TailStack {
    /// The operation.
    pub kind: Operation,
    /// The shortest time of the bucket, nanoseconds.
    pub from_ns: u64,
    /// The number of the stack; none stands for all stacks that found no room.
    pub stack: Option<u32>,
    /// Samples on the CPU.
    pub samples: u64,
    /// Time off the CPU, nanoseconds.
    pub off_ns: u64,
}

/// Count and time of each bucket.
pub(super) const SPANS_BYTES: usize = BUCKETS * 16;

/// Adds up the values of all CPUs; buckets without an operation are left out.
pub(super) fn spans(kind: Operation, values: &[u8]) -> Vec<Span> {
    let mut sums = vec![(0u64, 0u64); BUCKETS];
    for value in values.chunks_exact(SPANS_BYTES) {
        for (sum, pair) in sums.iter_mut().zip(value.chunks_exact(16)) {
            sum.0 += rows::u64_at(pair, 0).unwrap_or(0);
            sum.1 += rows::u64_at(pair, 8).unwrap_or(0);
        }
    }
    let used = sums.into_iter().enumerate().filter(|(_, (count, _))| *count > 0);
    let span =
        |(at, (count, total_ns))| Span { kind, from_ns: rows::lowest_ns(at), count, total_ns };
    used.map(span).collect()
}

/// The entry of a key.
pub(super) fn tail_stack(key: &[u8], value: &[u8]) -> Option<TailStack> {
    let word = |at| rows::u32_at(key.get(..TAIL_KEY_BYTES)?, at);
    let (kind, bucket, stack) = (word(0)?, word(4)?, word(8)?);
    Some(TailStack {
        kind: Operation::ALL.into_iter().find(|k| *k as u32 == kind)?,
        from_ns: rows::lowest_ns(usize::try_from(bucket).ok().filter(|at| *at < BUCKETS)?),
        stack: (stack != NO_STACK).then(|| stack.saturating_sub(1)),
        samples: rows::u64_at(value, 0)?,
        off_ns: rows::u64_at(value, 8)?,
    })
}

/// The frames of a stack, without the zeros after them.
pub(super) fn frames(value: &[u8]) -> Vec<u64> {
    let frames = value.chunks_exact(8).map_while(|frame| rows::u64_at(frame, 0));
    frames.take_while(|address| *address != 0).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(of: &[u32]) -> Vec<u8> {
        of.iter().flat_map(|w| w.to_ne_bytes()).collect()
    }

    fn longs(of: &[u64]) -> Vec<u8> {
        of.iter().flat_map(|w| w.to_ne_bytes()).collect()
    }

    #[test]
    fn spans_of_all_cpus_are_added_up_and_empty_ones_left_out() {
        let mut values = vec![0u8; 2 * SPANS_BYTES];
        for cpu in 0..2 {
            let at = cpu * SPANS_BYTES + 40 * 16;
            values[at..at + 16].copy_from_slice(&longs(&[3, 150]));
        }
        let from_ns = rows::lowest_ns(40);
        let expected = Span { kind: Operation::Minor, from_ns, count: 6, total_ns: 300 };
        assert_eq!(spans(Operation::Minor, &values), [expected]);
    }

    #[test]
    fn what_was_seen_has_its_stack_unless_that_found_no_room() {
        let (value, from_ns) = (longs(&[7, 900]), rows::lowest_ns(33));
        let seen_of = |stack| tail_stack(&words(&[2, 33, stack, 0]), &value);
        let expected =
            |stack| TailStack { kind: Operation::Read, from_ns, stack, samples: 7, off_ns: 900 };
        assert_eq!(seen_of(6), Some(expected(Some(5))));
        assert_eq!(seen_of(NO_STACK), Some(expected(None)));
        assert_eq!(tail_stack(&words(&[9, 33, 6, 0]), &value), None);
        assert_eq!(tail_stack(&words(&[2, BUCKETS as u32, 6, 0]), &value), None);
        assert_eq!(tail_stack(&words(&[2, 33]), &value), None);
    }

    #[test]
    fn a_stack_ends_before_its_zeros() {
        assert_eq!(frames(&longs(&[5, 6, 0, 0])), [5, 6]);
        assert_eq!(frames(&[]), [0u64; 0]);
    }
}
