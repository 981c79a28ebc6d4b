//! The sums of the programs, as they are laid out in the kernel's map.

/// An operation that is timed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Operation {
    /// A page fault that waited for the device.
    Major = 0,
    /// A page fault that did not.
    Minor = 1,
    /// A call that reads.
    Read = 2,
}

impl Operation {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Major, Self::Minor, Self::Read];
}

/// The file of a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum FileId {
    /// Memory without a file.
    Anonymous,
    /// Calls of a ring, which are for many files.
    Ring,
    /// All files that had no row left.
    Others,
    /// A device as by `makedev(3)`, and an inode.
    Inode(u64, u64),
}

/// A kind of operation on a file: how often, and how long it took.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// The operation.
    pub kind: Operation,
    /// Its file.
    pub file: FileId,
    /// How often.
    pub count: u64,
    /// Bytes that calls returned.
    pub bytes: u64,
    /// Calls that failed.
    pub errors: u64,
    /// The longest, nanoseconds.
    pub max_ns: u64,
    /// Middles of buckets, nanoseconds, and the operations that took about that long; ascending.
    /// A bucket is at most 1/16 wide.
    pub times: Vec<(u64, u64)>,
}

/// Devices that do not exist.
pub(super) const OTHERS_DEV: u32 = u32::MAX;
pub(super) const RING_DEV: u32 = u32::MAX - 1;

/// Buckets per power of two, as bits.
pub(super) const SUB_BITS: i32 = 4;
/// Longer operations count as 2^40 ns, 18 minutes.
pub(super) const VALUE_BITS_MAX: i32 = 40;
pub(super) const BUCKETS: usize = ((VALUE_BITS_MAX - SUB_BITS + 1) << SUB_BITS) as usize;
/// Count, bytes, errors and maximum come before the buckets.
pub(super) const ROW_BUCKETS: usize = 32;
pub(super) const ROW_BYTES: usize = ROW_BUCKETS + BUCKETS * 8;
pub(super) const KEY_BYTES: usize = 16;

/// The key of a row: kind, device, inode.
pub(super) fn key(kind: Operation, dev: u32, ino: u64) -> Vec<u8> {
    [&(kind as u32).to_ne_bytes()[..], &dev.to_ne_bytes(), &ino.to_ne_bytes()].concat()
}

/// Adds up the values of all CPUs.
pub(super) fn parse(key: &[u8], values: &[u8]) -> Option<Row> {
    let kind = u32_at(key, 0)?;
    let kind = Operation::ALL.into_iter().find(|k| *k as u32 == kind)?;
    let ino = u64_at(key, 8)?;
    let file = match (u32_at(key, 4)?, ino) {
        (OTHERS_DEV, _) => FileId::Others,
        (RING_DEV, _) => FileId::Ring,
        (0, 0) => FileId::Anonymous,
        (dev, ino) => FileId::Inode(user_dev(dev), ino),
    };
    let mut row = Row { kind, file, count: 0, bytes: 0, errors: 0, max_ns: 0, times: Vec::new() };
    let mut buckets = vec![0u64; BUCKETS];
    for value in values.chunks_exact(ROW_BYTES) {
        let numbers =
            value.chunks_exact(8).filter_map(|b| b.try_into().ok().map(u64::from_ne_bytes));
        let numbers: Vec<u64> = numbers.collect();
        let (totals, counts) = numbers.split_at_checked(ROW_BUCKETS / 8)?;
        row.count += totals[0];
        row.bytes += totals[1];
        row.errors += totals[2];
        row.max_ns = row.max_ns.max(totals[3]);
        buckets.iter_mut().zip(counts).for_each(|(sum, n)| *sum += n);
    }
    let times = buckets.into_iter().enumerate().filter(|(_, n)| *n > 0);
    row.times = times.map(|(at, n)| (middle_ns(at).min(row.max_ns.max(1)), n)).collect();
    Some(row)
}

/// The middle of a bucket.
fn middle_ns(bucket: usize) -> u64 {
    lowest_ns(bucket) + (1u64 << shift(bucket)) / 2
}

/// The shortest time in a bucket.
pub(super) fn lowest_ns(bucket: usize) -> u64 {
    let shift = shift(bucket);
    ((bucket - (shift << SUB_BITS)) as u64) << shift
}

/// How many bits the values of a bucket were shifted by.
fn shift(bucket: usize) -> usize {
    (bucket >> SUB_BITS).saturating_sub(1)
}

pub(super) fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_ne_bytes(bytes.get(at..at + 4)?.try_into().ok()?))
}

pub(super) fn u64_at(bytes: &[u8], at: usize) -> Option<u64> {
    Some(u64::from_ne_bytes(bytes.get(at..at + 8)?.try_into().ok()?))
}

/// The kernel's own number of a device has 20 bits for the minor.
fn user_dev(dev: u32) -> u64 {
    rustix::fs::makedev(dev >> 20, dev & 0xf_ffff)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The bucket as the program in the kernel computes it.
    fn bucket(mut value: u64) -> usize {
        value = value.min((1 << VALUE_BITS_MAX) - 1);
        let mut shift = 0;
        while value >> shift >= 2 << SUB_BITS {
            shift += 1;
        }
        (shift << SUB_BITS) + (value >> shift) as usize
    }

    #[test]
    fn the_middle_of_a_buckets_values_is_within_a_thirtysecond_of_each() {
        for value in (0..64).chain((6..40).flat_map(|b| [(1u64 << b) - 1, 1 << b, (1 << b) + 77])) {
            let middle = middle_ns(bucket(value));
            assert!(
                bucket(value) < BUCKETS && middle.abs_diff(value) * 32 <= value,
                "{value} {middle}"
            );
        }
    }

    #[test]
    fn the_values_of_all_cpus_are_added_up() {
        let mut values = vec![0u8; 2 * ROW_BYTES];
        let mut put = |cpu: usize, at: usize, n: u64| {
            let at = cpu * ROW_BYTES + at * 8;
            values[at..at + 8].copy_from_slice(&n.to_ne_bytes());
        };
        for (cpu, max) in [(0, 5), (1, 900)] {
            [3, 4096, 1, max].into_iter().enumerate().for_each(|(at, n)| put(cpu, at, n));
            put(cpu, ROW_BUCKETS / 8 + 5, 3);
        }
        let row = parse(&key(Operation::Read, (8 << 20) | 1, 77), &values).unwrap();
        let file = FileId::Inode(rustix::fs::makedev(8, 1), 77);
        let expected = Row {
            kind: Operation::Read,
            file,
            count: 6,
            bytes: 8192,
            errors: 2,
            max_ns: 900,
            times: vec![(5, 6)],
        };
        assert_eq!(row, expected);
    }

    #[test]
    fn keys_that_are_no_files_are_told_apart() {
        let file = |dev, ino| parse(&key(Operation::Minor, dev, ino), &[]).map(|row| row.file);
        assert_eq!(file(OTHERS_DEV, 0), Some(FileId::Others));
        assert_eq!(file(RING_DEV, 0), Some(FileId::Ring));
        assert_eq!(file(0, 0), Some(FileId::Anonymous));
        assert_eq!(parse(&[9; KEY_BYTES], &[]), None);
    }
}
