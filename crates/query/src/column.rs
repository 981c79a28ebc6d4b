//! The columns of a table of logs.

use cutwater_logs::columns::ColumnType;

/// What a column shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// A field of the lines.
    Field(ColumnType),
    /// The log's path.
    File,
    /// The line's number, the first being 1.
    Line,
    /// Offset in the log of the line's first byte.
    Offset,
    /// The line.
    Raw,
    /// What is wrong with the line; where this is asked for, bad lines are rows too.
    Error,
}

impl Source {
    /// The type of its values.
    pub(crate) fn column_type(self) -> ColumnType {
        match self {
            Self::Field(kind) => kind,
            Self::Line | Self::Offset => ColumnType::Integer,
            Self::File | Self::Raw | Self::Error => ColumnType::String,
        }
    }
}

/// A column of a table of logs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Column {
    /// Its name: of a field, its path.
    pub name: String,
    /// What it shows.
    pub source: Source,
}

/// The columns that every table of logs has when a query names them.
pub const ON_DEMAND: [(&str, Source); 5] = [
    ("_file", Source::File),
    ("_line", Source::Line),
    ("_offset", Source::Offset),
    ("_raw", Source::Raw),
    ("_error", Source::Error),
];
