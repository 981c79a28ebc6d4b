//! What a table's columns are, from lines sampled across its logs.

use arrow::datatypes::{Field, Schema, SchemaRef};
use cutwater_logs::columns::infer;
use cutwater_logs::format::field_names;
use cutwater_logs::scan::Log;
use cutwater_logs::split::lines_in;
use std::sync::Arc;

use crate::column::{Column, ON_DEMAND, Source};

/// The most logs whose samples are looked at, spread evenly over all.
const LOGS_SAMPLED: usize = 64;

/// The fields that the sampled lines have, with types that hold all their values.
pub(super) fn columns(logs: &[Log]) -> Vec<Column> {
    let step = logs.len().div_ceil(LOGS_SAMPLED).max(1);
    let sampled: Vec<Log> = logs.iter().step_by(step).cloned().collect();
    let mut names: Vec<String> = Vec::new();
    for log in &sampled {
        for name in field_names(&log.definition, &log.sample) {
            let taken = ON_DEMAND.iter().any(|(known, _)| *known == name);
            if !taken && !names.contains(&name) {
                names.push(name);
            }
        }
    }
    let specs = infer(&sampled, &names);
    specs.into_iter().map(|s| Column { name: s.name, source: Source::Field(s.kind) }).collect()
}

/// The schema of columns; every one may be null.
pub(super) fn schema(columns: &[Column]) -> SchemaRef {
    let field =
        |column: &Column| Field::new(&column.name, column.source.column_type().arrow(), true);
    Arc::new(Schema::new(columns.iter().map(field).collect::<Vec<_>>()))
}

/// How many rows the logs have, estimated from the length of the sampled lines.
pub(super) fn rows_estimated(logs: &[Log]) -> usize {
    let rows = |log: &Log| {
        let lines = u128::from(lines_in(&log.sample));
        let bytes = (log.sample.len() as u128).max(1);
        u128::from(log.input.size()) * lines / bytes
    };
    usize::try_from(logs.iter().map(rows).sum::<u128>()).unwrap_or(usize::MAX)
}
