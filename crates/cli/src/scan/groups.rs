//! `--by` and `--top`: groups of records.

use cutwater_logs::render::{Rendering, Style};
use cutwater_logs::scan::{Grouping, Measure, Measured};
use cutwater_logs::split::Stop;
use cutwater_logs::value::write_quantity;
use cutwater_shell::words::{are, counted};
use cutwater_shell::{Failure, note, output};
use serde_json::{Map, Value, json};

use super::done::{Done, GroupRow, Groups, Measurement, PassResult};
use super::json::pass_json;
use super::pass::{Ignore, pass};
use super::plan::{GroupForm, Plan};
use super::table::Table;

/// Groups the records by the fields `by`.
pub(super) fn group(
    plan: &Plan,
    stop: &Stop,
    by: &[String],
    measures: &[Measure],
    limit: Option<usize>,
    form: GroupForm,
) -> Result<Done, Failure> {
    let measured = Measured::of_all(measures, &plan.logs);
    let sink = || Grouping::new(by, measures).over(&measured).zoned(plan.zoned.as_ref());
    let (mut done, sinks) = pass(plan, stop, sink, Ignore)?;
    let mut sinks = sinks.into_iter();
    let mut all = sinks.next().unwrap_or_else(sink);
    sinks.for_each(|other| all.merge(&other));
    let text = |part: Option<Vec<u8>>| part.map(|p| String::from_utf8_lossy(&p).into_owned());
    let rows = all.groups().into_iter().take(limit.unwrap_or(usize::MAX));
    let measurement = |(value, kind): (Option<f64>, &Measured)| match (value, kind) {
        (None, _) => Measurement::None,
        (Some(value), Measured::Numbers) => Measurement::Number(value),
        (Some(value), Measured::Quantities(unit)) => Measurement::Quantity(value, *unit),
    };
    let row = |(key, values): (Vec<_>, Vec<_>)| {
        let values = values.into_iter().zip(&measured).map(measurement);
        (key.into_iter().map(text).collect(), values.collect())
    };
    let (rows, names) =
        (rows.map(|(key, _, values)| row((key, values))).collect(), names(by, measures));
    let (left_out, misfits) = (all.left_out, std::mem::take(&mut all.misfits));
    done.result = PassResult::Groups(Groups { names, rows, left_out, misfits, form });
    Ok(done)
}

fn names(by: &[String], measures: &[Measure]) -> Vec<String> {
    let measured = measures.iter().map(|m| match m {
        // A field may have this name.
        Measure::Count if by.iter().any(|name| name == "count") => "count(*)".to_owned(),
        Measure::Count => "count".to_owned(),
        Measure::Sum(f) => format!("sum({f})"),
        Measure::Avg(f) => format!("avg({f})"),
        Measure::Min(f) => format!("min({f})"),
        Measure::Max(f) => format!("max({f})"),
    });
    by.iter().cloned().chain(measured).collect()
}

/// Prints the groups.
pub(super) fn print(plan: &Plan, done: &Done, groups: &Groups) -> Result<(), Failure> {
    let Groups { names, rows, left_out, form, .. } = groups;
    if *form != GroupForm::Json && *left_out > 0 {
        let (records, are) = (counted(*left_out, "record"), are(*left_out));
        note(&format!("{records} {are} in no group: there are too many groups, or too long ones"));
    }
    match form {
        GroupForm::Json => {
            let mut map = Map::new();
            map.insert("groups".into(), rows.iter().map(|row| group_object(names, row)).collect());
            map.insert("left_out".into(), json!(left_out));
            map.extend(pass_json(plan, done));
            output::json(&map)
        }
        GroupForm::Lines(style) => {
            output::text(&String::from_utf8_lossy(&lines(names, rows, *style)))
        }
        GroupForm::Table => {
            let table = table(names, rows).map_err(Failure::output)?;
            output::text(&String::from_utf8_lossy(&table))
        }
    }
}

fn table(names: &[String], rows: &[GroupRow]) -> std::io::Result<Vec<u8>> {
    let mut table = Table::new(names);
    let mut out = Vec::new();
    for (key, values) in rows {
        let key = key.iter().map(|k| k.clone().unwrap_or_default().replace(['\t', '\n'], " "));
        let values = values.iter().map(Measurement::text);
        let row = key.chain(values).collect::<Vec<_>>().join("\t");
        table.row(row.as_bytes(), &mut out)?;
    }
    table.finish(&mut out)?;
    Ok(out)
}

/// A group as a JSON object.
fn group_object(names: &[String], (key, values): &GroupRow) -> Value {
    let key = key.iter().map(|k| json!(k));
    let values = values.iter().map(Measurement::json);
    let pairs = names.iter().cloned().zip(key.chain(values));
    Value::Object(pairs.collect())
}

/// Groups as lines for other programs.
fn lines(names: &[String], rows: &[GroupRow], style: Style) -> Vec<u8> {
    let mut out = Rendering::header(names, style);
    for row in rows {
        if style == Style::Ndjson {
            let object = group_object(names, row).to_string();
            out.extend_from_slice(output::harmless(&object).as_bytes());
            out.push(b'\n');
        } else {
            let measured = row.1.iter().map(Measurement::text);
            let cells: Vec<_> = row.0.iter().map(|k| k.clone().unwrap_or_default()).collect();
            let cells: Vec<_> = cells.into_iter().chain(measured).collect();
            // Names and values are escaped alike.
            out.extend(Rendering::header(&cells, style));
        }
    }
    out
}

impl Measurement {
    fn text(&self) -> String {
        match *self {
            Self::None => String::new(),
            Self::Number(number) => number.to_string(),
            Self::Quantity(amount, unit) => write_quantity(amount, unit),
        }
    }

    /// Whole numbers have no fraction; durations and sizes are texts.
    fn json(&self) -> Value {
        match *self {
            Self::None => Value::Null,
            Self::Number(n) if n.fract() == 0.0 && n.abs() < 9e15 => json!(n as i64),
            Self::Number(number) => json!(number),
            Self::Quantity(amount, unit) => json!(write_quantity(amount, unit)),
        }
    }
}
