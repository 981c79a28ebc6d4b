//! Chosen fields as Arrow columns: values go from the line straight into builders.
//!
//! A column has the type that the sampled lines have ([`infer`]), or the one asked for. A value
//! that does not fit it becomes null and is counted, since the schema is written before the data.

mod builder;
mod infer;
mod sink;

pub use builder::ColumnBuilder;
pub use infer::infer;
pub use sink::Columns;

use std::str::FromStr;
use std::sync::Arc;

use arrow_schema::{
    DECIMAL128_MAX_PRECISION, DECIMAL256_MAX_PRECISION, DataType, Field, Schema, SchemaRef,
    TimeUnit,
};

use crate::{Error, Result};

/// A batch is handed over when its texts have this many bytes: offsets into them are 32 bits wide,
/// and the memory held is rows times columns times threads.
pub const BATCH_TEXT_BYTES: usize = 4 << 20;

/// How many digits the numbers of a column may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Digits {
    /// Whether 76 fit, and not only 38.
    pub wide: bool,
    /// How many of them are after the point.
    pub scale: u8,
}

impl Digits {
    /// All digits that a number may have.
    #[must_use]
    pub fn most(self) -> u8 {
        if self.wide { DECIMAL256_MAX_PRECISION } else { DECIMAL128_MAX_PRECISION }
    }
}

/// What a column holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ColumnType {
    /// `true` and `false`.
    Bool,
    /// 64-bit whole numbers.
    Integer,
    /// Doubles.
    Float,
    /// Numbers with all their digits, for those that a double or 64 bits would change.
    Decimal(Digits),
    /// Nanoseconds since 1970 in UTC.
    Timestamp,
    /// UTF-8; bytes that are not become U+FFFD.
    String,
}

impl ColumnType {
    /// Every type that can be asked for, with its name.
    pub const NAMED: [(&'static str, Self); 5] = [
        ("bool", Self::Bool),
        ("integer", Self::Integer),
        ("float", Self::Float),
        ("timestamp", Self::Timestamp),
        ("string", Self::String),
    ];

    /// Its name.
    #[must_use]
    pub fn name(self) -> &'static str {
        let named = Self::NAMED.into_iter().find(|(_, known)| *known == self);
        named.map_or("decimal", |(name, _)| name)
    }

    /// The type of its Arrow arrays.
    #[must_use]
    pub fn arrow(self) -> DataType {
        match self {
            Self::Bool => DataType::Boolean,
            Self::Integer => DataType::Int64,
            Self::Float => DataType::Float64,
            Self::Decimal(Digits { wide: false, scale }) => {
                DataType::Decimal128(DECIMAL128_MAX_PRECISION, scale as i8)
            }
            Self::Decimal(Digits { wide: true, scale }) => {
                DataType::Decimal256(DECIMAL256_MAX_PRECISION, scale as i8)
            }
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
    /// Whether text becomes a number only if the number prints as that text. A type that was asked
    /// for takes all text that reads as one.
    pub exact: bool,
}

/// The schema of batches with these columns; every one may be null.
#[must_use]
pub fn schema(columns: &[ColumnSpec]) -> SchemaRef {
    let field = |column: &ColumnSpec| Field::new(&column.name, column.kind.arrow(), true);
    Arc::new(Schema::new(columns.iter().map(field).collect::<Vec<_>>()))
}
