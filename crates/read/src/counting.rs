//! What the reads of this process cost: one set of counters a thread, added up on request.

use std::sync::{Arc, Mutex, PoisonError};

use cutwater_meter::{ReadCounters, ReadCounts};

use crate::ReadPath;

/// Paths that are counted: all but `Auto`, which is always one of the others.
const PATHS: usize = ReadPath::ALL.len() - 1;

/// One thread's counters by path.
#[derive(Debug, Default)]
pub(crate) struct ThreadCounters([ReadCounters; PATHS]);

impl ThreadCounters {
    /// New counters that [`counts`] will add up.
    pub(crate) fn registered() -> Arc<Self> {
        let new = Arc::new(Self::default());
        let mut all = ALL.lock().unwrap_or_else(PoisonError::into_inner);
        all.retire();
        all.live.push(Arc::clone(&new));
        new
    }

    pub(crate) fn of(&self, path: ReadPath) -> &ReadCounters {
        &self.0[index(path)]
    }
}

fn index(path: ReadPath) -> usize {
    ReadPath::ALL.iter().position(|&p| p == path).unwrap_or(0).min(PATHS - 1)
}

struct All {
    /// Of threads that are there; as many as there are threads that read.
    live: Vec<Arc<ThreadCounters>>,
    /// The sum over threads that have ended.
    retired: [ReadCounts; PATHS],
}

static ALL: Mutex<All> = Mutex::new(All { live: Vec::new(), retired: [ReadCounts::ZERO; PATHS] });

impl All {
    /// Adds up and drops the counters of threads that have ended.
    fn retire(&mut self) {
        let retired = &mut self.retired;
        self.live.retain(|c| {
            let ended = Arc::strong_count(c) == 1;
            if ended {
                retired.iter_mut().zip(&c.0).for_each(|(sum, c)| *sum = sum.plus(c.get()));
            }
            !ended
        });
    }
}

/// What the reads of this process cost so far, by path, over all threads and files.
#[must_use]
pub fn counts() -> Vec<(ReadPath, ReadCounts)> {
    let mut all = ALL.lock().unwrap_or_else(PoisonError::into_inner);
    all.retire();
    let sum = |i: usize| all.live.iter().fold(all.retired[i], |sum, c| sum.plus(c.0[i].get()));
    ReadPath::ALL.into_iter().take(PATHS).enumerate().map(|(i, path)| (path, sum(i))).collect()
}
