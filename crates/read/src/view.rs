//! What a thread knows of the files it reads.

use std::sync::PoisonError;

use crate::choose::belief::Belief;
use crate::choose::facts::Plan;
use crate::file::core::Core;

/// Files that a thread remembers; the one unused for longest is forgotten.
const VIEWS_MAX: usize = 16;

/// Ranges read under one plan after which the file's story is told, under its lock.
const TOLD_EVERY: u64 = 1024;

/// What a thread knows of one file.
#[derive(Debug)]
pub(crate) struct View {
    file_id: u64,
    pub(crate) belief: Belief,
    /// What was read and not yet told: under which plan, hits, misses, bytes.
    untold: Option<(Plan, [u64; 2], u64)>,
}

impl View {
    /// Notes what was read; tells the file when the plan is new or enough has come together.
    pub(crate) fn tell(&mut self, core: &Core, plan: &Plan, counts: [u64; 2], bytes: u64) {
        match &mut self.untold {
            Some((last, sum, sum_bytes)) if last == plan => {
                *sum = [sum[0] + counts[0], sum[1] + counts[1]];
                *sum_bytes += bytes;
                if sum[0] + sum[1] < TOLD_EVERY {
                    return;
                }
            }
            untold => {
                if let Some(before) = untold.replace((*plan, counts, bytes)) {
                    note(core, before);
                }
            }
        }
        // The plan stays, so that what follows under it gathers again.
        if let Some(untold) = &mut self.untold {
            note(core, std::mem::replace(untold, (*plan, [0; 2], 0)));
        }
    }

    /// Tells the file what was not told yet.
    pub(crate) fn flush(&mut self, core: &Core) {
        if let Some(untold) = self.untold.take() {
            note(core, untold);
        }
    }
}

fn note(core: &Core, (plan, [hits, misses], bytes): (Plan, [u64; 2], u64)) {
    let mut story = core.story.lock().unwrap_or_else(PoisonError::into_inner);
    story.note(&plan, hits, misses, bytes);
}

/// A thread's views, the one used last in front.
#[derive(Debug, Default)]
pub(crate) struct Views(Vec<View>);

impl Views {
    /// The view of a file, new where there is none; the file used last is found at once.
    pub(crate) fn of(&mut self, file_id: u64) -> &mut View {
        match self.0.iter().position(|v| v.file_id == file_id) {
            Some(0) => {}
            Some(at) => self.0[..=at].rotate_right(1),
            None => {
                self.0.truncate(VIEWS_MAX - 1);
                self.0.insert(0, View { file_id, belief: Belief::default(), untold: None });
            }
        }
        &mut self.0[0]
    }
}
