//! What the kernel does in the slowest operations: those at or above the 99 % of their kind.
//!
//! Which ones these are is known only at the end, so what was seen is kept by how long the
//! operation took, in buckets that are at most 1/16 wide.

use std::collections::HashMap;

use cutwater_observe::perf::Chain;

use super::operation::Operation;

/// Different pairs of a bucket and a chain that are kept of each kind.
const PAIRS_MAX: usize = 16_384;
/// Different chains that are kept of one operation.
const SEEN_MAX: usize = 64;
/// Buckets per power of two, as bits, and in all.
const SUB_BITS: u32 = 4;
const BUCKETS: usize = (64 - SUB_BITS as usize + 1) << SUB_BITS;
/// The tail is one operation in this many.
const ONE_IN: u64 = 100;

/// Time off the CPU and samples on it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Spent {
    pub(super) off_ns: u64,
    pub(super) samples: u64,
}

/// What was seen of an operation in progress.
#[derive(Debug, Default)]
pub(super) struct Ongoing {
    seen: Vec<(u32, Spent)>,
    /// When it left its CPU, and in which chain.
    left: Option<(u64, u32)>,
}

impl Ongoing {
    /// Begins another operation.
    pub(super) fn begin(&mut self) {
        self.seen.clear();
        self.left = None;
    }

    pub(super) fn on_cpu(&mut self, chain: Chain) {
        self.add(chain, Spent { off_ns: 0, samples: 1 });
    }

    pub(super) fn leaves(&mut self, time_ns: u64, chain: Chain) {
        self.left = chain.map(|chain| (time_ns, chain));
    }

    pub(super) fn is_back(&mut self, time_ns: u64) {
        if let Some((since, chain)) = self.left.take() {
            let off_ns = time_ns.saturating_sub(since);
            self.add(Some(chain), Spent { off_ns, samples: 0 });
        }
    }

    fn add(&mut self, chain: Chain, seen: Spent) {
        let Some(chain) = chain else { return };
        if let Some((_, sum)) = self.seen.iter_mut().find(|(c, _)| *c == chain) {
            sum.add(seen);
        } else if self.seen.len() < SEEN_MAX {
            self.seen.push((chain, seen));
        }
    }
}

impl Spent {
    fn add(&mut self, other: Self) {
        self.off_ns += other.off_ns;
        self.samples += other.samples;
    }
}

/// What was seen of all operations.
#[derive(Debug, Default)]
pub(super) struct Tails(HashMap<Operation, OfOperation>);

#[derive(Debug)]
struct OfOperation {
    /// Operations and their nanoseconds.
    buckets: Vec<(u64, u64)>,
    seen: HashMap<(usize, u32), Spent>,
}

/// The slowest operations of a kind, and what was seen of them.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Tail {
    pub(super) kind: Operation,
    /// They took this long or longer.
    pub(super) from_ns: u64,
    pub(super) count: u64,
    /// All of them together.
    pub(super) total_ns: u64,
    pub(super) seen: HashMap<u32, Spent>,
}

impl Tails {
    /// Ends an operation.
    pub(super) fn end(&mut self, kind: Operation, ns: u64, ongoing: &mut Ongoing) {
        let of_kind = self.of_kind(kind);
        let bucket = bucket(ns);
        of_kind.buckets[bucket].0 += 1;
        of_kind.buckets[bucket].1 += ns;
        for (chain, seen) in ongoing.seen.drain(..) {
            of_kind.add(bucket, chain, seen);
        }
        ongoing.left = None;
    }

    /// Adds operations of a kind that took about `ns` each, `total_ns` in all.
    #[cfg(feature = "ebpf")]
    pub(super) fn add_span(&mut self, kind: Operation, ns: u64, count: u64, total_ns: u64) {
        let span = &mut self.of_kind(kind).buckets[bucket(ns)];
        span.0 += count;
        span.1 += total_ns;
    }

    /// Adds what was seen in some of these.
    #[cfg(feature = "ebpf")]
    pub(super) fn add_seen(&mut self, kind: Operation, ns: u64, chain: u32, seen: Spent) {
        self.of_kind(kind).add(bucket(ns), chain, seen);
    }

