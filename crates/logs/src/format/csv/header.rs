//! The record that names the columns.

use super::{Value, cut, for_each};
use crate::record::{Span, SpanKind};
use crate::time::{Clock, Rules};
use crate::value;

/// The columns of a log.
#[derive(Debug)]
pub(super) struct Header {
    /// The record, as it stands; none where the columns have no names.
    pub(super) record: Option<Vec<u8>>,
    pub(super) names: Vec<String>,
}

/// The columns of PostgreSQL's csvlog, which has no header: the manual, section "Using CSV-Format Log
/// Output". Version 13 added `backend_type`, version 14 the last two.
const POSTGRES: [&str; 26] = [
    "log_time",
    "user_name",
    "database_name",
    "process_id",
    "connection_from",
    "session_id",
    "session_line_num",
    "command_tag",
    "session_start_time",
    "virtual_transaction_id",
    "transaction_id",
    "error_severity",
    "sql_state_code",
    "message",
    "detail",
    "hint",
    "internal_query",
    "internal_query_pos",
    "context",
    "query",
    "query_pos",
    "location",
    "application_name",
    "backend_type",
    "leader_pid",
    "query_id",
];

/// The fewest columns of a csvlog.
const POSTGRES_MIN: usize = 23;

/// The name of the first of columns without names.
pub(super) const FIRST_NUMBERED: &str = "column1";

impl Header {
    /// Columns without names: `column1` and so on.
    pub(super) fn numbered(columns: usize) -> Self {
        Self { record: None, names: (1..=columns).map(|n| format!("column{n}")).collect() }
    }
}

/// The columns that the first record names, or that it is known to have; `None` where they have no names.
/// `given` says whether there is a header.
pub(super) fn find(
    sample: &[u8],
    delimiter: u8,
    comment: Option<u8>,
    given: Option<bool>,
) -> Option<Header> {
    let mut start = None;
    for_each(sample, delimiter, comment, |at, _| {
        start = Some(at);
        false
    });
    let start = start?;
    let mut values = Vec::new();
    let end = cut(sample, start, delimiter, |value| values.push(value)).ok()?;
    let cells: Vec<String> = values.iter().map(|value| text(*value, sample)).collect();
    if let Some(names) = postgres(&cells).filter(|_| given != Some(true)) {
        return Some(Header { record: None, names });
    }
    if !given.unwrap_or_else(|| names_columns(&cells)) {
        return None;
    }
    let record = crate::record::without_return(&sample[start..end]).to_vec();
    Some(Header { record: Some(record), names: names(&cells) })
}

pub(super) fn text(value: Value, sample: &[u8]) -> String {
    let kind = if value.doubled { SpanKind::Doubled } else { SpanKind::Str };
    let bytes = value::text(Span::new(kind, value.start, value.end), sample).unwrap_or_default();
    String::from_utf8_lossy(&bytes).trim().to_owned()
}

/// Whether the cells are names: all of them differ, and none is a number, a time or a bool.
fn names_columns(cells: &[String]) -> bool {
    let filled: Vec<_> = cells.iter().filter(|cell| !cell.is_empty()).collect();
    let differ = filled.iter().enumerate().all(|(at, cell)| !filled[..at].contains(cell));
    differ && filled.len() * 2 > cells.len() && !filled.iter().any(|cell| is_value(cell))
}

pub(super) fn is_value(cell: &str) -> bool {
    matches!(cell, "true" | "false")
        || value::parse_number(cell.as_bytes()).is_some()
        || is_time(cell)
}

/// Only the beginning has to be a time, as the zone after it may be unknown.
fn is_time(cell: &str) -> bool {
    Clock::new(Rules::default()).parse_prefix(cell.as_bytes()).is_some()
}

/// A name for each column, which no other column has.
fn names(cells: &[String]) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for (at, cell) in cells.iter().enumerate() {
        let cell = cell.strip_prefix('#').filter(|_| at == 0).map_or(&**cell, str::trim_start);
        let own = if cell.is_empty() { format!("column{}", at + 1) } else { cell.to_owned() };
        let mut name = own.clone();
        let mut number = 2;
        while names.contains(&name) {
            name = format!("{own}_{number}");
            number += 1;
        }
        names.push(name);
    }
    names
}

/// Whether a name is a usual one for a column, and not part of a sentence.
pub(super) fn is_plain_name(name: &str) -> bool {
    let is_part = |c: char| c.is_alphanumeric() || "_-.()/%@".contains(c);
    name.starts_with(|c: char| c.is_alphabetic() || c == '_') && name.chars().all(is_part)
}

/// The columns of a csvlog of PostgreSQL, by the values that only it has at these places.
fn postgres(cells: &[String]) -> Option<Vec<String>> {
    let is_number = |at: usize| cells.get(at).is_some_and(|c| c.parse::<u64>().is_ok());
    let severity = cells.get(11)?;
    let state = cells.get(12)?;
    let is_one = (POSTGRES_MIN..=POSTGRES.len()).contains(&cells.len())
        && is_time(cells.first()?)
        && is_number(3)
        && is_number(6)
        && !severity.is_empty()
        && severity.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit())
        && state.len() == 5
        && state.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit());
    is_one.then(|| POSTGRES[..cells.len()].iter().map(ToString::to_string).collect())
}
