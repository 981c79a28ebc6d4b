//! What is printed at the end, as text or as JSON.

use std::io::Write;

use cutwater_logs::bad::printable;
use cutwater_logs::render::{Rendering, Style};
use cutwater_logs::scan::{Grouping, Measure};
use serde_json::{Map, Value, json};

use super::plan::Plan;
use super::{Done, Found, summary};
use crate::failure::Failure;
use crate::output;
use crate::words::{are, counted};

/// A row of a grouping: the values of its fields and of its measures.
pub(crate) type GroupRow = (Vec<Option<String>>, Vec<Option<f64>>);

/// Says something that is not part of the output.
pub(super) fn note(text: &str) {
    // With standard error closed there is nobody to tell.
    let text = printable(text.as_bytes());
    let _ = writeln!(std::io::stderr().lock(), "cutwater: {text}");
}

/// The groups, largest first.
pub(super) fn groups(
    by: &[String],
    measures: &[Measure],
    all: &Grouping,
    limit: Option<usize>,
) -> Found {
    let text = |part: Option<Vec<u8>>| part.map(|p| String::from_utf8_lossy(&p).into_owned());
    let rows = all.groups().into_iter().take(limit.unwrap_or(usize::MAX));
    let rows = rows.map(|(key, _, values)| (key.into_iter().map(text).collect(), values)).collect();
    let measured = measures.iter().map(|m| match m {
        // A field may be called so.
        Measure::Count if by.iter().any(|name| name == "count") => "count(*)".to_owned(),
        Measure::Count => "count".to_owned(),
        Measure::Sum(f) => format!("sum({f})"),
        Measure::Avg(f) => format!("avg({f})"),
        Measure::Min(f) => format!("min({f})"),
        Measure::Max(f) => format!("max({f})"),
    });
    let names = by.iter().cloned().chain(measured).collect();
    Found::Groups { names, rows, left_out: all.left_out }
}

/// Prints what was found.
pub(super) fn print(plan: &Plan, done: &Done) -> Result<(), Failure> {
    for (log, failure) in &done.failures {
        let text = printable(failure.to_string().as_bytes());
        let name = plan.name(*log);
        note(&if text.contains(&name) { text } else { format!("{name}: {text}") });
    }
    match &done.result {
        Found::Written => {}
        Found::Counts(counts) => print_counts(plan, done, counts)?,
        Found::Groups { names, rows, left_out } => {
            print_groups(plan, done, names, rows, *left_out)?
        }
        Found::Profiles(profiles) if plan.args.json => {
            output::json(&summary::json(plan, done, profiles))?;
        }
        Found::Profiles(profiles) => output::text(&summary::text(plan, done, profiles))?,
    }
    if !matches!(done.result, Found::Profiles(_)) {
        tell_bad(plan, done);
    }
    Ok(())
}

/// Bad lines are told wherever the output has no place for them.
fn tell_bad(plan: &Plan, done: &Done) {
    let bad: u64 = done.tallies.iter().map(|t| t.bad.total()).sum();
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

/// What every JSON output has.
pub(super) fn frame(plan: &Plan, done: &Done) -> Map<String, Value> {
    let bytes: u64 = done.tallies.iter().map(|t| t.bytes).sum();
    let elapsed_s = done.elapsed.as_secs_f64();
    let mut map = Map::new();
    map.insert("elapsed_s".into(), json!(elapsed_s));
    map.insert("bytes_per_s".into(), json!((bytes as f64 / elapsed_s.max(1e-9)).round()));
    map.insert("pages_touched".into(), json!(done.pages_touched));
    map.insert("path".into(), json!(plan.args.path.name()));
    map.insert("threads".into(), json!(plan.request.threads));
    map
}

fn print_counts(plan: &Plan, done: &Done, counts: &[u64]) -> Result<(), Failure> {
    if plan.args.json {
        let file =
            |(log, count): (usize, &u64)| json!({"path": plan.path_text(log), "count": count});
        let files: Vec<_> = counts.iter().enumerate().map(file).collect();
        let mut map = Map::new();
        map.insert("files".into(), files.into());
        map.extend(frame(plan, done));
        return output::json(&map);
    }
    let mut text = String::new();
    for (log, count) in counts.iter().enumerate() {
        // Of several that were named, one may be left.
        if counts.len() > 1 || plan.some_missing {
            text.push_str(&plan.name(log));
            text.push(':');
        }
        text.push_str(&format!("{count}\n"));
    }
    output::text(&text)
}

fn print_groups(
    plan: &Plan,
    done: &Done,
    names: &[String],
    rows: &[GroupRow],
    left_out: u64,
) -> Result<(), Failure> {
    if plan.args.json {
        let mut map = Map::new();
        map.insert("groups".into(), rows.iter().map(|row| group_object(names, row)).collect());
        map.insert("left_out".into(), json!(left_out));
        map.extend(frame(plan, done));
        return output::json(&map);
    }
    if left_out > 0 {
        let (records, are) = (counted(left_out, "record"), are(left_out));
        note(&format!("{records} {are} in no group: there are too many groups, or too long ones"));
    }
    let args = &plan.args;
    if args.csv || args.tsv || args.ndjson {
        return output::text(&String::from_utf8_lossy(&group_lines(plan, names, rows)));
    }
    let mut table = super::table::Table::new(names);
    let mut out = Vec::new();
    for (key, values) in rows {
        let key = key.iter().map(|k| k.clone().unwrap_or_default().replace(['\t', '\n'], " "));
        let values = values.iter().map(|v| v.map_or_else(String::new, |v| format!("{v}")));
        let row = key.chain(values).collect::<Vec<_>>().join("\t");
        table.row(row.as_bytes(), &mut out).map_err(Failure::output)?;
    }
    table.finish(&mut out).map_err(Failure::output)?;
    output::text(&String::from_utf8_lossy(&out))
}

/// A group as a JSON object.
fn group_object(names: &[String], (key, values): &GroupRow) -> Value {
    let key = key.iter().map(|k| json!(k));
    let values = values.iter().map(|v| number(*v));
    let pairs = names.iter().cloned().zip(key.chain(values));
    Value::Object(pairs.collect())
}

/// Groups as lines for other programs.
fn group_lines(plan: &Plan, names: &[String], rows: &[GroupRow]) -> Vec<u8> {
    let style = super::rows::style(&plan.args);
    let mut out = Rendering::header(names, style);
    for row in rows {
        if style == Style::Ndjson {
            out.extend_from_slice(group_object(names, row).to_string().as_bytes());
            out.push(b'\n');
        } else {
            let measured = row.1.iter().map(|v| v.map_or_else(String::new, |v| v.to_string()));
            let cells: Vec<_> = row.0.iter().map(|k| k.clone().unwrap_or_default()).collect();
            let cells: Vec<_> = cells.into_iter().chain(measured).collect();
            // Names and values are escaped alike.
            out.extend(Rendering::header(&cells, style));
        }
    }
    out
}

/// Whole numbers without a fraction.
fn number(value: Option<f64>) -> Value {
    match value {
        Some(v) if v.fract() == 0.0 && v.abs() < 9e15 => json!(v as i64),
        other => json!(other),
    }
}
