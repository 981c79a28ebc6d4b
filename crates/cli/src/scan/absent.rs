//! Fields that were asked for and that no record has; most are misspelt.

use std::ops::ControlFlow;

use cutwater_logs::filter::Filter;
use cutwater_logs::scan::{Counting, Part, Request, scan};
use cutwater_logs::split::Stop;

use super::done::Done;
use super::plan::Plan;

/// The fields that no record has, after a pass over all of them.
pub(super) fn fields(plan: &Plan, done: &Done, stop: &Stop) -> Vec<String> {
    let watched = plan.request.watched.iter().take(Request::WATCHED_MAX);
    let mut seen = done.tallies.iter().fold(0, |seen, tally| seen | tally.seen);
    let all = watched.clone().enumerate().fold(0, |all, (bit, _)| all | 1 << bit);
    let looked_at: u64 = done.tallies.iter().map(|tally| tally.records).sum();
    let skipped: u64 = done.tallies.iter().map(|tally| tally.skipped).sum();
    let is_whole = !stop.is_stopped() && done.failures.is_empty() && looked_at + skipped > 0;
    if seen == all || !is_whole {
        return Vec::new();
    }
    if skipped > 0 {
        seen |= look_at_all(plan, all, stop);
        if stop.is_stopped() {
            return Vec::new();
        }
    }
    watched.enumerate().filter(|(bit, _)| seen & (1 << bit) == 0).map(|(_, n)| n.clone()).collect()
}

/// Looks at all records until each field was seen: a search for texts skips most lines.
fn look_at_all(plan: &Plan, all: u64, stop: &Stop) -> u64 {
    let request = Request { filter: Filter::default(), examine_all: true, ..plan.request.clone() };
    let mut seen = 0;
    let each = |_: usize, part: &mut Part<()>| {
        seen |= part.tally.seen;
        if seen == all { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    };
    let done = scan(&plan.logs, &request, stop, || Counting, each);
    done.tallies.iter().fold(0, |seen, tally| seen | tally.seen)
}
