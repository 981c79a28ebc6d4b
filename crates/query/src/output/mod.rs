//! Answers as they are written.

mod arrow;
mod markdown;
mod table;
mod terminal;
mod text;

pub use terminal::for_terminal;

use std::io::Write;
use std::str::FromStr;

use ::arrow::array::RecordBatch;
use ::arrow::datatypes::SchemaRef;

use crate::Failure;

/// How an answer is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// Aligned columns for people.
    Table,
    /// Comma-separated values with a header.
    Csv,
    /// Tab-separated values with a header.
    Tsv,
    /// One JSON array of objects.
    Json,
    /// One JSON object to a line.
    Ndjson,
    /// A Markdown table.
    Markdown,
    /// An Arrow IPC file.
    Arrow,
    /// An Arrow IPC stream.
    ArrowStream,
    /// A Parquet file.
    Parquet,
}

impl Format {
    /// Every format with its name.
    pub const NAMED: [(&'static str, Self); 9] = [
        ("table", Self::Table),
        ("csv", Self::Csv),
        ("tsv", Self::Tsv),
        ("json", Self::Json),
        ("ndjson", Self::Ndjson),
        ("markdown", Self::Markdown),
        ("arrow", Self::Arrow),
        ("arrow-stream", Self::ArrowStream),
        ("parquet", Self::Parquet),
    ];

    /// The format that the end of a file's name asks for.
    #[must_use]
    pub fn of_path(path: &std::path::Path) -> Option<Self> {
        let extension = path.extension()?.to_str()?.to_ascii_lowercase();
        match extension.as_str() {
            "md" => Some(Self::Markdown),
            "txt" => Some(Self::Table),
            "jsonl" => Some(Self::Ndjson),
            "feather" | "ipc" => Some(Self::Arrow),
            other => other.parse().ok(),
        }
    }

    /// Whether it is for programs and not for people.
    #[must_use]
    pub fn is_binary(self) -> bool {
        matches!(self, Self::Arrow | Self::ArrowStream | Self::Parquet)
    }
}

impl FromStr for Format {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        let found = Self::NAMED.into_iter().find(|(known, _)| *known == name);
        found.map(|(_, format)| format).ok_or_else(|| {
            let names = Self::NAMED.map(|(name, _)| name).join(", ");
            format!("no format is called {name:?}; the formats are {names}")
        })
    }
}

/// Takes an answer, batch by batch.
pub trait Writer {
    /// The next rows.
    ///
    /// # Errors
    /// When they cannot be written.
    fn batch(&mut self, batch: &RecordBatch) -> Result<(), Failure>;

    /// Ends the answer.
    ///
    /// # Errors
    /// When what is held back cannot be written.
    fn finish(&mut self) -> Result<(), Failure>;
}

/// A writer of `format` into `out`; a table for a terminal of `width` columns, where it is one.
///
/// # Errors
/// When the format cannot show the schema, or the beginning cannot be written.
pub fn writer<W: Write + Send + 'static>(
    format: Format,
    schema: &SchemaRef,
    out: W,
    width: Option<usize>,
) -> Result<Box<dyn Writer + Send>, Failure> {
    Ok(match format {
        Format::Table => Box::new(table::Table::new(schema, out, width)),
        Format::Markdown => Box::new(markdown::Markdown::new(schema, out)?),
        Format::Csv => Box::new(text::Separated::new(out, b',', schema)?),
        Format::Tsv => Box::new(text::Separated::new(out, b'\t', schema)?),
        Format::Json => Box::new(text::Json::array(out)),
        Format::Ndjson => Box::new(text::Json::lines(out)),
        Format::Arrow => Box::new(arrow::File::new(out, schema)?),
        Format::ArrowStream => Box::new(arrow::Stream::new(out, schema)?),
        Format::Parquet => Box::new(arrow::Parquet::new(out, schema)?),
    })
}

/// An error of Arrow's writers; that of a reader that went away stays one.
fn refused(error: ::arrow::error::ArrowError) -> Failure {
    match error {
        ::arrow::error::ArrowError::IoError(_, e) => Failure::output(&e),
        other => Failure::new(format!("cannot write the answer in this format: {other}")),
    }
}
