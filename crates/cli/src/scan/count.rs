//! `--count` and `--count-lines`: how many records, or lines, each log has.

use cutwater_logs::bad::{BadCounts, Reason};
use cutwater_logs::scan::{Counted, Counting, Log, Tally, count_lines, count_literals};
use cutwater_logs::split::Stop;
use cutwater_shell::{Failure, output};
use serde_json::{Map, json};

use super::done::{Done, PassResult};
use super::json::pass_json;
use super::pass::{Ignore, pass};
use super::plan::Plan;

/// Counts records that meet the conditions.
pub(super) fn count(plan: &Plan, stop: &Stop, json: bool) -> Result<Done, Failure> {
    let literals = plan.request.filter.literals().filter(|literals| literals.decide);
    let whole = plan.request.ranges.iter().all(Option::is_none) && !plan.wants_bad_lines();
    // The bytes of the log do not contain a joined or unescaped text.
    let in_place = |log: &Log| !log.definition.joins_lines() && !log.definition.is_rewritten();
    let whole = whole && plan.logs.iter().all(in_place);
    if let Some(literals) = literals.filter(|_| whole) {
        let counted = count_literals(&plan.logs, &plan.request, stop, &literals.texts);
        return Ok(without_parsing(counted, |c| c.matched, json));
    }
    let (mut done, _) = pass(plan, stop, || Counting, Ignore)?;
    let counts = done.tallies.iter().map(|tally| tally.matched).collect();
    done.result = PassResult::Counts { counts, json };
    Ok(done)
}

/// Counts lines with any content.
pub(super) fn count_lines_of(plan: &Plan, stop: &Stop, json: bool) -> Done {
    let mut done = without_parsing(count_lines(&plan.logs, &plan.request, stop), |c| c.lines, json);
    // They are counted like all others.
    done.tallies.iter_mut().for_each(|tally| tally.bad = BadCounts::default());
    done
}

/// What a pass over raw bytes found.
fn without_parsing(
    (counted, failures): (Vec<Counted>, Vec<(usize, cutwater_logs::Error)>),
    of: fn(&Counted) -> u64,
    json: bool,
) -> Done {
    let tally = |c: &Counted| {
        let mut bad = BadCounts::default();
        bad.add_many(Reason::TooLong, c.too_long);
        Tally { bytes: c.bytes, lines: c.lines, bad, ..Tally::default() }
    };
    let tallies = counted.iter().map(tally).collect();
    let result = PassResult::Counts { counts: counted.iter().map(of).collect(), json };
    Done { tallies, failures, result, ..Done::default() }
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
