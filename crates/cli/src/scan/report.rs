//! What is printed after a pass.

use cutwater_logs::bad::Reason;
use cutwater_logs::misfits::Misfits;
use cutwater_logs::scan::Log;
use cutwater_logs::time::UnknownZones;
use cutwater_shell::left_out::LeftOut;
use cutwater_shell::words::printable;
use cutwater_shell::{Failure, note, output};

use super::done::{Done, PassResult};
use super::plan::{Plan, Sought};
use super::{count, groups, summary};

/// Prints the result of a pass, and notes what it could not read.
pub(super) fn print(plan: &Plan, done: &Done) -> Result<(), Failure> {
    for (log, failure) in &done.failures {
        let text = printable(failure.to_string().as_bytes());
        let name = plan.name(*log);
        note(&if text.contains(&name) { text } else { format!("{name}: {text}") });
    }
    for remark in plan.logs.iter().filter_map(|log| log.input.take_remark()) {
        note(&printable(remark.as_bytes()));
    }
    match &done.result {
        PassResult::Printed => {}
        PassResult::Counts { counts, json } => count::print(plan, done, counts, *json)?,
        PassResult::Groups(groups) => groups::print(plan, done, groups)?,
        PassResult::Summary { profiles, json: true } => {
            output::json(&summary::json(plan, done, profiles))?;
        }
        PassResult::Summary { profiles, json: false } => {
            output::text(&summary::text(plan, done, profiles))?;
        }
    }
    note_left_out(plan, done);
    for name in &done.absent {
        note(&format!("no record has a field {name:?}"));
    }
    Ok(())
}

/// Notes that no record is in the range, unless the search for the range has noted it.
pub(super) fn note_empty_range(plan: &Plan, done: &Done, sought: &Sought) {
    let matched: u64 = done.tallies.iter().map(|tally| tally.matched).sum();
    let is_only_condition = plan.request.filter.fields().next().is_none();
    if matched > 0 || sought.is_outside || !plan.asks_for_times() || !is_only_condition {
        return;
    }
    let first = plan.logs.iter().filter_map(Log::sampled_times).map(|(first, _)| first).min();
    let begins = first.map_or_else(String::new, |first| {
        format!("; the first record that was looked at is of {}", plan.time_text(first))
    });
    note(&format!("no record is of the time that is asked for{begins}"));
}

/// Notes what the result leaves out; a summary lists its bad lines itself.
fn note_left_out(plan: &Plan, done: &Done) {
    let is_summary = matches!(done.result, PassResult::Summary { .. });
    let long_lines = done.tallies.iter().map(|tally| tally.bad.of(Reason::TooLong)).sum();
    // Where lines are asked for as they stand, the other bad lines are found, too.
    let asks_for_lines = plan.request.filter.asks_for_lines();
    let bad_lines = if asks_for_lines { long_lines } else { done.bad_lines() };
    let (mut misfits, mut zones) = (Misfits::default(), UnknownZones::default());
    for tally in &done.tallies {
        misfits.merge(&tally.misfits);
        zones.merge(&tally.unknown_zones);
    }
    if let PassResult::Groups(groups) = &done.result {
        misfits.merge(&groups.misfits);
    }
    LeftOut {
        bad_lines: if is_summary { 0 } else { bad_lines },
        long_lines: if is_summary { 0 } else { long_lines },
        looked_at_some: done.tallies.iter().any(|tally| tally.skipped > 0),
        shows_bad_lines: "--errors FILE lists them",
        untimed: done.tallies.iter().map(|tally| tally.untimed).sum(),
        asks_for_times: plan.asks_for_times(),
        unknown_zones: Some(&zones),
        misfits: Some(&misfits),
        order: done.relied_on_order.then_some("--no-seek reads all"),
        ..LeftOut::default()
    }
    .print();
    if let Some((log, line)) = done.bad.first().filter(|_| !is_summary && bad_lines > 0) {
        let (name, number, reason) = (plan.name(*log), line.line, line.reason);
        note(&format!(
            "the first: {name}:{number} (offset {}): {reason}: {}",
            line.offset, line.excerpt
        ));
    }
}
