//! The summary of logs that were never seen before.

use std::fmt::Write;

use cutwater_logs::bad::excerpt;
use cutwater_logs::profile::{FieldProfile, Profile, Type};
use cutwater_logs::scan::{Profiling, Tally};
use cutwater_logs::split::Stop;
use cutwater_logs::time::format_utc;
use cutwater_logs::timeline::Timeline;
use serde_json::{Map, Value, json};

use super::done::{Done, PassResult};
use super::json::pass_json;
use super::pass::{Ignore, pass};
use super::plan::Plan;
use cutwater_shell::Failure;
use cutwater_shell::words::{counted, printable};

/// How many top values are shown and exported.
const TOP_SHOWN: usize = 5;
const TOP_EXPORTED: usize = 10;

/// How much of a value is shown.
const VALUE_BYTES: usize = 40;

/// How wide the histogram is, and how many gaps are shown.
const HISTOGRAM_COLUMNS: usize = 64;
const GAPS_SHOWN: usize = 3;

/// Names of the fields that hold the level and the status of a record.
const LEVELS: [&str; 5] = ["level", "severity", "lvl", "loglevel", "log.level"];
const STATUSES: [&str; 3] = ["status", "status_code", "http.status"];

/// Profiles the fields and times of all logs.
pub(super) fn profile(plan: &Plan, stop: &Stop, json: bool) -> Result<Done, Failure> {
    let (mut done, sinks) = pass(plan, stop, Profiling::default, Ignore)?;
    let mut all = Profiling::default();
    sinks.into_iter().for_each(|other| all.merge(other));
    done.result = PassResult::Summary { profiles: Box::new(all), json };
    Ok(done)
}

/// The summary as JSON.
pub(super) fn json(plan: &Plan, done: &Done, profiles: &Profiling) -> Map<String, Value> {
    let file = |(log, tally): (usize, &Tally)| file_json(plan, log, tally, profiles);
    let files: Vec<_> = done.tallies.iter().enumerate().map(file).collect();
    let mut map = Map::new();
    map.insert("files".into(), files.into());
    map.extend(pass_json(plan, done));
    map
}

fn file_json(plan: &Plan, log: usize, tally: &Tally, profiles: &Profiling) -> Value {
    let (profile, timeline) = profile_of_log(profiles, log);
    let definition = &plan.logs[log];
    let bad: Map<_, _> =
        tally.bad.by_reason().map(|(r, n)| (r.name().to_owned(), json!(n))).collect();
    let zones: Map<_, _> =
        tally.unknown_zones.counts.iter().map(|(name, n)| (name.clone(), json!(n))).collect();
    let time = |pick: fn((i64, i64)) -> i64| timeline.range.map(|r| format_utc(pick(r)));
    json!({
        "path": plan.path_text(log),
        "format": definition.definition.format().name(),
        "confidence": definition.confidence,
        "bytes": tally.bytes,
        "lines": tally.lines,
        "records": tally.records,
        "bad_lines": tally.bad.total(),
        "bad": bad,
        "first": time(|r| r.0),
        "last": time(|r| r.1),
        "time_field": definition.time,
        "untimed": tally.untimed,
        "unknown_zones": zones,
        "fields": shown(&profile).map(field_json).collect::<Vec<_>>(),
    })
}

fn field_json(field: &FieldProfile) -> Value {
    let value = |(text, count): (&[u8], u64)| json!([String::from_utf8_lossy(text), count]);
    json!({
        "name": field.name,
        "type": field.kind().name(),
        "filled": field.filled,
        "example": field.example,
        "top": field.top.sure(TOP_EXPORTED).into_iter().map(value).collect::<Vec<_>>(),
        "top_error": field.top.error,
    })
}

/// The fields to show: an object whose members are fields is shown by them.
fn shown(profile: &Profile) -> impl Iterator<Item = &FieldProfile> {
    let is_outer = |field: &FieldProfile| {
        let inside = format!("{}.", field.name);
        field.kind() == Type::Json && profile.fields().any(|f| f.name.starts_with(&inside))
    };
    profile.fields().filter(move |field| !is_outer(field))
}

fn profile_of_log(profiles: &Profiling, log: usize) -> (Profile, Timeline) {
    let found = profiles.logs.iter().find(|(index, ..)| *index == log);
    found.map(|(_, p, t)| (p.clone(), t.clone())).unwrap_or_default()
}

