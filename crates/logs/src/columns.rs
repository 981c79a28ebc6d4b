//! Chosen fields as Arrow columns: values go from the line straight into builders.
//!
//! A column has the type that the sampled lines have ([`infer`]), or the one asked for. A value
//! that does not fit it becomes null and is counted, since the schema is written before the data.

use std::str::FromStr;
use std::sync::Arc;

use arrow_array::builder::{
    BooleanBuilder, Float64Builder, Int64Builder, StringBuilder, TimestampNanosecondBuilder,
};
use arrow_array::{ArrayRef, RecordBatch, RecordBatchOptions};
use arrow_schema::{ArrowError, DataType, Field, Schema, SchemaRef, TimeUnit};

use crate::filter::LINE;
use crate::format::for_each_record;
use crate::profile::{Profile, Type};
use crate::record::{FieldId, Fields, Span, SpanKind, without_return};
use crate::scan::{Log, Row, Sink};
use crate::time::Clock;
use crate::value;
use crate::{Error, Result};

/// Rows of a batch: enough that its frame costs nothing, few enough to stay in a cache.
const BATCH_ROWS: usize = 1 << 16;

/// A batch is handed over when its texts have this many bytes, as offsets into them are 32 bits
/// wide and threads times batches is the memory that is held.
const BATCH_TEXT_BYTES: usize = 4 << 20;

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

    fn arrow(self) -> DataType {
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
    /// The field's path; [`LINE`] for the line.
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
        for_each_record(&log.definition, &log.sample, &mut fields, |fields, record, block| {
            of_log.add(fields, record, block, &mut clock);
        });
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

/// Makes batches of chosen fields.
#[derive(Debug)]
pub struct Columns {
    schema: SchemaRef,
    specs: Vec<ColumnSpec>,
    ids: Vec<Option<FieldId>>,
    builders: Vec<Builder>,
    rows: usize,
    text_bytes: usize,
    /// For each column, how many values did not fit its type and are null.
    pub misfits: Vec<u64>,
    /// What Arrow refused; the rows of that batch are lost.
    pub failed: Option<ArrowError>,
}

#[derive(Debug)]
enum Builder {
    Bool(BooleanBuilder),
    Integer(Int64Builder),
    Float(Float64Builder),
    Timestamp(TimestampNanosecondBuilder),
    String(StringBuilder),
}

impl Builder {
    fn new(kind: ColumnType) -> Self {
        match kind {
            ColumnType::Bool => Self::Bool(BooleanBuilder::new()),
            ColumnType::Integer => Self::Integer(Int64Builder::new()),
            ColumnType::Float => Self::Float(Float64Builder::new()),
            ColumnType::Timestamp => {
                Self::Timestamp(TimestampNanosecondBuilder::new().with_timezone("UTC"))
            }
            ColumnType::String => Self::String(StringBuilder::new()),
        }
    }

    /// Appends the value of a span, or null; false where there is one that does not fit.
    fn push(&mut self, span: Span, block: &[u8], clock: &mut Clock) -> bool {
        let absent = matches!(span.kind, SpanKind::Missing | SpanKind::Null);
        let bytes = span.bytes(block);
        let pushed = match self {
            Self::Bool(b) => {
                let value = if absent { None } else { bool_of(bytes) };
                b.append_option(value);
                value.is_some()
            }
            Self::Integer(b) => {
                let value = if absent { None } else { integer_of(bytes) };
                b.append_option(value);
                value.is_some()
            }
            Self::Float(b) => {
                let value = value::number(span, block);
                b.append_option(value);
                value.is_some()
            }
            Self::Timestamp(b) => {
                let text = value::text(span, block);
                let value = text.and_then(|text| clock.parse(&text));
                b.append_option(value);
                value.is_some()
            }
            Self::String(b) => {
                match value::text(span, block) {
                    Some(text) => b.append_value(String::from_utf8_lossy(&text)),
                    None => b.append_null(),
                }
                true
            }
        };
        pushed || absent
    }

    fn finish(&mut self) -> ArrayRef {
        match self {
            Self::Bool(b) => Arc::new(b.finish()),
            Self::Integer(b) => Arc::new(b.finish()),
            Self::Float(b) => Arc::new(b.finish()),
            Self::Timestamp(b) => Arc::new(b.finish()),
            Self::String(b) => Arc::new(b.finish()),
        }
    }
}

fn bool_of(bytes: &[u8]) -> Option<bool> {
    match bytes {
        b"true" => Some(true),
        b"false" => Some(false),
        _ => None,
    }
}

fn integer_of(bytes: &[u8]) -> Option<i64> {
    // The standard library would read a leading plus, which no format has.
    let digits = bytes.first().is_some_and(|b| b.is_ascii_digit() || *b == b'-');
    std::str::from_utf8(bytes).ok().filter(|_| digits)?.parse().ok()
}

impl Columns {
    /// Makes batches of these columns.
    #[must_use]
    pub fn new(specs: &[ColumnSpec]) -> Self {
        Self {
            schema: schema(specs),
            specs: specs.to_vec(),
            ids: Vec::new(),
            builders: specs.iter().map(|spec| Builder::new(spec.kind)).collect(),
            rows: 0,
            text_bytes: 0,
            misfits: vec![0; specs.len()],
            failed: None,
        }
    }
}

impl Sink for Columns {
    type Out = Option<RecordBatch>;

    fn fields(&self) -> Option<Vec<String>> {
        Some(self.specs.iter().map(|s| s.name.clone()).filter(|n| n != LINE).collect())
    }

    fn begin(&mut self, _: usize, fields: &mut Fields) {
        let id = |spec: &ColumnSpec| (spec.name != LINE).then(|| fields.add(&spec.name)).flatten();
        self.ids = self.specs.iter().map(id).collect();
    }

    fn row(&mut self, row: &Row<'_>, clock: &mut Clock) {
        for (at, (spec, id)) in self.specs.iter().zip(&self.ids).enumerate() {
            let (span, block) = if spec.name == LINE {
                let line = without_return(row.line);
                (Span::new(SpanKind::Str, 0, line.len()), line)
            } else {
                (id.map_or_else(Span::default, |id| row.record.get(id)), row.block)
            };
            self.text_bytes += span.bytes(block).len();
            self.misfits[at] += u64::from(!self.builders[at].push(span, block, clock));
        }
        self.rows += 1;
    }

    fn is_full(&self) -> bool {
        self.rows >= BATCH_ROWS || self.text_bytes >= BATCH_TEXT_BYTES
    }

    fn take(&mut self) -> Option<RecordBatch> {
        let rows = std::mem::take(&mut self.rows);
        if rows == 0 {
            return None;
        }
        self.text_bytes = 0;
        let arrays = self.builders.iter_mut().map(Builder::finish).collect();
        let options = RecordBatchOptions::new().with_row_count(Some(rows));
        match RecordBatch::try_new_with_options(Arc::clone(&self.schema), arrays, &options) {
            Ok(batch) => Some(batch),
            Err(e) => {
                self.failed.get_or_insert(e);
                None
            }
        }
    }
}
