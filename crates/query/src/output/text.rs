//! CSV, TSV, JSON and NDJSON, by Arrow's own writers.

use std::io::Write;

use arrow::array::RecordBatch;
use arrow::csv;
use arrow::datatypes::SchemaRef;
use arrow::json::writer::{JsonArray, JsonFormat, LineDelimited, WriterBuilder};

use super::{Writer, refused};
use crate::Failure;

/// Separated values with a header.
pub(super) struct Separated<W: Write>(Option<csv::Writer<W>>);

impl<W: Write> Separated<W> {
    pub(super) fn new(out: W, delimiter: u8, schema: &SchemaRef) -> Result<Self, Failure> {
        let builder = csv::WriterBuilder::new().with_delimiter(delimiter).with_header(true);
        let mut writer = Self(Some(builder.build(out)));
        // An answer without rows has its header all the same.
        writer.batch(&RecordBatch::new_empty(SchemaRef::clone(schema)))?;
        Ok(writer)
    }
}

impl<W: Write> Writer for Separated<W> {
    fn batch(&mut self, batch: &RecordBatch) -> Result<(), Failure> {
        self.0.as_mut().map_or(Ok(()), |writer| writer.write(batch)).map_err(refused)
    }

    fn finish(&mut self) -> Result<(), Failure> {
        let flushed = self.0.take().map_or(Ok(()), |writer| writer.into_inner().flush());
        flushed.map_err(|e| Failure::output(&e))
    }
}

/// JSON objects.
pub(super) struct Json<W: Write, F: JsonFormat>(arrow::json::Writer<W, F>);

impl<W: Write> Json<W, JsonArray> {
    pub(super) fn array(out: W) -> Self {
        Self(WriterBuilder::new().with_explicit_nulls(true).build(out))
    }
}

impl<W: Write> Json<W, LineDelimited> {
    pub(super) fn lines(out: W) -> Self {
        Self(WriterBuilder::new().with_explicit_nulls(true).build(out))
    }
}

impl<W: Write, F: JsonFormat> Writer for Json<W, F> {
    fn batch(&mut self, batch: &RecordBatch) -> Result<(), Failure> {
        self.0.write(batch).map_err(refused)
    }

    fn finish(&mut self) -> Result<(), Failure> {
        self.0.finish().map_err(refused)?;
        self.0.get_mut().flush().map_err(|e| Failure::output(&e))
    }
}
