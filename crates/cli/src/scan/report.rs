//! What is printed after a pass.

use cutwater_shell::words::{counted, printable, unknown_zones};
use cutwater_shell::{Failure, note, output};

use super::done::{Done, PassResult};
use super::plan::Plan;
use super::{count, groups, summary};

/// Prints the result of a pass, and notes what it could not read.
pub(super) fn print(plan: &Plan, done: &Done) -> Result<(), Failure> {
    for (log, failure) in &done.failures {
        let text = printable(failure.to_string().as_bytes());
        let name = plan.name(*log);
        note(&if text.contains(&name) { text } else { format!("{name}: {text}") });
    }
    note_times(plan, done);
    for remark in plan.logs.iter().filter_map(|log| log.input.take_remark()) {
        note(&printable(remark.as_bytes()));
    }
    match &done.result {
        PassResult::Printed => {}
        PassResult::Counts { counts, json } => count::print(plan, done, counts, *json)?,
        PassResult::Groups(groups) => groups::print(plan, done, groups)?,
        PassResult::Summary { profiles, json: true } => {
            output::json(&summary::json(plan, done, profiles))?;
            return Ok(());
        }
        PassResult::Summary { profiles, json: false } => {
            output::text(&summary::text(plan, done, profiles))?;
            return Ok(());
        }
    }
    note_bad_lines(plan, done);
    Ok(())
}

/// Notes the records whose time could not be read, and zones that are not known.
fn note_times(plan: &Plan, done: &Done) {
    for (log, tally) in done.tallies.iter().enumerate() {
        let name = plan.name(log);
        if tally.untimed > 0 {
            let field = plan.logs[log].time.as_deref().unwrap_or_default();
            let records = counted(tally.untimed, "record");
            note(&format!(
                "{name}: {records} without a time: the value of {field} is none there; no range of \
                 time has them, and --time-field names another field"
            ));
        }
        if let Some(words) = unknown_zones(&tally.unknown_zones) {
            note(&format!("{name}: {}: {words}", counted(tally.unknown_zones.total(), "time")));
        }
    }
}

/// Notes the bad lines, unless the output lists them.
fn note_bad_lines(plan: &Plan, done: &Done) {
    let bad = done.bad_lines();
    if bad == 0 {
        return;
    }
    let skipped: u64 = done.tallies.iter().map(|t| t.skipped).sum();
    let among = if skipped > 0 { " among the lines that were looked at" } else { "" };
    let (lines, were) = (counted(bad, "bad line"), if bad == 1 { "was" } else { "were" });
    note(&format!("{lines}{among} {were} skipped; --errors FILE lists them"));
    if let Some((log, line)) = done.bad.first() {
        let (name, number, reason) = (plan.name(*log), line.line, line.reason);
        note(&format!(
            "the first: {name}:{number} (offset {}): {reason}: {}",
            line.offset, line.excerpt
        ));
    }
}
