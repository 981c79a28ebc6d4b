//! The counters of each thread, added up on request.

use std::array;
use std::sync::{Arc, Mutex, PoisonError};

use cutwater_meter::{BucketCounts, Buckets, Counter, ReadCounters, ReadCounts};

use crate::choose::facts::Reason;
use crate::{FileClass, ReadPath};

/// Paths that are counted: all but `Auto`, which is always one of the others.
const PATHS: usize = ReadPath::ALL.len() - 1;

/// A value for each class of files and each path.
type Table<T> = [[T; PATHS]; FileClass::COUNT];

/// One thread's counters.
#[derive(Debug, Default)]
pub(crate) struct ThreadCounters {
    reads: Table<ReadCounters>,
    /// Durations of single reads that were timed.
    latency: Table<Buckets>,
    /// Durations of passes over lists that were timed.
    passes: [Buckets; FileClass::COUNT],
    /// Durations of single reads that were timed and took a page fault: minor, major.
    faulting: [Buckets; 2],
    /// Ranges read under a choice, by its reason.
    choices: [Counter; Reason::ALL.len()],
    /// Windows that were mapped for files longer than their budget.
    windows: Counter,
}

/// The values of all [`ThreadCounters`] at a moment.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Snapshot {
    pub(crate) reads: Table<ReadCounts>,
    pub(crate) latency: Table<BucketCounts>,
    pub(crate) passes: [BucketCounts; FileClass::COUNT],
    pub(crate) faulting: [BucketCounts; 2],
    pub(crate) choices: [u64; Reason::ALL.len()],
    pub(crate) windows: u64,
}

impl ThreadCounters {
    /// New counters that [`counts`] will add up.
    pub(crate) fn registered() -> Arc<Self> {
        let new = Arc::new(Self::default());
        let mut all = ALL.lock().unwrap_or_else(PoisonError::into_inner);
        all.retire();
        all.live.push(Arc::clone(&new));
        new
    }

    pub(crate) fn reads_of(&self, class: FileClass, path: ReadPath) -> &ReadCounters {
        &self.reads[class.index()][index(path)]
    }

    /// Notes a single read that was timed.
    pub(crate) fn note_read(&self, class: FileClass, path: ReadPath, ns: u64) {
        self.latency[class.index()][index(path)].record(ns);
    }

    /// Notes that a timed read took page faults, the worst of them major or minor.
    pub(crate) fn note_fault(&self, major: bool, ns: u64) {
        self.faulting[usize::from(major)].record(ns);
    }

    /// Notes a pass that was timed.
    pub(crate) fn note_pass(&self, class: FileClass, ns: u64) {
        self.passes[class.index()].record(ns);
    }

    /// Counts a read of `bytes` that was made.
    pub(crate) fn note_done(&self, class: FileClass, path: ReadPath, bytes: usize) {
        let counters = self.reads_of(class, path);
        counters.ops.add(1);
        counters.bytes.add(bytes as u64);
    }

    /// Counts ranges that were read for a reason.
    pub(crate) fn note_choice(&self, reason: Reason, ranges: u64) {
        self.choices[reason.index()].add(ranges);
    }

    /// Counts a window that was mapped.
    pub(crate) fn note_window(&self) {
        self.windows.add(1);
    }

    fn add_to(&self, sum: &mut Snapshot) {
        for class in 0..FileClass::COUNT {
            for path in 0..PATHS {
                let reads = &mut sum.reads[class][path];
                *reads = reads.plus(self.reads[class][path].get());
                let latency = &mut sum.latency[class][path];
                *latency = latency.plus(self.latency[class][path].get());
            }
            sum.passes[class] = sum.passes[class].plus(self.passes[class].get());
        }
        for (sum, fault) in sum.faulting.iter_mut().zip(&self.faulting) {
            *sum = sum.plus(fault.get());
        }
        for (sum, choice) in sum.choices.iter_mut().zip(&self.choices) {
            *sum = sum.wrapping_add(choice.get());
        }
        sum.windows = sum.windows.wrapping_add(self.windows.get());
    }
}

fn index(path: ReadPath) -> usize {
    ReadPath::ALL.iter().position(|&p| p == path).unwrap_or(0).min(PATHS - 1)
}

struct All {
    /// Counters of threads that are alive.
    live: Vec<Arc<ThreadCounters>>,
    /// The sum over threads that have ended.
    retired: Snapshot,
}

static ALL: Mutex<All> = Mutex::new(All { live: Vec::new(), retired: Snapshot::ZERO });

impl Snapshot {
    const ZERO: Self = Self {
        reads: [[ReadCounts::ZERO; PATHS]; FileClass::COUNT],
        latency: [[BucketCounts::ZERO; PATHS]; FileClass::COUNT],
        passes: [BucketCounts::ZERO; FileClass::COUNT],
        faulting: [BucketCounts::ZERO; 2],
        choices: [0; Reason::ALL.len()],
        windows: 0,
    };

    /// The paths, each with its index in a [`Table`].
    pub(crate) fn paths() -> impl Iterator<Item = (usize, ReadPath)> {
        ReadPath::ALL.into_iter().take(PATHS).enumerate()
    }
}

impl All {
    /// Adds up and drops the counters of threads that have ended.
    fn retire(&mut self) {
        let retired = &mut self.retired;
        self.live.retain(|c| {
            let ended = Arc::strong_count(c) == 1;
            if ended {
                c.add_to(retired);
            }
            !ended
        });
    }
}

/// All that was counted so far, over all threads and files.
pub(crate) fn snapshot() -> Snapshot {
    let mut all = ALL.lock().unwrap_or_else(PoisonError::into_inner);
    all.retire();
    let mut sum = all.retired;
    all.live.iter().for_each(|thread| thread.add_to(&mut sum));
    sum
}

/// What the reads of this process cost so far, by path, over all threads and files.
#[must_use]
pub fn counts() -> Vec<(ReadPath, ReadCounts)> {
    let snapshot = snapshot();
    let by_path: [ReadCounts; PATHS] = array::from_fn(|path| {
        snapshot.reads.iter().fold(ReadCounts::ZERO, |sum, class| sum.plus(class[path]))
    });
    ReadPath::ALL.into_iter().zip(by_path).collect()
}
