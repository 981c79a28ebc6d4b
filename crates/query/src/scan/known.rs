//! How many rows a table has, once a scan has gone over all of them.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use cutwater_logs::scan::Log;

/// What shows a change of a file: its size, and when it was last written and changed (`fstat(2)`).
type Stamp = (i64, [i64; 4]);

/// The stamps of all logs; `None` where one has no stamp.
fn stamps(logs: &[Log]) -> Option<Vec<Stamp>> {
    let stamp = |log: &Log| {
        let stat = rustix::fs::fstat(log.input.plain()?).ok()?;
        let nanos = |n: u64| i64::try_from(n).unwrap_or(i64::MAX);
        let times =
            [stat.st_mtime, nanos(stat.st_mtime_nsec), stat.st_ctime, nanos(stat.st_ctime_nsec)];
        Some((stat.st_size, times))
    };
    logs.iter().map(stamp).collect()
}

/// What is known of a table's rows; shared by its copies.
#[derive(Debug, Default)]
pub(crate) struct Known(Mutex<Option<(Vec<Stamp>, Rows)>>);

/// What a scan over all lines found.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Rows {
    pub(crate) rows: u64,
    pub(crate) bad: u64,
}

impl Known {
    /// The rows of `logs`, if they were counted and the files are as they were then.
    pub(crate) fn rows(&self, logs: &[Log]) -> Option<Rows> {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known
            .as_ref()
            .filter(|(then, _)| stamps(logs).as_ref() == Some(then))
            .map(|(_, rows)| *rows)
    }
}

/// A scan over all rows that counts them.
#[derive(Debug)]
pub(super) struct Counting {
    known: Arc<Known>,
    before: Vec<Stamp>,
    rows: AtomicU64,
    bad: AtomicU64,
    parts_left: AtomicUsize,
}

impl Counting {
    /// Begins to count; nothing where a change of the files would not show.
    pub(super) fn begin(known: &Arc<Known>, logs: &[Log], parts: usize) -> Option<Self> {
        let (rows, bad) = (AtomicU64::new(0), AtomicU64::new(0));
        let (before, parts_left) = (stamps(logs)?, AtomicUsize::new(parts));
        Some(Self { known: Arc::clone(known), before, rows, bad, parts_left })
    }

    pub(super) fn add(&self, rows: u64, bad: u64) {
        self.rows.fetch_add(rows, Ordering::Relaxed);
        self.bad.fetch_add(bad, Ordering::Relaxed);
    }

    /// Ends a part. After the last one the sum is known, if nobody wrote meanwhile.
    pub(super) fn end_part(&self, logs: &[Log]) {
        // AcqRel: the last one sees what the others added.
        let is_last = self.parts_left.fetch_sub(1, Ordering::AcqRel) == 1;
        if is_last && stamps(logs).as_ref() == Some(&self.before) {
            let (rows, bad) = (self.rows.load(Ordering::Relaxed), self.bad.load(Ordering::Relaxed));
            let mut known = self.known.0.lock().unwrap_or_else(PoisonError::into_inner);
            *known = Some((self.before.clone(), Rows { rows, bad }));
        }
    }
}
