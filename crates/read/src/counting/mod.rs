//! What the reads of this process cost: one set of counters a thread, added up on request.

pub(crate) mod refused;
pub(crate) mod timing;

use std::array;
use std::cell::{Cell, OnceCell};
use std::sync::{Arc, Mutex, PoisonError};

use cutwater_maps::Observer;
use cutwater_meter::{BucketCounts, Buckets, Counter, ReadCounters, ReadCounts};

use self::alone::Series;
use self::timing::{Timed, Timing};
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

/// What a thread has for reads without an engine: counters of their own, because a pass takes what
/// was added to its engine's counters meanwhile for its own; and the count down to the next read
/// that is timed.
struct Local {
    counters: OnceCell<Arc<ThreadCounters>>,
    timing: Cell<Timing>,
}

thread_local! {
    static LOCAL: Local = const { Local { counters: OnceCell::new(), timing: Cell::new(Timing::NEW) } };
}

/// The values of all [`ThreadCounters`] at a moment.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Totals {
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

    fn add_to(&self, sum: &mut Totals) {
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
    retired: Totals,
}

static ALL: Mutex<All> = Mutex::new(All { live: Vec::new(), retired: Totals::ZERO });

impl Totals {
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
pub(crate) fn totals() -> Totals {
    let mut all = ALL.lock().unwrap_or_else(PoisonError::into_inner);
    all.retire();
    let mut sum = all.retired;
    all.live.iter().for_each(|thread| thread.add_to(&mut sum));
    sum
}

/// What the reads of this process cost so far, by path, over all threads and files.
#[must_use]
pub fn counts() -> Vec<(ReadPath, ReadCounts)> {
    let totals = totals();
    let by_path: [ReadCounts; PATHS] = array::from_fn(|path| {
        totals.reads.iter().fold(ReadCounts::ZERO, |sum, class| sum.plus(class[path]))
    });
    ReadPath::ALL.into_iter().zip(by_path).collect()
}

/// Counts reads that need no engine, so that a thread that makes no other reads has no buffers and
/// rings.
pub(crate) mod alone {
    use super::{FileClass, LOCAL, ReadPath, ThreadCounters, Timed};

    /// The class of a file and the path of a read: what is counted together.
    #[derive(Debug, Clone, Copy)]
    pub(crate) struct Series(pub(crate) FileClass, pub(crate) ReadPath);

    impl Series {
        /// Begins a read, one in 509 timed.
        pub(crate) fn start(self) -> Option<Timed> {
            let timed = LOCAL.try_with(|local| {
                let mut timing = local.timing.get();
                let timed = timing.start(self.1 == ReadPath::Mmap);
                local.timing.set(timing);
                timed
            });
            timed.ok().flatten()
        }

        /// Counts a read of `bytes` that was made.
        pub(crate) fn done(self, timed: Option<Timed>, bytes: usize) {
            with(|counters| counters.note_done(self.0, self.1, bytes));
            if let Some(timed) = timed {
                self.note(timed, bytes);
            }
        }

        #[cold]
        fn note(self, timed: Timed, bytes: usize) {
            let mut ns = 0;
            with(|counters| ns = timed.note_read(counters, self.0, self.1));
            let _ = LOCAL.try_with(|local| {
                let mut timing = local.timing.get();
                timing.learn(ns, bytes);
                local.timing.set(timing);
            });
        }

        /// Counts a system call.
        pub(crate) fn called(self) {
            with(|counters| counters.reads_of(self.0, self.1).syscalls.add(1));
        }

        /// Counts a call that came back short and is continued.
        pub(crate) fn continued(self) {
            with(|counters| counters.reads_of(self.0, self.1).continued.add(1));
        }

        /// Counts a call that is made again.
        pub(crate) fn retried(self) {
            with(|counters| counters.reads_of(self.0, self.1).retried.add(1));
        }

        /// Counts a read that this path refused and another makes.
        pub(crate) fn fell_back(self) {
            with(|counters| counters.reads_of(self.0, self.1).fallbacks.add(1));
        }
    }

    /// Counts a window that was mapped.
    pub(crate) fn window() {
        with(|counters| counters.windows.add(1));
    }

    fn with(count: impl FnOnce(&ThreadCounters)) {
        let mut count = Some(count);
        let mut counting = |counters: &ThreadCounters| {
            if let Some(count) = count.take() {
                count(counters);
            }
        };
        let counted = LOCAL
            .try_with(|local| counting(local.counters.get_or_init(ThreadCounters::registered)));
        // While the thread ends its locals may be gone.
        if counted.is_err() {
            counting(&ThreadCounters::registered());
        }
    }
}

/// Reads of maps are counted under the class that the map was opened with.
impl Observer for FileClass {
    type Started = Option<Timed>;

    fn start(self) -> Option<Timed> {
        Series(self, ReadPath::Mmap).start()
    }

    fn done(self, started: Option<Timed>, bytes: usize) {
        Series(self, ReadPath::Mmap).done(started, bytes);
    }

    fn called(self) {
        Series(self, ReadPath::Mmap).called();
    }

    fn fell_back(self) {
        Series(self, ReadPath::Mmap).fell_back();
    }

    fn window_mapped(self) {
        alone::window();
    }
}