/// The summary as text.
pub(super) fn text(plan: &Plan, done: &Done, profiles: &Profiling) -> String {
    let mut out = String::new();
    for (log, tally) in done.tallies.iter().enumerate() {
        if log > 0 {
            out.push('\n');
        }
        let (profile, timeline) = profile_of_log(profiles, log);
        head(&mut out, plan, log, tally);
        times(&mut out, &timeline);
        fields(&mut out, &profile, tally);
        bad(&mut out, done, log, tally);
    }
    let bytes = done.bytes();
    let seconds = done.elapsed.as_secs_f64();
    let rate = bytes as f64 / seconds.max(1e-9) / 1e9;
    let _ = writeln!(out, "\n{} in {seconds:.3} s, {rate:.2} GB/s", counted(bytes, "byte"));
    out
}

fn head(out: &mut String, plan: &Plan, log: usize, tally: &Tally) {
    let definition = &plan.logs[log];
    let (name, format) = (plan.name(log), definition.definition.format());
    let confidence = definition.confidence * 100.0;
    let _ = writeln!(out, "{name}");
    let _ = writeln!(out, "  format   {format} ({confidence:.0} % sure)");
    let _ = writeln!(
        out,
        "  lines    {} ({}, {})",
        tally.lines,
        counted(tally.records, "record"),
        counted(tally.bytes, "byte")
    );
}

fn times(out: &mut String, timeline: &Timeline) {
    let Some((first, last)) = timeline.range else { return };
    let _ = writeln!(out, "  time     {} to {}", format_utc(first), format_utc(last));
    let _ = writeln!(out, "           {}", histogram(timeline));
    for gap in timeline.gaps(GAPS_SHOWN) {
        let (from, to) = (format_utc(gap.from), format_utc(gap.to));
        let _ = writeln!(out, "  gap      {from} to {to}");
    }
}

/// Bars of eight heights, one column to one or more of the timeline's bars.
fn histogram(timeline: &Timeline) -> String {
    const HEIGHTS: [char; 9] = [' ', '▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
    let counts: Vec<u64> = timeline.bars().map(|b| b.1).collect();
    let per_column = counts.len().div_ceil(HISTOGRAM_COLUMNS).max(1);
    let columns: Vec<u64> = counts.chunks(per_column).map(|c| c.iter().sum()).collect();
    let most = columns.iter().copied().max().unwrap_or(0).max(1);
    let height = |count: u64| HEIGHTS[(count * 8).div_ceil(most) as usize];
    let bars: String = columns.into_iter().map(height).collect();
    format!("|{bars}| {} s a bar", timeline.width_s() * per_column as i64)
}

fn fields(out: &mut String, profile: &Profile, tally: &Tally) {
    let width = shown(profile).map(|f| f.name.chars().count()).max().unwrap_or(0).min(40);
    if width > 0 {
        let _ = writeln!(out, "  fields");
    }
    for field in shown(profile) {
        // Rounded down: a field that a few records lack is not in 100 % of them.
        let filled = (1000.0 * field.filled as f64 / tally.records.max(1) as f64).floor() / 10.0;
        let (name, kind) = (printable(field.name.as_bytes()), field.kind().name());
        let _ = writeln!(out, "    {name:width$}  {kind:9}  {filled:5.1} %  {}", values(field));
    }
    for names in [&LEVELS[..], &STATUSES[..]] {
        if let Some(field) = profile.find(names) {
            let all = field.top.sure(20).into_iter();
            let counts = all.map(|(v, n)| format!("{} {n}", excerpt(v)));
            let _ = writeln!(out, "  {:8} {}", field.name, counts.collect::<Vec<_>>().join(", "));
        }
    }
}

/// The top values where some are frequent, else an example.
fn values(field: &FieldProfile) -> String {
    let top = field.top.sure(TOP_SHOWN);
    if top.first().is_none_or(|(_, count)| *count <= 1) {
        return field.example.clone().map_or_else(String::new, |e| format!("e.g. {e}"));
    }
    let about = if field.top.error > 0 { "~" } else { "" };
    let shown = top.into_iter().map(|(value, count)| {
        let mut text = excerpt(&value[..value.len().min(VALUE_BYTES)]);
        if value.len() > VALUE_BYTES {
            text.push_str("...");
        }
        format!("{text} ({about}{count})")
    });
    shown.collect::<Vec<_>>().join(", ")
}

fn bad(out: &mut String, done: &Done, log: usize, tally: &Tally) {
    let total = tally.bad.total();
    if total == 0 {
        let _ = writeln!(out, "  bad      none");
        return;
    }
    let reasons: Vec<_> = tally.bad.by_reason().map(|(r, n)| format!("{r} {n}")).collect();
    let _ = writeln!(out, "  bad      {total}: {}", reasons.join(", "));
    for (_, line) in done.bad.iter().filter(|(in_log, _)| *in_log == log) {
        let (number, offset) = (line.line, line.offset);
        let _ =
            writeln!(out, "    line {number} (offset {offset}) {}: {}", line.reason, line.excerpt);
    }
}
