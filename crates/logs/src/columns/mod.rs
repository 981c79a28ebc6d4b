//! Chosen fields as Arrow columns: values go from the line straight into builders.
//!
//! A column has the type that the sampled lines have ([`infer`]), or the one asked for. A value
//! that does not fit it becomes null and is counted, since the schema is written before the data.

mod builder;
mod sink;

pub use builder::ColumnBuilder;
pub use sink::Columns;

use std::str::FromStr;
use std::sync::Arc;

use arrow_schema::{DataType, Field, Schema, SchemaRef, TimeUnit};

use crate::format::for_each_record;
use crate::profile::{Profile, Type};
use crate::record::Fields;
use crate::scan::Log;
use crate::time::Clock;
use crate::{Error, Result};

/// A batch is handed over when its texts have this many bytes: offsets into them are 32 bits wide,
/// and the memory held is rows times columns times threads.
pub const BATCH_TEXT_BYTES: usize = 4 << 20;

/// What a column holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ColumnType {
    /// `true` and `false`.
    Bool,
    /// 64-bit whole numbers.
    Integer,
    /// Doubles.
    Float,
    /// Nanoseconds since 1970 in UTC.
    Timestamp,
    /// UTF-8; bytes that are not become U+FFFD.
    String,
}

impl ColumnType {
    /// Every type with its name.
    pub const NAMED: [(&'static str, Self); 5] = [
        ("bool", Self::Bool),
        ("integer", Self::Integer),
        ("float", Self::Float),
        ("timestamp", Self::Timestamp),
        ("string", Self::String),
    ];

    /// The type of its Arrow arrays.
    #[must_use]
    pub fn arrow(self) -> DataType {
        match self {
            Self::Bool => DataType::Boolean,
            Self::Integer => DataType::Int64,
            Self::Float => DataType::Float64,
            Self::Timestamp => DataType::Timestamp(TimeUnit::Nanosecond, Some("UTC".into())),
            Self::String => DataType::Utf8,
        }
    }
}

impl FromStr for ColumnType {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self> {
        let found = Self::NAMED.into_iter().find(|(known, _)| *known == name);
        found.map(|(_, kind)| kind).ok_or_else(|| {
            let names = Self::NAMED.map(|(name, _)| name).join(", ");
            Error::request(format!("no type of a column is called {name:?}; the types are {names}"))
        })
    }
}

/// A column: the field that it shows, and what it holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ColumnSpec {
    /// The field's path; [`crate::filter::LINE`] for the line.
    pub name: String,
    /// What it holds.
    pub kind: ColumnType,
}

/// Columns for the fields `names`, with the types that the sampled lines of `logs` have. What
/// they have in several types, or never, is text.
#[must_use]
pub fn infer(logs: &[Log], names: &[String]) -> Vec<ColumnSpec> {
    let mut profile = Profile::default();
    for log in logs {
        let mut fields = Fields::only(names);
        fields.dotted = true;
        let mut clock = Clock::new(log.rules.clone());
        let mut of_log = Profile::default();
        for_each_record(
            &log.definition,
            &log.sample,
            &log.rules,
            &mut fields,
            |fields, record, block| {
                of_log.add(fields, record, block, &mut clock);
            },
        );
        profile.merge(&of_log);
    }
    let spec = |name: &String| {
        let kind = match profile.find(&[name]).map(|field| field.kind()) {
            Some(Type::Bool) => ColumnType::Bool,
            Some(Type::Integer) => ColumnType::Integer,
            Some(Type::Float) => ColumnType::Float,
            Some(Type::Timestamp) => ColumnType::Timestamp,
            _ => ColumnType::String,
        };
        ColumnSpec { name: name.clone(), kind }
    };
    names.iter().map(spec).collect()
}

/// The schema of batches with these columns; every one may be null.
#[must_use]
pub fn schema(columns: &[ColumnSpec]) -> SchemaRef {
    let field = |column: &ColumnSpec| Field::new(&column.name, column.kind.arrow(), true);
    Arc::new(Schema::new(columns.iter().map(field).collect::<Vec<_>>()))
}