    fn of_kind(&mut self, kind: Operation) -> &mut OfOperation {
        self.0
            .entry(kind)
            .or_insert_with(|| OfOperation { buckets: vec![(0, 0); BUCKETS], seen: HashMap::new() })
    }

    /// The tails of all kinds that were seen.
    pub(super) fn tails(&self) -> Vec<Tail> {
        let tails = Operation::ALL.into_iter().filter_map(|kind| self.0.get(&kind)?.tail(kind));
        tails.filter(|tail| !tail.seen.is_empty()).collect()
    }
}

impl OfOperation {
    fn add(&mut self, bucket: usize, chain: u32, seen: Spent) {
        let pair = (bucket, chain);
        if self.seen.len() < PAIRS_MAX || self.seen.contains_key(&pair) {
            self.seen.entry(pair).or_default().add(seen);
        }
    }

    fn tail(&self, kind: Operation) -> Option<Tail> {
        let all: u64 = self.buckets.iter().map(|(n, _)| n).sum();
        let (mut count, mut total_ns) = (0, 0);
        let first = self.buckets.iter().enumerate().rev().find_map(|(at, (n, ns))| {
            count += n;
            total_ns += ns;
            (*n > 0 && count * ONE_IN >= all).then_some(at)
        })?;
        let mut seen: HashMap<u32, Spent> = HashMap::new();
        for ((bucket, chain), of_pair) in &self.seen {
            if *bucket >= first {
                seen.entry(*chain).or_default().add(*of_pair);
            }
        }
        Some(Tail { kind, from_ns: lowest(first), count, total_ns, seen })
    }
}

fn bucket(ns: u64) -> usize {
    let shift = (u64::BITS - ns.leading_zeros()).saturating_sub(SUB_BITS + 1);
    ((shift as usize) << SUB_BITS) + (ns >> shift) as usize
}

/// The shortest time in a bucket.
fn lowest(bucket: usize) -> u64 {
    let sub = 1usize << SUB_BITS;
    if bucket < sub {
        return bucket as u64;
    }
    let shift = bucket / sub - 1;
    ((bucket - shift * sub) as u64) << shift
}

#[cfg(test)]
mod tests {
    use super::*;

    fn end(tails: &mut Tails, ns: u64, chain: u32, off_ns: u64) {
        let mut ongoing = Ongoing::default();
        ongoing.begin();
        ongoing.on_cpu(Some(chain));
        ongoing.leaves(1_000, Some(chain));
        ongoing.is_back(1_000 + off_ns);
        tails.end(Operation::Read, ns, &mut ongoing);
    }

    #[test]
    fn a_bucket_holds_what_is_at_most_a_sixteenth_longer_than_its_lowest() {
        for ns in (0..100).chain((7..64).flat_map(|b| [1u64 << b, (1 << b) + 3, (1 << b) - 1])) {
            let low = lowest(bucket(ns));
            assert!(low <= ns && (ns - low) * 16 <= ns, "{ns} {low}");
        }
        assert!(bucket(u64::MAX) < BUCKETS);
    }

    #[test]
    fn only_the_slowest_hundredth_is_the_tail() {
        let mut tails = Tails::default();
        (0..198).for_each(|_| end(&mut tails, 1_000, 1, 10));
        (0..2).for_each(|_| end(&mut tails, 1 << 20, 2, 900_000));
        let all = tails.tails();
        let [tail] = &all[..] else { panic!("{all:?}") };
        assert_eq!((tail.from_ns, tail.count, tail.total_ns), (1 << 20, 2, 2 << 20));
        assert_eq!(tail.seen, HashMap::from([(2, Spent { off_ns: 1_800_000, samples: 2 })]));
    }

    #[test]
    fn what_comes_between_two_operations_belongs_to_none() {
        let (mut tails, mut ongoing) = (Tails::default(), Ongoing::default());
        ongoing.leaves(100, Some(7));
        ongoing.begin();
        ongoing.is_back(900);
        tails.end(Operation::Major, 50, &mut ongoing);
        assert_eq!(tails.tails(), []);
    }

    #[test]
    fn chains_beyond_the_bound_are_left_out() {
        let mut ongoing = Ongoing::default();
        (0..1_000).for_each(|chain| ongoing.on_cpu(Some(chain)));
        assert_eq!(ongoing.seen.len(), SEEN_MAX);
    }
}
