//! Profiles of fields and times.

use crate::profile::Profile;
use crate::record::Fields;
use crate::scan::{Row, Sink};
use crate::time::Clock;
use crate::timeline::Timeline;

/// Profiles every field and the times, log by log.
#[derive(Debug, Default)]
pub struct Profiling {
    /// What is known of each log, by its index.
    pub logs: Vec<(usize, Profile, Timeline)>,
}

impl Profiling {
    /// Adds what another thread found.
    pub fn merge(&mut self, other: Self) {
        for (log, profile, timeline) in other.logs {
            match self.logs.iter_mut().find(|(index, ..)| *index == log) {
                Some((_, mine, times)) => {
                    mine.merge(&profile);
                    times.merge(&timeline);
                }
                None => self.logs.push((log, profile, timeline)),
            }
        }
    }
}

impl Sink for Profiling {
    type Out = ();

    fn fields(&self) -> Option<Vec<String>> {
        None
    }

    fn begin(&mut self, log: usize, _: &mut Fields) {
        self.logs.push((log, Profile::default(), Timeline::default()));
    }

    fn row(&mut self, row: &Row<'_>, clock: &mut Clock) {
        let Some((_, profile, timeline)) = self.logs.last_mut() else { return };
        profile.add(row.fields, row.record, row.block, clock);
        if let Some(time) = row.time {
            timeline.add(time);
        }
    }
}
