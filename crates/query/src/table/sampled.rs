//! What a table's columns are, from lines sampled across its logs.

use arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};
use cutwater_logs::columns::{ColumnType, infer};
use cutwater_logs::format::field_names;
use cutwater_logs::scan::Log;
use std::sync::Arc;

use super::{Column, ON_DEMAND, Source};

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
    let field = |column: &Column| Field::new(&column.name, data_type(column.source), true);
    Arc::new(Schema::new(columns.iter().map(field).collect::<Vec<_>>()))
}

fn data_type(source: Source) -> DataType {
    match source {
        Source::Field(ColumnType::Bool) => DataType::Boolean,
        Source::Field(ColumnType::Integer) | Source::Line | Source::Offset => DataType::Int64,
        Source::Field(ColumnType::Float) => DataType::Float64,
        Source::Field(ColumnType::Timestamp) => {
            DataType::Timestamp(TimeUnit::Nanosecond, Some("UTC".into()))
        }
        Source::Field(ColumnType::String) | Source::File | Source::Raw | Source::Error => {
            DataType::Utf8
        }
    }
}

/// How many rows the logs have, as far as the length of the sampled lines tells.
pub(super) fn rows_estimated(logs: &[Log]) -> usize {
    let rows = |log: &Log| {
        let lines = memchr::memchr_iter(b'\n', &log.sample).count() as u128;
        let bytes = (log.sample.len() as u128).max(1);
        u128::from(log.input.size()) * lines / bytes
    };
    usize::try_from(logs.iter().map(rows).sum::<u128>()).unwrap_or(usize::MAX)
}
