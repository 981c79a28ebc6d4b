//! `--count`: how many records, or lines, each log has.

use cutwater_logs::scan::{Counted, Counting, Tally, count_lines, count_literals};
use cutwater_logs::split::Stop;
use cutwater_shell::{Failure, output};
use serde_json::{Map, json};

use super::done::{Done, PassResult};
use super::json::pass_json;
use super::pass::{Ignore, pass};
use super::plan::Plan;

/// Counts records that meet the conditions; without conditions, lines.
pub(super) fn count(plan: &Plan, stop: &Stop, json: bool) -> Result<Done, Failure> {
    let literals = plan.request.filter.literals().filter(|literals| literals.decide);
    let whole = plan.request.ranges.iter().all(Option::is_none) && !plan.wants_bad_lines();
    let whole = whole && !plan.logs.iter().any(|log| log.definition.joins_lines());
    // A text that is joined or unescaped is not in the bytes of the log as it is asked for.
    let in_place = plan.logs.iter().all(|log| !log.definition.is_rewritten());
    let raw = match &literals {
        Some(l) if whole && in_place => {
            Some(count_literals(&plan.logs, &plan.request, stop, &l.texts))
        }
        None if whole && plan.request.filter.is_empty() => {
            Some(count_lines(&plan.logs, &plan.request, stop))
        }
        _ => None,
    };
    let Some((counted, failures)) = raw else {
        return count_parsed(plan, stop, json);
    };
    let matched = literals.is_some();
    let counts = counted.iter().map(|c| if matched { c.matched } else { c.lines }).collect();
    let tally = |c: &Counted| Tally { bytes: c.bytes, lines: c.lines, ..Tally::default() };
    let tallies = counted.iter().map(tally).collect();
    let result = PassResult::Counts { counts, json };
    Ok(Done { tallies, failures, result, ..Done::default() })
}

/// Counts where lines have to be parsed.
fn count_parsed(plan: &Plan, stop: &Stop, json: bool) -> Result<Done, Failure> {
    let (mut done, _) = pass(plan, stop, || Counting, Ignore)?;
    // Without conditions lines are counted, as where nothing has to be parsed; but not those that
    // continue a record.
    let all = plan.request.filter.is_empty();
    let count = |t: &Tally| if all { t.lines - t.continued } else { t.matched };
    let counts = done.tallies.iter().map(count).collect();
    done.result = PassResult::Counts { counts, json };
    Ok(done)
}

/// Prints the counts.
pub(super) fn print(
    plan: &Plan,
    done: &Done,
    counts: &[u64],
    as_json: bool,
) -> Result<(), Failure> {
    if as_json {
        let file =
            |(log, count): (usize, &u64)| json!({"path": plan.path_text(log), "count": count});
        let files: Vec<_> = counts.iter().enumerate().map(file).collect();
        let mut map = Map::new();
        map.insert("files".into(), files.into());
        map.extend(pass_json(plan, done));
        return output::json(&map);
    }
    let mut text = String::new();
    for (log, count) in counts.iter().enumerate() {
        // Of several named logs only one may be left.
        if counts.len() > 1 || plan.some_missing {
            text.push_str(&plan.name(log));
            text.push(':');
        }
        text.push_str(&format!("{count}\n"));
    }
    output::text(&text)
}
