//! What a thread knows of the files it reads.

use std::sync::{Mutex, PoisonError};

use super::explain::ChoiceLog;
use crate::choose::belief::Belief;
use crate::choose::facts::Plan;

/// Files that a thread remembers; the one unused for longest is forgotten.
const VIEWS_MAX: usize = 16;

/// Ranges read under one plan after which they are recorded with the file, under its lock.
const RECORD_EVERY: u64 = 1024;

/// What a thread knows of one file.
#[derive(Debug)]
pub(crate) struct View {
    file_id: u64,
    pub(crate) belief: Belief,
    /// What was read and is not recorded yet: under which plan, hits, misses, bytes.
    pending: Option<(Plan, [u64; 2], u64)>,
}

impl View {
    /// Notes what was read; records it in `log` when the plan is new or enough has come together.
    pub(crate) fn record(
        &mut self,
        log: &Mutex<ChoiceLog>,
        plan: &Plan,
        counts: [u64; 2],
        bytes: u64,
    ) {
        match &mut self.pending {
            Some((last, sum, sum_bytes)) if last == plan => {
                *sum = [sum[0] + counts[0], sum[1] + counts[1]];
                *sum_bytes += bytes;
                if sum[0] + sum[1] < RECORD_EVERY {
                    return;
                }
            }
            pending => {
                if let Some(before) = pending.replace((*plan, counts, bytes)) {
                    add(log, before);
                }
            }
        }
        // The plan stays, so that what follows under it gathers again.
        if let Some(pending) = &mut self.pending {
            add(log, std::mem::replace(pending, (*plan, [0; 2], 0)));
        }
    }

    /// Records what is not recorded yet.
    pub(crate) fn flush(&mut self, log: &Mutex<ChoiceLog>) {
        if let Some(pending) = self.pending.take() {
            add(log, pending);
        }
    }
}

fn add(log: &Mutex<ChoiceLog>, (plan, [hits, misses], bytes): (Plan, [u64; 2], u64)) {
    let mut log = log.lock().unwrap_or_else(PoisonError::into_inner);
    log.add(&plan, hits, misses, bytes);
}

/// A thread's views, the one used last in front.
#[derive(Debug, Default)]
pub(crate) struct Views(Vec<View>);

impl Views {
    /// The view of a file; makes one for a new file. The file used last is found at once.
    pub(crate) fn get(&mut self, file_id: u64) -> &mut View {
        match self.0.iter().position(|v| v.file_id == file_id) {
            Some(0) => {}
            Some(at) => self.0[..=at].rotate_right(1),
            None => {
                self.0.truncate(VIEWS_MAX - 1);
                self.0.insert(0, View { file_id, belief: Belief::default(), pending: None });
            }
        }
        &mut self.0[0]
    }
}
